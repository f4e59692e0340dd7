import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from export.run import export_checkpoint
from tagger.errors import InputError
from tests.train import small, trees
from tests.train.sets import make_set
from train.config.config import from_tree
from train.evaluation.evaluate import (
    as_labelled,
    evaluate_clips,
    evaluate_model,
    show_json,
    show_table,
    write_page,
)
from train.evaluation.figures import figures_of, most_wrong
from train.evaluation.page import occlusion
from train.evaluation.scorer import ClipScorer
from train.models import checkpoint
from train.models.network import TaggerNet

HALF = {"a": 0.5, "b": 0.5, "c": 0.5}


def test_perfect_scores_give_perfect_figures():
    """One label a clip, all heard right."""
    targets = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2]]
    scores = 0.1 + 0.8 * targets
    found = figures_of(scores, targets, labels=("a", "b", "c"), kind="single", thresholds=HALF)
    for name in ("accuracy", "f1_macro", "precision_weighted", "roc_auc", "pr_auc"):
        assert found[name] == 1.0
    assert found["confusion"]["rows_true_columns_heard"] == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    assert found["n_clips"] == 6


def test_a_label_that_never_occurs_is_named_and_left_out():
    """It is not averaged as zero."""
    targets = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    scores = 0.1 + 0.8 * targets
    for kind in ("single", "multi"):
        found = figures_of(scores, targets, labels=("a", "b", "c"), kind=kind, thresholds=HALF)
        assert found["absent_labels"] == ["c"]
        assert found["f1_macro"] == 1.0
        assert found["roc_auc"] == 1.0
        assert found["per_label"]["c"]["roc_auc"] is None


def test_figures_of_several_labels_are_those_done_by_hand():
    """Areas by label, the first k of each clip, and nothing from unknown labels."""
    targets = np.array([[1, 0, 1], [0, 1, np.nan], [0, 0, 0], [1, 1, 0]], np.float32)
    scores = np.array(
        [[0.9, 0.2, 0.6], [0.3, 0.1, 0.9], [0.2, 0.6, 0.1], [0.8, 0.7, 0.2]], np.float32
    )
    found = figures_of(scores, targets, labels=("a", "b", "c"), kind="multi", thresholds=HALF)
    assert found["per_label"]["a"]["roc_auc"] == 1.0
    assert found["per_label"]["b"]["roc_auc"] == 0.5  # of four pairs two are in order
    assert found["per_label"]["c"]["n_clips"] == 1
    assert found["roc_auc"] == pytest.approx((1 + 0.5 + 1) / 3, abs=1e-4)
    assert found["precision_at_1"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["recall_at_3"] == 1.0


def test_the_most_wrong_clip_stands_first():
    """Sorted by how far the wrong label lies above the right one; right ones are not listed."""
    targets = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    scores = np.array([[0.4, 0.6], [0.1, 0.9], [0.2, 0.8]], np.float32)
    found = most_wrong(scores, targets, ["x", "y", "z"], ["a", "b"])
    assert [item["id"] for item in found] == ["y", "x"]
    assert found[0] | {"score": 0} == {
        "id": "y", "true": ["a"], "heard": "b", "score": 0, "score_of_true": 0.1,
    }  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A checkpoint with random weights and a folder of recordings."""
    folder = tmp_path_factory.mktemp("run")
    root = trees.genres(folder / "music", seconds=1.0, labels=("high", "low", "mid"))
    options = small.FEATURES["mel"] | {
        "sample_rate": 8000, "n_fft": 512, "hop_len": 400, "f_max_hz": 4000.0,
    }  # fmt: skip
    own = {"split_seed": 5, "longest_s": 0.7, "calibration": {"n_windows": 2}}
    config = from_tree(
        small.tree("mel", "gru", features_options=options, datasets=["folder"], **own)
    )
    torch.manual_seed(0)
    net = TaggerNet(config.network(), n_labels=3).eval()
    labels = ("high", "low", "mid")
    facts = {"thresholds": dict.fromkeys(labels, 0.4)}
    checkpoint.save(checkpoint.Checkpoint(net, config, labels, facts), folder / "best.pt")
    return folder, root


def evaluated(path, root, folder, **changes):
    arguments = {"data": root, "split": "train", "prepared": folder / "p", "say": print}
    return evaluate_model(path, {"datasets": ["folder"]}, **(arguments | changes))


def test_a_checkpoint_is_measured_on_a_split(run):
    """The record is one JSON object; the table and the page show the same."""
    folder, root = run
    found = evaluated(folder / "best.pt", root, folder)
    record = json.loads(show_json(found))
    assert record["n_clips"] == len(found.clips) > 20
    assert {"accuracy", "f1_macro", "roc_auc", "pr_auc", "per_label"} <= set(record)
    assert set(record["per_label"]) == {"high", "low", "mid"}
    assert f"{record['accuracy']}" in show_table(found)
    write_page(found, folder / "page.html")
    page = (folder / "page.html").read_text()
    assert "Confusion" in page
    assert page.count("<img") == 2 * min(6, len(record["most_wrong"]))


@pytest.mark.slow
def test_checkpoint_and_model_give_the_same_figures(run):
    """From recordings, and from features behind the front end."""
    folder, root = run
    export_checkpoint(folder / "best.pt", folder / "m.onnx", say=lambda _: None)
    # The checkpoint's own draw of the split, windows and lengths travel with the model.
    first = evaluated(folder / "best.pt", root, folder)
    second = evaluated(folder / "m.onnx", root, folder)
    assert first.clips.ids.tolist() == second.clips.ids.tolist()
    np.testing.assert_allclose(first.scores, second.scores, atol=1e-4)
    same = {name: value for name, value in first.record.items() if name != "model"}
    pages = [
        write_page(name, folder / "x.html") or (folder / "x.html").read_text()
        for name in (first, second)
    ]
    assert (
        pages[1].count("<img") == pages[0].count("<img") == 2 * min(6, len(same["most_wrong"]))
    )
    assert pages[1].count("what decided most") == pages[0].count("what decided most")
    for name in ("accuracy", "f1_macro", "confusion", "n_clips", "absent_labels"):
        assert same[name] == second.record[name]
    rng = np.random.default_rng(0)
    np.savez(
        folder / "set.npz", features=rng.normal(-40, 9, (8, 32, 40)).astype(np.float32),
        id=np.arange(8).astype(str), label=["high", "low"] * 4, split=["test"] * 8,
    )  # fmt: skip
    stored = [
        evaluate_model(
            folder / name, {"datasets": ["npz"]}, data=folder / "set.npz", split="test",
            prepared=folder / "p", say=print,
        )
        for name in ("best.pt", "m.onnx")
    ]  # fmt: skip
    np.testing.assert_allclose(stored[0].scores, stored[1].scores, atol=1e-4)
    assert stored[0].record["left_out_labels"] == ["mid"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"split": "holdout"}, "--split holdout"), ({"split": "exam"}, "exam")],
)
def test_a_split_that_is_not_there_is_named(run, changes, said):
    """Nothing is measured on no clips."""
    folder, root = run
    with pytest.raises(InputError, match=said):
        evaluated(folder / "best.pt", root, folder, **changes)


def test_no_shared_label_is_an_error(run, tmp_path):
    """Both sides are named."""
    folder, _ = run
    root = trees.genres(tmp_path, seconds=0.5, labels=("x", "y"))
    with pytest.raises(InputError, match="share no label"):
        evaluated(folder / "best.pt", root, tmp_path)


def test_what_is_covered_shows_which_seconds_and_bands_decided():
    """A score that is one cell's level falls where that cell is covered, and nowhere else."""
    features = np.zeros((32, 64), np.float32)
    features[8:12, 20:24] = 9.0  # rows 2 of 8, columns 5 of 16

    def listen(batch):
        return batch[:, 8:12, 20:24].mean(axis=(1, 2))[:, None]

    fall = occlusion(SimpleNamespace(of_features=listen), features, 0)
    assert fall.shape == (8, 16)
    assert np.unravel_index(fall.argmax(), fall.shape) == (2, 5)
    assert np.count_nonzero(np.abs(fall) > 1e-6) == 1


def test_first_labels_are_those_of_a_tree_as_labelled(monkeypatch):
    """What is punk stands before rock, though rock has punk's score besides its own."""
    tree = {"parents": {"punk": "rock", "ska": "punk"}, "kind": "single"}
    own = np.array([[0.6, 0.2, 0.1], [0.1, 0.5, 0.2], [0.1, 0.2, 0.5]], np.float32)
    family = np.array([[1, 1, 0], [0, 1, 0], [1, 1, 1]], np.float32)  # ska, below both
    labels = ("punk", "rock", "ska")
    clips = make_set("x", labels, n_each=1)
    scorer = ClipScorer(
        name="x", config=from_tree(small.tree() | tree), labels=labels, thresholds={},
        of_waveforms=None, of_features=None, features_of=None,
    )  # fmt: skip
    monkeypatch.setattr(ClipScorer, "clip_scores", lambda *_: own @ family)
    found = evaluate_clips(scorer, clips, split="test", say=print)
    np.testing.assert_allclose(found.scores, own, atol=1e-6)
    assert found.record["accuracy"] == 1.0


def test_a_label_above_that_is_not_shared_passes_its_child_on():
    """Ska counts for rock where nobody labels punk."""
    parents = {"punk": "rock", "ska": "punk"}
    scores = np.array([[0.9, 0.5]], np.float32)
    np.testing.assert_allclose(
        as_labelled(scores, ["rock", "ska"], parents), [[0.4, 0.5]], atol=1e-6
    )


def test_scores_of_a_model_that_adds_no_children_stay():
    """A child with more than its parent tells."""
    scores = np.array([[0.3, 0.6], [0.5, 0.1]], np.float32)
    assert as_labelled(scores, ["rock", "punk"], {"punk": "rock"}) is scores
