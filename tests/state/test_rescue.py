"""A damaged state costs time; what can be read of its undo journal is not lost."""

import os
import sqlite3

import pytest

from tagger.journal.history import all_runs, changes_of, last_run
from tagger.journal.recover import settle_open
from tagger.journal.run import JournalledRun, WriteRequest
from tagger.journal.undo import UndoOptions, undo
from tagger.state import open_store
from tests.synth_audio import make_audio


def damage(path, *, table=None, share=None):
    """Break the state: pages of one table, or all from a share of the file on."""
    data = bytearray(path.read_bytes())
    if table is not None:
        with sqlite3.connect(path) as connection:
            (page,) = connection.execute(
                "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
            ).fetchone()
            (size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.close()
        data[(page - 1) * size : page * size] = b"\xa5" * size
    else:
        start = int(len(data) * share)
        data[start:] = os.urandom(len(data) - start)
    path.write_bytes(data)
    path.with_name(f"{path.name}.lock").write_text("process 1 on earth")


@pytest.fixture
def written(tmp_path, own_state):
    """Thirty files that were written, with what they held; the state is closed."""
    original = make_audio(tmp_path, "mp3").read_bytes()
    paths = [tmp_path / f"{i:02}.mp3" for i in range(30)]
    for path in paths:
        path.write_bytes(original)
    with (
        open_store(own_state, on_notice=pytest.fail) as store,
        JournalledRun(store, "scan", "here", "a model") as run,
    ):
        assert all(
            item is True for item in run.write([WriteRequest(path, ["Rock"]) for path in paths])
        )
    return dict.fromkeys(paths, original)


def test_what_was_written_can_be_undone_after_results_are_lost(written, own_state):
    """Another table is broken: all changes are saved, their numbers too."""
    damage(own_state, table="result")
    told = []
    with open_store(own_state, on_notice=told.append) as store:
        assert "30 changes of its undo journal were saved" in told[0]
        assert settle_open(store).sentence is None
        (run,) = all_runs(store)
        assert (run.command, run.model, run.n_written) == ("scan", "a model", 30)
        with JournalledRun(store, "undo", "") as back:
            results = list(undo(changes_of(store, last_run(store)), back, UndoOptions()))
        assert back.number > run.id
    assert {result.status for result in results} == {"written"}
    assert {path: path.read_bytes() for path in written} == written


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.8, 0.95])
def test_whatever_is_lost_what_is_saved_is_right(written, own_state, share):
    """Each change that comes through leads back to the byte; no file is harmed."""
    new = next(iter(written)).read_bytes()
    damage(own_state, share=share)
    told = []
    with open_store(own_state, on_notice=told.append) as store:
        assert len(told) == 1
        settle_open(store)
        with JournalledRun(store, "undo", "") as back:
            for run in all_runs(store):
                list(undo(changes_of(store, run.id), back, UndoOptions()))
    assert {path.read_bytes() for path in written} <= {new, *written.values()}
    assert "could not be read" in told[0] or share > 0


@pytest.mark.parametrize(
    "wrong",
    [
        "path = 7",
        "path = x'2f6100'",
        "path = CAST('relative' AS BLOB)",
        "temp = CAST('../x' AS BLOB)",
        "temp = x''",
        "values_after = '[1]'",
        "values_before = 'no list'",
        "payload = 'text'",
    ],
)
def test_a_row_that_cannot_be_one_of_ours_is_left_out(written, own_state, wrong):
    """The others are saved, and no command stumbles over what is not."""
    with sqlite3.connect(own_state) as connection:
        connection.execute(f"UPDATE change SET {wrong} WHERE id = 5")
    connection.close()
    damage(own_state, table="result")
    told = []
    with open_store(own_state, on_notice=told.append) as store:
        assert "29 changes of its undo journal were saved" in told[0]
        assert all_runs(store)[0].n_written == 29


def test_the_old_state_is_not_changed(written, own_state):
    """It is set aside as it is."""
    damage(own_state, table="change")
    before = own_state.read_bytes()
    with open_store(own_state, on_notice=lambda _: None):
        pass
    assert own_state.with_name("state.db.damaged-1").read_bytes() == before
