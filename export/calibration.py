"""A folder of real music -> the windows that set the ranges of eight bits."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.audio import open_track
from tagger.errors import InputError
from tagger.library.walk import find_tracks, require_tracks
from tagger.model.spec import ModelSpec

CALIBRATION_TRACKS = 200


def calibration_windows(folder: Path | None, spec: ModelSpec) -> list[NDArray[np.float32]]:
    """A few windows of each track in a folder, at most some hundred in all.

    Raises:
        InputError: no folder was named, or it holds no audio.
    """
    if folder is None:
        raise InputError("int8 needs --calibration FOLDER with real music to set its ranges.")
    tracks = require_tracks(find_tracks([folder], limit=CALIBRATION_TRACKS), paths=[folder])
    windows: list[NDArray[np.float32]] = []
    for path in tracks:
        with open_track(path, sample_rate=spec.sample_rate) as track:
            windows += track.windows(window_len=spec.window_len, n_windows=2)
    return windows
