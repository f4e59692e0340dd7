import os
from pathlib import Path

import numpy as np
import pytest

from tagger.audio import open_track
from tagger.errors import DecodeError

RATE = 22_050
DATA = Path(os.environ.get("TAGGER_DATA", "/nowhere"))
SEEN = ["tagged-files/*/*", "library/*/*.mp3", "gtzan-audio/*/*", "techno-clips/**/*.opus"]

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason="TAGGER_DATA names no folder of recordings"),
]


@pytest.mark.parametrize("pattern", SEEN)
def test_every_file(pattern):
    """Every real file, broken ones too, gives finite windows or a sentence."""
    paths = sorted(DATA.glob(pattern))
    assert paths
    n_good = 0
    for path in paths:
        try:
            with open_track(path, sample_rate=RATE) as track:
                windows = list(track.windows(window_len=3 * RATE, n_windows=4))
        except DecodeError as error:
            assert str(path) in str(error)  # noqa: PT017
        else:
            n_good += 1
            assert all(w.shape == (3 * RATE,) and np.isfinite(w).all() for w in windows)
    assert n_good > 0.7 * len(paths)


def test_cut_short():
    """The mp3 files of which libsndfile reads 18 of 30 seconds are read whole."""
    durations = []
    for path in sorted(DATA.glob("library/*/*.mp3"))[:10]:
        with open_track(path, sample_rate=RATE) as track:
            durations.append(track.duration_s)
    assert all(abs(duration - 30.1) < 0.1 for duration in durations)
