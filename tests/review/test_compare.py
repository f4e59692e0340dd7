"""Two models over the same tracks: what is counted, and what is not."""

import json
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.genres.rules import GenreRules
from tagger.review.compare import Scored, compare, read_own_genres
from tagger.scan.results import TrackResult
from tests.cli.test_cli import tagger
from tests.engines import make_spec
from tests.tones import write_chords


def scored(labels, scores, *, own=(), seconds=2.0, **changes):
    """A model with some labels; `scores` are those of track 0, 1, ... in their order."""
    spec = make_spec(labels=labels, thresholds=dict.fromkeys(labels, 0.5), **changes)
    results = {}
    for i, row in enumerate(scores):
        told = dict(sorted(zip(labels, row, strict=True), key=lambda one: -one[1]))
        genres = tuple(own[i : i + 1])
        path = Path(f"/{i}")
        results[path] = TrackResult(path=path, status="kept", previous=genres, scores=told)
    return Scored(spec=spec, rules=GenreRules(), results=results, seconds=seconds)


OWN = ("Rock", "hip hop", "Polka", "Jazz")


def test_accuracy_counts_where_both_know_the_genre():
    """Polka is nobody's and Jazz one model's: neither model is judged by them."""
    one = scored(
        ("Rock", "Hip-Hop", "Jazz"),
        [(0.9, 0, 0), (0.4, 0.3, 0), (0.9, 0, 0), (0, 0, 0.9)],
        own=OWN,
    )
    other = scored(
        ("Hip-Hop", "Rock"),
        [(0.6, 0.1), (0.7, 0.1), (0.1, 0.2), (0, 0.1)],
        own=OWN,
        seconds=1.0,
    )
    found = compare(one, other)
    first, second = found.models
    assert (found.n_tracks, found.n_same_first, found.n_failed) == (4, 1, 0)
    assert (first.n_own, first.n_first_right, first.n_written, first.n_written_right) == (
        2, 1, 1, 1,
    )  # fmt: skip
    assert (second.n_own, second.n_first_right, second.n_written, second.n_written_right) == (
        2, 1, 2, 1,
    )  # fmt: skip
    assert (first.tracks_per_s, second.tracks_per_s) == (2.0, 4.0)
    assert (first.n_chosen, second.n_chosen) == (3, 2)


def test_labels_agree_across_spellings_and_trees():
    """`Hip Hop` is Hip-Hop, and Techno under Electronic agrees with Electronic."""
    one = scored(("Hip Hop", "Electronic"), [(0.9, 0), (0, 0.9)])
    other = scored(("Hip-Hop", "Dark Electronic"), [(0.9, 0), (0, 0.9)])
    assert compare(one, other).n_same_first == 2


def test_a_track_that_one_could_not_score_counts_as_failed():
    """Neither agreement nor accuracy is counted of it."""
    one = scored(("Rock", "Pop"), [(0.9, 0), (0.9, 0)], own=("Rock", "Rock"))
    other = scored(("Rock", "Pop"), [(0.9, 0)], own=("Rock",))
    found = compare(one, other)
    assert (found.n_tracks, found.n_failed, found.models[0].n_own) == (1, 1, 1)


def test_genres_may_come_from_a_table(tmp_path):
    """They stand in place of the files' own; paths are relative to the table."""
    table = tmp_path / "own.csv"
    table.write_text("path,genre\na.flac,Pop; Rock\nb.flac,\n")
    own = read_own_genres(table)
    assert own == {tmp_path / "a.flac": ("Pop", "Rock"), tmp_path / "b.flac": ()}
    one = scored(("Rock", "Pop"), [(0.9, 0)], own=("Rock",))
    assert compare(one, one, {Path("/0"): ("Pop",)}).models[0].n_first_right == 0
    for text in ("path\na\n", "", "path,genre\n"):
        table.write_text(text)
        with pytest.raises(InputError, match="columns path and genre"):
            read_own_genres(table)


def test_the_command_compares_by_a_table(tmp_path):
    """A model with itself: the same first label everywhere; as a table and as JSON."""
    for name, hz in (("a", 262), ("b", 330)):
        write_chords(tmp_path / f"{name}.flac", hz, seconds=3)
    (tmp_path / "own.csv").write_text("path,genre\na.flac,Rock\nb.flac,Jazz\n")
    command = ("models", "compare", "default", "default", "--on", tmp_path / "own.csv")
    done = tagger(*command, "--device", "cpu", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["n_tracks"], record["n_same_first"]) == (2, 2)
    assert [item["n_own"] for item in record["models"]] == [2, 2]
    shown = tagger(*command, "--device", "cpu").stdout
    assert "first labels agree on 100% of 2" in " ".join(shown.replace("\n", " ").split())


@pytest.mark.parametrize("other", ["none", "torn.onnx"])
def test_both_models_are_looked_at_before_one_is_used(tmp_path, other):
    """A slip in the second name costs no scan with the first one."""
    write_chords(tmp_path / "a.flac", 262, seconds=3)
    (tmp_path / "torn.onnx").write_bytes(b"no model")
    done = tagger("models", "compare", "default", other, "--on", ".", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert other in done.stderr
    assert "Scoring with" not in done.stderr
