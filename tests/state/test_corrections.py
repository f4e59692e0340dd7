"""What the owner decides is noted by the journal itself, and forgotten when asked to."""

import sqlite3

import pytest

from tagger import Tagger, TrackResult
from tagger.journal.history import changes_of, last_run
from tagger.journal.run import JournalledRun, WriteRequest
from tagger.journal.undo import UndoOptions, undo
from tagger.state import open_store
from tagger.state.corrections import (
    all_corrections,
    forget_corrections,
    learned_models,
    lesson_due,
    n_corrections_since,
    record_learned,
    written_by_models,
)
from tagger.state.schema import MIGRATIONS
from tests.synth_audio import make_audio


@pytest.fixture
def store(own_state):
    """A state of the test's own, held."""
    with open_store(own_state, on_notice=pytest.fail) as found:
        yield found


@pytest.fixture
def song(tmp_path):
    """A file without a genre."""
    return make_audio(tmp_path, "mp3")


def write(store, path, genres, *, command="apply", about="here", model=None):
    """One change by a command."""
    with JournalledRun(store, command, about, model) as run:
        assert list(run.write([WriteRequest(path, genres)])) == [True]
    return run.number


def take_back(store, number=None):
    """Undo a run, the last one by default."""
    number = last_run(store) if number is None else number
    with JournalledRun(store, "undo", "") as run:
        list(undo(changes_of(store, number), run, UndoOptions()))
    return run.number


def told(store):
    """(origin, genres, denied) of all corrections."""
    return [
        (correction.origin, correction.genres, correction.denied)
        for correction in all_corrections(store)
    ]


def test_an_applied_row_is_a_decision(store, song):
    """The new genres are the owner's word, and what they replaced is refused."""
    write(store, song, ["Rock", "Metal"])
    write(store, song, ["Metal", "Doom"])
    assert told(store) == [
        ("apply", ("Rock", "Metal"), ()),
        ("apply", ("Metal", "Doom"), ("Rock",)),
    ]
    assert all_corrections(store)[0].path == song.resolve()


def test_the_page_of_the_service_decides_too(store, song):
    """Its writes carry its name; those of other programs are no decisions of a person."""
    write(store, song, ["Rock"], command="write", about="tagger watch")
    assert told(store) == []
    write(store, song, ["Jazz"], command="write", about="tagger serve, run 7")
    assert told(store) == [("write", ("Jazz",), ("Rock",))]


def test_a_scan_decides_nothing_until_it_is_undone(store, song):
    """What a scan wrote is a model's word; who takes it back says that it was wrong."""
    write(store, song, ["Techno"], command="scan")
    assert told(store) == []
    assert written_by_models(store) == {song.resolve(): ((), ("Techno",))}
    back = take_back(store)
    assert told(store) == [("undo", (), ("Techno",))]
    assert written_by_models(store) == {}
    take_back(store, back)
    assert told(store) == []


def test_what_another_program_writes_of_a_scan_is_a_model_s_word(store, song):
    """The plugin of beets, and a result of `predict` that is written as it is."""
    write(store, song, ["Techno"], command="write", about="beets", model="default")
    assert written_by_models(store) == {song.resolve(): ((), ("Techno",))}
    write(store, song, ["House"], command="write", about="my own list")
    assert written_by_models(store) == {}
    assert told(store) == []


def test_a_result_that_is_written_as_it_is_is_its_model_s(own_state, song):
    """From Python; genres that are given are a person's."""
    with Tagger(state=own_state, device="cpu") as tagger:
        result = TrackResult(path=song, status="proposed", genres=("Techno",))
        assert tagger.write(result).status == "written"
        assert tagger.write(song, ["House"]).status == "written"
        assert [run.model for run in tagger.runs()] == [None, tagger.spec.name]


def test_a_decision_that_is_undone_is_none(store, song):
    """An undo of `apply` withdraws it, and an undo of that undo makes it again."""
    write(store, song, ["Rock"])
    back = take_back(store)
    assert told(store) == []
    take_back(store, back)
    assert told(store) == [("apply", ("Rock",), ())]


def test_a_file_that_was_corrected_after_a_scan_is_the_owners(store, song):
    """The last word counts."""
    write(store, song, ["Techno"], command="scan")
    write(store, song, ["House"])
    assert written_by_models(store) == {}
    assert told(store) == [("apply", ("House",), ("Techno",))]


def test_what_is_forgotten_stays_so_and_the_file_keeps_its_genre(store, song):
    """Forgetting concerns learning alone: the change can still be undone."""
    write(store, song, ["Rock"])
    write(store, song, ["Jazz"])
    first = all_corrections(store)[0]
    assert forget_corrections(store, [first.id, 999]) == 1
    assert told(store) == [("apply", ("Jazz",), ("Rock",))]
    assert forget_corrections(store) == 1
    assert told(store) == []
    take_back(store)


def test_what_was_decided_before_the_table_existed_is_in_it(own_state, song):
    """The journal of an older version is read once."""
    with open_store(own_state, on_notice=pytest.fail, migrations=MIGRATIONS[:5]) as store:
        write(store, song, ["Rock"])
        write(store, song, ["Techno"], command="scan")
        take_back(store)
    with open_store(own_state, on_notice=pytest.fail) as store:
        assert told(store) == [("apply", ("Rock",), ()), ("undo", (), ("Techno",))]


def test_a_damaged_state_keeps_its_decisions(own_state, song):
    """They are saved with the journal."""
    with open_store(own_state, on_notice=pytest.fail) as store:
        write(store, song, ["Rock"])
        page = store.connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'result'"
        ).fetchone()[0]
        size = store.connection.execute("PRAGMA page_size").fetchone()[0]
    sqlite3.connect(own_state).close()
    data = bytearray(own_state.read_bytes())
    data[(page - 1) * size : page * size] = b"\xa5" * size
    own_state.write_bytes(data)
    own_state.with_name(f"{own_state.name}.lock").write_text("process 1 on earth")
    notices = []
    with open_store(own_state, on_notice=notices.append) as store:
        assert told(store) == [("apply", ("Rock",), ())]
    assert "1 changes of its undo journal were saved" in notices[0]


def test_how_a_model_was_learned_is_remembered(store, song):
    """The newest recipe of a name counts, and newer decisions can be counted."""
    write(store, song, ["Rock"])
    record_learned(store, "mine", {"paths": ["/music"]}, 0)
    assert n_corrections_since(store, learned_models(store)[0].last_correction) == 1
    record_learned(store, "mine", {"paths": ["/other"]}, all_corrections(store)[-1].id)
    (model,) = learned_models(store)
    assert (model.name, model.recipe) == ("mine", {"paths": ["/other"]})
    assert n_corrections_since(store, model.last_correction) == 0


def test_enough_new_decisions_are_worth_a_lesson(store, song, monkeypatch):
    """It is offered from so many on, for the newest model, and not before one was learned."""
    monkeypatch.setattr("tagger.state.corrections.ENOUGH", 2)
    write(store, song, ["Rock"])
    assert lesson_due(store) is None
    record_learned(store, "mine", {}, 0)
    assert lesson_due(store) is None
    write(store, song, ["Jazz"])
    assert "2 decisions of yours" in lesson_due(store)
    assert "`tagger learn --update mine`" in lesson_due(store)
