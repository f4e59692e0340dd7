"""Audio file -> mono float32 windows at the model's rate, decoder chosen by content."""

from tagger.audio.track import Track, open_track

__all__ = ["Track", "open_track"]
