import importlib
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.train import small
from train.config.config import from_tree
from train.datasets.base import FeatureSet, one_hot
from train.evaluation.evaluate import evaluate_clips
from train.evaluation.scorer import open_scorer
from train.features import FRONT_ENDS
from train.fit.callbacks import read_last
from train.fit.fit import fit
from train.models import BODIES, checkpoint

LABELS = ("high", "low")
PAIRS = list(itertools.product(small.FEATURES, small.BODIES))


def recordings(window_len, rate, n=8):
    """Tones of two heights, a little longer than a window, in memory."""
    t = np.arange(window_len + 500) / rate
    names = [LABELS[i % 2] for i in range(n)]
    hz = [(1500 if name == "high" else 300) + 5 * i for i, name in enumerate(names)]
    ids = np.array([f"c{i}" for i in range(n)])
    return FeatureSet(
        name="tones", labels=LABELS,
        features=[(0.3 * np.sin(2 * np.pi * item * t))[None].astype(np.float32) for item in hz],
        db_of_step=np.ones(n, np.float32), n_repeats=np.ones(n, np.intp), ids=ids,
        targets=one_hot(names, LABELS), music=np.ones(n, np.float32),
        splits=np.array(["train"] * n), groups=ids, kind="single", is_waveform=True,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_each_pair_trains_resumes_and_is_evaluated(pair, tmp_path):
    """From recordings; that each exports with parity is tested beside the exporter."""
    tree = small.tree(*pair, fit={"epochs": 1, "batch_size": 4, "clips_an_epoch": 8})
    config = from_tree(tree | {"calibration": {"folds": 0, "n_windows": 2}})
    options = config.features_options
    clips = recordings(options.window_len, options.sample_rate)
    fit(config, clips, run_dir=tmp_path)
    longer = replace(config, fit=replace(config.fit, epochs=2))
    net = fit(longer, clips, run_dir=tmp_path, resume=True)
    assert read_last(tmp_path)["global_step"] == 4
    facts = {"thresholds": dict.fromkeys(LABELS, 0.5)}
    best = tmp_path / checkpoint.BEST
    checkpoint.save(checkpoint.Checkpoint(net, config, LABELS, facts), best)
    found = evaluate_clips(open_scorer(best), clips, split="train", say=print)
    assert found.record["n_clips"] == 8
    assert np.isfinite(found.scores).all()
    assert ((found.scores >= 0) & (found.scores <= 1)).all()


def test_the_benchmark_on_real_music_leaves_none_out(monkeypatch):
    """A new front end or body gets a pair in `benchmarks/covering.py`."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    pairs = importlib.import_module("covering").PAIRS
    assert {features for features, _ in pairs} == set(FRONT_ENDS)
    assert {body for _, body in pairs} == set(BODIES)
