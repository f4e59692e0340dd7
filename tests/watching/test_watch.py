"""A followed folder on a real disk: events, another process, the command."""

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

from tagger import ScanOptions, Tagger, read_tags
from tagger.watching import changes as watched
from tagger.watching.changes import is_remote, watch_changes
from tagger.watching.follow import FollowOptions, follow
from tests.cli.test_cli import RUN, tagger
from tests.tones import write_chords

ROOT = Path(__file__).parents[2]
SURE = ScanOptions(write=True, threshold=0.01, top=1)


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
from tagger import TaggerError, write_genres
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
    for left in reversed(range(1000)):
        try:
            write_genres(music / "2" / f"{i}.flac", ["Polka"])
            break
        except TaggerError:                  # the watcher writes it at this moment
            if not left:
                raise
            time.sleep(0.1)
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
        try:
            subprocess.run([sys.executable, "-c", BUSY, music, source], check=True, cwd=ROOT)
            done = wait_for(lambda: all_tagged(music), seconds=300)
            wait_for(lambda: not grows(results, seconds=5), seconds=300)  # what others tagged
            n_runs, has_second_round = len(opened.runs()), grows(results, seconds=2)
        finally:
            stop.set()
            thread.join(240)
        assert not thread.is_alive()
        stored = names_in(opened.held_state())
    assert not has_second_round
    assert stored == {str(one) for one in music.rglob("*.flac")}
    assert scanned_after_writing(results) == []
    assert done
    assert n_runs >= 1
    left = {one.relative_to(music).as_posix() for one in music.rglob("*.flac")}
    assert len(left) == 475
    assert not [one for one in left if one.startswith(("0/", "1/"))]
    for name in left:
        genres = read_tags(music / name).genres
        if name.startswith("2/"):
            assert genres == ("Polka",), name
        else:
            assert len(genres) == 1, name
    assert [one for one in results if one.status == "failed" and one.path.exists()] == []


def names_in(store):
    """The files that a state knows."""
    with store.reading() as connection:
        rows = connection.execute(
            "SELECT folder.path, file.name FROM file JOIN folder ON folder.id = file.folder"
        )
        return {str(Path(*map(os.fsdecode, row))) for row in rows}


def all_tagged(music):
    files = list(music.rglob("*.flac"))
    return len(files) == 475 and all(read_tags(one).genres for one in files)


def scanned_after_writing(results):
    """Files that came again after they had been written; another program tags those of `2`."""
    written, again = set(), []
    for one in results:
        if one.path in written and one.path.parent.name != "2":
            again.append(one.path)
        if one.status == "written":
            written.add(one.path)
    return again


def grows(results, *, seconds):
    """Whether anything more is scanned within so long."""
    before = len(results)
    time.sleep(seconds)
    return len(results) > before


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
        assert wait_for(lambda: read_tags(music / "a.flac").genres, seconds=240)
        (tmp_path / "away").rename(music / "new")
        assert wait_for(lambda: read_tags(music / "new" / "b.flac").genres, seconds=240)
    finally:
        process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert len([line for line in out.splitlines() if line.startswith("written")]) == 2
    assert "Watching" in err
    assert tagger("undo").returncode == 0


def test_polling_takes_its_own_writes_for_no_news(tmp_path, monkeypatch):
    """A poll names the folder of each file that is written: nothing there is scanned again."""
    pytest.importorskip("watchfiles", reason="pip install '.[watch]'")
    monkeypatch.setattr(watched, "POLL_S", 0.3)
    music = tmp_path / "music"
    for i in range(3):
        write_chords(music / f"{i}.flac", 262 + 40 * i, seconds=2)
    stop, results, named = threading.Event(), [], []

    def told(changes):
        for one in changes:
            named.extend(one)
            yield one

    with Tagger(device="cpu", state=tmp_path / "s.db", settings={}) as opened:
        changes = told(watch_changes([music], stop=stop, poll=True))
        loop = follow(opened, [music], SURE, changes, FollowOptions(quiet_s=0.5), stop=stop)
        thread = threading.Thread(target=lambda: results.extend(loop))
        thread.start()
        try:
            assert wait_for(lambda: music in named and len(results) >= 3, seconds=240)
            time.sleep(2)  # a second round would be seen now
        finally:
            stop.set()
            thread.join(240)
    assert sorted(one.path.name for one in results) == ["0.flac", "1.flac", "2.flac"]
    assert {one.status for one in results} == {"written"}


@pytest.mark.parametrize("poll", [False, True])
def test_a_folder_that_goes_away_is_waited_for(tmp_path, monkeypatch, poll):
    """It is said, the other one is followed on, no file counts as gone; then it is named."""
    pytest.importorskip("watchfiles", reason="pip install '.[watch]'")
    monkeypatch.setattr(watched, "POLL_S", 0.3)
    share, other = tmp_path / "share", tmp_path / "other"
    for one in (share, other):
        one.mkdir()
    (share / "there.mp3").write_bytes(b"")
    stop, said = threading.Event(), []
    changes = watch_changes([share, other], stop=stop, poll=poll, on_notice=said.append)

    def told_until(condition):
        """What was told until something was so."""
        told, end = set(), time.monotonic() + 60
        while not condition(told):
            assert time.monotonic() < end, (told, said)
            told |= next(changes)
        return told

    assert next(changes) == set()
    share.rename(tmp_path / "away")
    lost = told_until(lambda told: said and other in told)  # what came between two looks
    (tmp_path / "away" / "new.mp3").write_bytes(b"")
    (other / "meanwhile.mp3").write_bytes(b"")
    lost |= told_until(lambda told: other / "meanwhile.mp3" in told)
    assert share / "there.mp3" not in lost
    (tmp_path / "away").rename(share)
    told_until(lambda told: {share, other} <= told)
    (share / "after.mp3").write_bytes(b"")
    told_until(lambda told: share / "after.mp3" in told)
    stop.set()
    assert said == [
        f"{share}: it cannot be reached; it is waited for.",
        f"{share}: it is there again, and looked over.",
    ]


def test_what_is_no_folder_is_refused(tmp_path):
    """Before anything is opened."""
    done = tagger("watch", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "there is no such folder" in done.stderr


def test_a_missing_extra_comes_before_anything_else(tmp_path):
    """The command that brings it is the only sentence: nothing is watched, or opened."""
    run = "import sys; sys.modules['watchfiles'] = None; import tagger.cli.app as a; a.main()"
    done = subprocess.run(
        [sys.executable, "-c", run, "watch", str(tmp_path), "--model", "nowhere.onnx"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 2
    assert "tagger-music[watch]" in done.stderr
    assert "Watching" not in done.stderr


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
