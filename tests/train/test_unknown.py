"""Labels that a dataset does not know: out of the loss, or absent with a weight."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tagger.errors import InputError
from tests.train import small
from tests.train.sets import make_set
from train.config.checks import check_choices, check_labels
from train.config.config import from_tree
from train.data.batches import Batch, Crops, Draw
from train.data.loaders import training_loader
from train.data.unknown import absent_weights, counted
from train.datasets.base import join
from train.fit.module import Fit
from train.fit.objective import label_loss
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
    absent = absent_weights(clips, {"gtzan": 0.25}, [])
    chosen = Crops(clips, n_frames=8, absent=absent)
    metal = int(np.flatnonzero(clips.targets[:, LABELS.index("metal")] == 1)[0])
    draw = Draw(metal, start=0, seed=0)
    assert plain[draw].counts.tolist() == [0.0, 1.0, 1.0, 0.0]
    assert np.isnan(plain[draw].targets.numpy()).tolist() == [True, False, False, True]
    assert chosen[draw].counts.tolist() == [0.25, 1.0, 1.0, 0.25]
    assert chosen[draw].targets.tolist() == [0.0, 1.0, 0.0, 0.0]


def test_the_configuration_decides_what_a_batch_counts():
    """The weights stand in the order of the datasets."""
    clips = joined()
    config = from_tree(
        {
            "datasets": ["gtzan", "fma-small"],
            "kind": "multi",
            "may_also_be": [["rock", "metal"]],
            "features_options": {"n_frames": 8, "n_mels": clips.features[0].shape[0]},
            "fit": {"unknown_weights": [0.25, 0.5], "batch_size": 64, "clips_an_epoch": 64},
        }
    )
    batch = next(iter(training_loader(config, clips)))
    targets, counts = batch.targets, batch.counts
    folk, metal = LABELS.index("folk"), LABELS.index("metal")
    of_metal, of_folk = targets[:, metal] == 1, targets[:, folk] == 1
    assert counts[of_metal, folk].unique().tolist() == [0.25]  # gtzan does not know folk
    assert counts[of_folk, metal].unique().tolist() == [0.5]
    single = replace(config, kind="single")  # a softmax has no weights
    batch = next(iter(training_loader(single, clips)))
    targets, counts = batch.targets, batch.counts
    assert set(counts.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(counts == 0, targets.isnan())


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"fit": {"unknown_weights": [0.5]}}, "1 weights for 2 datasets"),
        ({"fit": {"unknown_weights": [0.5, 1.5]}}, "unknown_weights: 1.5"),
        ({"fit": {"unknown_weights": [0.5, 0]}, "head": {"refit": True}}, "head.refit"),
        (
            {"fit": {"unknown_weights": [0.5, 0]}, "ensemble": {"members": 2}},
            "ensemble.members",
        ),
        ({"may_also_be": [["rock"]]}, "names no label"),
        ({"may_also_be": [[]]}, "names no label"),
        ({"pretrain": {"fit": {"unknown_weights": [0.5]}}}, "1 weights for 2"),
    ],
)
def test_weights_that_make_no_sense_are_refused(tree, said):
    """Before anything is decoded."""
    with pytest.raises(InputError, match=said):
        check_choices(from_tree({"datasets": ["gtzan", "fma-small"], **tree}))


def test_a_misspelt_label_is_named():
    """With the label that was probably meant, and only where it has a say."""
    tree = {"datasets": ["gtzan", "fma-small"], "may_also_be": [["rock", "mettal"]]}
    weighed = from_tree({**tree, "fit": {"unknown_weights": [1.0, 1.0]}})
    with pytest.raises(InputError, match="'metal'"):
        check_labels(weighed, joined())
    check_labels(from_tree(tree), joined())


def test_a_pretraining_does_not_inherit_the_weights():
    """They stand in the order of other datasets."""
    tree = {
        "datasets": ["gtzan", "fma-small"],
        "fit": {"unknown_weights": [0.9, 0.1]},
        "pretrain": {"datasets": ["fma-small"]},
    }
    config = from_tree(tree)
    check_choices(config)
    assert config.fit.unknown_weights == (0.9, 0.1)
    assert config.pretrain.fit.unknown_weights == ()


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
    targets, counts = (torch.from_numpy(one) for one in counted(one_known, absent))
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
