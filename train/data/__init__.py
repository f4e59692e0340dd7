"""Recordings -> stored waveforms or features -> batches."""
