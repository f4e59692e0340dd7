"""A followed folder that is lost for a while, or is another user's; a file that blinks."""

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from tagger import ScanOptions, TrackResult
from tagger.cli.watch import _folder
from tagger.errors import InputError, NotThereError
from tagger.library.below import is_taken
from tagger.library.selection import WalkOptions, select
from tagger.watching import changes as watched
from tagger.watching.changes import watch_changes
from tagger.watching.follow import FollowOptions, follow
from tagger.watching.settling import signature_of
from tests.watching.disk import Clock


class Walking:
    """Walks and checks paths as a `Tagger` does, and listens to nothing."""

    def __init__(self):
        self.scanned, self.attempts = [], []

    def tracks(self, paths, walk=None):
        return select(paths, walk or WalkOptions()).tracks()

    def scan(self, paths, options=None, *, stop=None):
        self.attempts.append(paths)
        select(paths, WalkOptions()).folders()
        self.scanned += [Path(one).name for one in paths]
        return (TrackResult(path=Path(one), status="kept") for one in paths)

    def forget_gone(self, paths):
        pass


def followed(fake, top, happen, *, look=signature_of):
    """Half a minute of a clock: `happen(second)` changes something and returns what changed."""
    clock, said = Clock(), []

    def changes():
        for second in range(30):
            clock.now = 1_000_000.0 + second
            yield {*happen(second)}

    options = FollowOptions(quiet_s=5, clock=clock, wall=clock, look=look)
    stop = threading.Event()
    results = follow(
        fake, [top], ScanOptions(), changes(), options, stop=stop, on_notice=said.append
    )
    list(results)
    return said


def song(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    os.utime(path, (1, 1))
    return path


@pytest.fixture
def failing(monkeypatch):
    """Lets the system refuse each look at what is below a folder; None ends it."""
    refused, real = {}, os.stat

    def stat(path, *args, **kwargs):
        for folder, code in refused.items():
            if code and str(path).startswith(f"{folder}/"):
                raise OSError(code, os.strerror(code), str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "stat", stat)
    return refused


@pytest.mark.parametrize(
    "code", [errno.EACCES, errno.ENOTCONN, errno.EIO, errno.ESTALE, errno.EHOSTDOWN]
)
def test_what_cannot_be_looked_at_is_left_and_the_rest_is_followed(tmp_path, failing, code):
    """A folder that rsync made for another user only; a share that went with the event."""
    top, fake = tmp_path / "music", Walking()
    top.mkdir()

    def happen(second):
        if second == 1:
            song(top / "Album" / "a.mp3")
        failing[top / "Album"] = code if second == 1 else None
        if second == 1:
            return [top / "Album", top / "Album" / "a.mp3"]
        if second == 2:
            return [song(top / "Other" / "b.mp3")]
        return [top] if second == 12 else []  # as when a share is there again

    followed(fake, top, happen)
    assert fake.scanned == ["b.mp3", "a.mp3"]
    failing[top / "Album"] = code
    assert not is_taken(top / "Album", top, (), is_folder=True)
    assert not is_taken(top / "Album" / "a.mp3", top, ())


class Blinking(Walking):
    """A file is away at the moment in which the scan looks, a number of times."""

    def __init__(self, path, *, times):
        super().__init__()
        self.path, self.times = path, times

    def scan(self, paths, options=None, *, stop=None):
        if self.times == 0:
            return super().scan(paths, options, stop=stop)
        self.times -= 1
        self.path.unlink()
        try:
            return super().scan(paths, options, stop=stop)
        finally:
            song(self.path)


@pytest.mark.parametrize("times", [1, 3])
def test_a_file_that_is_deleted_and_written_anew_is_tried_again(tmp_path, times):
    """As tag editors do; it is waited for each time, and not asked for again and again."""
    fake = Blinking(song(tmp_path / "music" / "a.mp3"), times=times)
    song(tmp_path / "music" / "b.mp3")
    said = followed(fake, tmp_path / "music", lambda _: [])
    assert sorted(fake.scanned) == ["a.mp3", "b.mp3"]
    assert len(fake.attempts) == times + 1
    assert said == []


def test_a_share_that_is_away_while_it_is_scanned_is_scanned_when_it_is_back(tmp_path):
    """Its file looks as it did when it was taken for whole, but it was never listened to."""
    path, is_away = song(tmp_path / "music" / "a.mp3"), [False]

    class Away(Walking):
        def scan(self, paths, options=None, *, stop=None):
            if not self.attempts:
                self.attempts, is_away[0] = [paths], True
                raise NotThereError("cannot be reached")
            return super().scan(paths, options, stop=stop)

    def happen(second):
        is_away[0] = is_away[0] and second < 10
        return [path.parent] if second == 10 else []

    fake = Away()
    look = lambda one: None if is_away[0] else signature_of(one)  # noqa: E731
    followed(fake, path.parent, happen, look=look)
    assert fake.scanned == ["a.mp3"]


def test_what_would_be_refused_again_ends_it(tmp_path):
    """An error that is not about a path that comes and goes."""

    class Refusing(Walking):
        def scan(self, paths, options=None, *, stop=None):
            raise InputError("files are to be written without a state")

    song(tmp_path / "music" / "a.mp3")
    with pytest.raises(InputError, match="without a state"):
        followed(Refusing(), tmp_path / "music", lambda _: [])


@pytest.mark.parametrize("problem", [OSError("EIO about [/m]"), RuntimeError("underlying")])
@pytest.mark.parametrize("is_lost", [True, False])
def test_what_watchfiles_raises_of_a_lost_folder_is_no_end(
    tmp_path, monkeypatch, problem, is_lost
):
    """Whatever it is; but that of folders that are there is told, such as too many of them."""
    pytest.importorskip("watchfiles", reason="pip install '.[watch]'")
    monkeypatch.setattr(watched, "TICK_S", 0.01)
    top = tmp_path / "music"
    top.mkdir()
    said, stop = [], threading.Event()

    def events(folders, stop, *, is_polled):
        yield set()
        if top.exists():
            if is_lost:
                top.rename(tmp_path / "away")
            raise problem

    monkeypatch.setattr(watched, "_events", events)
    told = watch_changes([top], stop=stop, poll=False, on_notice=said.append)
    if is_lost:
        assert [next(told) for _ in range(3)] == [set(), set(), set()]
        assert said == [f"{top}: it cannot be reached; it is waited for."]
    else:
        assert next(told) == set()
        with pytest.raises(type(problem)):
            next(told)


def test_polling_that_is_refused_is_replaced_by_looking_over(tmp_path, monkeypatch):
    """A link in a circle ends watchfiles' polling, as a folder does that may not be read."""
    pytest.importorskip("watchfiles", reason="pip install '.[watch]'")
    monkeypatch.setattr(watched, "TICK_S", 0.05)
    monkeypatch.setattr(watched, "POLL_S", 0.3)
    top, fake, said, stop = tmp_path / "music", Walking(), [], threading.Event()
    song(top / "a.mp3")
    (top / "circle").symlink_to("circle")
    end, named = time.monotonic() + 60, []

    def changes():
        for changed in watch_changes([top], stop=stop, poll=True, on_notice=said.append):
            assert time.monotonic() < end, said
            if len(named) == 1 and not (top / "b.mp3").exists():
                song(top / "b.mp3")
            named.extend(changed if said else ())
            if "b.mp3" in fake.scanned:
                stop.set()
            yield changed

    list(follow(fake, [top], ScanOptions(), changes(), FollowOptions(quiet_s=0.1), stop=stop))
    assert fake.scanned == ["a.mp3", "b.mp3"]
    assert ["Polling is refused" in one for one in said] == [True]


def test_a_folder_that_cannot_be_looked_at_is_refused_with_the_reason(tmp_path, failing):
    """At the start there is nothing to wait for."""
    failing[tmp_path] = errno.EACCES
    with pytest.raises(InputError, match="cannot be reached \\(Permission denied\\)"):
        _folder(tmp_path / "music")
