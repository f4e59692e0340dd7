"""Programs that tag may put back the times of a file; what they did is noticed all the same."""

import os
import sqlite3

import pytest
from mutagen.flac import FLAC

from tagger.errors import ChangedError
from tagger.journal.history import all_runs
from tagger.journal.run import JournalledRun, WriteRequest, write_unrecorded
from tagger.library import listing
from tagger.library.walk import find_folders
from tagger.scan.options import RecallOptions, ScanOptions
from tagger.state import open_store
from tagger.state.schema import MIGRATIONS
from tagger.tags import read_tags
from tagger.writing.safe_write import WriteOptions, plan_write, write_genres
from tests.engines import tone_engine
from tests.repeated_scans import UnchangedFolder, scan_with
from tests.tones import write_tone

NAMES = ["a.flac", "b.ogg", "c.wav"]


def quietly(path, change):
    """Change a file in place as some programs do: size, inode and modification time stay."""
    before = path.stat()
    change(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    same = ("st_size", "st_ino", "st_mtime_ns")
    assert [getattr(before, item) for item in same] == [getattr(after, item) for item in same]


def give(genre):
    """Writes a genre (or none) with mutagen, into the padding."""

    def change(path):
        tags = FLAC(path)
        tags.pop("genre", None)
        if genre:
            tags["genre"] = [genre]
        tags.save()

    return change


@pytest.fixture
def had(folder):
    """Three files with padding: one with a genre, one without, one in a folder of its own."""
    for name, genre in (("had.flac", "Jazz"), ("none.flac", None), ("deep/d.flac", "Folk")):
        write_tone(folder / name, 200)
        give("X")(folder / name)
        give(genre)(folder / name)
    return folder


@pytest.mark.parametrize("policy", ["fill", "append", "replace"])
def test_what_a_program_wrote_without_a_trace_is_noticed(had, opened, run, policy):
    """A removed genre, another one and a new one: read anew, and nothing is decoded."""
    run(policy=policy)
    opened.take()
    quietly(had / "had.flac", give(None))
    quietly(had / "none.flac", give("Klezmer"))
    quietly(had / "deep" / "d.flac", give("Soul"))
    found = run(policy=policy)
    previous = {name: value.previous for name, value in found.items() if name not in NAMES}
    assert previous == {"had.flac": (), "none.flac": ("Klezmer",), "d.flac": ("Soul",)}
    assert opened.take() == ([], ["d.flac", "had.flac", "none.flac"])
    assert run(policy=policy).keys() == found.keys()
    assert opened.take() == ([], [])


def test_a_folder_with_such_a_change_is_not_passed(had, run):
    """Its digest is another one; a folder that was left alone is passed."""
    options = {
        "threshold": 1.0,
        "recall": RecallOptions(passing=frozenset({"kept", "abstained"})),
    }
    run.once(**options)
    assert all(isinstance(item, UnchangedFolder) for item in run.once(**options))
    quietly(had / "deep" / "d.flac", give(None))
    found = run.once(**options)
    assert [isinstance(item, UnchangedFolder) for item in found].count(True) == 1
    assert {item.path.name for item in found if not isinstance(item, UnchangedFolder)} == {
        "c.wav",
        "d.flac",
    }


@pytest.fixture
def no_change_time(monkeypatch):
    """A system that does not tell when anything of a file was changed."""
    monkeypatch.setattr(listing, "_HAS_CHANGE_TIME", False)


@pytest.mark.parametrize("policy", ["append", "replace"])
def test_a_refused_file_is_opened_again_in_the_same_scan(
    had, opened, run, no_change_time, policy
):
    """Where no time tells, the write is refused, and decided anew from what the file holds."""
    run(policy=policy)
    opened.take()
    quietly(had / "had.flac", give("Soul"))
    found = run(policy=policy, write=True)
    assert (found["had.flac"].status, found["had.flac"].previous) == ("written", ("Soul",))
    wanted = ("Soul", "low") if policy == "append" else ("low",)
    assert read_tags(had / "had.flac").genres == wanted == found["had.flac"].genres
    assert opened.take() == ([], ["had.flac"])
    assert len(found) == 6


def test_a_genre_that_came_without_a_trace_is_not_overwritten(had, run, no_change_time):
    """The policy `fill` keeps it, although the scan knew of none."""
    run()
    quietly(had / "none.flac", give("Klezmer"))
    found = run(write=True)["none.flac"]
    assert (found.status, found.genres) == ("kept", ("Klezmer",))
    assert read_tags(had / "none.flac").genres == ("Klezmer",)


def test_other_audio_that_came_without_a_trace_is_heard(folder, opened, run, no_change_time):
    """What was known of the name says nothing of what lies there now."""
    write_genres(folder / "deep" / "c.wav", ["Jazz"])
    run(policy="replace")
    opened.take()

    def change(path):
        other = write_tone(path.with_name("other.wav"), 3000)
        write_genres(other, ["Soul"])
        path.write_bytes(other.read_bytes())
        other.unlink()

    quietly(folder / "deep" / "c.wav", change)
    found = run(policy="replace", write=True)
    assert found["c.wav"].genres == ("high",)
    assert opened.take()[0] == ["c.wav"]


def test_a_file_that_is_changed_all_the_time_fails_once_and_is_looked_at_again(
    tmp_path, folder, opened, run
):
    """It is a failure with a reason, and the next scan knows nothing of it."""
    options, engine = ScanOptions(write=True), tone_engine()

    def refuse(requests):
        for request in requests:
            if request.path.name == "a.flac":
                yield ChangedError(f"{request.path}: changed")
            else:
                yield from write_unrecorded([request])

    run()
    opened.take()
    with open_store(tmp_path / "state.db", on_notice=pytest.fail) as store:
        found = list(scan_with(store, find_folders([folder]), engine, options, writer=refuse))
    assert sorted((result.path.name, result.status) for result in found) == [
        ("a.flac", "failed"),
        ("b.ogg", "written"),
        ("c.wav", "written"),
    ]
    assert opened.take() == ([], ["a.flac"])
    assert run(write=True)["a.flac"].status == "written"


@pytest.mark.parametrize("moment", ["make", "commit"])
def test_a_change_without_a_trace_is_not_lost_while_a_file_is_written(had, moment):
    """Neither before the copy is made nor before it is put in place."""
    path = had / "had.flac"
    planned = plan_write(WriteRequest(path, ["Rock"]))
    with planned:
        if moment == "commit":
            planned.make()
        quietly(path, give("Soul"))
        with pytest.raises(ChangedError, match="another program"):
            getattr(planned, moment)()
    assert read_tags(path).genres == ("Soul",)
    assert [path.name for path in had.iterdir() if "tagger-" in path.name] == []


def test_a_file_that_was_only_touched_is_written(had):
    """Who resets a time has changed nothing; a change of the mode is one."""
    path = had / "had.flac"
    for is_touched, change in ((True, lambda p: os.utime(p, ns=(1, p.stat().st_mtime_ns))),
                               (False, lambda p: p.chmod(0o600))):  # fmt: skip
        planned = plan_write(WriteRequest(path, [f"Rock {is_touched}"]))
        with planned:
            planned.make()
            change(path)
            if is_touched:
                planned.commit()
            else:
                with pytest.raises(ChangedError):
                    planned.commit()
    assert read_tags(path).genres == ("Rock True",)


def test_a_state_of_before_keeps_what_was_heard_and_written(
    had, own_state, opened, run, tmp_path
):
    """The tags are read once more, nothing is decoded, and the journal leads back as before."""
    state = tmp_path / "state.db"
    run(score_all=True)
    with (
        open_store(state, on_notice=pytest.fail) as store,
        JournalledRun(store, "scan", "") as one,
    ):
        assert list(
            one.write([WriteRequest(had / "none.flac", ("Rock",), WriteOptions())])
        ) == [True]
    connection = sqlite3.connect(state)
    connection.execute("ALTER TABLE file DROP COLUMN ctime_ns")
    connection.execute("ALTER TABLE run DROP COLUMN roots")
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    opened.take()
    found = run(score_all=True)
    heard, looked = opened.take()
    assert heard == []
    assert len(looked) == 6
    assert all(result.scores for result in found.values())
    assert run(score_all=True) == found
    assert opened.take() == ([], [])
    with open_store(state, on_notice=pytest.fail) as store:
        assert [run.n_written for run in all_runs(store)] == [1]
        with store.reading() as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_inodes_of_64_bits_are_remembered(opened, run, monkeypatch):
    """Some file systems use all of them (mergerfs), SQLite one less."""
    real = listing.entry_of

    def entry_of(name, status):
        parts = list(status)[:10]
        parts[1] = status.st_ino | 1 << 63
        times = {key: getattr(status, key) for key in ("st_mtime_ns", "st_ctime_ns")}
        return real(name, os.stat_result(parts, times))

    monkeypatch.setattr(listing, "entry_of", entry_of)
    monkeypatch.setattr("tagger.scan.inspect_file.entry_of", entry_of)
    first = run()
    opened.take()
    assert run() == first
    assert opened.take() == ([], [])
