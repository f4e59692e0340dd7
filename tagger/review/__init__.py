"""The genres that are there, looked at and put right."""
