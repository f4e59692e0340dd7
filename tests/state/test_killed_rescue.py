"""A start that saves the undo journal of a damaged state, and is killed while it does."""

import contextlib
import errno
import os
import shutil
import sqlite3

import pytest

from tagger import Tagger
from tagger.errors import StateError
from tagger.journal.history import all_runs
from tagger.state import open_store
from tagger.state.aside import being_rescued, finish_making_way, make_way
from tests.faults import in_child

N_RUNS = 5
PARTS = ("", "-wal", "-shm", "-journal")


def damage(path):
    """Break the page of a table that is not of the journal; the process was killed."""
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'result'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    data = bytearray(path.read_bytes())
    data[(page - 1) * size : page * size] = b"\xa5" * size
    path.write_bytes(data)
    path.with_name(f"{path.name}.lock").write_text("process 1 on earth")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """The folder of a damaged state with a few runs; to be copied."""
    folder = tmp_path_factory.mktemp("damaged")
    with open_store(folder / "state.db", on_notice=pytest.fail) as opened:
        add_runs(opened)
    damage(folder / "state.db")
    return folder


@pytest.fixture
def state(original, tmp_path):
    """Copies the damaged state to a new place, again and again."""

    def again():
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        return shutil.copytree(original, tmp_path / "copy") / "state.db"

    return again


def add_runs(opened):
    with opened.transaction() as connection:
        connection.executemany(
            "INSERT INTO run (began_ns, command, about) VALUES (?, 'scan', 'x')",
            [(i,) for i in range(N_RUNS)],
        )


def opening(path, before, told):
    """Open a state; `before(what)` comes before each statement, renaming and notice."""

    def tell(sentence):
        before("notice")
        told(sentence)

    def connect(*args, **kwargs):
        connection = real_connect(*args, **kwargs)
        # Of a table that is made or not, all statements are one step.
        connection.set_trace_callback(
            lambda text: None if text.strip().startswith(("CREATE", "--")) else before(text)
        )
        return connection

    def rename(*args, **kwargs):
        before("rename")
        return real_rename(*args, **kwargs)

    real_connect, real_rename = sqlite3.connect, os.replace
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", connect)
        patch.setattr(os, "replace", rename)
        return open_store(path, on_notice=tell)


def killed_at(number, path):
    """Whether a start was killed before its step of that number; what it told is in a file."""
    steps = iter(range(1_000_000))

    def before(_):
        if next(steps) == number:
            os._exit(9)

    def work():
        with path.with_name("told").open("a") as told:
            opening(
                path, before, lambda sentence: print(sentence, file=told, flush=True)
            ).close()

    status = in_child(work)
    assert status in {0, 9}
    return status == 9


def aside_of(path):
    """What is set aside, by what follows the state's name."""
    return {
        one.name.removeprefix(path.name): one.read_bytes()
        for one in path.parent.iterdir()
        if ".damaged-" in one.name or ".rescuing" in one.name
    }


def finished(path):
    """What a start says that nobody kills; it finds all runs."""
    told = []
    with open_store(path, on_notice=told.append) as opened:
        assert [run.id for run in all_runs(opened)] == [*range(N_RUNS, 0, -1)]
    return told


def test_a_rescue_that_is_killed_at_any_step_is_gone_on_with(state):
    """The next start finds all runs, none twice; the owner is told where the old one lies."""
    number, damaged = 0, state().read_bytes()
    while killed_at(number, path := state()):
        if number % 3 == 0:
            killed_at(number * 7 % 40, path)  # the next one too, wherever it is by then
        said = [*finished(path), path.with_name("told").read_text()]
        assert "set aside as state.db.damaged-" in "".join(said), number
        last = [name for name in aside_of(path) if name[-1].isdigit()][-1]
        assert aside_of(path)[last] == damaged, number
        assert not [name for name in aside_of(path) if ".rescuing" in name], number
        assert finished(path) == []
        number += 1
    assert number > 30  # tables, rows, and names that are given


@pytest.mark.parametrize(("what", "number"), [("rename", 0), ("notice", 0), ("rename", 1)])
def test_ctrl_c_is_no_orderly_end_of_a_rescue(state, what, number):
    """Unlike a kill it lets go of the state; what is to be done is done by the next start."""
    path, left = state(), [number]

    def before(step):
        if step == what:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1

    with pytest.raises(KeyboardInterrupt):
        opening(path, before, lambda _: None)
    assert ["set aside as state.db.damaged-1" in text for text in finished(path)] == [True]
    assert ".damaged-1" in aside_of(path)
    assert finished(path) == []


class Full(sqlite3.Connection):
    """A new state on a full disk."""

    def executemany(self, *_):
        raise sqlite3.OperationalError("database or disk is full")


def test_a_disk_that_is_full_while_a_journal_is_saved_costs_no_journal(state, monkeypatch):
    """That was told as a journal that could not be read, and the new state stayed empty."""
    path, told = state(), []
    with monkeypatch.context() as patch:
        real = sqlite3.connect
        patch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, factory=Full, **k))
        with pytest.raises(StateError, match="disk is full"):
            open_store(path, on_notice=told.append)
    assert told == []
    assert len(finished(path)) == 1


def test_runs_are_not_said_to_be_none_before_the_journal_is_saved(state, monkeypatch):
    """Looking on changes nothing, so it says what does."""
    path = state()
    monkeypatch.setenv("TAGGER_STATE", str(path))
    make_way(path)
    with (
        Tagger(device="cpu", settings={}) as opened,
        pytest.raises(StateError, match="tagger undo --dry-run"),
    ):
        opened.runs()
    finished(path)
    with Tagger(device="cpu", settings={}) as opened:
        assert len(opened.runs()) == N_RUNS


@pytest.mark.parametrize("killed_before", range(5))
def test_what_lies_beside_a_damaged_state_goes_with_it(tmp_path, monkeypatch, killed_before):
    """A log that stayed behind would be taken for the new state's, and change it."""
    path, real, left = tmp_path / "state.db", os.replace, [killed_before]
    for part in PARTS:
        path.with_name(path.name + part).write_text(part)

    def rename(*names):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        real(*names)

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(os, "replace", rename)
        make_way(path)
    # The name of the file says what is to be gone on with.
    assert path.exists() is (killed_before == 0)
    finish_making_way(path)
    if path.exists():
        make_way(path)
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {
        f"state.db.rescuing{part}": part for part in PARTS
    }


def test_a_log_that_a_killed_start_left_behind_is_the_old_states(tmp_path):
    """The runs of the last moments are in it."""
    path, copy = tmp_path / "state.db", tmp_path / "copy" / "state.db"
    copy.parent.mkdir()
    with open_store(path, on_notice=pytest.fail) as opened:
        opened.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        add_runs(opened)
        shutil.copy(path, being_rescued(copy))
        shutil.copy(f"{path}-wal", f"{copy}-wal")
    assert len(finished(copy)) == 1


def test_a_state_that_cannot_be_renamed_is_an_error_with_a_sentence(state, monkeypatch):
    """Somebody else has it open, on Windows for one."""
    path = state()

    def refused(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refused)
        with pytest.raises(StateError, match=r"state.db: .*cannot be set aside .*denied"):
            open_store(path, on_notice=pytest.fail)
    assert len(finished(path)) == 1


def test_a_number_that_damage_made_up_is_not_counted_up_to(state):
    """Rows between two readable ones are asked for one by one, but not 2^60 of them."""
    path = state()
    with sqlite3.connect(path) as connection:
        for number in (*range(N_RUNS + 1, N_RUNS + 4), 1 << 60):  # a page each
            connection.execute(
                "INSERT INTO run (id, began_ns, command, about) VALUES (?, 1, 'scan', ?)",
                (number, "x" * 3000),
            )
    connection.close()
    data = bytearray(path.read_bytes())
    at = data.index(b"scan" + b"x" * 3000, data.index(b"scan" + b"x" * 3000) + 1) // 4096 * 4096
    data[at : at + 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    with open_store(path, on_notice=lambda _: None) as opened:
        assert {run.id for run in all_runs(opened)} >= {*range(1, N_RUNS + 1), 1 << 60}
