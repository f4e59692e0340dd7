"""What is said of learned labels where some tracks are known to lack a label, and no more."""

import numpy as np
import pytest

from tagger.learning.held_out import HeadOptions
from tagger.learning.learn import learn
from tagger.learning.table import LabelledTrack, LearningTable

N_KNOWN = 80
N_UNDONE = 80


def table(tmp_path):
    """Half is known to be Rock or Pop; the other half sounds like Rock, and is not Pop.

    Noise is a label that says nothing of the sound.
    """
    rng = np.random.default_rng(0)
    n = N_KNOWN + N_UNDONE
    is_known = np.arange(n) < N_KNOWN
    is_rock = ~is_known | (np.arange(n) % 2 == 0)
    targets = np.zeros((n, 3), np.float32)
    targets[:, 0] = is_known & is_rock
    targets[:, 1] = ~is_rock
    targets[:, 2] = is_known & (np.arange(n) % 4 < 2)
    weights = np.where(is_known[:, None], np.float32([1, 1, 1]), np.float32([0, 5, 0]))
    features = rng.standard_normal((n, 4)).astype(np.float32)
    features[:, 0] += np.where(is_rock, 8, -8)
    artists = tuple(f"band {i // 4}" for i in range(n))
    tracks = [LabelledTrack(tmp_path / str(i), artists[i], ()) for i in range(n)]
    labels = ("Rock", "Pop", "Noise")
    return LearningTable(tracks, labels, features, targets, weights, artists)


@pytest.fixture
def learned(tmp_path):
    """What is learned from it."""
    return learn(table(tmp_path), HeadOptions(penalties=(1.0, 0.1)))


def test_chance_is_of_the_tracks_that_the_average_precision_is_of(learned):
    """Each label's, and the mean below: tracks of which nobody knows a label are in neither."""
    priors = {row.label: row.prior for row in learned.rows}
    assert priors == {"Rock": pytest.approx(0.5), "Pop": pytest.approx(0.25)}
    assert learned.figures["macro_prior"] == pytest.approx(np.mean(list(priors.values())))


def test_a_label_that_is_as_good_as_chance_is_not_learned(learned):
    """Tracks of which nobody knows it do not lower what chance is."""
    (left_out,) = learned.left_out
    assert left_out.label == "Noise"
    assert "0.50 is chance" in left_out.reason


def test_the_interval_is_of_the_same_tracks(learned):
    """What sounds like Rock and may be Rock is nothing against it."""
    rock = learned.rows[0]
    assert rock.average_precision == pytest.approx(1)
    assert rock.interval.low == pytest.approx(1)


def test_what_nobody_knows_is_not_counted_as_wrong(learned):
    """Rock for a track that is known not to be Pop is no mistake, and is written."""
    assert learned.figures["written_right"] == pytest.approx(1)
    assert learned.figures["calibration_error"] < 0.05
    assert learned.figures["share_of_tracks_written"] > 0.95
