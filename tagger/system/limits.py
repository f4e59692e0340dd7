"""How long is too long; here, since it is asked for where no decoder is loaded."""

LIMIT_S = 60.0
"""Seconds that the next window of a file may take: a thousand times what is usual."""
