"""A small library that is scanned again and again."""

from tests.repeated_scans import folder, opened, run

__all__ = ["folder", "opened", "run"]
