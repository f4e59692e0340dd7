"""Every change is in the journal, and leads back to the byte."""

import os
import shutil
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutagen.flac import FLAC, Picture

from tagger.errors import StateError, WriteError
from tagger.journal.history import all_runs, changes_of, last_run
from tagger.journal.recover import settle_open
from tagger.journal.run import GROUP, JournalledRun, WriteRequest
from tagger.journal.undo import UndoOptions, undo
from tagger.state import open_store
from tagger.state.schema import MIGRATIONS
from tagger.tags import read_tags
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.faults import intercepted
from tests.synth_audio import FAKE, WRITABLE, decoded, make_audio


@pytest.fixture
def store(own_state):
    """A state of the test's own, held."""
    with open_store(own_state, on_notice=pytest.fail) as found:
        yield found


def write(store, *requests, **options):
    """Write (path, genres) pairs as one run; the outcomes and the run's number."""
    with JournalledRun(store, "scan", "here") as run:
        outcomes = list(
            run.write(
                [
                    WriteRequest(path, genres, WriteOptions(**options))
                    for path, genres in requests
                ]
            )
        )
    return outcomes, run.number


def take_back(store, number=None, *, write=True, **options):
    """Undo a run, the last one by default; the results."""
    number = last_run(store) if number is None else number
    with JournalledRun(store, "undo", "") as run:
        how = UndoOptions(write=write, writing=WriteOptions(**options))
        return list(undo(changes_of(store, number), run, how))


GENRES = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40
    ).filter(str.strip),
    max_size=5,
)
LONG = ["x" * 10_000]


@pytest.mark.parametrize("kind", WRITABLE)
def test_what_was_written_is_taken_back_to_the_byte(tmp_path, store, kind, monkeypatch):
    """Whatever genres came after whatever genres: the whole file is what it was."""
    monkeypatch.setattr(os, "fsync", lambda file: None)  # what is tested are bytes
    original = make_audio(tmp_path, kind, title="A title")
    path = original.with_name(f"copy{original.suffix}")

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(first=GENRES, then=GENRES | st.just(LONG))
    def check(first, then):
        shutil.copyfile(original, path)
        try:
            write_genres(path, first)
        except WriteError:  # a container may not be able to hold a letter
            return
        before = path.read_bytes()
        (outcome,), _ = write(store, (path, then))
        if outcome is not True:
            assert path.read_bytes() == before
            return
        assert path.read_bytes() != before
        assert [result.status for result in take_back(store)] == ["written"]
        assert path.read_bytes() == before

    check()
    assert kind in FAKE or decoded(path) == decoded(original)


@pytest.fixture
def album(tmp_path):
    """Twelve files, more than one group, with a picture each where it would be moved."""
    original = make_audio(tmp_path, "flac", name="original")
    write_genres(original, ["Jazz"])
    folder = tmp_path / "album"
    folder.mkdir()
    return [shutil.copyfile(original, folder / f"{i:02}.flac") for i in range(GROUP + 4)]


def test_a_run_is_listed_with_what_it_did(album, store):
    """Command, model, and how many changes were made, undone, failed."""
    album[0].chmod(0o444)
    outcomes, number = write(store, *((path, ["Rock"]) for path in album))
    assert [outcome is True for outcome in outcomes] == [False] + [True] * (len(album) - 1)
    (run,) = all_runs(store)
    assert (run.id, run.command, run.about) == (number, "scan", "here")
    assert (run.n_written, run.n_undone, run.n_failed, run.n_open) == (len(album) - 1, 0, 0, 0)
    assert run.began_s <= run.ended_s
    take_back(store)
    undone, first = all_runs(store)
    assert (undone.command, undone.n_written) == ("undo", len(album) - 1)
    assert first.n_undone == first.n_written


def test_a_run_that_changes_nothing_is_not_recorded(album, store):
    """Files that hold the genres already leave no trace."""
    outcomes, number = write(store, *((path, ["Jazz"]) for path in album))
    assert outcomes == [False] * len(album)
    assert number is None
    assert all_runs(store) == []


def test_an_undo_can_be_undone(album, store):
    """Back, forth and back again, each of them to the byte; the last run is found each time."""
    before = [path.read_bytes() for path in album]
    _, first = write(store, *((path, ["Rock", "Pop"]) for path in album))
    after = [path.read_bytes() for path in album]
    assert last_run(store) == first
    take_back(store)
    assert [path.read_bytes() for path in album] == before
    assert last_run(store) is None
    redo = all_runs(store)[0].id
    take_back(store, redo)
    assert [path.read_bytes() for path in album] == after
    assert last_run(store) == first
    assert {result.status for result in take_back(store, redo)} == {"unchanged"}
    take_back(store)
    assert [path.read_bytes() for path in album] == before


def test_two_runs_are_taken_back_one_after_the_other(album, store):
    """The earlier one is refused while the later one stands, which the reason names."""
    path = album[0]
    before = path.read_bytes()
    _, first = write(store, (path, ["Rock"]))
    _, second = write(store, (path, ["Pop"]))
    (result,) = take_back(store, first)
    assert result.status == "failed"
    assert f"tagger undo {second}" in result.reason
    assert (result.genres, read_tags(path).genres) == (("Pop",), ("Pop",))
    assert take_back(store)[0].genres == ("Rock",)
    assert take_back(store)[0].genres == ("Jazz",)
    assert path.read_bytes() == before


def test_a_file_that_comes_twice_in_one_run_goes_back_twice(album, store):
    """By two names or with two requests: the second sees what the first has made."""
    path, link = album[0], album[0].with_name("link.flac")
    link.symlink_to(path)
    before = path.read_bytes()
    outcomes, _ = write(store, (path, ["Rock"]), (link, ["Rock"]), (path, ["Pop"]))
    assert outcomes == [True, False, True]
    assert link.is_symlink()
    assert [result.status for result in take_back(store)] == ["written", "written"]
    assert path.read_bytes() == before


def test_hard_links_of_one_run_are_parted(album, store):
    """Each name gets a file of its own, if that was asked for."""
    other = album[0].with_name("other.flac")
    os.link(album[0], other)
    requests = [(album[0], ["Rock"]), (other, ["Rock"])]
    assert [type(item).__name__ for item in write(store, *requests)[0]] == [
        "UnsupportedTagError"
    ] * 2
    assert write(store, *requests, hardlinks="write")[0] == [True, True]
    assert album[0].stat().st_ino != other.stat().st_ino


@pytest.mark.parametrize("change", ["genre", "same length", "byte", "longer", "gone", "other"])
def test_what_somebody_else_has_changed_is_left_alone(album, store, change):
    """It is named, the others go back, and no byte of it is touched."""
    path = album[1]
    write(store, *((item, ["Rock"]) for item in album))
    data = path.read_bytes()
    if change == "genre":
        write_genres(path, ["Mine"])
    elif change == "same length":
        write_genres(path, ["Rack"])
    elif change == "byte":
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif change == "longer":
        path.write_bytes(data + b"\0")
    elif change == "gone":
        path.unlink()
    else:
        path.write_text("no music")
    found = path.read_bytes() if path.exists() else None
    results = {item.path: item for item in take_back(store)}
    assert results[path].status == "failed"
    assert str(path) in results[path].reason
    assert {result.status for result in results.values() if result.path != path} == {"written"}
    assert (path.read_bytes() if path.exists() else None) == found


def test_a_file_that_was_only_touched_or_copied_goes_back(album, store):
    """Its bytes count: neither its time nor its inode."""
    path = album[0]
    before = path.read_bytes()
    write(store, (path, ["Rock"]))
    shutil.copyfile(path, path.with_name("new"))
    path.with_name("new").replace(path)
    assert take_back(store)[0].status == "written"
    assert path.read_bytes() == before


def test_a_dry_run_changes_nothing_and_says_what_it_would(album, store):
    """Neither a file nor the journal."""
    write(store, *((path, ["Rock"]) for path in album))
    files = [path.read_bytes() for path in album]
    results = take_back(store, write=False)
    assert {(result.status, result.genres, result.previous) for result in results} == {
        ("proposed", ("Jazz",), ("Rock",))
    }
    assert [path.read_bytes() for path in album] == files
    assert len(all_runs(store)) == 1


@pytest.mark.parametrize("keep", [True, False])
def test_the_time_comes_back_on_request_only(album, store, keep):
    """Media servers must see the undo, unless the owner wants the old time."""
    os.utime(album[0], ns=(10**18, 10**18 + 7))
    write(store, (album[0], ["Rock"]))
    take_back(store, keep_mtime=keep)
    assert (album[0].stat().st_mtime_ns == 10**18 + 7) == keep


def test_only_the_named_files_and_folders_go_back(album, store):
    """A folder means all in it, and no neighbour that begins with its name."""
    neighbour = album[0].parent.with_name("album2") / "x.flac"
    neighbour.parent.mkdir()
    shutil.copyfile(album[0], neighbour)
    _, number = write(store, *((path, ["Rock"]) for path in [*album, neighbour]))
    areas = [album[0].parent]
    assert last_run(store, areas) == number
    assert {item.path for item in changes_of(store, number, areas)} == set(album)
    assert [item.path for item in changes_of(store, number, [album[3]])] == [album[3]]
    assert last_run(store, [album[0].with_name("none")]) is None


@pytest.mark.parametrize("name", [b"caf\xe9.flac", b"new\nline.flac", b"\x1b[31m.flac"])
def test_odd_names_go_back_too(album, store, name):
    """Names are bytes in the journal."""
    try:
        path = album[0].rename(album[0].with_name(os.fsdecode(name)))
    except OSError:
        pytest.skip("this file system refuses such a name")
    before = path.read_bytes()
    assert write(store, (path, ["Rock"]))[0] == [True]
    assert take_back(store)[0].status == "written"
    assert path.read_bytes() == before


def test_without_a_journal_nothing_is_written(album, store, monkeypatch):
    """If the state's disk is full, files stay as they are, and the reason says so."""
    before = [path.read_bytes() for path in album]
    (n_pages,) = store.connection.execute("PRAGMA page_count").fetchone()
    store.connection.execute(f"PRAGMA max_page_count = {n_pages}")
    outcomes, _ = write(store, *((path, [f"x{i}" for i in range(9999)]) for path in album))
    assert {type(outcome) for outcome in outcomes} == {WriteError}
    assert "cannot be recorded" in str(outcomes[0])
    assert [path.read_bytes() for path in album] == before
    assert not list(album[0].parent.glob(".*"))


def test_a_journal_that_fails_afterwards_is_settled_at_the_next_start(
    album, store, monkeypatch
):
    """The files are written, what the journal missed is found out from them."""
    whole = JournalledRun._settle
    with monkeypatch.context() as patch:
        patch.setattr(JournalledRun, "_settle", lambda self: None)
        write(store, *((path, ["Rock"]) for path in album))
    assert JournalledRun._settle is whole
    assert all_runs(store)[0].n_open == len(album)
    settled = settle_open(store)
    assert (settled.n_done, settled.n_failed, settled.gone) == (len(album), 0, ())
    assert {result.status for result in take_back(store)} == {"written"}


def test_the_plan_is_durable_before_any_file_changes(album, store, own_state):
    """When the first copy is made, another process can read what is planned for the group."""
    seen = []

    def act(_number, name):
        if name == "replace":
            with open_store(own_state, on_notice=pytest.fail, shared=True) as other:
                (run,) = all_runs(other)
            (level,) = store.connection.execute("PRAGMA synchronous").fetchone()
            seen.append((run.n_open, run.n_written, level))

    with intercepted(act) as names:
        write(store, *((path, ["Rock"]) for path in album))
    full = 2
    assert seen == [(GROUP, 0, full)] * GROUP + [(4, GROUP, full)] * 4
    first_copy = names.index("copy_file_range")
    assert names.index("committed") < first_copy
    assert names.count("committed") == 2 * 2 + 1  # plans and outcomes of two groups, the end


def test_stopping_leaves_what_has_not_begun(album, store):
    """A generator that is closed writes nothing more, and the journal says what was left."""
    with JournalledRun(store, "scan", "") as run:
        outcomes = run.write([WriteRequest(path, ["Rock"]) for path in album])
        assert [next(outcomes), next(outcomes)] == [True, True]
        outcomes.close()
    assert [read_tags(path).genres for path in album[:3]] == [("Rock",), ("Rock",), ("Jazz",)]
    (found,) = all_runs(store)
    assert (found.n_written, found.n_failed, found.n_open) == (2, GROUP - 2, 0)


def test_a_moved_picture_costs_the_journal_nothing(tmp_path, store):
    """What the new file still has is named by place, not kept twice."""
    path = make_audio(tmp_path, "flac")
    tags = FLAC(path)
    picture = Picture()
    picture.data = os.urandom(300_000)
    tags.add_picture(picture)
    tags.save()
    before = path.read_bytes()
    write(store, (path, ["Rock"]))
    (change,) = changes_of(store, last_run(store))
    assert len(change.reverse) < 1000
    take_back(store)
    assert path.read_bytes() == before


def test_a_state_of_an_earlier_version_lists_no_runs(own_state):
    """It is looked at as it is."""
    with open_store(own_state, on_notice=pytest.fail, migrations=MIGRATIONS[:1]):
        pass
    with open_store(own_state, on_notice=pytest.fail, shared=True) as store:
        assert all_runs(store) == []
    with (
        pytest.raises(StateError),
        open_store(own_state.with_name("no"), on_notice=print, shared=True),
    ):
        pass
    assert sqlite3.connect(own_state).execute("PRAGMA user_version").fetchone() == (1,)
