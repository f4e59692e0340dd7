"""Folders of copies: what a killed process left is cleared, whatever else clears there."""

import os
import shutil
import subprocess
import sys
import threading

import pytest

from tagger.cluster import scratch
from tagger.cluster.scratch import clear_scratch, scratch_folder

TWO_HOURS_S = 7200


@pytest.fixture(scope="module")
def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave(parent, name, *, old=True):
    """A folder of copies as a killed process leaves it."""
    folder = parent / name
    folder.mkdir()
    (folder / "a.mp3").write_bytes(b"sound")
    if old:
        then = folder.stat().st_mtime - TWO_HOURS_S
        os.utime(folder, (then, then))
    return folder


def test_it_is_there_until_the_end(tmp_path):
    """A folder of this process, gone afterwards; a clearing meanwhile leaves it."""
    with scratch_folder(tmp_path) as folder:
        os.utime(folder, (0, 0))
        clear_scratch(tmp_path)
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_only_what_the_dead_left_long_ago_is_cleared(tmp_path, dead):
    """Not what is young, of the living, a link, or of another name."""
    kept = {
        leave(tmp_path, f"tagger-objects-{dead}-young", old=False),
        leave(tmp_path, f"tagger-objects-{os.getpid()}-mine"),
        leave(tmp_path, "tagger-objects-mine-abc"),
    }
    link = tmp_path / f"tagger-objects-{dead}-link"
    link.symlink_to(leave(tmp_path, "elsewhere"))
    leave(tmp_path, f"tagger-objects-{dead}-abc")
    clear_scratch(tmp_path)
    assert set(tmp_path.iterdir()) == {*kept, link, tmp_path / "elsewhere"}


def test_another_process_may_clear_the_same_folder(tmp_path, dead, monkeypatch):
    """It goes between two looks at it: the workers of one machine start at the same time."""
    folders = [leave(tmp_path, f"tagger-objects-{dead}-{i}") for i in range(2)]

    def is_alive(pid):
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        return False

    monkeypatch.setattr(scratch, "is_alive", is_alive)
    clear_scratch(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_many_clear_at_once(tmp_path, dead):
    """Without an error, and nothing is left."""
    for i in range(200):
        leave(tmp_path, f"tagger-objects-{dead}-{i}")
    problems = []

    def clear():
        try:
            clear_scratch(tmp_path)
        except OSError as error:
            problems.append(error)

    threads = [threading.Thread(target=clear) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (problems, list(tmp_path.iterdir())) == ([], [])
