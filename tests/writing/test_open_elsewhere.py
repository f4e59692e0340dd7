"""A file to which another program is writing is left to it."""

import errno
import os
import subprocess
import sys
import threading

import pytest

from tagger.errors import ChangedError
from tagger.journal.history import all_runs
from tagger.journal.run import JournalledRun, WriteRequest
from tagger.state import open_store
from tagger.tags import read_tags
from tagger.writing import open_elsewhere
from tagger.writing.open_elsewhere import is_being_written
from tagger.writing.safe_write import plan_write, write_genres
from tests.leases import need_leases
from tests.synth_audio import make_audio

fcntl = pytest.importorskip("fcntl")


@pytest.fixture
def song(tmp_path):
    """A file, as a download would bring it."""
    need_leases(tmp_path)
    return make_audio(tmp_path, "flac")


def test_a_download_goes_on_in_the_file_that_it_began(song):
    """Nothing is written until it has ended: the rest would go into a file without a name."""
    content = song.read_bytes()
    song.write_bytes(content[:-100])
    with song.open("r+b") as download:
        download.seek(0, os.SEEK_END)
        with pytest.raises(ChangedError, match="another program has it open to write"):
            write_genres(song, ["Jazz"])
        download.write(content[-100:])
    assert song.read_bytes() == content
    assert write_genres(song, ["Jazz"])
    assert read_tags(song).genres == ("Jazz",)
    assert list(song.parent.iterdir()) == [song]


def test_what_is_left_alone_costs_no_copy_and_no_line_in_the_journal(song, own_state):
    """Folders of downloads are scanned again and again."""
    with open_store(own_state, on_notice=pytest.fail) as store:
        with song.open("r+b"), JournalledRun(store, "scan", "") as run:
            (outcome,) = run.write([WriteRequest(song, ["Jazz"])])
        assert isinstance(outcome, ChangedError)
        assert all_runs(store) == []


def test_one_that_is_opened_while_the_copy_is_made_is_left_alone(song):
    """It is asked once more before the copy takes its place."""
    with plan_write(WriteRequest(song, ["Jazz"])) as planned:
        planned.make()
        with song.open("r+b"), pytest.raises(ChangedError, match="has it open"):
            planned.commit()
    assert list(song.parent.iterdir()) == [song]


def test_players_that_only_read_are_no_reason(song):
    """A file that is played can be written, as before."""
    with song.open("rb"):
        assert not is_being_written(song)
        assert write_genres(song, ["Jazz"])


@pytest.mark.parametrize("code", [errno.EACCES, errno.EINVAL, errno.ENOLCK])
def test_where_the_system_does_not_tell_it_is_written(song, monkeypatch, code):
    """Another owner's file, and file systems without leases."""
    refuse_leases(monkeypatch, code)
    assert not is_being_written(song)


def test_on_a_share_a_refusal_says_nothing(song, monkeypatch):
    """NFS and SMB refuse for want of a promise of the server."""
    refuse_leases(monkeypatch, errno.EAGAIN)
    assert is_being_written(song)
    monkeypatch.setattr(open_elsewhere, "is_on_network", lambda _folder: True)
    assert not is_being_written(song)


def refuse_leases(monkeypatch, code):
    """Let every lease be refused."""

    def refused(_file, command, _argument):
        if command == fcntl.F_SETLEASE:
            raise OSError(code, os.strerror(code))
        return 0

    monkeypatch.setattr(fcntl, "fcntl", refused)


def test_who_opens_it_while_it_is_asked_ends_nothing(song):
    """The kernel tells who holds a lease, by a signal that would end the process."""
    ask = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from tagger.writing.open_elsewhere import is_being_written\n"
        "until = time.monotonic() + 1\n"
        "print('begun', flush=True)\n"
        "while time.monotonic() < until:\n"
        "    is_being_written(Path(sys.argv[1]))\n"
        "print('ended')\n"
    )
    asking = subprocess.Popen(
        [sys.executable, "-c", ask, str(song)], stdout=subprocess.PIPE, text=True
    )
    assert asking.stdout.readline() == "begun\n"
    ended = threading.Event()

    def open_again_and_again():
        while not ended.is_set():
            os.close(os.open(song, os.O_WRONLY))

    thread = threading.Thread(target=open_again_and_again, daemon=True)
    thread.start()
    try:
        said = asking.communicate(timeout=60)[0]
    finally:
        ended.set()
        thread.join()
    assert (asking.returncode, said) == (0, "ended\n")
