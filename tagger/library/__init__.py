"""Paths -> audio files: what a scan of these files and folders would listen to."""
