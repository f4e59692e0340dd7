"""What following a folder holds in memory, for few files and for many."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tagger.watching import told as told_module
from tagger.watching.changes import watch_changes
from tagger.watching.remembered import Remembered
from tagger.watching.told import Told

ROOT = Path(__file__).parents[2]
SIGNATURE = (1000, 10**18, 10**18, 7)


def test_following_more_files_takes_no_more_memory():
    """After 2,000 and after 20,000 files, which came, were scanned and left: the same.

    In a process of its own, and not to the byte: the interpreter's table of names doubles once.
    """
    run = "from tests.watching.disk import held_following as held; print(*held(2_000, 20_000))"
    done = subprocess.run(
        [sys.executable, "-c", run], capture_output=True, text=True, check=True, cwd=ROOT
    )
    few, many = map(int, done.stdout.split())
    assert (many - few) / 18_000 < 100  # bytes a file


def test_a_file_is_remembered_as_it_was_left_last():
    """Another signature is none that it was left with; what is dropped is not remembered."""
    table = Remembered(n_slots=1 << 16)
    names = [f"/m/{i}.mp3" for i in range(20_000)]
    for i, name in enumerate(names):
        table.put(name, (i, 0, 0, 0))
        table.put(name, (i, 1, 1, i))
    kept = [table.holds(name, (i, 1, 1, i)) for i, name in enumerate(names)]
    assert sum(kept) > 19_900  # a few share their places with too many others
    assert not any(table.holds(name, (i, 0, 0, 0)) for i, name in enumerate(names))
    table.drop(names[0])
    table.drop("/m/never there.mp3")
    assert not table.holds(names[0], (0, 1, 1, 0))
    assert [table.holds(name, (i, 1, 1, i)) for i, name in enumerate(names)][1:] == kept[1:]


def test_more_files_than_places_lose_some_and_never_mistake_one():
    """A full table forgets; a file that was never put in is not taken for one that was."""
    table = Remembered(n_slots=64)
    for i in range(1000):
        table.put(f"/m/{i}.mp3", SIGNATURE)
        assert table.holds(f"/m/{i}.mp3", SIGNATURE)
    assert sum(table.holds(f"/m/{i}.mp3", SIGNATURE) for i in range(1000)) == 64
    assert not any(table.holds(f"/n/{i}.mp3", SIGNATURE) for i in range(1000))


def test_what_a_thread_is_told_of_is_bounded(monkeypatch):
    """More paths than are kept are none, and the word that there were more; once."""
    monkeypatch.setattr(told_module, "MAX_TOLD", 10)
    told = Told()
    told.listen([set(), {"a"}, {"a", "b"}])
    assert told.is_heard(0)
    assert told.take(0) == {"a", "b"}
    told.listen({f"{i}-{j}" for j in range(3)} for i in range(10))
    assert len(told._paths) == 0
    assert told.take(0) is None
    assert told.take(0) == set()


def test_what_ends_the_events_is_raised_where_they_are_taken():
    """A thread that fails does not leave whoever takes waiting."""

    def failing():
        yield {"a"}
        raise OSError("no more watches")

    told = Told()
    told.listen(failing())
    with pytest.raises(OSError, match="no more watches"):
        told.take(60)


def test_a_burst_while_nobody_asks_names_the_folder(tmp_path, monkeypatch):
    """What comes during a long scan is not kept file by file beyond the bound."""
    pytest.importorskip("watchfiles", reason="pip install '.[watch]'")
    monkeypatch.setattr(told_module, "MAX_TOLD", 100)
    stop = threading.Event()
    changes = watch_changes([tmp_path], stop=stop)
    assert next(changes) == set()
    for i in range(300):
        (tmp_path / f"{i}.mp3").write_bytes(b"")
    time.sleep(2)  # a scan: longer than it takes to gather changes
    assert next(changes) == {tmp_path}
    (tmp_path / "late.mp3").write_bytes(b"")
    assert tmp_path / "late.mp3" in {*next(changes), *next(changes)}
    stop.set()
    assert list(changes) == []
    assert not [one for one in threading.enumerate() if one.name == "changes"]
