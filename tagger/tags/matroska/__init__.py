"""Matroska and WebM: EBML elements, and the tags in them."""
