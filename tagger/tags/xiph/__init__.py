"""Vorbis comments: in FLAC and in Ogg."""
