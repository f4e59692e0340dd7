"""Scores -> genres: which are chosen, how they are called, where they are written."""
