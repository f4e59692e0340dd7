import numpy as np
import pytest

from tagger.genres.choose import choose_genres, merge_genres, why_abstained
from tests.engines import make_spec

SPEC = make_spec(
    labels=("blues", "jazz", "rock"), thresholds={"blues": 0.5, "jazz": 0.3, "rock": 0.9}
)


def chosen(*scores, **options):
    return choose_genres(np.array(scores, dtype=np.float32), SPEC, **({"top": 3} | options))


def test_each_label_is_held_to_its_own_threshold():
    """A score counts only against the threshold of its label."""
    assert chosen(0.49, 0.31, 0.89) == ("jazz",)


def test_the_best_come_first_and_at_most_top():
    """Order is by score, and `top` cuts the tail."""
    assert chosen(0.6, 0.7, 0.95) == ("rock", "jazz", "blues")
    assert chosen(0.6, 0.7, 0.95, top=2) == ("rock", "jazz")


def test_one_threshold_replaces_all():
    """The user's threshold holds for every label."""
    assert chosen(0.2, 0.2, 0.1, threshold=0.15) == ("blues", "jazz")
    assert chosen(0.6, 0.7, 0.95, threshold=0.99) == ()


@pytest.mark.parametrize(
    ("policy", "previous", "heard", "after"),
    [
        ("fill", (), ("rock",), ("rock",)),
        ("fill", ("Folk",), ("rock",), ("Folk",)),
        ("append", ("Folk", "ROCK"), ("rock", "jazz"), ("Folk", "ROCK", "jazz")),
        ("append", (), ("rock",), ("rock",)),
        ("replace", ("Folk",), ("rock", "jazz"), ("rock", "jazz")),
        ("replace", ("Rock",), ("rock",), ("Rock",)),
        ("replace", ("Rock", "Folk"), ("rock",), ("rock",)),
    ],
)
def test_a_policy_says_what_becomes_of_genres_that_are_there(policy, previous, heard, after):
    """Fill keeps, append adds what is missing whatever its case, replace replaces."""
    assert merge_genres(previous, heard, policy=policy) == after


@pytest.mark.parametrize("policy", ["fill", "append", "replace"])
def test_hearing_nothing_removes_nothing(policy):
    """A model that abstains never empties a tag."""
    assert merge_genres(("Folk",), (), policy=policy) == ("Folk",)


def test_abstaining_names_the_best_label_and_what_it_lacked():
    """The reason tells how far the best label was from its threshold."""
    reason = why_abstained({"rock": 0.8, "jazz": 0.1}, SPEC, threshold=None)
    assert "rock" in reason
    assert "0.80 of 0.90" in reason
