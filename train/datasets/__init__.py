"""Data sets. Reading one teaches all; adding one is one file, which `registry` finds."""
