"""WAV, RF64, AIFF and DFF: chunks, and the tags in them."""
