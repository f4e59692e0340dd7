"""Whatever happens at whatever instant: every file is whole, and the journal knows which."""

import errno
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tagger.errors import TrackError
from tagger.journal.background import write_in_background
from tagger.journal.history import all_runs, changes_of, last_run
from tagger.journal.recover import settle_open
from tagger.journal.run import JournalledRun, WriteRequest
from tagger.journal.undo import UndoOptions, undo
from tagger.state import open_store
from tagger.tags import read_tags
from tagger.tags.payload import payload_hash
from tagger.writing.safe_write import write_genres
from tests.faults import in_child, intercepted
from tests.synth_audio import WRITABLE, make_audio

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="forks, and names Linux's calls"),
]

GENRES = ["Drum & Bass", "Électro"]


@dataclass
class Library:
    """Files with what they hold before and after a write, and the state beside them."""

    folder: Path
    state: Path
    before: dict[Path, bytes] = field(default_factory=dict)
    after: dict[Path, bytes] = field(default_factory=dict)
    payloads: dict[bytes, str] = field(default_factory=dict)

    def add(self, path, name):
        """Take a file in under a name of its own; what it becomes is found out beside."""
        copy = self.folder.parent / path.name
        shutil.copyfile(path, copy)
        old = path.read_bytes()
        if old not in self.payloads:
            container = read_tags(path).container
            write_genres(copy, GENRES)
            self.payloads[old] = payload_hash(path, container)
            assert payload_hash(copy, container) == self.payloads[old]
        else:
            write_genres(copy, GENRES)
        target = self.folder / f"{name}{path.suffix}"
        shutil.copyfile(path, target)
        os.utime(target, ns=(10**18, 10**18))
        self.before[target], self.after[target] = old, copy.read_bytes()

    def requests(self):
        return [WriteRequest(path, GENRES) for path in self.before]

    def write(self):
        """One run of the program: settle what is open, then write what is not written."""
        with open_store(self.state, on_notice=pytest.fail) as store:
            settle_open(store)
            with JournalledRun(store, "scan", "") as run:
                return list(run.write(self.requests()))

    def has_changed(self, n_files, *, rest_s):
        """A question: whether so many files have changed since now, and a moment is over."""

        def changes():
            return {(path, path.stat().st_ctime_ns) for path in self.before}

        since = changes()

        def is_so():
            if len(changes() - since) < n_files:
                return False
            time.sleep(rest_s)
            return True

        return is_so

    def check(self):
        """The next start: every file old or new, nothing else there, the journal right.

        Returns:
            The files that are new.
        """
        with open_store(self.state, on_notice=pytest.fail) as store:
            settled = settle_open(store)
            assert (settled.gone, settled.away) == ((), ())
            assert settle_open(store).sentence is None
            found = [item for run in all_runs(store) for item in changes_of(store, run.id)]
            told = {
                change.path for change in found if not change.undone and change.undoes is None
            }
            assert all(run.n_open == 0 for run in all_runs(store))
        assert set(self.folder.iterdir()) == set(self.before)
        new = set()
        for path, before in self.before.items():
            now = path.read_bytes()
            assert now in (before, self.after[path]), f"{path} is torn"
            if now != before:
                new.add(path)
            assert payload_hash(path, read_tags(path).container) == self.payloads[before]
        assert told == new
        return new

    def undo(self):
        """Take back all runs; every file is what it was."""
        with open_store(self.state, on_notice=pytest.fail) as store:
            while (number := last_run(store)) is not None:
                with JournalledRun(store, "undo", "") as run:
                    results = list(undo(changes_of(store, number), run, UndoOptions()))
                assert {result.status for result in results} == {"written"}
        assert {path: path.read_bytes() for path in self.before} == self.before


@pytest.fixture
def fast():
    """A folder in memory where there is one: SIGKILL does not care for the disk."""
    shm = Path("/dev/shm")
    folder = tempfile.mkdtemp(dir=shm if os.access(shm, os.W_OK) else None)
    yield Path(folder)
    shutil.rmtree(folder)


@pytest.fixture
def library(fast):
    """An empty library."""
    (fast / "music").mkdir()
    return Library(fast / "music", fast / "state.db")


def kill_at(number):
    def act(now, name):
        if now == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return act


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        ("write", ("mp3", "flac")),
        ("write", ("ogg-vorbis", "m4a-aac")),
        ("undo", ("wav", "opus")),
    ],
)
def test_killed_before_each_call_to_the_system(library, tmp_path, command, kinds):
    """From the first look at the first file to the last word in the journal."""
    for kind in kinds:
        library.add(make_audio(tmp_path, kind), kind)
    forth, back = library.write, library.undo
    if command == "undo":
        forth, back = back, forth
        library.write()

    def work(act):
        with intercepted(act) as names:
            forth()
        return names

    calls = work(lambda *_: None)
    back()
    assert {"begin", "commit", "committed", "open", "fsync", "replace", "stat"} <= set(calls)
    n_written = set()
    for number in range(len(calls) + 5):  # later runs have more to settle
        status = in_child(lambda number=number: work(kill_at(number)))
        assert status in (0, -signal.SIGKILL)
        n_written.add(len(library.check()))
        back()
    assert n_written == set(range(len(kinds) + 1))


def test_killed_at_random_instants_during_300_writes(library, tmp_path):
    """Over all containers, in the thread that a scan writes in, again and again till done."""
    kinds = [make_audio(tmp_path, kind, name=kind, title="A title") for kind in WRITABLE]
    for number in range(300):
        library.add(kinds[number % len(kinds)], f"{number:03}")
    chance = random.Random(20261121)

    def work():
        with open_store(library.state, on_notice=pytest.fail) as store:
            settle_open(store)
            with JournalledRun(store, "scan", "") as run:
                requests, stop = iter(library.requests()), threading.Event()
                outcomes = write_in_background(
                    requests,
                    lambda request: request,
                    lambda _, outcome: outcome,
                    writer=run.write,
                    stop=stop,
                )
                for outcome in outcomes:
                    assert isinstance(outcome, bool)

    started = time.monotonic()
    work()
    each_s = (time.monotonic() - started) / 300
    assert library.check() == set(library.before)
    library.undo()
    n_new = []
    for _ in range(12):
        enough, rest_s = chance.randrange(40), chance.uniform(0, each_s)
        status = in_child(work, killed_when=library.has_changed(enough, rest_s=rest_s))
        assert status in (0, -signal.SIGKILL)
        n_new.append(len(library.check()))
    assert n_new == sorted(n_new)
    assert any(0 < item < 300 for item in n_new)
    work()
    assert library.check() == set(library.before)
    library.undo()


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("code", ["ENOSPC", "EIO", "EACCES", "EXDEV", "EPERM", "ESTALE"])
def test_any_call_may_fail(library, tmp_path, code, lasting):
    """The file is whole, the outcome says what happened, and the next start finds order."""
    library.add(make_audio(tmp_path, "flac"), "a")
    (path,) = library.before
    error = getattr(errno, code)
    with open_store(library.state, on_notice=pytest.fail) as store:

        def write(act):
            with JournalledRun(store, "scan", "") as run, intercepted(act, reads=True) as names:
                (outcome,) = run.write(library.requests())
            return outcome, names

        outcome, calls = write(lambda *_: None)
        assert outcome is True
        assert "read" in calls
        seen = set()
        for number, name in enumerate(calls):
            if name in {"begin", "commit", "committed"}:
                continue  # SQLite has its own
            path.write_bytes(library.before[path])

            def act(now, name, number=number):
                if name in {"begin", "commit", "committed", "close"}:
                    return  # a close that fails has closed all the same
                if now == number or (lasting and now > number):
                    raise OSError(error, os.strerror(error))

            n_before = sum(run.n_written for run in all_runs(store))
            outcome, _ = write(act)
            now = path.read_bytes()
            assert now in (library.before[path], library.after[path])
            if outcome is True:
                assert now == library.after[path]
            else:
                assert isinstance(outcome, TrackError)
                assert str(path) in str(outcome)
            seen.add((outcome is True, now == library.after[path]))
            settle_open(store)
            assert settle_open(store).sentence is None
            assert list(library.folder.iterdir()) == [path]
            n_written = sum(run.n_written for run in all_runs(store))
            assert n_written - n_before == (now == library.after[path])
    assert (False, False) in seen


@pytest.mark.parametrize("way", ["replaced", "edited", "removed"])
def test_another_program_may_come_in_between(library, tmp_path, way):
    """Before any call up to the last look at the file: what that program made stays."""
    library.add(make_audio(tmp_path, "flac"), "a")
    (path,) = library.before
    other = library.before[path].replace(b"fLaC", b"fLaX")

    def come():
        if way == "removed":
            path.unlink()
        elif way == "edited":
            path.write_bytes(other)
        else:
            new = path.with_name("new")
            new.write_bytes(other)
            new.replace(path)

    with open_store(library.state, on_notice=pytest.fail) as store:

        def write(act):
            with JournalledRun(store, "scan", "") as run, intercepted(act) as names:
                (outcome,) = run.write(library.requests())
            return outcome, names

        _, calls = write(lambda *_: None)
        for number, name in enumerate(calls):
            if name == "replace":
                continue  # between the last look and the rename nobody can look
            path.write_bytes(library.before[path])
            os.utime(path, ns=(10**18, 10**18))

            def act(now, name, number=number):
                if now == number:
                    come()

            write(act)
            found = path.read_bytes() if path.exists() else None
            assert found == (None if way == "removed" else other), (number, name)
            assert settle_open(store).n_copies == 0
            assert list(library.folder.iterdir()) == ([path] if found else [])
