"""The benchmark that hears every clip of a dataset by a network that is new to it."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from tagger.errors import InputError
from tests.train import small
from tests.train.sets import make_set, provide

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "out_of_fold.py"
CONFIG = """
datasets: [gtzan-logmel, fma-small-logmel]
kind: multi
dropout: 0.0
augment: {mixup_alpha: 0.0, shift_bands: 0.0}
fit: {epochs: 5, batch_size: 8, clips_an_epoch: 64, learning_rate: 1.0e-2, average_decay: 0.9,
  precision: 32-true}
calibration: {folds: 0, n_windows: 2}
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The script on two small sets; returns its last line and the folder of its runs."""
    for name, labels in (
        ("gtzan-logmel", ("low", "middle")),
        ("fma-small-logmel", ("low", "high")),
    ):
        clips = make_set(name, labels, n_each=10)
        provide(monkeypatch, name, clips)
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG + json.dumps({"features_options": small.FEATURES["mel"]})[1:-1])
    out = tmp_path / "runs"
    monkeypatch.syspath_prepend(str(SCRIPT.parent))

    def run(*more):
        given = [
            "--config",
            config,
            "--data",
            tmp_path,
            "--out",
            out,
            "--dataset",
            "gtzan-logmel",
        ]
        body = f"body_options={json.dumps(small.BODIES['cnn-lstm'])}"
        arguments = [*given, "--seeds", "1", "--set", body, *more]
        monkeypatch.setattr(sys, "argv", ["out_of_fold.py", *map(str, arguments)])
        runpy.run_path(str(SCRIPT), run_name="__main__")
        return json.loads(capsys.readouterr().out.splitlines()[-1]), out / "seed-1"

    return run


def test_every_clip_of_both_splits_is_heard_once(run):
    """By a network that had all others to learn from; a second call fits nothing again."""
    found, folder = run()
    kept = np.load(folder / "right.npz")
    assert len(set(kept["ids"].tolist())) == 20
    assert sorted(set(kept["splits"].tolist())) == ["train", "valid"]
    (row,) = found["seeds"]
    assert row["accuracy"] == round(float(kept["right"].mean()), 4) == found["mean"]
    assert row["accuracy"] > 0.7
    before = {path: path.stat().st_mtime_ns for path in folder.glob("fold-*/last.pt")}
    assert len(before) == 5
    assert run()[0]["seeds"] == found["seeds"]
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_no_fold_learns_from_the_clips_that_it_hears(run, monkeypatch):
    """Nor from valid clips of other sets."""
    import train.calibration.cross_validation  # noqa: PLC0415 - to be watched

    learned = []
    fit = train.calibration.cross_validation.fit

    def watched(config, clips, **options):
        learned.append(clips)
        return fit(config, clips, **options)

    monkeypatch.setattr(train.calibration.cross_validation, "fit", watched)
    run("--set", "fit.epochs=1")
    own = [item.take(np.flatnonzero(item.from_datasets(["gtzan-logmel"]))) for item in learned]
    assert [len(item) for item in own] == [16] * 5
    names = [name for item in own for name in item.ids.tolist()]
    assert {names.count(name) for name in names} == {4}  # left out once, where it is heard
    others = [
        item.take(np.flatnonzero(item.from_datasets(["fma-small-logmel"]))) for item in learned
    ]
    assert {split for other in others for split in other.splits.tolist()} == {"train"}


def test_folds_of_another_configuration_are_not_taken_for_these(run):
    """The message names the folder."""
    run("--set", "fit.epochs=1")
    with pytest.raises(SystemExit, match="seed-1: holds folds of another"):
        run("--set", "fit.epochs=2")


def test_what_contradicts_folds_is_refused(run):
    """A dataset that is not in the configuration, and what would have heard the held clips."""
    with pytest.raises(InputError, match="'gtzan-logmel'"):
        run("--dataset", "gtzan-logmell")
    with pytest.raises(InputError, match="experiments ensemble"):
        run("--set", "ensemble.members=2")
