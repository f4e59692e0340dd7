"""The runtime: listens to music files and writes genres into them. No torch in here."""

__version__ = "0.2.0"
