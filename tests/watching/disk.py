"""A disk and a clock that are not real, and a `Tagger` that scans such a disk."""

import threading
import tracemalloc
from pathlib import Path

from tagger import ScanOptions, TrackResult
from tagger.errors import InputError
from tagger.watching.follow import FollowOptions, follow


class Disk:
    """Files by name, each with a signature; nothing is on a real disk."""

    def __init__(self):
        self.files = {}

    def write(self, path, size, at=0):
        self.files[str(path)] = (size, int(at * 1e9), int(at * 1e9), 1)

    def look(self, path):
        return self.files.get(str(path))


class FakeTagger:
    """Scans files of a `Disk`: counts them, and writes each that has no genre yet."""

    def __init__(self, disk, *, writes=False):
        self.disk, self.writes = disk, writes
        self.scanned, self.gone = [], []
        self.tagged = set()

    def tracks(self, paths, walk=None):
        tops = [str(one) for one in paths]
        found = [one for one in self.disk.files if any(one.startswith(top) for top in tops)]
        return iter([Path(one) for one in sorted(found)])

    def scan(self, paths, options=None, *, stop=None):
        paths = list(map(str, paths))
        if any(one not in self.disk.files for one in paths):
            raise InputError("there is no such file")
        return (self._result(one) for one in paths)

    def forget_gone(self, paths):
        self.gone += map(str, paths)

    def _result(self, path):
        self.scanned.append(path)
        if not self.writes or path in self.tagged:
            return TrackResult(path=Path(path), status="kept")
        self.tagged.add(path)
        size, mtime, ctime, inode = self.disk.files[path]
        self.disk.files[path] = (size + 10, mtime + 1, ctime + 1, inode + 1)
        return TrackResult(path=Path(path), status="written")


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


class Endless:
    """A disk on which each name is a file, and a `Tagger` that writes it; none is kept here."""

    def look(self, path):
        return (1000, hash(path), 10**18, 7)

    def tracks(self, paths, walk=None):
        return iter(())

    def scan(self, paths, options=None, *, stop=None):
        return (TrackResult(path=Path(path), status="written") for path in paths)


def held_following(*numbers):
    """Bytes held after so many files came into a followed folder and were written."""
    disk, clock, held = Endless(), Clock(), []

    def changes():
        yield set()
        for first in range(0, numbers[-1], 1000):
            yield {Path(f"/m/{first}/{i:06}.mp3") for i in range(first, first + 1000)}
            clock.now += 10
            yield set()
            if first + 1000 in numbers:
                held.append(tracemalloc.get_traced_memory()[0])

    when = FollowOptions(quiet_s=5, pass_s=1e9, clock=clock, wall=clock, look=disk.look)
    tracemalloc.start()
    tops, stop = [Path("/m")], threading.Event()
    n_results = sum(1 for _ in follow(disk, tops, ScanOptions(), changes(), when, stop=stop))
    assert n_results == numbers[-1]
    return held
