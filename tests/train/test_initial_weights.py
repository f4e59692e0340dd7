"""Where a run begins: with which weights of a checkpoint."""

import torch

from tests.train import small
from tests.train.test_training import config_of
from train.fit.initial_weights import start_of
from train.models import checkpoint
from train.models.network import TaggerNet


def test_learning_on_with_the_same_labels_keeps_the_head(tmp_path):
    """It begins as the network of the checkpoint; for other labels its head is new."""
    first = tmp_path / "first.pt"
    config = config_of(body="cnn", features_options=small.FEATURES["mel"])
    begun = TaggerNet(config.network(), n_labels=2)
    checkpoint.save(checkpoint.Checkpoint(begun, config, ("a", "b"), {}), first)
    fresh = [TaggerNet(config.network(), n_labels=2) for _ in range(2)]
    start_of(first, ("a", "b"))(fresh[0])
    start_of(first, ("b", "a"))(fresh[1])
    for name, value in begun.state_dict().items():
        torch.testing.assert_close(fresh[0].state_dict()[name], value, rtol=0, atol=0)
    assert not torch.equal(fresh[1].head.labels.weight, begun.head.labels.weight)
    assert start_of(None, ("a", "b")) is None


def test_labels_that_teachers_alone_know_are_no_other_labels(tmp_path):
    """They stand behind the run's own, whose rows of the head are kept."""
    first = tmp_path / "first.pt"
    config = config_of(body="cnn", features_options=small.FEATURES["mel"])
    begun = TaggerNet(config.network(), n_labels=3, beside=(0,))
    checkpoint.save(checkpoint.Checkpoint(begun, config, ("a", "b", "House"), {}), first)
    net = TaggerNet(config.network(), n_labels=2)
    start_of(first, ("a", "b"))(net)
    torch.testing.assert_close(net.head.labels.weight, begun.head.labels.weight[:2])
    torch.testing.assert_close(net.head.labels.bias, begun.head.labels.bias[:2])
    torch.testing.assert_close(net.head.music.weight, begun.head.music.weight)
