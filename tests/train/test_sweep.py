"""Sweeps: several variants and seeds, each run once."""

import json

import numpy as np
import pytest
import torch

from tagger.errors import InputError
from tests.train import small, trees
from train.config.config import from_tree
from train.experiments.sweep import Sweep, over_seeds, pooled_scores, run_one
from train.fit.fit import Fit
from train.models.network import TaggerNet

RATE = {"sample_rate": 8000, "n_fft": 512, "hop_len": 400, "f_max_hz": 4000.0}
FIELDS = {
    "datasets": ["folder"],
    "features_options": small.FEATURES["mel"] | RATE,
    "body": "cnn",
    "body_options": small.BODIES["cnn"],
    "fit.epochs": 4,
    "fit.learning_rate": 0.02,
    "fit.batch_size": 4,
    "fit.clips_an_epoch": 32,
    "fit.precision": "32-true",
    "fit.average_decay": 0.5,
    "calibration.source": "out-of-fold",
    "calibration.folds": 0,
    "calibration.n_windows": 2,
}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep over a small folder of recordings with two seeds of one body, and its records."""
    folder = tmp_path_factory.mktemp("sweep")
    for side in ("train", "valid"):
        trees.genres(folder / "music" / side, seconds=1.0)
    lines = []
    sweep = Sweep(
        config_path=None, overrides=FIELDS, data=folder / "music", prepared=folder / "p",
        out=folder / "out", say=lines.append,
    )  # fmt: skip
    records = [run_one(sweep, f"cnn-{seed}", {"seed": seed}) for seed in (1, 2)]
    return sweep, records, lines


def test_a_finished_run_is_read_not_run_again(swept):
    """Its figures are those of the first time, and nothing is fitted."""
    sweep, records, lines = swept
    n_lines = len(lines)
    path = sweep.out / "cnn-1" / "sweep.json"
    kept = json.loads(path.read_text())
    del kept["asked"]["fit"]["freeze"]  # as an older version, which had no such field, left it
    path.write_text(json.dumps(kept))
    assert run_one(sweep, "cnn-1", {"seed": 1}) == records[0]
    assert len(lines) == n_lines
    assert records[0]["fit_cpu_s"] > 0
    assert set(records[0]["figures"]["valid"]["f1"]) == {"high", "low"}


def test_a_folder_of_another_run_is_refused(swept):
    """The error names what differs; a table must not mix configurations."""
    sweep, _, _ = swept
    with pytest.raises(InputError, match="cnn-1: holds a run that differs in fit, seed"):
        run_one(sweep, "cnn-1", {"seed": 3, "fit.epochs": 5})


def test_a_run_that_was_never_measured_is_measured(swept):
    """It was killed behind its fit: its figures are found without another."""
    sweep, records, lines = swept
    path = sweep.out / "cnn-2" / "sweep.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps(kept | {"record": None}))
    n_lines = len(lines)
    again = run_one(sweep, "cnn-2", {"seed": 2})
    assert again["figures"] == records[1]["figures"]
    assert json.loads(path.read_text())["record"] == again
    assert not any("epoch" in line for line in lines[n_lines:])


def test_a_run_that_was_begun_with_other_choices_is_refused(swept):
    """Killed in a fit, when it has no figures yet."""
    sweep, records, _ = swept
    path = sweep.out / "cnn-2" / "sweep.json"
    kept = path.read_text()
    path.write_text(json.dumps(json.loads(kept) | {"record": None}))
    with pytest.raises(InputError, match="cnn-2: holds a run that differs in fit"):
        run_one(sweep, "cnn-2", {"seed": 2, "fit.learning_rate": 0.001})
    path.write_text(kept)
    assert run_one(sweep, "cnn-2", {"seed": 2})["figures"] == records[1]["figures"]


def test_a_run_that_an_earlier_version_began_goes_on(swept):
    """That one kept no record until the end; other choices are refused all the same."""
    sweep, records, lines = swept
    (sweep.out / "cnn-2" / "sweep.json").unlink()
    with pytest.raises(InputError, match=r"config\.yaml: was begun with another fit\.learn"):
        run_one(sweep, "cnn-2", {"seed": 2, "fit.learning_rate": 0.001})
    n_lines = len(lines)
    assert run_one(sweep, "cnn-2", {"seed": 2})["figures"] == records[1]["figures"]
    assert not any("epoch" in line for line in lines[n_lines:])


def test_a_run_that_was_refused_at_once_is_no_other_run(swept):
    """What was wrong is put right in the same folder."""
    sweep, _, _ = swept
    with pytest.raises(InputError, match="stop_epoch"):
        run_one(sweep, "cnn-3", {"seed": 3, "fit.stop_epoch": 9})
    assert run_one(sweep, "cnn-3", {"seed": 3, "fit.epochs": 1})["name"] == "cnn-3"


def test_mean_and_deviation_are_over_the_runs():
    """The deviation is that of a sample; one run has none; unknown figures are left out."""
    runs = [
        {"figures": {"valid": {"accuracy": name, "pr_auc": None}}} for name in (0.5, 0.6, 0.7)
    ]
    found = over_seeds(runs, "valid")
    assert found["accuracy"] == {"mean": 0.6, "deviation": 0.1, "runs": [0.5, 0.6, 0.7]}
    assert "pr_auc" not in found
    assert over_seeds(runs[:1], "valid")["accuracy"]["deviation"] is None


def test_scores_of_each_clip_are_kept_for_paired_comparisons(swept):
    """The share of runs that were right, clip by clip, has the mean of the accuracies."""
    _, records, _ = swept
    pooled = pooled_scores(records, "valid")
    mean = np.mean([record["figures"]["valid"]["accuracy"] for record in records])
    assert pooled["right"].mean() == pytest.approx(mean, abs=1e-4)
    assert len(pooled["ids"]) == records[0]["figures"]["valid"]["n_clips"]


def test_the_front_end_keeps_full_precision_in_mixed_fits():
    """Features of a fit in half precision are those of the finished network."""
    config = from_tree(small.tree("mel", "cnn", augment={
        "stretch": 0.0, "shift_bands": 0.0, "equaliser_db": 0.0, "band_limit": 0.0,
        "repeat": 0.0, "noise": 0.0, "n_time_masks": 0, "n_band_masks": 0, "mixup_alpha": 0.0,
    }))  # fmt: skip
    net = TaggerNet(config.network(), n_labels=2)
    module = Fit(net, config, is_waveform=True)
    time = torch.arange(config.features_options.window_len) / 22_050
    tone = 0.5 * torch.sin(2 * torch.pi * 1000 * time).repeat(2, 1, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features, _ = module._blended(tone, torch.eye(2)[:, :2])
    alone = net.front_end(tone[:, 0])
    below = features - features.amax(dim=(1, 2), keepdim=True)
    wanted = alone - alone.amax(dim=(1, 2), keepdim=True)
    torch.testing.assert_close(below.clamp(min=-80), wanted.clamp(min=-80), atol=0.5, rtol=0)
