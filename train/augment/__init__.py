"""What a recording might also have sounded like: features, clips, waveforms."""
