"""Labels that a dataset does not know: out of the loss, or absent with a weight."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tagger.errors import InputError
from tests.train import small
from tests.train.sets import make_set
from train.config.config import from_tree
from train.data.batches import Batch, Crops, Draw
from train.data.loaders import training_loader
from train.datasets.base import join, join_again
from train.experiments import absent
from train.experiments.absent import (
    Options,
    absent_weights,
    counted,
    run_experiment,
    with_absent,
)
from train.fit.module import Fit
from train.fit.objective import label_loss
from train.fit.run import Run
from train.models.network import TaggerNet

LABELS = ("folk", "metal", "rock", "world")


def joined():
    """One set knows metal and rock, the other folk, rock and world; two clips of each."""
    parts = [
        make_set("gtzan", ("metal", "rock"), n_each=2),
        make_set("fma-small", ("folk", "rock", "world"), n_each=2),
    ]
    clips = join(parts)
    order = [clips.labels.index(label) for label in LABELS]
    return replace(clips, labels=LABELS, targets=clips.targets[:, order])


def of_label(found, clips, name, label):
    """What was found for the clips of a label in one set: one row, since all are alike."""
    mine = clips.from_datasets([name]) & (clips.targets[:, LABELS.index(label)] == 1)
    rows = np.unique(found[mine], axis=0)
    assert len(rows) == 1
    return rows[0].round(3).tolist()


def test_unknown_labels_are_absent_with_the_weight_of_the_set():
    """And what is known, or what a clip may be besides, has none."""
    clips = joined()
    weights = {"gtzan": 0.25, "fma-small": 1.0}
    found = absent_weights(clips, weights, [["rock", "metal", "world"], ["metal", "folk"]])
    assert of_label(found, clips, "gtzan", "metal") == [0.0, 0.0, 0.0, 0.25]
    assert of_label(found, clips, "gtzan", "rock") == [0.25, 0.0, 0.0, 0.0]
    assert of_label(found, clips, "fma-small", "folk") == [0.0, 1.0, 0.0, 0.0]
    assert of_label(found, clips, "fma-small", "rock") == [0.0, 0.0, 0.0, 0.0]  # may be metal
    assert of_label(found, clips, "fma-small", "world") == [0.0, 1.0, 0.0, 0.0]


def test_nothing_is_absent_of_clips_without_a_label_or_without_a_weight():
    """Music of an unknown genre may be any of them."""
    clips = joined()
    assert absent_weights(clips, {}, []) is None
    assert absent_weights(clips, {"gtzan": 0.0}, []) is None
    unnamed = replace(clips, targets=np.full_like(clips.targets, np.nan))
    assert not absent_weights(unnamed, {"gtzan": 1.0}, []).any()
    some = absent_weights(clips, {"gtzan": 1.0}, [])
    assert not some[clips.from_datasets(["fma-small"])].any()


def test_the_loss_counts_what_is_absent_by_its_weight():
    """Half as much as a label that is known to be absent; the unknown, not at all."""
    nan = float("nan")
    targets = np.array([[1.0, nan, nan]], np.float32)
    became, counts = counted(targets, np.array([[0.0, 0.5, 0.0]], np.float32))
    assert counts.tolist() == [[1.0, 0.5, 0.0]]
    assert became[0, :2].tolist() == [1.0, 0.0]
    assert np.isnan(became[0, 2])
    logits = torch.tensor([[0.0, 2.0, 3.0]], requires_grad=True)
    loss = label_loss(
        logits,
        torch.from_numpy(became),
        kind="multi",
        smoothing=0.0,
        counts=torch.from_numpy(counts),
    )
    each = torch.nn.functional.softplus(torch.tensor([0.0, 2.0]))
    torch.testing.assert_close(loss, (each[0] + 0.5 * each[1]) / 1.5)
    loss.backward()
    assert logits.grad[0, 2] == 0
    assert logits.grad[0, 1] > 0


def test_crops_say_how_much_each_label_counts():
    """With nothing chosen, known labels count and unknown ones are NaN as before."""
    clips = joined()
    plain = Crops(clips, n_frames=8)
    chosen = Crops(with_absent(clips, {"gtzan": 0.25}, []), n_frames=8)
    metal = int(np.flatnonzero(clips.targets[:, LABELS.index("metal")] == 1)[0])
    draw = Draw(metal, start=0, seed=0)
    assert plain[draw].counts.tolist() == [0.0, 1.0, 1.0, 0.0]
    assert np.isnan(plain[draw].targets.numpy()).tolist() == [True, False, False, True]
    assert chosen[draw].counts.tolist() == [0.25, 1.0, 1.0, 0.25]
    assert chosen[draw].targets.tolist() == [0.0, 1.0, 0.0, 0.0]


def run_of(clips, monkeypatch, **tree):
    """A run of two sets whose clips are looked at in place of being learned from."""
    made = {
        "datasets": ["gtzan", "fma-small"],
        "kind": "multi",
        "features_options": {"n_frames": 8, "n_mels": clips.features[0].shape[0]},
        "fit": {"batch_size": 64, "clips_an_epoch": 64},
    }
    monkeypatch.setattr(absent, "finish", lambda run: run)
    rest = {"where": None, "start": None, "seen": {}, "say": None, "resume": False}
    return Run(config=from_tree(made | tree), clips=clips, **rest)


def test_the_experiment_decides_what_a_batch_counts(monkeypatch):
    """The weights stand in the order of the datasets; without it nothing is absent."""
    run = run_of(joined(), monkeypatch)
    options = Options(weights=(0.25, 0.5), may_also_be=(("rock", "metal"),))
    changed = run_experiment(run, options)
    batch = next(iter(training_loader(changed.config, changed.clips.split("train"))))
    targets, counts = batch.targets, batch.counts
    folk, metal = LABELS.index("folk"), LABELS.index("metal")
    of_metal, of_folk = targets[:, metal] == 1, targets[:, folk] == 1
    assert counts[of_metal, folk].unique().tolist() == [0.25]  # gtzan does not know folk
    assert counts[of_folk, metal].unique().tolist() == [0.5]
    batch = next(iter(training_loader(run.config, run.clips.split("train"))))
    assert set(batch.counts.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(batch.counts == 0, batch.targets.isnan())


def test_folds_keep_what_counts_as_absent():
    """Clips that are taken apart and put together again are learned alike."""
    clips = with_absent(joined(), {"gtzan": 0.25}, [])
    parts = [clips.take(np.arange(5)), clips.take(np.arange(5, len(clips)))]
    again = join_again(parts)
    np.testing.assert_array_equal(again.counts, clips.counts)
    np.testing.assert_array_equal(again.soft_targets, clips.soft_targets)


@pytest.mark.parametrize(
    ("options", "tree", "said"),
    [
        ({"weights": (0.5,)}, {}, "1 weights for 2 datasets"),
        ({"weights": (0.5, 1.5)}, {}, r"weights: 1\.5"),
        ({"weights": (0.5, 0.0)}, {"kind": "single"}, "kind=multi"),
        ({"weights": (0.5, 0.0), "may_also_be": (("rock",),)}, {}, "names no label"),
        ({"weights": (0.5, 0.0), "may_also_be": ((),)}, {}, "names no label"),
        ({"weights": (0.5, 0.0), "may_also_be": (("rock", "mettal"),)}, {}, "'metal'"),
    ],
)
def test_weights_that_make_no_sense_are_refused(monkeypatch, options, tree, said):
    """Before anything is fitted; a misspelt label is named with the one that was meant."""
    run = run_of(joined(), monkeypatch, **tree)
    with pytest.raises(InputError, match=said):
        run_experiment(run, Options(**options))


@pytest.mark.parametrize("weight", [0.0, 1e-6, 1.0])
def test_a_label_that_hardly_counts_hardly_changes_a_blend(weight):
    """Of two blended clips one has the label, the other's set does not know it."""
    net_config = from_tree(
        {
            "kind": "multi",
            "dropout": 0.0,
            "features_options": small.FEATURES["mel"],
            "body_options": small.BODIES["cnn-lstm"],
            "augment": {"mixup_alpha": 5.0},
            "fit": {"label_smoothing": 0.0},
        }
    )
    net = TaggerNet(net_config.network(), n_labels=1)
    module = Fit(net, net_config)
    module.log_dict = lambda *_, **__: None
    seen = {}
    module._label_loss = lambda logits, targets, counts: (
        seen.update(targets=targets, counts=counts) or logits.sum()
    )
    one_known, absent = np.array([[[1.0], [np.nan]], [[0.0], [weight]]], np.float32)
    targets, counts = (torch.from_numpy(item) for item in counted(one_known, absent))
    n_mels, n_frames = net_config.features_options.n_mels, net_config.features_options.n_frames
    batch = Batch(
        torch.zeros(2, n_mels, n_frames),
        targets,
        torch.ones(2),
        torch.empty(2, 0),
        counts,
    )
    for _ in range(20):  # until the two are blended with each other
        module.training_step(batch, 0)
        if seen["targets"][0, 0] != 1 or not torch.equal(seen["counts"], counts):
            break
    first = float(seen["targets"][0, 0])
    if weight == 0:
        assert np.isnan(first)
    elif weight < 1:
        assert first > 0.99  # what is unknown says nothing of the blend
    else:
        assert 0.5 <= first < 0.99
