"""What is punk is rock as well: labels of one softmax that stand in a tree."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from export.graph import to_graph
from export.parity import of_graph, of_network
from tests.train import small
from tests.train.sets import make_set
from train.config.config import from_tree
from train.evaluation.run_facts import with_parents
from train.models.families import family_matrix
from train.models.network import TaggerNet

LABELS = ("punk", "rock", "ska", "jazz")
PARENTS = {"punk": "rock", "ska": "punk"}


def net_of(**changes):
    config = from_tree(small.tree() | {"kind": "single", "parents": PARENTS} | changes)
    torch.manual_seed(0)
    among = config.parents_among(LABELS)
    return TaggerNet(config.network(), n_labels=len(LABELS), among=among).eval(), config


def test_a_label_has_the_probability_of_all_that_is_below_it():
    """Down to grandchildren; a circle ends."""
    net, config = net_of()
    assert config.parents_among(LABELS) == [1, None, 0, None]
    logits, music = torch.randn(30, 4) * 2, torch.randn(30, 1)
    own = torch.softmax(logits, dim=1) * torch.sigmoid(music)
    scores = net.scores_of(logits, music)
    torch.testing.assert_close(scores[:, 0], own[:, 0] + own[:, 2])
    torch.testing.assert_close(scores[:, 1], own[:, 0] + own[:, 1] + own[:, 2])
    torch.testing.assert_close(scores[:, 2:], own[:, 2:])
    assert family_matrix([1, 0]).tolist() == [[1, 1], [1, 1]]


def test_labels_that_do_not_exclude_one_another_are_not_added():
    """Sigmoids already say of each label all that belongs to it."""
    _, config = net_of(kind="multi")
    assert config.parents_among(LABELS) == [None] * 4


def test_labels_that_are_forgotten_leave_their_family():
    """As folds do that lack one."""
    net, _ = net_of()
    net.keep_labels([1, 3])
    logits, music = torch.randn(5, 2), torch.full((5, 1), 50.0)
    torch.testing.assert_close(net.scores_of(logits, music), torch.softmax(logits, dim=1))


def test_the_exported_graph_adds_them_as_well():
    """In one pass, and to the same numbers."""
    net, config = net_of()
    window_len = config.network().features_options.window_len
    windows = np.random.default_rng(0).normal(size=(3, window_len)).astype(np.float32) * 0.1
    graph = of_graph(to_graph(net, window_len=window_len))
    np.testing.assert_allclose(graph(windows), of_network(net)(windows), atol=1e-5)
    scores = graph(windows)
    assert (scores[:, 1] > scores[:, 0]).all()


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        ([1, 0, 0, 0], [1, 1, 0, 0]),
        ([0, 0, 1, 0], [1, 1, 1, 0]),
        ([0, 0, 0, 1], [0, 0, 0, 1]),
        ([np.nan, 0, 0, 1], [np.nan, np.nan, 0, 1]),
    ],
)
def test_thresholds_are_chosen_by_what_is_true_of_the_family(truth, expected):
    """A punk song that is called rock is right; what nobody knows stays open."""
    _, config = net_of()
    one = make_set("x", LABELS, n_each=1).take(np.array([0]))
    one = replace(one, targets=np.array([truth], np.float32))
    scores, known = with_parents(np.array([[0.3, 0.2, 0.1, 0.4]], np.float32), one, config)
    np.testing.assert_allclose(scores, [[0.4, 0.6, 0.1, 0.4]], atol=1e-6)
    np.testing.assert_array_equal(known.targets, [expected])
