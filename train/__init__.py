"""Trains multi-label music taggers; the command line `tagger train` is the way in."""
