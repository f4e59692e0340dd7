"""Heads, folds, figures and thresholds: what learning is made of."""

import numpy as np
import pytest

from tagger.genres.choose import NEVER
from tagger.learning.calibrate import choose_thresholds, fit_calibration
from tagger.learning.folds import artist_folds
from tagger.learning.head import fit_heads, sigmoid
from tagger.learning.measure import (
    average_precision,
    calibration_error,
    interval_of_precision,
    precision_recall,
)

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def same_numbers(monkeypatch):
    """Each test draws the same numbers, whichever ran before it."""
    monkeypatch.setattr(f"{__name__}.RNG", np.random.default_rng(0))


def labelled(n=400, *, spread=1.0, n_features=12, n_labels=3):
    """Features around one centre a label, and the labels."""
    centres = RNG.standard_normal((n_labels, n_features)) * 1.5
    label = np.arange(n) % n_labels
    features = centres[label] + RNG.standard_normal((n, n_features)) * spread
    return features.astype(np.float32), np.eye(n_labels, dtype=np.float32)[label]


def fit(features, targets, *, penalty=0.01, weights=None, **options):
    """One head."""
    weights = np.ones_like(targets) if weights is None else weights
    (head,) = fit_heads(features, targets, weights, penalties=[penalty], **options)
    return head


def test_a_head_is_where_the_penalised_loss_is_level():
    """The gradient of the loss as it is written in books vanishes at what is found."""
    features, targets = labelled()
    head = fit(features, targets, penalty=0.1)
    spread = features.std(axis=0)
    surplus = sigmoid(head.logits(features)) - targets
    standard = (features - features.mean(axis=0)) / spread
    gradient = standard.T @ surplus / len(features) + 0.1 * head.weight * spread[:, None]
    assert np.abs(gradient).max() < 2e-3
    assert np.abs(surplus.mean(axis=0)).max() < 1e-3


def test_a_head_tells_labels_apart():
    """On tracks that it has not seen."""
    features, targets = labelled(800)
    head = fit(features[:400], targets[:400])
    logits = head.logits(features[400:])
    found = [average_precision(targets[400:, i], logits[:, i]) for i in range(3)]
    assert min(found) > 0.95


def test_a_strong_penalty_leaves_what_was_known_before():
    """With nothing to be learned, a head is its prior."""
    features, targets = labelled()
    prior = RNG.standard_normal((12, 3)).astype(np.float32)
    head = fit(features, targets, penalty=1e6, prior=prior)
    assert np.abs(head.weight - prior).max() < 1e-4
    assert np.abs(fit(features, targets, penalty=1e6).weight).max() < 1e-4


def test_what_does_not_count_changes_nothing():
    """Tracks of weight zero are as if they were not there."""
    features, targets = labelled()
    weights = np.ones_like(targets)
    weights[200:] = 0
    wrong = targets.copy()
    wrong[200:] = 1 - wrong[200:]
    one = fit(features, targets, weights=weights)
    other = fit(features, wrong, weights=weights)
    np.testing.assert_allclose(one.weight, other.weight, atol=1e-6)


def test_a_feature_that_never_changes_is_no_trouble():
    """It gets no weight worth speaking of, and no NaN."""
    features, targets = labelled()
    features[:, 0] = 7
    assert np.isfinite(fit(features, targets).weight).all()


def test_nothing_to_fit_is_said():
    """No track, or none that counts."""
    with pytest.raises(ValueError, match="nothing to fit"):
        fit(np.zeros((0, 3), np.float32), np.zeros((0, 2), np.float32))


def test_no_artist_stands_on_two_sides_and_labels_are_spread():
    """Each fold has about its share of each label."""
    artists = [f"artist {i // 4}" for i in range(400)]
    targets = np.eye(4, dtype=np.float32)[(np.arange(400) // 4) % 4]
    folds = artist_folds(artists, targets)
    assert set(folds) == {0, 1, 2, 3, 4}
    for artist in set(artists):
        assert (
            len({fold for fold, item in zip(folds, artists, strict=True) if item == artist})
            == 1
        )
    shares = np.array([targets[folds == fold].sum(axis=0) for fold in range(5)])
    assert shares.min() >= 16
    assert shares.max() <= 24


def test_there_are_no_more_folds_than_artists():
    """Two artists are two sides; one cannot be."""
    targets = np.ones((4, 1), np.float32)
    assert set(artist_folds(["a", "a", "b", "b"], targets)) == {0, 1}
    with pytest.raises(ValueError, match="two sides"):
        artist_folds(["a", "a", "a", "a"], targets)


def test_average_precision_is_that_of_the_books():
    """The mean of the precisions at each right track; ties count as a whole."""
    targets = np.array([1, 0, 1, 0, 0])
    assert average_precision(targets, np.array([5, 4, 3, 2, 1])) == pytest.approx(
        (1 + 2 / 3) / 2
    )
    assert average_precision(targets, np.zeros(5)) == pytest.approx(0.4)
    assert np.isnan(average_precision(np.zeros(5), np.zeros(5)))


def test_precision_and_recall():
    """What is given and right, of what is given and of what is held."""
    found = precision_recall(np.array([1, 1, 1, 0]), np.array([True, False, False, True]))
    assert found == (0.5, pytest.approx(1 / 3))


def test_a_few_artists_make_no_sure_figure():
    """The interval shrinks with the number of artists, at the same number of tracks."""
    targets, widths = np.tile([1, 0], 1200), []
    for n_artists in (12, 300):
        artist = np.arange(2400) * n_artists // 2400
        own = RNG.standard_normal(n_artists)[artist]  # what tracks of an artist share
        scores = targets + own + RNG.standard_normal(2400)
        interval = interval_of_precision(targets, scores, [str(one) for one in artist])
        assert interval.low < average_precision(targets, scores) < interval.high
        widths.append(interval.high - interval.low)
    assert widths[0] > 1.2 * widths[1]


def test_calibrated_scores_are_frequencies():
    """Logits that are far too sure become probabilities."""
    truth = RNG.standard_normal((4000, 2)).astype(np.float32) * 2
    targets = (RNG.random((4000, 2)) < sigmoid(truth)).astype(np.float32)
    weights = np.ones_like(targets)
    calibration = fit_calibration(4 * truth + 3, targets, weights)
    assert calibration_error(targets, sigmoid(4 * truth + 3)) > 0.1
    assert calibration_error(targets, calibration.scores(4 * truth + 3)) < 0.03
    np.testing.assert_allclose(calibration.scale, 0.25, rtol=0.15)


def test_a_label_of_few_tracks_has_the_scale_of_the_others():
    """Three tracks that happen to be apart are no reason to be sure."""
    truth = RNG.standard_normal((2000, 2)).astype(np.float32)
    targets = (RNG.random((2000, 2)) < sigmoid(truth)).astype(np.float32)
    targets[:, 1] = 0
    targets[np.argsort(-truth[:, 1])[:3], 1] = 1
    calibration = fit_calibration(truth, targets, np.ones_like(targets))
    assert calibration.scale[1] < 4
    assert calibration.scores(truth)[:, 1].max() < 0.9


def test_a_threshold_is_the_lowest_that_is_right_often_enough():
    """Above it, three of four are right; a label that never is, is never written."""
    scores = np.linspace(0.99, 0.01, 200, dtype=np.float32)[:, None].repeat(2, axis=1)
    targets = np.zeros((200, 2), np.float32)
    targets[:60, 0] = 1
    targets[::5, 1] = 1
    (first, second) = choose_thresholds(scores, targets, np.ones_like(targets))
    given = scores[:, 0] >= first
    assert 0.74 <= targets[given, 0].mean() <= 0.8
    assert second == NEVER
