import math

import pytest
import torch
from torch.nn import functional as F

from train.fit.objective import label_loss, music_loss, teacher_loss

NAN = math.nan


def test_with_all_labels_known_it_is_the_cross_entropy():
    """The single-label loss is torch's own when nothing is unknown."""
    logits = torch.randn(5, 4)
    targets = torch.eye(4)[[0, 1, 2, 3, 0]]
    found = label_loss(logits, targets, kind="single", smoothing=0.1)
    expected = F.cross_entropy(logits, targets.argmax(dim=1), label_smoothing=0.1)
    torch.testing.assert_close(found, expected)


def test_an_unknown_label_takes_no_part():
    """A clip of a set that does not know a label is judged among those it knows."""
    logits = torch.randn(3, 4)
    targets = torch.tensor([[1.0, 0, 0, NAN]] * 3)
    found = label_loss(logits, targets, kind="single", smoothing=0.0)
    expected = F.cross_entropy(logits[:, :3], torch.zeros(3, dtype=torch.long))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_a_clip_of_which_nothing_is_known_changes_nothing(kind):
    """Neither the loss nor a gradient knows of it, and no gradient is NaN."""
    logits = torch.randn(3, 4, requires_grad=True)
    targets = torch.tensor([[1.0, 0, 0, 0], [NAN] * 4, [0.0, 0, 1, NAN]])
    loss = label_loss(logits, targets, kind=kind, smoothing=0.1)
    loss.backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[1] == 0).all()
    alone = label_loss(logits[[0, 2]], targets[[0, 2]], kind=kind, smoothing=0.1)
    torch.testing.assert_close(loss, alone)


def test_what_is_no_music_has_no_vote_on_labels():
    """Speech has no genre: it teaches the music logit alone."""
    logits = torch.randn(2, 3, requires_grad=True)
    targets = torch.tensor([[0.0, 1, 0], [0.0, 0, 0]])
    label_loss(logits, targets, kind="single", smoothing=0.1).backward()
    assert (logits.grad[1] == 0).all()
    assert music_loss(torch.tensor([[9.0]]), torch.zeros(1), smoothing=0.0) > 5


def test_unknown_embeddings_are_left_out():
    """The teacher is followed where it was heard."""
    predicted = torch.zeros(2, 3)
    embeddings = torch.tensor([[2.0, 2, 2], [NAN, NAN, NAN]])
    assert teacher_loss(predicted, embeddings) == 4.0
    assert teacher_loss(predicted, torch.full((2, 3), NAN)) == 0.0
