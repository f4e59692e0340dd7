"""A model whose labels stand in a tree and have kinds: what is decided, written and told."""

import numpy as np
import pytest
import soundfile

from tagger.genres.choose import choose_genres, scores_by_kind, track_scores
from tagger.genres.rules import GenreRules, ancestors, chosen_names, merged
from tagger.genres.target_fields import Targets
from tagger.model.load import Engine
from tagger.reports.report import to_record
from tagger.scan.options import ScanOptions
from tagger.scan.records import TrackScores
from tagger.scan.scan import scan_files
from tagger.scan.timeline import segments, timeline_of
from tagger.settings.model_overrides import rules_of, targets_of, with_settings
from tests.engines import RATE, make_spec

LABELS = (
    "Electronic",
    "Rock",
    "Techno",
    "House",
    "Punk",
    "Ska",
    "Happy",
    "Sad",
    "Instrumental",
)
SPEC = make_spec(
    labels=LABELS,
    thresholds=dict.fromkeys(LABELS, 0.5) | {"Techno": 0.8},
    parents={
        "Techno": "Electronic",
        "House": "Electronic",
        "Punk": "Rock",
        "Ska": "Reggae",
        "Reggae": "World",
    },
    kinds={"Happy": "mood", "Sad": "mood", "Instrumental": "voice"},
)


def scores(**known):
    """Scores of a track in the order of the labels; 0.1 where none is given."""
    return np.array([known.get(label, 0.1) for label in LABELS], np.float32)


def written(level="specific", limit=3, spec=SPEC, rules=None, **known):
    """The genres that a track gets."""
    rules = rules or rules_of(settings(tree_level=level), spec)
    believed = choose_genres(scores(**known), spec, top=len(LABELS))
    genres, _ = Targets().split(believed, spec)
    return chosen_names(genres, rules, limit=limit)


def settings(**changes):
    """The owner's settings, all others as they come."""
    from tagger.settings.config import Settings  # noqa: PLC0415 - the name is a fixture elsewhere

    return Settings(**changes)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("specific", ("Techno", "Punk")),
        ("general", ("Electronic", "Rock")),
        ("both", ("Techno", "Punk", "Electronic", "Rock")),
    ],
)
def test_the_tree_of_the_model_needs_no_settings(level, expected):
    """A parent gives way to a child that is sure, or the child to it, or both are written."""
    found = written(level, limit=9, Techno=0.9, Electronic=0.95, Punk=0.7, Rock=0.6)
    assert set(found) == set(expected)
    assert len(found) == len(expected)


def test_of_both_the_child_comes_first():
    """A player that shows one genre shows the one that says more."""
    assert written("both", Techno=0.9) == ("Techno", "Electronic")


@pytest.mark.parametrize("level", ["specific", "general"])
def test_three_genres_are_no_contradictory_pair(level):
    """Whatever is sure, no genre stands beside one above it."""
    rng = np.random.default_rng(0)
    rules = rules_of(settings(tree_level=level), SPEC)
    for _ in range(300):
        known = dict(zip(LABELS, rng.random(len(LABELS)), strict=True))
        found = written(rules=rules, **known)
        above = {up for name in found for up in ancestors(name, rules)}
        assert not above & set(found)


def test_a_child_that_is_not_sure_gives_way_to_its_parent():
    """The parent is at least as sure as its best child: 0.7 of techno is 0.7 of electronic."""
    assert written(Techno=0.7, Electronic=0.2) == ("Electronic",)
    assert written(Techno=0.4, House=0.45, Electronic=0.2) == ()
    assert written(Techno=0.9, Electronic=0.0) == ("Techno",)


def test_a_parent_without_a_score_is_written_where_the_general_is_asked_for():
    """Ska is a label; Reggae and World are names above it."""
    assert written(Ska=0.9) == ("Ska",)
    assert written("general", Ska=0.9) == ("World",)


def test_scores_are_told_as_they_were_decided():
    """A parent lifted to its child stands behind it; what the model gave is not lowered."""
    found = track_scores(scores(Techno=0.9, Electronic=0.2, Rock=0.3), SPEC)
    assert list(found)[:2] == ["Techno", "Electronic"]
    assert found["Electronic"] == found["Techno"]
    assert found["Rock"] == pytest.approx(0.3)


def test_a_label_that_needs_everything_is_never_written():
    """A threshold of 1 shows a label and keeps it out; its parent takes what it has."""
    spec = make_spec(
        labels=LABELS,
        thresholds=dict(SPEC.thresholds) | {"Punk": 1.0},
        parents=SPEC.parents,
        kinds=SPEC.kinds,
    )
    assert written(spec=spec, Punk=1.0) == ("Rock",)
    found = choose_genres(scores(Punk=1.0), spec, top=9, threshold=0.9)
    assert set(found) == {"Punk", "Rock"}  # the owner's own threshold is for all labels


def test_the_owners_tree_lies_over_that_of_the_model():
    """Another parent, none at all, or one more level; circles are the owner's to close."""
    owner = settings(
        tree={"Punk": ("Loud",), "House": (), "Electronic": ("Dance",), "World": ("Ska",)}
    )
    spec, _ = with_settings(SPEC, owner)
    rules = rules_of(owner, spec)
    assert ancestors("Punk", rules) == ("Loud",)
    assert ancestors("House", rules) == ()
    assert ancestors("Techno", rules) == ("Electronic", "Dance")
    assert "Ska" in ancestors("World", rules)
    assert track_scores(scores(Punk=0.9), spec)["Rock"] == pytest.approx(0.1)


def test_aliases_rename_the_tree_of_the_model():
    """Who calls Electronic Dance, and Techno Tech, has Tech below Dance."""
    owner = settings(aliases={"electronic": "Dance", "techno": "Tech", "house": "Dance"})
    rules = rules_of(owner, SPEC)
    assert ancestors("Tech", rules) == ("Dance",)
    assert ancestors("Dance", rules) == ()
    assert written(rules=rules, Techno=0.9, House=0.9, Electronic=0.9) == ("Tech",)


def test_a_blocked_child_gives_way_to_its_parent_unless_another_child_is_there():
    """No pair comes about by what may not be written."""
    rules = rules_of(settings(block=("Techno",)), SPEC)
    assert written(rules=rules, Techno=0.9) == ("Electronic",)
    assert written(rules=rules, Techno=0.9, House=0.9) == ("House",)


def test_appending_adds_nothing_more_general_than_what_is_there():
    """A file with Techno is not told that it is Electronic."""
    rules = rules_of(settings(), SPEC)
    assert merged(("techno",), ("Electronic", "Rock"), rules, policy="append") == (
        "techno",
        "Rock",
    )
    rules = rules_of(settings(tree_level="both"), SPEC)
    assert merged(("techno",), ("Electronic",), rules, policy="append") == (
        "techno",
        "Electronic",
    )


def test_moods_are_no_genres():
    """However sure, a label of another kind goes nowhere unless it is asked for."""
    assert written(Happy=0.99, Instrumental=0.99, Rock=0.6) == ("Rock",)
    genres, others = scores_by_kind(scores(Happy=0.99, Rock=0.6), SPEC)
    assert next(iter(genres)) == "Rock"
    assert "Happy" not in genres
    assert list(others) == ["mood", "voice"]
    assert others["mood"] == {"Happy": 0.99, "Sad": 0.1}
    assert scores_by_kind(np.array([0.2, 0.3], np.float32), make_spec())[1] is None


@pytest.mark.parametrize(
    ("second", "field", "labels"),
    [
        ({"kind": ("mood",)}, "mood", {"happy", "sad"}),
        ({"kind": ("voice",)}, "voice", {"instrumental"}),
        ({"kind": ("mood", "voice")}, "mood", {"happy", "sad", "instrumental"}),
        ({"kind": ("mood",), "labels": ("Ska",)}, "mood", {"happy", "sad", "ska"}),
        ({"kind": ("voice",), "field": "comment"}, "comment", {"instrumental"}),
        ({"kind": ("instrument",)}, None, set()),
    ],
)
def test_a_kind_can_be_written_to_another_field(second, field, labels):
    """It stands beside labels that are named; the field is called as the kind is."""
    from datetime import date  # noqa: PLC0415 - of this test alone

    owner = settings(second=second, origins={"second": "here"})
    targets = targets_of(owner, SPEC, today=date(2026, 1, 1))
    assert (targets.second_field, targets.second_labels) == (field, labels)
    notes = with_settings(SPEC, owner)[1]
    assert bool(notes) is (field is None)
    assert all("no label of the kind 'instrument' (it has: genre, mood, voice)" in note
               for note in notes)  # fmt: skip


class FixedSession:
    """The same scores for every window."""

    def __init__(self, **known):
        self.scores = scores(**known)

    def run(self, _outputs, feed):
        return [np.repeat(self.scores[None], len(feed["waveform"]), axis=0)]


@pytest.fixture
def song(tmp_path):
    """A few seconds of a tone."""
    t = np.arange(4 * RATE) / RATE
    soundfile.write(tmp_path / "song.flac", 0.3 * np.sin(2 * np.pi * 440 * t), RATE)
    return tmp_path / "song.flac"


def heard(song, options=None, **known):
    """What a scan says of a song with these scores."""
    options = options or ScanOptions()
    engine = Engine(song, SPEC, "cpu", None, FixedSession(**known))
    (result,) = scan_files([song], engine, options)
    return result


def test_a_scan_writes_moods_where_they_are_asked_for_and_nowhere_else(song):
    """The record tells of the other kinds apart from the genres."""
    result = heard(song, Happy=0.9, Techno=0.9)
    assert (result.genres, result.second) == (("Techno", "Electronic"), None)
    assert to_record(result)["others"]["mood"]["Happy"] == pytest.approx(0.9)
    assert "Happy" not in result.scores
    targets = Targets(second_field="mood", second_labels=frozenset({"happy", "sad"}))
    result = heard(song, ScanOptions(targets=targets), Happy=0.9, Techno=0.9)
    assert result.second.values == ("Happy",)


def test_a_track_with_sure_moods_alone_abstains_by_its_best_genre(song):
    """The reason speaks of genres; a mood is no reason to say that something is forbidden."""
    result = heard(song, Happy=0.99, Rock=0.4)
    assert result.status == "abstained"
    assert "the best is Rock with 0.40 of 0.50" in result.reason


def test_what_is_heard_when_goes_by_the_tree():
    """A segment is the child where it is sure, else its parent; moods are no part of it."""
    track = TrackScores(
        "x",
        duration_s=1.5,
        starts_s=[0.0, 0.5, 1.0],
        window_scores=[
            scores(Techno=0.9, Happy=0.95),
            scores(Techno=0.7, Happy=0.95),
            scores(Techno=0.4, Happy=0.95),
        ],
    )
    timeline = timeline_of(track, SPEC)
    assert "Happy" not in timeline.labels
    found = segments(timeline, SPEC, threshold=None)
    assert [segment.label for segment in found] == ["Techno", "Electronic", None]


def test_a_model_of_moods_alone_writes_no_genre(song):
    """It abstains in a sentence."""
    labels = ("Happy", "Sad")
    spec = make_spec(labels=labels, kinds=dict.fromkeys(labels, "mood"),
                     thresholds=dict.fromkeys(labels, 0.5))  # fmt: skip

    class Session:
        def run(self, _outputs, feed):
            return [np.full((len(feed["waveform"]), 2), 0.9, np.float32)]

    (result,) = scan_files([song], Engine(song, spec, "cpu", None, Session()), ScanOptions())
    assert (result.status, result.reason) == ("abstained", "the model knows no genres")


def test_rules_without_a_tree_are_as_they_were():
    """A model that has no tree changes nothing of the owner's rules."""
    assert rules_of(settings(), make_spec()) == GenreRules()
