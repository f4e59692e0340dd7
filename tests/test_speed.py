"""Ratios that a change must not spoil; never absolute times."""

import os

import numpy as np
import pytest
import soundfile

from benchmarks.scan import decode_only, whole_scan
from tagger.catalogue import DEFAULT, find_model
from tagger.pipeline import ListenOptions
from tagger.runtime import load_engine

RATE = 44_100


def processor_s(job):
    """Processor time of a job and of the processes that it started and ended."""
    before = os.times()
    job()
    after = os.times()
    return sum(after[:4]) - sum(before[:4])


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """One noisy song of two minutes as mp3, named many times."""
    t = np.arange(120 * RATE) / RATE
    rng = np.random.default_rng(0)
    wave = 0.2 * np.sin(2 * np.pi * 220 * t) * np.sin(2 * np.pi * 2 * t) ** 2
    stereo = np.stack([wave, wave], axis=1) + 0.05 * rng.standard_normal((len(t), 2))
    path = tmp_path_factory.mktemp("songs") / "song.mp3"
    soundfile.write(path, stereo.astype(np.float32), RATE, format="MP3")
    return [path] * 24


@pytest.mark.parametrize("full", [False, True])
def test_a_scan_costs_little_more_than_decoding(songs, full):
    """1.2 to 1.3 where this was written, two starting helper processes included."""
    engine = load_engine(find_model(DEFAULT), device="cpu")
    options = ListenOptions(full=full)
    paths = songs[:8] if full else songs
    whole_scan(paths[:2], engine, options)
    ratios = []
    for _ in range(2):
        decoding = processor_s(lambda: decode_only(paths, engine, options))
        ratios.append(processor_s(lambda: whole_scan(paths, engine, options)) / decoding)
    assert min(ratios) < 1.7
