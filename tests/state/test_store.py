import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tagger.errors import StateError
from tagger.state import open_store, state_path
from tagger.state.schema import APPLICATION_ID, MIGRATIONS, migrate
from tagger.system.mounts import is_on_network

ROOT = Path(__file__).parents[2]
NOTES = ("CREATE TABLE note (text TEXT NOT NULL)",)


@pytest.fixture
def told():
    """What the owner was told."""
    return []


@pytest.fixture
def reopen(tmp_path, told):
    """Opens the same state again and again, with a table of our own."""

    def run(path=tmp_path / "state.db", **options):
        options = {"migrations": (*MIGRATIONS, NOTES)} | options
        return open_store(path, on_notice=told.append, **options)

    return run


def notes(store):
    with store.reading() as connection:
        return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY text")]


def note(store, text, *, then="SELECT 1", **options):
    with store.transaction(**options) as connection:
        connection.execute("INSERT INTO note VALUES (?)", (text,))
        connection.execute(then)


def test_what_was_recorded_is_there_when_it_is_opened_again(reopen, told):
    """A state outlives its process, in a folder that is made for it."""
    for durable in (False, True):
        with reopen() as store:
            note(store, f"durable {durable}", durable=durable)
    with reopen() as store:
        assert notes(store) == ["durable False", "durable True"]
    assert told == []


def test_a_transaction_that_fails_leaves_nothing(reopen):
    """All of a change or none of it."""
    with reopen() as store:
        with pytest.raises(StateError, match="nonsense"):
            note(store, "half", then="nonsense")
        assert notes(store) == []
        note(store, "whole")
        assert notes(store) == ["whole"]


def test_threads_take_turns(reopen):
    """Many threads change and read one open state."""
    with reopen() as store:
        threads = [
            threading.Thread(target=lambda: [note(store, "x") for _ in range(50)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(notes(store)) == 200


def test_the_second_is_told_who_holds_it(reopen):
    """Two processes never work with one state; the message names the first."""
    with reopen(), pytest.raises(StateError, match=rf"process {os.getpid()} on .*since"):
        reopen()
    with reopen():
        pass


def test_looking_on_is_allowed_meanwhile(reopen):
    """A state that is held can be read by another process, and not changed."""
    with reopen() as store:
        note(store, "seen")
        with reopen(shared=True) as other:
            assert notes(other) == ["seen"]
            with pytest.raises(StateError):
                note(other, "written")


def test_a_killed_process_lets_go(reopen, tmp_path):
    """What was committed survives SIGKILL, and nobody has to clean up."""
    code = (
        "import sys, time; from pathlib import Path; from tagger.state import open_store\n"
        "store = open_store(Path(sys.argv[1]), on_notice=print)\n"
        "with store.transaction() as c:\n"
        "    c.execute(\"INSERT INTO word (text) VALUES ('kept')\")\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "state.db")],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout.readline() == b"ready\n"
    with pytest.raises(StateError, match=f"process {process.pid} "):
        reopen()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with reopen() as store, store.reading() as connection:
        assert connection.execute("SELECT text FROM word").fetchall() == [("kept",)]


def test_a_state_of_a_newer_version_is_refused_and_kept(reopen, tmp_path):
    """It is neither changed nor taken for damaged."""
    with reopen() as store:
        note(store, "from the future")
    before = (tmp_path / "state.db").read_bytes()
    known = len(MIGRATIONS)
    said = rf"newer tagger .*version {known + 1}, this one knows {known}"
    with pytest.raises(StateError, match=said):
        reopen(migrations=MIGRATIONS)
    assert (tmp_path / "state.db").read_bytes() == before


def test_migrations_keep_what_is_there_and_each_is_whole_or_not_at_all(reopen):
    """A step that fails leaves the version before it; the next start tries again."""
    with reopen() as store:
        note(store, "old")
    broken = (*MIGRATIONS, NOTES, ("ALTER TABLE note ADD COLUMN n INTEGER", "SELECT nonsense"))
    with pytest.raises(StateError, match="nonsense"):
        reopen(migrations=broken)
    with reopen() as store, store.reading() as connection:
        assert connection.execute("SELECT * FROM note").fetchall() == [("old",)]
    mended = (*MIGRATIONS, NOTES, ("ALTER TABLE note ADD COLUMN n INTEGER DEFAULT 7",))
    with reopen(migrations=mended) as store, store.reading() as connection:
        assert connection.execute("SELECT * FROM note").fetchall() == [("old", 7)]
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


@pytest.mark.parametrize("damage", ["head", "zeros", "middle", "cut"])
def test_a_damaged_state_is_set_aside_with_a_notice(reopen, tmp_path, told, damage):
    """Nothing of it is deleted, and a new one begins."""
    path = tmp_path / "state.db"
    with reopen() as store:
        for i in range(300):
            note(store, f"{i} " + "x" * 200)
    old = bytearray(path.read_bytes())
    if damage == "head":
        old[:64] = b"garbage " * 8
    elif damage == "zeros":
        old[:] = bytes(len(old))
    elif damage == "middle":
        old[8192:40960] = b"\xa5" * 32768
    else:
        del old[len(old) // 2 :]
    path.write_bytes(old)
    # The process that damaged it did not close it in an orderly way.
    path.with_name("state.db.lock").write_text("process 1 on earth")
    with reopen() as store:
        assert notes(store) == []
        note(store, "new")
    assert path.with_name("state.db.damaged-1").read_bytes() == old
    assert len(told) == 1
    assert "state.db.damaged-1" in told[0]
    path.write_bytes(b"again")
    with reopen() as store:
        assert notes(store) == []
    assert path.with_name("state.db.damaged-2").read_bytes() == b"again"


def test_damage_that_shows_later_is_found_at_the_next_start(reopen, tmp_path, told):
    """A page that breaks unseen is an error, and the next start does what it says."""
    path = tmp_path / "state.db"
    with reopen() as store:
        for i in range(300):
            note(store, f"{i} " + "x" * 200)
    whole = bytearray(path.read_bytes())
    whole[-8192:] = b"\xa5" * 8192
    path.write_bytes(whole)
    with reopen() as store, pytest.raises(StateError, match="next start sets it aside"):
        notes(store)
    assert told == []
    with reopen() as store:
        assert notes(store) == []
    assert len(told) == 1


def test_what_is_no_state_is_left_alone(reopen, tmp_path):
    """A song or another program's database, named by mistake, is neither moved nor changed."""
    song = tmp_path / "song.mp3"
    song.write_bytes(b"ID3 this is music")
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    for path in (song, other):
        before = path.read_bytes()
        with pytest.raises(StateError, match=path.name):
            reopen(path)
        assert path.read_bytes() == before


def test_a_place_that_cannot_be_used_is_an_error_with_a_remedy(reopen, tmp_path):
    """A folder that cannot be made, and a folder where the file should be."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "state.db", tmp_path):
        with pytest.raises(StateError, match="--state"):
            reopen(path)


def test_the_journal_suits_the_file_system(reopen, monkeypatch):
    """Write-ahead where memory can be shared; on a network share a plain journal."""
    mode = "PRAGMA journal_mode"
    with reopen() as store, store.reading() as connection:
        assert connection.execute(mode).fetchone() == ("wal",)
    monkeypatch.setattr("tagger.state.store.is_on_network", lambda _: True)
    with reopen() as store, store.reading() as connection:
        assert connection.execute(mode).fetchone() == ("delete",)


@pytest.mark.parametrize(
    ("mounted", "expected"),
    [
        ("nfs4", True),
        ("cifs", True),
        ("smb3", True),
        ("fuse.sshfs", True),
        ("fuse.rclone", True),
        ("9p", True),
        ("ext4", False),
        ("fuse.ntfs-3g", False),
        ("btrfs", False),
    ],
)
def test_a_share_is_known_by_its_mount(tmp_path, mounted, expected):
    """The longest mount point counts, the later of two equal ones, blanks are escaped."""
    folder = tmp_path / "my music" / "deep"
    folder.mkdir(parents=True)
    point = str(tmp_path / "my music").replace(" ", "\\040")
    table = tmp_path / "mounts"
    table.write_text(f"none / nfs rw 0 0\na {point} xfs rw 0 0\nb {point} {mounted} rw 0 0\n")
    assert is_on_network(folder, mounts=table) is expected
    assert is_on_network(tmp_path, mounts=table) is True


def test_where_the_state_lies(monkeypatch, tmp_path):
    """The variable, else the platform's folder."""
    assert state_path() == Path(os.environ["TAGGER_STATE"])
    monkeypatch.delenv("TAGGER_STATE")
    monkeypatch.setattr("tagger.state.location.user_folder", lambda kind: tmp_path / kind)
    assert state_path() == tmp_path / "state" / "state.db"


def test_migrating_twice_changes_nothing():
    """The newest version stays as it is."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    before = connection.execute("SELECT sql FROM sqlite_master").fetchall()
    migrate(connection)
    assert connection.execute("SELECT sql FROM sqlite_master").fetchall() == before
    connection.close()
