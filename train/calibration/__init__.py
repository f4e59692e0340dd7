"""Scores that mean what they say, on clips that were not learned from."""
