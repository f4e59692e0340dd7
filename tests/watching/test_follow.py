"""A followed folder: bookkeeping with a clock of its own, then real files and events."""

import configparser
import os
import plistlib
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tagger import ScanOptions, Tagger, TrackResult, read_tags, write_genres
from tagger.errors import InputError
from tagger.library.below import is_taken
from tagger.library.walk import find_tracks
from tagger.watching import settling
from tagger.watching.changes import is_remote, watch_changes
from tagger.watching.follow import FollowOptions, follow
from tagger.watching.settling import Settling
from tests.cli.test_cli import RUN, tagger
from tests.tones import write_chords

ROOT = Path(__file__).parents[2]
SURE = ScanOptions(write=True, threshold=0.01, top=1)


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
        self.scanned = []
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


def test_a_file_is_whole_when_it_has_been_quiet():
    """A slow copy is waited for; a change begins the wait anew; a lost file is forgotten."""
    disk = Disk()
    waiting = Settling(quiet_s=5, look=disk.look)
    for second in range(30):  # grows each second
        disk.write("a", second)
        waiting.note("a", second)
        assert waiting.whole(second) == []
    assert waiting.whole(33.9) == []
    disk.write("a", 100)  # without an event
    assert waiting.whole(34) == []
    assert waiting.whole(38.9) == []
    assert waiting.whole(39) == ["a"]
    assert waiting.whole(100) == []
    disk.write("b", 1)
    waiting.note("b", 0)
    del disk.files["b"]
    assert waiting.whole(10) == []
    assert len(waiting) == 0


def test_what_was_written_by_ourselves_is_no_news():
    """An event that only tells of our own write is dropped; the next change is not."""
    disk = Disk()
    waiting = Settling(quiet_s=5, look=disk.look)
    disk.write("a", 1)
    waiting.leave("a")
    waiting.note("a", 0)
    assert waiting.whole(10) == []
    disk.write("a", 2)
    waiting.note("a", 10)
    assert waiting.whole(15) == ["a"]
    waiting.note("a", 16)  # the event that told of it comes late
    assert waiting.whole(30) == []


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


def test_what_is_held_is_bounded_whatever_the_number_of_files(monkeypatch):
    """Files that wait, and those that are remembered, never are more than so many."""
    monkeypatch.setattr(settling, "MAX_WAITING", 300)
    monkeypatch.setattr(settling, "MAX_KNOWN", 200)
    disk = Disk()
    waiting = Settling(quiet_s=5, look=disk.look)
    n_whole, most = 0, 0
    for second in range(100):
        for i in range(50):
            path = f"/m/{second}-{i}.mp3"
            disk.write(path, 1)
            waiting.note(path, second)
        n_whole += len(waiting.whole(second))
        most = max(most, len(waiting), len(waiting._known))
    assert most == 250  # five seconds of them
    assert len(waiting._known) == 200
    assert n_whole == 95 * 50
    assert not waiting.is_over_full
    for i in range(301):
        disk.write(f"/burst/{i}.mp3", 1)
        waiting.note(f"/burst/{i}.mp3", 200)
    assert len(waiting) == 300
    assert waiting.is_over_full


def test_a_burst_larger_than_memory_is_looked_at_as_folders(monkeypatch):
    """Beyond the bound nothing is lost: all is looked over once it is quiet."""
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
    assert sorted(set(fake.scanned)) == sorted(disk.files)


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


def test_network_shares_are_told_by_their_mount(tmp_path):
    """The longest mount point above the folder decides; spaces in it are escaped."""
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda / ext4 rw 0 0\nnas:/x /mnt/my\\040music nfs4 rw 0 0\n"
        "tmpfs /mnt/my\\040music/local tmpfs rw 0 0\n"
    )
    assert not is_remote(Path("/home"), mounts)
    assert is_remote(Path("/mnt/my music/a"), mounts)
    assert not is_remote(Path("/mnt/my music/local/a"), mounts)
    assert not is_remote(Path("/mnt/my musical"), mounts)
    assert not is_remote(Path("/home"), tmp_path / "none")


BUSY = """
import shutil, sys, time
from pathlib import Path
music, source = map(Path, sys.argv[1:])
from tagger import write_genres
for i in range(500):
    target = music / f"{i % 20}" / f"{i}.flac"
    target.parent.mkdir(exist_ok=True)
    data = (source / f"{i % 5}.flac").read_bytes() + bytes(str(i), "ascii")
    with target.open("wb") as file:          # in two parts, with a rest between them
        file.write(data[:1000])
        file.flush()
        if i % 50 == 0:
            time.sleep(0.3)
        file.write(data[1000:])
time.sleep(0.5)
(music / "0").rename(music / "moved")        # a folder, one event
for i in range(1, 500, 20):
    (music / "1" / f"{i}.flac").unlink()
for i in range(2, 500, 20):
    write_genres(music / "2" / f"{i}.flac", ["Polka"])
"""


def test_500_files_of_another_process_end_in_the_right_state(tmp_path):
    """Copied in parts, moved, tagged and deleted by others: every file is as it should."""
    pytest.importorskip("watchfiles", reason="pip install '.[watch]'")
    music, source = tmp_path / "music", tmp_path / "source"
    music.mkdir()
    for i in range(5):
        write_chords(source / f"{i}.flac", 262 + 40 * i, seconds=2)
    stop, results = threading.Event(), []
    options = FollowOptions(quiet_s=1.0)
    with Tagger(device="cpu", state=tmp_path / "s.db", settings={}) as opened:
        changes = watch_changes([music], stop=stop)
        loop = follow(opened, [music], SURE, changes, options, stop=stop)
        thread = threading.Thread(target=lambda: results.extend(loop))
        thread.start()
        time.sleep(0.5)
        subprocess.run([sys.executable, "-c", BUSY, music, source], check=True, cwd=ROOT)
        done = wait_for(lambda: all_tagged(music), seconds=90)
        n_scanned, n_runs = len(results), len(opened.runs())
        time.sleep(3)  # a second round would be seen now
        assert len(results) - n_scanned <= 1
        stop.set()
        thread.join(30)
        assert not thread.is_alive()
    assert done
    assert n_runs >= 1
    left = {one.relative_to(music).as_posix() for one in music.rglob("*.flac")}
    assert len(left) == 475
    assert not [one for one in left if one.startswith(("0/", "1/"))]
    for name in left:
        genres = read_tags(music / name).genres
        if name.startswith("2/"):
            assert "Polka" in genres or len(genres) == 1
        else:
            assert len(genres) == 1, name
    assert [one for one in results if one.status == "failed" and one.path.exists()] == []


def all_tagged(music):
    files = list(music.rglob("*.flac"))
    return len(files) == 475 and all(read_tags(one).genres for one in files)


def wait_for(condition, *, seconds):
    """Ask twice a second; False after so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.5)
    return False


def test_the_command_watches_and_ends_cleanly(tmp_path):
    """What is moved in is written; SIGTERM ends it with 0; the next command may write."""
    pytest.importorskip("watchfiles", reason="pip install '.[watch]'")
    music = tmp_path / "music"
    write_chords(music / "a.flac", 262, seconds=2)
    write_chords(tmp_path / "away" / "b.flac", 330, seconds=2)
    process = subprocess.Popen(
        [*RUN, "watch", str(music), "--write-tags", "--threshold", "0.01", "--quiet-for", "0.5",
         "--poll", "--device", "cpu"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        assert wait_for(lambda: read_tags(music / "a.flac").genres, seconds=60)
        (tmp_path / "away").rename(music / "new")
        assert wait_for(lambda: read_tags(music / "new" / "b.flac").genres, seconds=60)
    finally:
        process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert len([line for line in out.splitlines() if line.startswith("written")]) == 2
    assert "Watching" in err
    assert tagger("undo").returncode == 0


def test_what_is_no_folder_is_refused(tmp_path):
    """Before anything is opened."""
    done = tagger("watch", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "there is no such folder" in done.stderr


def test_the_service_files_start_what_there_is():
    """The systemd unit and the launchd plist call the command with options that it has."""
    shown = tagger("watch", "--help").stdout
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(ROOT / "docs" / "watch" / "tagger-watch.service")
    started = shlex.split(unit["Service"]["ExecStart"])
    plist = ROOT / "docs" / "watch" / "org.tagger-music.watch.plist"
    agent = plistlib.loads(plist.read_bytes())
    for command in (started, agent["ProgramArguments"]):
        assert command[0].endswith("/tagger")
        assert command[1] == "watch"
        assert all(one in shown for one in command if one.startswith("--"))
    assert unit["Service"]["KillSignal"] == "SIGTERM"
    assert agent["KeepAlive"] == {"SuccessfulExit": False}


def test_write_genres_is_seen_as_a_change(tmp_path):
    """A tag that another program writes changes the signature, though it puts times back."""
    path = write_chords(tmp_path / "a.flac", 262)
    before, times = settling.signature_of(str(path)), path.stat()
    write_genres(path, ["Polka"])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert settling.signature_of(str(path)) != before
