"""The state from the command line: what the owner of a library sees of it."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.test_cli import ROOT, RUN, tagger
from tests.tones import write_chords


@pytest.fixture
def folder(tmp_path):
    """Three tones; the first is broken."""
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "bad.mp3").write_bytes(b"no music at all" * 20)
    for i, hz in enumerate((200, 440, 3000)):
        write_chords(tmp_path / "music" / f"{i}.flac", hz, seconds=1.0)
    return tmp_path / "music"


def records(*args, **options):
    done = tagger("scan", *args, "--json", "--threshold", "0.01", **options)
    assert "Traceback" not in done.stderr
    return {
        Path(splitline["path"]).name: splitline
        for splitline in map(json.loads, done.stdout.splitlines())
    }


def test_a_second_scan_says_the_same_and_only_adds_that_it_did_not_try_again(folder):
    """Scores, genres and failures come from the state."""
    first, second = records(folder), records(folder)
    assert "--retry-failed" in second["bad.mp3"].pop("reason")
    assert "--retry-failed" not in first["bad.mp3"].pop("reason")
    assert second == first
    assert "--retry-failed" not in records(folder, "--retry-failed")["bad.mp3"]["reason"]


def test_the_summary_counts_folders_that_were_passed(folder, own_state):
    """What people see at the end is the same whether files were opened or not."""
    (folder / "bad.mp3").unlink()

    def summary():
        done = tagger("scan", folder, "--write-tags", "--threshold", "0.01", "--quiet")
        assert done.returncode == 0
        return tagger("scan", folder, "--write-tags", "--threshold", "0.01").stderr

    counted = [line for line in summary().splitlines() if "kept" in line]
    assert "3" in counted[0]
    with sqlite3.connect(own_state) as connection:
        (counts,) = connection.execute("SELECT counts FROM folder").fetchone()
    connection.close()
    assert json.loads(counts) == {"kept": 3}


def test_a_state_of_ones_own(folder, tmp_path, own_state):
    """`--state` names another file; the user's is not touched."""
    records(folder, "--state", tmp_path / "own" / "state.db")
    assert (tmp_path / "own" / "state.db").exists()
    assert not own_state.exists()


def test_no_state_leaves_nothing_and_writes_nothing(folder, own_state):
    """Without a state nothing is remembered, and nothing that could not be undone is done."""
    assert len(records(folder, "--no-state")) == 4
    assert not own_state.exists()
    for options in (["--write-tags"], ["--rescan"], ["--state", own_state]):
        done = tagger("scan", folder, "--no-state", *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--no-state" in done.stderr


def test_a_damaged_state_costs_time_only(folder, own_state):
    """It is set aside with a notice, and the scan does its work."""
    first = records(folder)
    own_state.write_bytes(b"damage" * 1000)
    done = tagger("scan", folder, "--json", "--threshold", "0.01")
    assert "damaged-1" in done.stderr
    again = {
        Path(splitline["path"]).name: splitline
        for splitline in map(json.loads, done.stdout.splitlines())
    }
    assert again == first
    assert own_state.with_name("state.db.damaged-1").read_bytes() == b"damage" * 1000


def started(folder, *options):
    """A scan in the background, once it has said something of a file."""
    process = subprocess.Popen(
        [*RUN, "scan", str(folder), "--json", "--jobs", "1", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    process.stdout.readline()
    return process


def test_the_second_of_two_scans_is_told_who_holds_the_state(tmp_path):
    """It ends at once with the process of the first, which goes on undisturbed."""
    for i in range(60):
        write_chords(tmp_path / "m" / f"{i:03d}.wav", 100 + 20 * i, seconds=1.0)
    first = started(tmp_path / "m")
    first.send_signal(signal.SIGSTOP)  # or it would be done before the second has begun
    second = tagger("scan", tmp_path / "m")
    first.send_signal(signal.SIGCONT)
    assert second.returncode == 2
    assert f"process {first.pid} " in second.stderr
    assert len(first.stdout.read().splitlines()) == 59
    _, problems = first.communicate(timeout=120)
    assert first.returncode == 0, problems


def test_a_killed_scan_goes_on_where_it_was(tmp_path, own_state):
    """After SIGKILL what was heard is known, and the rest is listened to."""
    n_files = 300
    for i in range(n_files):
        write_chords(tmp_path / "m" / f"{i:03d}.wav", 100 + 10 * i, seconds=0.5)
    process = started(tmp_path / "m")

    def n_heard():
        with sqlite3.connect(f"file:{own_state}?mode=ro", uri=True) as connection:
            (count,) = connection.execute("SELECT count(*) FROM result").fetchone()
        connection.close()
        return count

    while not n_heard():  # its results are read so slowly that it cannot get to its end
        assert process.stdout.readline()  # if none were read, it might wait before it remembers
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = n_heard()
    assert 1 <= before < n_files
    assert len(records(tmp_path / "m")) == n_files
    assert n_heard() == n_files
