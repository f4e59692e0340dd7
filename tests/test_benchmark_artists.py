"""Who is kept apart: nothing is learned from an artist of a recording that measures."""

import csv
import importlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROWS = (
    # path, label, artist, group, split
    ("a.opus", "pop", "Post Malone & X.Y.", "one", "valid"),
    ("b.opus", "pop", "One Republic", "two", "valid"),
    ("c.opus", "rock", "", "three", "valid"),
    ("d.opus", "rock", "Wilki", "four", "valid"),
    ("e.opus", "rock", "Beyoncé feat. Wilki", "five", "train"),
    ("f.opus", "speech", "One Republic", "six", "train"),
)
NAMED = (
    # file, label, artist, sure
    ("1.mp3", "pop", "onerepublic", "high"),
    ("2.mp3", "pop", "Shakira x Post Malone", "high"),
    ("3.mp3", "pop", "Shakira", "high"),
    ("4.mp3", "pop", "Adele", "low"),
    ("sub/5.mp3", "rock", "", "medium"),
    ("gone.mp3", "pop", "Shakira", "high"),
)


@pytest.fixture
def benchmark(monkeypatch):
    """A script of `benchmarks/`, by its name."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return importlib.import_module


def write_table(path, names, rows):
    """A table as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    return path


@pytest.fixture
def data(tmp_path):
    """Recordings as a table alone, and a shelf that is learned from in part."""
    folder = tmp_path / "data"
    names = ("path", "label", "artist", "group", "split")
    write_table(folder / "recordings" / "index.csv", names, ROWS)
    for artist in ("Rise_Against", "The_Who"):
        (folder / "library" / artist).mkdir(parents=True)
        (folder / "library" / artist / "song.mp3").touch()
    (folder / "genres-8k").mkdir()
    return folder


@pytest.fixture
def music(tmp_path):
    """Further recordings, with and without a name."""
    for name in ("1.mp3", "2.mp3", "3.mp3", "4.mp3", "sub/5.mp3", "sub/6.mp3"):
        path = tmp_path / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "music"


@pytest.mark.parametrize(
    ("field", "artists"),
    [
        ("OneRepublic", {"onerepublic"}),
        ("One Republic", {"onerepublic"}),
        ("The Beatles", {"beatles"}),
        ("The The", {"the"}),
        ("ROSALÍA", {"rosalia"}),
        ("Браво", {"браво"}),
        ("post malone & x", {"postmalone", "x", "postmalonex"}),
        ("AC/DC", {"ac", "dc", "acdc"}),
        ("a, b;c", {"a", "b", "c", "abc"}),
        ("A feat. B", {"a", "b", "afeatb"}),
        ("A Ft. B", {"a", "b", "aftb"}),
        ("a feat b", {"a", "b", "afeatb"}),
        ("Coldplay X BTS", {"coldplay", "bts", "coldplayxbts"}),
        ("A vs B", {"a", "b", "avsb"}),
        ("A with B", {"a", "b", "awithb"}),
        ("A and B", {"a", "b", "aandb"}),
        ("A (feat. B)", {"a", "b", "afeatb"}),
        ("A (B, C)", {"a", "b", "c", "abc"}),
        ("Max Andersson", {"maxandersson"}),
        ("Swift", {"swift"}),
        ("red_hot_chili_peppers", {"redhotchilipeppers"}),
        ("Honey Singh (Some.Site.Com)", {"honeysingh"}),
        ("www.site.com", set()),
        ("Unknown Artist", set()),
        (" ", set()),
    ],
)
def test_a_field_is_split_into_artists(benchmark, field, artists):
    """Letters and digits alone count, and the field as a whole is a name, too."""
    assert benchmark("artists").artists_of(field) == artists


def test_who_measures_and_who_is_learned_from(benchmark, data, tmp_path):
    """By the table, by the halves that do not measure, and by what a table of theirs names."""
    artists = benchmark("artists")
    assert artists.measured_artists(data) == artists.artists_of_all(row[2] for row in ROWS[:4])
    learned = artists.learned_artists(data)
    assert {"beyonce", "wilki"} <= learned
    assert "onerepublic" not in learned  # no music
    assert "riseagainst" in learned
    assert "who" not in learned  # the half that measures
    table = write_table(
        tmp_path / "index.csv",
        ("path", "label", "group", "split"),
        [
            ("/x/3.mp3", "pop", "artist shakira", "train"),
            ("/x/wilco/4.mp3", "pop", "artist x/wilco/4.mp3", "train"),
            ("/x/5.opus", "pop", "8819230a", ""),
        ],
    )
    assert artists.learned_artists(data, table) - learned == {"shakira"}


def test_what_shares_an_artist_with_what_measures_is_left_out(benchmark, data, music, tmp_path):
    """By another spelling and beside somebody else, and of the music without labels as well."""
    script = benchmark("learning_data")
    table = write_table(tmp_path / "named.csv", ("file", "label", "artist", "sure"), NAMED)
    kept, left_out = script.by_artist(table, music, data)
    assert [Path(row["path"]).name for row in kept] == ["3.mp3", "5.mp3"]
    assert {path.name for path in left_out} == {"1.mp3", "2.mp3"}
    script.link_music(music, tmp_path / "links", without=left_out)
    links = {
        path.relative_to(tmp_path / "links").as_posix()
        for path in (tmp_path / "links").rglob("*.mp3")
    }
    assert links == {"3.mp3", "4.mp3", "sub/5.mp3", "sub/6.mp3"}
    assert (tmp_path / "links" / "sub" / "5.mp3").samefile(music / "sub" / "5.mp3")


def test_first_labels_are_counted_by_whether_the_artist_was_heard(benchmark):
    """Those whose artist nobody knows are among the others; who is named counts again."""
    known = {"a": {"wilki", "x"}, "b": {"shakira"}, "c": {"shakira"}, "d": set()}
    scores = SimpleNamespace(
        rows=[SimpleNamespace(artists=frozenset(names)) for names in known.values()],
        first=lambda: None,
        is_right=lambda _: np.array([True, True, False, False]),
    )
    script = benchmark("recordings")
    assert script.apart_figures(scores, frozenset({"wilki"})) == {
        "share_an_artist": {"n": 1, "accepted": 1.0},
        "strictly_apart": {
            "n": 3,
            "accepted": 0.333,
            "named": {"n": 2, "accepted": 0.5},
        },
    }
    assert script.apart_figures(scores, frozenset())["share_an_artist"]["accepted"] is None


def test_a_folder_that_holds_something_is_refused(
    benchmark, data, music, tmp_path, monkeypatch
):
    """Before anything is written to it, and with what to do."""
    (tmp_path / "out" / "recordings").mkdir(parents=True)
    monkeypatch.setenv("TAGGER_DATA", str(data))
    monkeypatch.setattr(
        "sys.argv", ["learning_data.py", str(tmp_path / "out"), "--music", str(music)]
    )
    with pytest.raises(SystemExit, match=r"out: is not empty, .* Name a new folder, or delete"):
        benchmark("learning_data").main()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["recordings"]
    assert list((tmp_path / "out" / "recordings").iterdir()) == []
