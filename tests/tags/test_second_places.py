"""A genre that stands in a second place: counted, changed, taken back, for every reader."""

from pathlib import Path

import mutagen
import pytest
from mutagen.apev2 import APEv2

from tagger.tags import read_tags
from tagger.writing.safe_write import write_genres
from tests.synth_audio import make_audio
from tests.tags.readers import shown_genres
from tests.tags.second_places import OLD, PLACES, policed, written

FIRST_ONLY = {"FFmpeg", "MediaInfo", "ID3v1"}
"""Readers that show the first of several values, where values stand apart, or have one code."""

CASES = [(kind, place) for kind, places in PLACES.items() for place in places]


@pytest.fixture
def song(tmp_path):
    """Makes a file of a kind without any tag, and changes it."""

    def make(kind: str, place: str) -> Path:
        path = make_audio(tmp_path, kind, duration_s=0.2)
        if kind in {"mp3", "tta"}:
            mutagen.File(path).delete()
        if kind == "wavpack":
            APEv2(path).delete()
        PLACES[kind][place](path)
        return path

    return make


@pytest.mark.parametrize(("kind", "place"), CASES)
def test_fill_counts_it_as_a_genre(song, kind, place):
    """Wherever it stands, it is one, and the file stays as it is."""
    path = song(kind, place)
    assert read_tags(path).genres == (OLD,)
    assert policed(path, "fill", "Zouk") == (OLD,)
    assert not write_genres(path, [OLD])


@pytest.mark.parametrize("genres", [("Zouk",), ("Zouk", "Folk"), ("Folk",)])
@pytest.mark.parametrize(("kind", "place"), CASES)
def test_after_replace_no_reader_shows_the_old_genre(song, kind, place, genres):
    """Each reader shows the new ones, or none where a place has no room for them."""
    path = song(kind, place)
    written(path, policed(path, "replace", *genres))
    shown = shown_genres(path)
    assert shown, "no reader shows any"
    for reader, seen in shown.items():
        assert set(seen) <= set(genres), f"{reader} shows {seen}"
    assert OLD.encode() not in path.read_bytes()


@pytest.mark.parametrize(("kind", "place"), CASES)
def test_after_append_both_are_shown(song, kind, place):
    """Readers of several values show both; the others the first, as of any list."""
    path = song(kind, place)
    assert written(path, policed(path, "append", "Zouk")) == (OLD, "Zouk")
    shown = shown_genres(path)
    assert any(set(seen) == {OLD, "Zouk"} for seen in shown.values())
    for reader, seen in shown.items():
        is_short = (reader in FIRST_ONLY or "id3v1" in place) and seen == [OLD]
        assert set(seen) == {OLD, "Zouk"} or is_short, f"{reader} shows {seen}"


@pytest.mark.parametrize("genre", ["Ska", "Zouk"])
@pytest.mark.parametrize(("kind", "place"), CASES)
def test_another_genre_in_the_first_place_comes_first(song, kind, place, genre):
    """Replace takes both away; append keeps what is spelled out in either."""
    path = song(kind, place)
    write_genres(path, [genre])
    PLACES[kind][place](path)
    found = read_tags(path).genres
    assert found in ((genre,), (genre, OLD), (OLD, genre), (OLD,))
    written(path, policed(path, "replace", "Polka"))
    for reader, seen in shown_genres(path).items():
        assert set(seen) == {"Polka"}, f"{reader} shows {seen}"
