"""Augmentation of stored features: how often, and nothing that no recording has."""

import pytest
import torch

from train.augment.features import STEPS, AugmentOptions, augment, stretch_and_shift


@pytest.fixture
def batch():
    """Clips of dB features, no value twice."""
    values = torch.randperm(64 * 32 * 40, generator=torch.Generator().manual_seed(0))
    return -80 + 80 * values.float().reshape(64, 32, 40) / values.numel()


NEVER = {"often": 0.0, "band_limit": 0.0, "repeat": 0.0, "noise": 0.0}


def test_a_stretched_clip_holds_its_own_frames_and_bands_alone(batch):
    """No value between two: each one stood in the clip before."""
    options = AugmentOptions(stretch=0.3, shift_bands=2.0)
    moved = stretch_and_shift(batch, options, torch.Generator().manual_seed(1))
    for before, after in zip(batch, moved, strict=True):
        assert torch.isin(after, before).all()
    assert (moved != batch).flatten(1).any(dim=1).float().mean() > 0.9


def test_what_is_never_asked_for_is_never_done(batch):
    """All probabilities 0: the batch as it was."""
    unchanged = augment(batch, AugmentOptions(**NEVER), torch.Generator().manual_seed(1))
    assert torch.equal(unchanged, batch)


@pytest.mark.parametrize("number", [0, 1, 5], ids=["stretch", "equalise", "mask"])
def test_a_share_of_the_clips_is_changed(batch, number):
    """About half of 64."""
    options = AugmentOptions(**NEVER | {"often": 0.5})
    changed = STEPS[number](batch, options, torch.Generator().manual_seed(1))
    n_changed = int((changed != batch).flatten(1).any(dim=1).sum())
    assert 20 <= n_changed <= 44
