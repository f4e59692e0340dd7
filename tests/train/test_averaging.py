"""The mean of the weights forgets the start soon and remembers more as the fit goes on."""

import pytest
import torch

from train.fit.averaging import growing


def mean_of(values, decay):
    """The mean after these values, begun at 0 as a random start would be."""
    mix, mean = growing(decay), torch.zeros(())
    for n_steps, value in enumerate(values, start=1):
        mean = mix(mean, torch.tensor(float(value)), torch.tensor(n_steps))
    return float(mean)


def test_a_short_fit_forgets_its_random_start():
    """After 60 steps less than a thousandth of it is left, whatever the decay."""
    assert mean_of([1.0] * 60, 0.999) > 0.999


def test_a_long_fit_reaches_the_decay_that_was_asked_for():
    """The last of many values weighs what a constant decay gives it."""
    assert mean_of([0.0] * 3000 + [1.0], 0.995) == pytest.approx(0.005, rel=1e-3)


def test_a_small_decay_is_never_exceeded():
    """A decay of 0 keeps the current weights alone."""
    assert mean_of([3.0, 1.0, 2.0], 0.0) == 2.0


def test_counters_stay_whole_numbers():
    """Batch normalisation counts its batches; the mean of counts is cast back by torch."""
    mixed = growing(0.9)(torch.tensor(4), torch.tensor(8), torch.tensor(100))
    assert 4 <= float(mixed) <= 8
