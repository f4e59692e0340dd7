"""One file -> the windows that a model is to score; silent ones are marked."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from tagger.audio.open_files import check_disk
from tagger.audio.track import open_track
from tagger.audio.windows import Waveform, is_silent
from tagger.errors import DecodeError


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedWindows:
    """Which windows of a file are to be decoded.

    Attributes:
        sample_rate: of the windows, in Hz.
        window_len: in samples at that rate.
        n_windows: so many, evenly spread, of a file that is longer than all of them; a shorter
            one is covered. None for all of the file.
        silence_dbfs: windows below this level are silent.
    """

    sample_rate: int
    window_len: int
    n_windows: int | None
    silence_dbfs: float


Listening = Generator[Waveform | None, None, float]
"""Windows of shape (window_len,) in track order, None for a silent one; returns the length of
the track in seconds."""


def listen(path: Path, requested: RequestedWindows) -> Listening:
    """Decode a file, here and now.

    Raises:
        DecodeError: it cannot be read.
    """
    window_len = requested.window_len
    try:
        track = open_track(path, sample_rate=requested.sample_rate)
    except DecodeError:
        # A share that went away looks like damage: that must not be stored as the file's.
        check_disk(path)
        raise
    with track:
        if requested.n_windows is None:
            windows = track.windows_full(window_len=window_len)
        else:
            windows = track.windows(window_len=window_len, n_windows=requested.n_windows)
        for window in windows:
            yield None if is_silent(window, silence_dbfs=requested.silence_dbfs) else window
        if track.is_partial:
            check_disk(path)
        return track.duration_s
