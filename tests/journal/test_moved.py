"""A file that was moved since it was written is found by what it holds, and goes back."""

import os
import shutil

import pytest

from tagger.journal.history import all_runs, changes_of, last_run
from tagger.journal.moved import Moved, last_moved_run
from tagger.journal.run import JournalledRun, WriteRequest
from tagger.journal.undo import UndoOptions, undo
from tagger.state import open_store
from tagger.state.schema import MIGRATIONS
from tagger.tags import read_tags
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.cli.test_cli import tagger
from tests.synth_audio import WRITABLE, make_audio
from tests.tones import write_chords, write_tone


@pytest.fixture
def store(own_state):
    """A state of the test's own, held."""
    with open_store(own_state, on_notice=pytest.fail) as found:
        yield found


@pytest.fixture
def music(tmp_path):
    """Six tracks of three kinds in two albums, no two alike."""
    for i, suffix in enumerate(("flac", "mp3", "wav") * 2):
        path = write_tone(tmp_path / "music" / f"{i // 3}" / f"{i}.{suffix}", 200 + 100 * i)
        write_genres(path, ["Jazz"])
    return tmp_path / "music"


def tracks(folder):
    return sorted(path for path in folder.rglob("*.*") if path.is_file())


def contents(folder):
    return sorted(path.read_bytes() for path in tracks(folder))


def write(store, *paths, genre="Rock", roots=()):
    with JournalledRun(store, "scan", "here", roots=roots) as run:
        requests = [WriteRequest(path, [genre], WriteOptions()) for path in paths]
        assert list(run.write(requests)) == [True] * len(paths)
    return run.number


def take_back(store, number=None, *, areas=(), write=True):
    number = number or last_run(store)
    moved = Moved(store, areas)
    with JournalledRun(store, "undo", "") as run:
        changes = list(changes_of(store, number, areas))
        changes += moved.brought_into(number) if areas else ()
        return list(undo(changes, run, UndoOptions(write=write), moved))


def rename(music):
    for path in tracks(music):
        path.rename(path.with_name(f"renamed {path.name}"))


def rename_folders(music):
    for folder in list(music.iterdir()):
        folder.rename(folder.with_name(f"album {folder.name}"))


def gather(music):
    for path in tracks(music):
        (music / "new" / "deep").mkdir(parents=True, exist_ok=True)
        path.rename(music / "new" / "deep" / path.name)


def rotate(music):
    """Each file gets the name of the next one of its kind."""
    first, second = tracks(music)[:3], tracks(music)[3:]
    for mine, other in zip(first, second, strict=True):
        mine.rename(music / "aside")
        other.rename(mine)
        (music / "aside").rename(other)


def copy_anew(music):
    """As a move to another disk: other inodes and times."""
    for path in tracks(music):
        shutil.copyfile(path, path.with_name(f"copy {path.name}"))
        path.unlink()


@pytest.mark.parametrize("move", [rename, rename_folders, gather, rotate, copy_anew])
@pytest.mark.parametrize("has_roots", [True, False])
def test_moved_files_go_back_to_the_byte(music, store, move, has_roots):
    """Wherever they lie, whatever their names; a dry run says so; the undo can be undone."""
    before = contents(music)
    write(store, *tracks(music), roots=[music] if has_roots else ())
    after = contents(music)
    move(music)
    dry = take_back(store, write=False)
    assert {result.status for result in dry} == {"proposed"}
    assert contents(music) == after
    results = take_back(store)
    assert [(result.status, result.genres) for result in results] == [
        ("written", ("Jazz",))
    ] * 6
    assert sorted(result.path for result in results) == tracks(music)
    assert all("moved here from" in result.reason for result in results)
    assert contents(music) == before
    assert {result.status for result in take_back(store, all_runs(store)[0].id)} == {"written"}
    assert contents(music) == after


@pytest.mark.parametrize("kind", WRITABLE)
def test_every_container_is_found(tmp_path, store, kind):
    """By the same digests that an undo compares."""
    (tmp_path / "a").mkdir()
    path = make_audio(tmp_path / "a", kind, title="A title")
    before = path.read_bytes()
    write(store, path, roots=[tmp_path])
    (tmp_path / "b").mkdir()
    moved = path.rename(tmp_path / "b" / f"other{path.suffix}")
    (result,) = take_back(store)
    assert (result.status, result.path) == ("written", moved)
    assert moved.read_bytes() == before


def test_a_file_that_was_written_twice_in_a_run_goes_back_twice(music, store):
    """Both changes find it, one after the other."""
    path = tracks(music)[0]
    before = path.read_bytes()
    with JournalledRun(store, "scan", "here") as run:
        requests = [
            WriteRequest(path, [genre], WriteOptions()) for genre in ("Rock", "Pop and more")
        ]
        assert list(run.write(requests)) == [True, True]
    moved = path.rename(path.with_name("moved.flac"))
    assert [result.status for result in take_back(store)] == ["written"] * 2
    assert moved.read_bytes() == before


@pytest.mark.parametrize("root", ["library", "file"])
def test_what_was_scanned_may_have_another_name_itself(music, store, root):
    """A library that was renamed, a single file that was: the folder around it counts."""
    path = tracks(music)[0]
    before = path.read_bytes()
    write(store, path, roots=[music if root == "library" else path])
    if root == "library":
        moved = music.rename(music.with_name("My Music")) / path.relative_to(music)
    else:
        moved = path.rename(path.with_name("moved.flac"))
    assert [item.path for item in take_back(store)] == [moved]
    assert moved.read_bytes() == before


def test_two_files_that_are_equal_to_the_byte_are_each_taken_once(music, store):
    """Both go back, and neither is changed for both."""
    one = tracks(music)[0]
    other = music / "twin.flac"
    shutil.copyfile(one, other)
    before = one.read_bytes()
    write(store, one, other)
    places = [path.rename(path.with_name(f"moved {path.name}")) for path in (one, other)]
    assert {result.path for result in take_back(store)} == set(places)
    assert [path.read_bytes() for path in places] == [before] * 2


def test_the_file_itself_is_preferred_to_its_copies(music, store):
    """The one with the inode that was written, then the one of the same name."""
    path = tracks(music)[0]
    write(store, path, roots=[music])
    shutil.copyfile(path, music / "copy.flac")
    moved = path.rename(music / "z.flac")
    assert take_back(store)[0].path == moved
    assert read_tags(music / "copy.flac").genres == ("Rock",)


def test_a_copy_is_not_taken_for_a_file_that_is_at_its_place(music, store):
    """Only the file that was written goes back."""
    path = tracks(music)[0]
    write(store, path)
    copy = music / "0" / "a copy.flac"
    shutil.copyfile(path, copy)
    assert take_back(store, areas=[copy]) == []
    assert [item.path for item in take_back(store)] == [path]
    assert read_tags(copy).genres == ("Rock",)


@pytest.mark.parametrize("change", ["genre", "byte", "gone"])
def test_a_moved_file_that_somebody_changed_is_left_alone(music, store, change):
    """It is named by its old place, with what can be done."""
    path = tracks(music)[0]
    write(store, *tracks(music))
    moved = path.rename(path.with_name("moved.flac"))
    if change == "genre":
        write_genres(moved, ["Mine"])
    elif change == "byte":
        data = moved.read_bytes()
        moved.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    else:
        moved.unlink()
    found = moved.read_bytes() if moved.exists() else None
    results = {item.path: item for item in take_back(store)}
    assert results[path].status == "failed"
    assert "not there any more" in results[path].reason
    assert [result.status for result in results.values()].count("written") == 5
    assert (moved.read_bytes() if moved.exists() else None) == found


def test_a_later_run_that_changed_the_moved_file_is_named(music, store):
    """Although it knew it by another name; one after the other, both go back."""
    path = tracks(music)[0]
    before = path.read_bytes()
    first = write(store, path, roots=[music])
    moved = path.rename(path.with_name("moved.flac"))
    second = write(store, moved, genre="Pop", roots=[music])
    (result,) = take_back(store, first)
    assert result.status == "failed"
    assert f"tagger undo {second}" in result.reason
    assert take_back(store, second)[0].status == "written"
    assert take_back(store, first)[0].status == "written"
    assert moved.read_bytes() == before


def test_files_that_left_the_library_are_found_where_they_are_named(music, store, tmp_path):
    """Nobody looks through the whole disk; what is named is looked through."""
    before = contents(music)
    number = write(store, *tracks(music), roots=[music])
    archive = (tmp_path / "archive").resolve()
    shutil.move(music / "0", archive)
    (music / "1").rename(music / "one")
    assert [result.status for result in take_back(store, number, write=False)].count(
        "failed"
    ) == 3
    assert last_run(store, [archive]) is None
    assert last_moved_run(store, [archive]) == number
    assert last_moved_run(store, [tmp_path / "no"]) is None
    results = take_back(store, number, areas=[archive])
    assert sorted(result.path for result in results) == tracks(archive)
    assert {result.status for result in results} == {"written"}
    assert {result.status for result in take_back(store, number)} == {"written", "unchanged"}
    assert sorted(contents(music) + contents(archive)) == before


def test_a_journal_of_before_is_undone_too(music, own_state):
    """Of runs that did not note where they worked, the folder of all their files counts."""
    before = contents(music)
    with open_store(own_state, on_notice=pytest.fail) as store:
        write(store, *tracks(music))
        for statement in ("ALTER TABLE run DROP COLUMN roots", "PRAGMA user_version = 3"):
            store.connection.execute(statement)
    rename_folders(music)
    with open_store(own_state, on_notice=pytest.fail) as store:
        assert store.connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert {result.status for result in take_back(store)} == {"written"}
    assert contents(music) == before


@pytest.mark.parametrize("is_known", [True, False])
def test_the_command_finds_what_was_moved(tmp_path, is_known):
    """Within the library without more ado; elsewhere if a scan has seen it, or it is named."""
    library, other = tmp_path / "music", tmp_path / "other"
    for i in range(4):
        write_chords(library / f"{i}.flac", 300 + 50 * i, seconds=2)
    before = contents(library)
    done = tagger("scan", library, "--write-tags", "--threshold", "0.01")
    assert done.returncode == 0
    assert contents(library) != before
    other.mkdir()
    (library / "0.flac").rename(library / "renamed.flac")
    (library / "1.flac").rename(other / "1.flac")
    if is_known:
        assert tagger("scan", other, "--score-all").returncode == 0
    else:
        assert tagger("undo", "--dry-run").returncode == 1
        done = tagger("undo", other)
        assert (done.returncode, "1.flac" in done.stdout) == (0, True)
    done = tagger("undo", cwd=other)
    assert done.returncode == 0, done.stdout
    assert sorted(contents(library) + contents(other)) == before


def test_a_share_that_does_not_answer_is_no_moved_file(music, store, monkeypatch):
    """Nobody looks for a file that cannot be read for another reason than that it is away."""
    path = tracks(music)[0]
    write(store, path)
    real = type(path).resolve

    def resolve(one, *args, **options):
        if one == path:
            raise OSError(5, "Input/output error")
        return real(one, *args, **options)

    monkeypatch.setattr(type(path), "resolve", resolve)
    monkeypatch.setattr(Moved, "find", lambda *_: pytest.fail("it was looked for"))
    (result,) = take_back(store)
    assert result.status == "failed"
    assert "Input/output" in result.reason
    assert os.path.exists(path)  # noqa: PTH110, resolve is another one here


def test_a_root_that_cannot_be_reached_ends_no_search(music, store, tmp_path, monkeypatch):
    """What was moved is found below the others."""
    path, away = tracks(music)[0], tmp_path / "share" / "music"
    write(store, path, roots=[away, music])
    moved = path.rename(music / f"moved{path.suffix}")
    real = os.stat

    def stat(name, *args, **options):
        if str(name) == str(away):
            raise OSError(5, "Input/output error")
        return real(name, *args, **options)

    monkeypatch.setattr(os, "stat", stat)
    (result,) = take_back(store)
    assert (result.status, result.path) == ("written", moved)
