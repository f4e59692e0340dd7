"""Folders followed through days of a clock, on a disk that is not real."""

import threading
from pathlib import Path

import pytest

from tagger import ScanOptions, TrackResult
from tagger.library.below import is_taken
from tagger.library.walk import find_tracks
from tagger.watching import settling
from tagger.watching.follow import FollowOptions, follow
from tests.watching.disk import Clock, Disk, FakeTagger


def run_day(disk, fake, clock, happen, *, seconds, step=1, folders=(Path("/m"),), **options):
    """A day of a clock: `happen(second)` changes the disk and returns what changed."""

    def changes():
        for second in range(0, seconds, step):
            clock.now = 1_000_000.0 + second
            yield {Path(one) for one in happen(second)}

    when = FollowOptions(quiet_s=5, clock=clock, wall=clock, look=disk.look, **options)
    stop = threading.Event()
    return [
        one.path for one in follow(fake, folders, ScanOptions(), changes(), when, stop=stop)
    ]


def test_a_day_of_arrivals_ends_with_each_file_scanned_once():
    """24 hours: files arrive slowly, are moved, tagged by others, deleted; each in its time."""
    disk, clock = Disk(), Clock()
    fake = FakeTagger(disk, writes=True)
    scanned_at = {}

    def happen(second):
        at, hour = clock.now, second // 3600
        changed = []
        if second % 3600 < 8:  # eight seconds of a copy, the name stays
            disk.write(f"/m/{hour}.mp3", second % 3600 + 1, at)
            changed.append(f"/m/{hour}.mp3")
        if second % 3600 == 1800 and hour % 3 == 0:  # moved: the times stay
            disk.files[f"/m/moved/{hour}.mp3"] = disk.files.pop(f"/m/{hour}.mp3")
            fake.tagged.add(f"/m/moved/{hour}.mp3")
            changed += [f"/m/{hour}.mp3", f"/m/moved/{hour}.mp3"]
        if second % 3600 == 2400 and hour % 5 == 1:
            disk.files.pop(f"/m/{hour}.mp3", None)
            changed.append(f"/m/{hour}.mp3")
        changed += fake.scanned[len(scanned_at) :]  # its own writes' events
        for one in fake.scanned[len(scanned_at) :]:
            scanned_at[len(scanned_at)] = (one, second)
        return changed

    run_day(disk, fake, clock, happen, seconds=24 * 3600, pass_s=1e9)
    names = [one for one in fake.scanned if "moved" not in one]
    assert names == [f"/m/{hour}.mp3" for hour in range(24)]
    assert [one for one in fake.gone if one in names] == fake.gone
    assert {*fake.gone} == {
        f"/m/{hour}.mp3" for hour in range(24) if hour % 3 == 0 or hour % 5 == 1
    }
    moved = [one for one in fake.scanned if "moved" in one]
    assert moved == [f"/m/moved/{hour}.mp3" for hour in range(0, 24, 3)]
    for path, second in scanned_at.values():
        if "moved" not in path:
            assert 8 + 4 <= second % 3600 <= 8 + 7, (path, second)


def test_what_no_event_told_of_is_found_by_the_next_pass():
    """Every six hours everything is looked at; a file that is still written waits on."""
    disk, clock = Disk(), Clock()
    fake = FakeTagger(disk)
    disk.write("/m/old.mp3", 1, clock.now - 100)

    def happen(second):
        if second == 600:
            disk.write("/m/unseen.mp3", 1, clock.now)
        if second == 6 * 3600 - 1:
            disk.write("/m/young.mp3", 1, clock.now)
        return ()

    run_day(disk, fake, clock, happen, seconds=7 * 3600)
    assert fake.scanned == ["/m/old.mp3", "/m/old.mp3", "/m/unseen.mp3", "/m/young.mp3"]


def test_a_file_that_is_held_open_waits_until_it_is_closed():
    """Found by a look at everything or told by an event: the closing itself tells nothing."""
    disk, clock = Disk(), Clock()
    fake, held = FakeTagger(disk), {"/m/found.mp3", "/m/told.mp3"}
    disk.write("/m/found.mp3", 1, clock.now - 100)
    disk.write("/m/old.mp3", 1, clock.now - 10_000)

    def happen(second):
        if second == 10:
            disk.write("/m/told.mp3", 1, clock.now)
            return ["/m/told.mp3"]
        if second == 60:
            assert fake.scanned == ["/m/old.mp3"]
            held.clear()
        return ()

    run_day(disk, fake, clock, happen, seconds=90, is_held=lambda path: path in held)
    assert sorted(fake.scanned) == ["/m/found.mp3", "/m/old.mp3", "/m/told.mp3"]


def test_files_that_vanish_between_two_looks_cost_themselves_only():
    """A scan that is refused for a lost file is repeated without it."""
    disk, clock = Disk(), Clock()

    class Racing(FakeTagger):
        def scan(self, paths, options=None, *, stop=None):
            disk.files.pop("/m/b.mp3", None)
            return super().scan(paths, options, stop=stop)

    fake = Racing(disk)
    for name in "abc":
        disk.write(f"/m/{name}.mp3", 1, clock.now - 100)
    run_day(disk, fake, clock, lambda _: (), seconds=3)
    assert fake.scanned == ["/m/a.mp3", "/m/c.mp3"]


def test_a_burst_larger_than_memory_is_looked_at_as_folders(monkeypatch):
    """Beyond the bound nothing is lost, nor scanned twice: all is looked over once quiet."""
    monkeypatch.setattr(settling, "MAX_WAITING", 10)
    disk, clock = Disk(), Clock()
    fake = FakeTagger(disk)

    def happen(second):
        if second != 1:
            return ()
        for i in range(50):
            disk.write(f"/m/{i}.mp3", 1, clock.now)
        return [f"/m/{i}.mp3" for i in range(50)]

    run_day(disk, fake, clock, happen, seconds=40, pass_s=1e9)
    assert sorted(fake.scanned) == sorted(disk.files)


@pytest.mark.parametrize("exclude", [(), ("Podcasts/", "*.wav"), ("/live",), ("!@eaDir",)])
def test_one_path_is_judged_as_a_walk_judges_it(tmp_path, exclude):
    """Hidden, kept by systems, excluded, marked: the same files as a walk of the top."""
    names = [
        "a.mp3", "b.txt", ".hidden.mp3", "x.wav", "@eaDir/a.mp3", "@eaDir/b.mp3/c.mp3",
        ".h/a.mp3", "Podcasts/a.mp3", "deep/Podcasts/b.flac", "live/a.mp3",
        "deep/live/a.mp3", "no/a.mp3",
        "no/deep/b.mp3", "some/one.mp3", "some/two.mp3", "a.mp3.part",
    ]  # fmt: skip
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "no" / ".nomedia").write_text("")
    (tmp_path / "some" / ".ndignore").write_text("two.mp3\n")
    walked = set(find_tracks([tmp_path], exclude=exclude))
    single = {tmp_path / one for one in names if is_taken(tmp_path / one, tmp_path, exclude)}
    assert single == walked
    assert is_taken(tmp_path, tmp_path, exclude, is_folder=True)
    assert not is_taken(tmp_path / "no", tmp_path, exclude, is_folder=True)


def test_a_folder_that_is_named_again_and_again_is_scanned_for_its_news(tmp_path):
    """As polling names it for every file that comes or is written: the others are left out.

    A file that could not be read is tried again; a pass looks at everything.
    """
    disk, clock = Disk(), Clock()

    class Failing(FakeTagger):
        def _result(self, path):
            result = super()._result(path)
            if path.endswith("b.mp3") and self.scanned.count(path) == 1:
                return TrackResult(path=Path(path), status="failed")
            return result

    fake = Failing(disk, writes=True)
    for name in "abc":
        disk.write(tmp_path / f"{name}.mp3", 1, clock.now - 100)

    def happen(second):
        if second == 10:
            disk.write(tmp_path / "new.mp3", 1, clock.now - 100)  # moved in, with its times
        return [tmp_path] if second in (3, 10, 30) else []

    run_day(disk, fake, clock, happen, seconds=100, folders=(tmp_path,), pass_s=60)
    names = [Path(one).stem for one in fake.scanned]
    assert names == ["a", "b", "c", "b", "new", "a", "b", "c", "new"]


def test_a_folder_that_cannot_be_listed_is_told_of_once():
    """However often it is met; another reason is told as well."""
    disk, clock, told = Disk(), Clock(), []

    class Refused(FakeTagger):
        def tracks(self, paths, walk=None):
            walk.on_error(Path("/m/no"), "denied" if clock.now < 1_000_050 else "gone")
            return super().tracks(paths, walk)

    def changes():
        for _ in range(100):
            yield set()
            clock.now += 1

    options = FollowOptions(pass_s=10, clock=clock, wall=clock, look=disk.look)
    stop = threading.Event()
    results = follow(
        Refused(disk), [Path("/m")], ScanOptions(), changes(), options, stop=stop,
        on_notice=told.append,
    )  # fmt: skip
    assert list(results) == []
    assert told == ["/m/no: denied", "/m/no: gone"]
