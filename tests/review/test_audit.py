import io
from pathlib import Path

import pytest
from rich.console import Console

from tagger.genres.rules import GenreRules
from tagger.reports.audit_tables import show_audit
from tagger.review.audit import Auditor
from tagger.scan.results import TrackResult
from tests.engines import make_spec

LABELS = ("rock", "metal", "hip-hop", "pop")
SPEC = make_spec(labels=LABELS, thresholds=dict.fromkeys(LABELS, 0.5))
TREE = GenreRules(tree={"metal": ("rock",), "grunge": ("rock",)}, aliases={"rap": "hip-hop"})


def auditor(rules=TREE):
    return Auditor(SPEC, rules, threshold=None, limit=3)


def track(*previous, name="a.mp3", status="kept", **scores):
    named = {label.replace("_", "-"): score for label, score in scores.items()}
    ranked = dict(sorted(named.items(), key=lambda one: -one[1]))
    return TrackResult(path=Path(name), status=status, previous=previous, scores=ranked or None)


@pytest.mark.parametrize(
    ("result", "finding"),
    [
        (track("Rock", rock=0.9), "agrees"),
        (track("Pop", rock=0.9, pop=0.05), "disagrees"),
        (track("HIP HOP", hip_hop=0.9), "agrees"),
        (track("Rap", hip_hop=0.9), "agrees"),
        (track("Rap", metal=0.9), "disagrees"),
        (track("Grunge", rock=0.9), "agrees"),
        (track("Rock", metal=0.9), "agrees"),
        (track("Death Metal", metal=0.9), "agrees"),
        (track("Death Metal", hip_hop=0.9), "disagrees"),
        (track("Pop", "Rock", rock=0.9), "agrees"),
        (track("Surf", rock=0.9), "unknown"),
        (track("Trip-Hop", rock=0.9), "unknown"),
        (track("Rock", pop=0.3), "unsure"),
        (track("Rock"), "unsure"),
        (track(rock=0.9), "empty"),
        (track("17", rock=0.9), "numeric"),
        (track("(255)", rock=0.9), "numeric"),
        (track("Other", rock=0.9), "placeholder"),
        (track("Other", "Rock", rock=0.9), "agrees"),
        (track("Rock", status="failed"), "failed"),
    ],
)
def test_each_file_gets_one_finding(result, finding):
    """Aliases, tree, spelling and the last word say what a genre means to the model."""
    assert auditor().assess(result).finding == finding


def test_the_most_certain_disagreement_comes_first():
    """What counts is how much surer the model is of what it hears than of what stands there."""
    judge = auditor()
    tracks = [
        track("Pop", name="unsure", rock=0.6, pop=0.4),
        track("Rock", name="fine", rock=0.9),
        track("Pop", name="sure", metal=0.95, pop=0.01),
    ]
    found, _ = judge.finish(judge.assess(item) for item in tracks)
    assert [item.result.path.name for item in found] == ["sure", "unsure", "fine"]
    assert found[0].certainty == pytest.approx(0.94)


def test_what_is_found_is_a_proposal_that_can_be_applied():
    """The result holds what is suggested and what is there; what agrees proposes nothing."""
    judge = auditor()
    tracks = [track("Pop", name="x", metal=0.9), track("Rock", name="y", rock=0.9)]
    found, _ = judge.finish(judge.assess(item) for item in tracks)
    assert (found[0].result.status, found[0].result.genres) == ("proposed", ("metal",))
    assert "disagrees: the model says metal 0.90" in found[0].result.reason
    assert (found[1].result.status, found[1].result.genres) == ("kept", ("Rock",))


def test_spellings_of_one_genre_are_found_and_the_usual_one_suggested():
    """The rarer spelling is a finding of its own, unless something worse is to be said."""
    judge = auditor(GenreRules())
    names = ["Hip-Hop", "Hip-Hop", "hip hop", "HipHop"]
    tracks = [track(name, name=f"{i}", hip_hop=0.9) for i, name in enumerate(names)]
    found, variants = judge.finish(judge.assess(item) for item in tracks)
    assert [(variant.suggested, dict(variant.spellings)) for variant in variants] == [
        ("Hip-Hop", {"Hip-Hop": 2, "hip hop": 1, "HipHop": 1})
    ]
    assert [file.finding for file in found] == ["variant", "variant", "agrees", "agrees"]
    assert found[0].result.genres == ("Hip-Hop",)


def test_the_owners_spelling_wins_over_the_usual_one():
    """An alias says how a genre is written here."""
    judge = auditor(GenreRules(aliases={"hip hop": "HipHop", "hip-hop": "HipHop"}))
    tracks = [track("hip hop", hip_hop=0.9), track("Hip-Hop", hip_hop=0.9)]
    _, variants = judge.finish(judge.assess(item) for item in tracks)
    assert variants[0].suggested == "HipHop"


def test_a_joined_string_is_judged_as_several_if_the_owner_says_so():
    """'Pop / Rock' agrees with rock once it is read as two genres."""
    rules = GenreRules(separators=("/",))
    assert auditor(rules).assess(track("Surf / Pop", pop=0.9)).finding == "agrees"
    assert auditor(GenreRules()).assess(track("Surf/Pop", pop=0.9)).finding == "unknown"


def test_meanings_go_from_the_nearest_to_the_farthest():
    """The label itself, then its parents; else the label of the last words."""
    assert auditor().meanings("metal") == ("metal", "rock")
    assert auditor().meanings("Melodic Death Metal") == ("metal",)
    assert auditor().meanings("Metallica") == ()


def test_suggestions_are_spelled_as_the_library_does():
    """Most files say Hip Hop, so that is what an empty one would get."""
    judge = auditor()
    tracks = [track("Hip Hop", name=f"{i}", hip_hop=0.9) for i in range(3)]
    tracks += [track(name="new", hip_hop=0.9), track("hip-hop", name="odd", hip_hop=0.9)]
    found, _ = judge.finish(judge.assess(item) for item in tracks)
    genres = {item.result.path.name: item.result.genres for item in found}
    assert genres["new"] == genres["odd"] == ("Hip Hop",)


def test_moods_explain_no_genre():
    """A label of another kind is no word for what a file says."""
    labels = ("rock", "happy")
    spec = make_spec(
        labels=labels, thresholds=dict.fromkeys(labels, 0.5), kinds={"happy": "mood"}
    )
    judge = Auditor(spec, TREE, threshold=None, limit=3)
    assert judge.assess(track("Happy", rock=0.9)).finding == "unknown"


def test_files_that_cannot_be_read_are_named_with_their_reasons():
    """A number of failures alone leaves their owner nothing to do."""
    judge = auditor()
    lost = [
        TrackResult(path=Path(f"/m/{i}.mp3"), status="failed", reason=f"/m/{i}.mp3: cut off")
        for i in range(3)
    ]
    console = Console(file=io.StringIO(), width=100)
    show_audit(console, judge.audit([track("Rock", rock=0.9), *lost]), limit=2)
    shown = console.file.getvalue()
    assert "Could not be read (3)" in shown
    assert [
        line.split(maxsplit=1) for line in shown.splitlines() if line.startswith("/m/")
    ] == [
        ["/m/0.mp3", "cut off"],
        ["/m/1.mp3", "cut off"],
    ]
    assert "and 1 more; --all shows them" in shown
