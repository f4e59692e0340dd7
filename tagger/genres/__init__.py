"""Scores -> genres: which are chosen, what they are called, where they are written."""
