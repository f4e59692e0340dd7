"""A state counts how genres are spelled, whatever becomes of the files."""

import json
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from tagger.state import open_store
from tagger.state.records import CacheKey
from tagger.state.scan_cache import ScanCache
from tagger.state.schema import MIGRATIONS
from tagger.state.spellings import census_of

KEYS = CacheKey("listening", "reading", "decision", "embedding", lambda: "decoders")


@pytest.fixture
def store(own_state):
    """An open state."""
    with open_store(own_state, on_notice=pytest.fail) as store:
        yield store


def put(memory, folder, name, *genres, **more):
    """Record a file with these genres."""
    entry = (name, 1, 2, 3, 1, 4)
    tags = json.dumps({"genre": genres, **more})
    memory.store_file(
        Path(folder), entry, container="flac", tags=tags, unwritable=None, content=None,
        error=None,
    )  # fmt: skip


def recounted(store):
    """The counts, found anew from all files."""
    found = Counter()
    with store.reading() as connection:
        for (tags,) in connection.execute("SELECT tags FROM file"):
            found.update(set(json.loads(tags).get("genre", ())))
    return dict(found)


def test_counts_follow_the_files(store):
    """Added, seen again with other genres, changed by us, forgotten: each is counted once."""
    memory = ScanCache(store, KEYS)
    put(memory, "/m", "a", "Hip Hop", "Hip Hop", "Rap")
    put(memory, "/m", "b", "Hip Hop", mood=["Rap"])
    put(memory, "/m", "c")
    put(memory, "/n", "a", "Rock")
    memory.flush()
    assert census_of(store, few=9).counts == {"Hip Hop": 2, "Rap": 1, "Rock": 1}
    put(memory, "/m", "a", "Rap", "Jazz")
    memory.store_change(Path("/m"), ("c", 1, 2, 3, 1, 4), json.dumps({"genre": ["Rap"]}))
    memory.forget(Path("/n"), ["a", "no such file"])
    memory.flush()
    found = census_of(store, few=9)
    assert found.counts == {"Hip Hop": 1, "Rap": 2, "Jazz": 1} == recounted(store)
    assert set(found.few) == {Path("/m/a"), Path("/m/b"), Path("/m/c")}
    assert census_of(store, few=3).few is None


def test_an_older_state_is_counted_when_it_is_opened(own_state):
    """What it knew before there were counts is not lost."""
    with open_store(own_state, on_notice=pytest.fail, migrations=MIGRATIONS[:4]) as store:
        memory = ScanCache(store, KEYS)
        for name in "abc":
            put(memory, "/m", name, "Hip Hop", "Hip Hop")
        memory.flush()
    with open_store(own_state, on_notice=pytest.fail) as store:
        assert census_of(store, few=9).counts == {"Hip Hop": 3}


def test_a_name_that_is_no_text_is_left_out(store):
    """A lone surrogate, as of a tag in a wrong encoding, is no spelling to copy."""
    memory = ScanCache(store, KEYS)
    put(memory, "/m", "a", "Hip\udce9", "Pop")
    memory.flush()
    assert census_of(store, few=9).counts == {"Pop": 1}


def test_the_counts_are_a_table_that_no_scan_adds_up(own_state, store):
    """An unchanged library pays for one small table, not for its files."""
    with sqlite3.connect(own_state) as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT CAST(genre AS BLOB), files FROM spelling WHERE files > 0"
        ).fetchall()
    assert [row[3] for row in plan] == ["SCAN spelling"]
