"""The spelling that a library already has wins over the model's, without settings."""

import threading
from collections import Counter

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tagger.genres.rules import GenreRules, chosen_names, merged, spelling_key
from tagger.genres.spelling import SAMPLE, Spelling, count_sample, usual_spellings
from tagger.scan.options import ScanOptions
from tagger.scan.scan import scan_files
from tagger.writing.safe_write import write_genres
from tests.engines import RATE, tone_engine

RULES = GenreRules()
LABELS = ("Hip-Hop", "Drum & Bass")


def usual(rules=RULES, **counts):
    """The spellings of a library; `_` stands for a blank."""
    return usual_spellings({name.replace("_", " "): n for name, n in counts.items()}, rules)


def chosen(label, counts, rules=RULES):
    """What is written for a label in a library."""
    rules = Spelling(lambda: counts).over(rules)
    return chosen_names([label], rules, limit=3)[0]


@pytest.mark.parametrize(
    ("label", "counts", "expected"),
    [
        ("Hip-Hop", {"Hip Hop": 3}, "Hip Hop"),
        ("Hip-Hop", {"hiphop": 9, "Hip-Hop": 8}, "hiphop"),
        ("Rock", {"ROCK": 5}, "ROCK"),
        ("Drum & Bass", {"Drum and Bass": 4, "Drum'n'Bass": 1}, "Drum and Bass"),
        ("Drum & Bass", {"Drum n Bass": 4}, "Drum n Bass"),
        ("R&B", {"RnB": 3}, "RnB"),
        ("R&B", {"R 'n' B": 3}, "R 'n' B"),
        ("Rock & Roll", {"Rock\u2019n\u2019Roll": 3}, "Rock\u2019n\u2019Roll"),
        ("Children's", {"Children\u2019s": 3}, "Children\u2019s"),
        ("Hip-Hop", {"Hip Hop": 2}, "Hip-Hop"),
        ("Hip-Hop", {"Hip Hop": 5, "hip hop": 5}, "Hip-Hop"),
        ("Hip-Hop", {"Hip Hop / Rap": 50}, "Hip-Hop"),
        ("Rock", {"Hard Rock": 50}, "Rock"),
        ("Rock", {}, "Rock"),
    ],
)
def test_the_usual_spelling_is_written(label, counts, expected):
    """In three files or more and more often than any other; else the model's."""
    assert chosen(label, counts) == expected


def test_the_owner_has_the_last_word():
    """A named spelling, an alias' target, an allowed name, title case, what is blocked."""
    counts = {"hip hop": 9, "drum and bass": 9}
    named = GenreRules(spellings={"hip-hop": "HipHop"})
    assert chosen("Hip-Hop", counts, named) == "HipHop"
    assert chosen("Drum & Bass", counts, named) == "drum and bass"
    assert chosen("Hip-Hop", counts, GenreRules(letter_case="title")) == "Hip Hop"
    assert chosen("Hip-Hop", counts, GenreRules(block=frozenset({"hip hop"}))) == "Hip-Hop"


def test_joined_strings_count_where_the_owner_reads_them_as_several():
    """`Hip Hop; Pop` is no spelling of hip-hop unless it is two genres."""
    counts = {"Hip Hop; Pop": 5}
    assert chosen("Hip-Hop", counts) == "Hip-Hop"
    assert chosen("Hip-Hop", counts, GenreRules(separators=(";",))) == "Hip Hop"


@pytest.mark.parametrize("bad", ["Hip\ufffdHop", "Hip\x07Hop", "Hip\u200bHop"])
def test_damage_is_no_spelling(bad):
    """Letters that nobody meant or sees are never copied into more files."""
    assert chosen("Hip-Hop", {bad: 50}) == "Hip-Hop"


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.integers(1, 9)))
def test_no_spelling_is_invented(counts):
    """What is usual stands in a file, under the key of all its spellings."""
    for key, name in usual_spellings(counts, RULES).items():
        assert name in {count.strip() for count in counts}
        assert spelling_key(name) == key


def test_another_spelling_alone_is_no_reason_to_write():
    """`replace` leaves Hip Hop where Hip-Hop is usual, unless the owner names a spelling."""
    rules = GenreRules(usual={"hiphop": "Hip-Hop"})
    assert merged(("Hip Hop",), ("Hip-Hop",), rules, policy="replace") == ("Hip Hop",)
    assert merged(("Hip Hop",), ("Hip-Hop",), rules, policy="append") == ("Hip Hop",)
    named = GenreRules(spellings={"hip-hop": "Hip-Hop"})
    assert merged(("Hip Hop",), ("Hip-Hop",), named, policy="replace") == ("Hip-Hop",)


def test_a_library_is_asked_once_and_only_for_a_name(tmp_path):
    """However many threads ask; a scan that writes nothing never does."""
    asked = []
    spelling = Spelling(lambda: asked.append(1) or {"Hip Hop": 3})
    assert asked == []
    threads = [threading.Thread(target=spelling.over, args=(RULES,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for worker in threads:
        worker.join()
    assert spelling.over(RULES).usual == {"hiphop": "Hip Hop"}
    assert asked == [1]


def song(path, *genres):
    """A second of a low tone that holds these genres."""
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(RATE) / RATE
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 200 * t), RATE)
    if genres:
        write_genres(path, genres)
    return path


def test_a_sample_takes_of_each_folder_as_many(tmp_path):
    """First files first; what counts already, cannot be read or hangs is left out."""
    paths = [song(tmp_path / f"{n}" / f"{i}.flac", f"genre {n}") for n in "ab" for i in (1, 2)]
    (tmp_path / "c.flac").write_bytes(b"no music")
    found = count_sample([*paths, tmp_path / "c.flac"], paths[:1])
    assert found == Counter({"genre a": 1, "genre b": 2})
    assert count_sample([], []) == Counter()
    assert SAMPLE >= 100


def test_a_scan_spells_as_the_library_does(tmp_path):
    """Of what is proposed, in one run and whatever is known."""
    songs = [song(tmp_path / f"{i}.flac", "LOW") for i in range(3)]
    new = song(tmp_path / "new.flac")
    spelling = Spelling(lambda: count_sample([*songs, new], []))
    results = scan_files([*songs, new], tone_engine(), ScanOptions(spelling=spelling))
    found = {result.path.name: result for result in results}
    assert found["new.flac"].genres == ("LOW",)
    assert found["0.flac"].status == "kept"
