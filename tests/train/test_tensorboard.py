import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.train.sets import make_set
from tests.train.small import tree
from train.config.config import from_tree
from train.fit.fit import fit
from train.fit.plots import curves_plot
from train.fit.tensorboard import flat, scores_of

FIT = {"epochs": 2, "batch_size": 8, "clips_an_epoch": 16, "precision": "32-true"}


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """The curves of a small watched fit."""
    folder = tmp_path_factory.mktemp("run")
    config = from_tree(tree(fit=FIT, calibration={"folds": 0}))
    clips = make_set("x", ("high", "low"))
    fit(config, clips.split("train"), run_dir=folder, valid=clips.split("valid"))
    found = EventAccumulator(str(folder / "curves"))
    found.Reload()
    return found


def test_losses_rate_and_every_figure_are_curves(board):
    """One value an epoch, the learning rate among them."""
    names = set(board.Tags()["scalars"])
    assert {"train/label_loss", "valid/loss", "learning_rate"} <= names
    figures = ("accuracy", "f1_macro", "precision_weighted", "roc_auc", "pr_auc", "brier")
    assert {f"valid/{name}" for name in figures} <= names
    assert len(board.Scalars("valid/accuracy")) == 2


def test_confusion_curves_and_clips_are_pictures(board):
    """A picture each, with something on it."""
    tags = board.Tags()["images"]
    assert {"train/clips", "valid/confusion", "valid/curves"} <= set(tags)
    for tag in ("train/clips", "valid/confusion", "valid/curves"):
        assert board.Images(tag)[0].width > 100


def test_the_choices_stand_beside_their_figures(board):
    """The tab of hyperparameters has the fields and what they led to."""
    assert "final/accuracy" in board.Tags()["scalars"]
    assert "_hparams_/experiment" in board.summary_metadata
    assert flat({"a": {"b": 1, "c": [2, 3]}}) == {"a.b": 1, "a.c": "[2, 3]"}


def test_a_label_that_a_set_does_not_know_is_no_candidate():
    """Its score is 0 there, and a clip without a label is left out."""
    nan = float("nan")
    logits = torch.tensor([[0.0, 1.0, 9.0], [5.0, 1.0, 0.0]])
    scores, targets = scores_of(
        logits, torch.tensor([[0.0, 1.0, nan], [0.0, 0.0, 0.0]]), kind="single"
    )
    assert scores.shape == (1, 3)
    assert scores[0].argmax() == 1
    assert scores[0, 2] == 0
    assert targets.shape == (1, 3)


def test_labels_without_clips_have_no_curve():
    """Neither have those that every clip has."""
    targets = np.array([[1, 0, 1], [0, 0, 1]], np.float32)
    axes = curves_plot(np.eye(2, 3, dtype=np.float32), targets, ("a", "b", "c")).axes[0]
    assert [line.get_label() for line in axes.lines] == ["a (1)"]
