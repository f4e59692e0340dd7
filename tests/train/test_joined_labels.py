"""Sets with different labels in one model: what a set does not know takes no part."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.train import small
from tests.train.runs import run_training
from tests.train.sets import make_set, provide
from train.calibration.calibrate import fit_calibration
from train.calibration.logits import ClipLogits
from train.config.config import from_tree
from train.datasets.base import join
from train.datasets.registry import DATASETS
from train.evaluation.evaluate import evaluate_model
from train.evaluation.figures import figures_of, most_wrong
from train.evaluation.run_facts import clip_figures
from train.fit.objective import label_loss
from train.fit.tensorboard import scores_of
from train.models import checkpoint

NAN = float("nan")
FIELDS = {
    "datasets": ["gtzan-logmel", "fma-small-logmel"],
    "features_options": small.FEATURES["mel"],
    "body_options": small.BODIES["cnn-lstm"],
    "augment": {"mixup_alpha": 0.2, "shift_bands": 0.0},
    "dropout": 0.0,
    "fit": {
        "epochs": 14,
        "batch_size": 8,
        "clips_an_epoch": 64,
        "learning_rate": 1e-2,
        "average_decay": 0.9,
        "precision": "32-true",
    },
    "calibration": {"folds": 0, "n_windows": 2},
}


@pytest.fixture
def two_sets(monkeypatch):
    """One knows low and middle, the other low and high; the features tell all three apart."""
    every = make_set("all", ("low", "middle", "high"))
    place = {label: every.labels.index(label) for label in every.labels}

    def part(name, labels):
        rows = np.flatnonzero(every.targets[:, [place[label] for label in labels]].any(axis=1))
        provide(monkeypatch, name, replace_labels(every.take(rows), name, labels))

    part("gtzan-logmel", ("low", "middle"))
    part("fma-small-logmel", ("low", "high"))


def replace_labels(clips, name, labels):
    return replace(clips.only_labels(labels), name=name)


@pytest.mark.parametrize("kind", ["multi", "single"])
def test_two_sets_make_one_model(two_sets, tmp_path, kind):
    """All three labels are learned, calibrated and measured, with sigmoids as with softmax."""
    said = []
    places = {"data": tmp_path, "say": said.append}
    best = run_training(None, FIELDS | {"kind": kind}, out=tmp_path / "run", **places)
    done = checkpoint.load(best)
    assert done.config.kind == kind
    assert done.labels == ("low", "middle", "high")
    assert done.facts["metrics"]["valid"]["n_clips"] == 12
    assert done.facts["metrics"]["valid"]["accuracy"] > 0.8
    assert float(done.net.label_scale[0]) != 1.0  # calibrated
    found = evaluate_model(best, {}, split="valid", prepared=tmp_path / "p", **places).record
    assert found["per_label"]["middle"]["n_clips"] == 3
    assert found["roc_auc"] > 0.8


def test_a_set_teaches_nothing_of_labels_that_it_does_not_know(two_sets):
    """Their gradient is zero, and only theirs."""
    clips = join([DATASETS[name].load(None) for name in ("gtzan-logmel", "fma-small-logmel")])
    of_one = clips.take(np.flatnonzero(clips.from_datasets(["gtzan-logmel"])))
    assert np.isnan(of_one.targets[:, 2]).all()
    logits = torch.zeros(len(of_one), 3, requires_grad=True)
    targets = torch.from_numpy(of_one.targets)
    label_loss(logits, targets, kind="multi", smoothing=0.0).backward()
    per_label = logits.grad.abs().sum(dim=0)
    assert per_label[2] == 0
    assert (per_label[:2] > 0).all()


@pytest.mark.parametrize("kind", ["multi", "single"])
def test_calibration_takes_clips_whose_sets_know_some_labels(kind):
    """Logits three times too large get the scale of about a third, whatever is unknown."""
    rng = np.random.default_rng(0)
    n = 600
    targets = np.full((n, 3), NAN, np.float32)
    logits = rng.normal(0, 2, (n, 3)).astype(np.float32)
    known = np.where(np.arange(n)[:, None] % 2, [True, True, False], [True, False, True])
    shares = 1 / (1 + np.exp(-logits))
    if kind == "single":
        shares = np.exp(logits) * known
        shares /= shares.sum(axis=1, keepdims=True)
        heard = [rng.choice(3, p=row) for row in shares]
        drawn = np.eye(3, dtype=np.float32)[heard]
    else:
        drawn = (rng.random((n, 3)) < shares).astype(np.float32)
    targets[known] = drawn[known]
    clips = make_set("x", ("a", "b", "c"), n_each=n // 3)
    clips = replace(clips, targets=targets)
    found = fit_calibration(
        ClipLogits(
            label_logits=[3 * row[None] for row in logits],
            music_logits=[np.ones(1, np.float32)] * n,
            clips=clips,
        ),
        kind=kind,
    )
    assert 0.25 < found.label_scale < 0.42


def test_an_unknown_label_is_neither_right_nor_wrong():
    """It cannot be heard instead, and no figure of it counts the clip."""
    scores = np.array([[0.2, 0.3, 0.9], [0.6, 0.1, 0.3]], np.float32)
    targets = np.array([[0, 1, NAN], [1, 0, 0]], np.float32)
    labels = ("a", "b", "c")
    found = figures_of(scores, targets, labels=labels, kind="single", thresholds={})
    assert found["accuracy"] == 1.0
    assert found["per_label"]["c"]["n_clips"] == 0
    assert found["absent_labels"] == ["c"]
    assert most_wrong(scores, targets, ["x", "y"], labels) == []
    several = figures_of(scores, targets, labels=labels, kind="multi", thresholds={})
    assert several["precision_at_1"] == 1.0
    assert several["map"] == several["pr_auc"]
    clips = make_set("x", labels, n_each=1).take(np.array([0, 1]))
    clips = replace(clips, targets=targets)
    assert clip_figures(scores, clips)["accuracy"] == 1.0
    shown, _ = scores_of(torch.from_numpy(scores), torch.from_numpy(targets), kind="single")
    assert shown[0].argmax() == 1


def test_a_joined_set_of_single_labels_may_be_asked_for_sigmoids():
    """The kind that the configuration asks for stays."""
    assert from_tree(FIELDS | {"kind": "multi"}).kind == "multi"
