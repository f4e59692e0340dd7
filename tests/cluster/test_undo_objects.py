"""What was written goes back to the byte; a kill at any moment leaves the state knowable."""

import contextlib
import json
from dataclasses import asdict, replace

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("boto3")

from tagger.cluster import undo, write
from tagger.cluster.journal import ObjectJournal, all_runs, changes_of, run_named
from tagger.cluster.journal_parts import StoredParts
from tagger.cluster.settled import settle_open
from tagger.errors import InputError, StateError
from tagger.writing.replace import PreparedWrite
from tests.cluster.shelf import GENRES, Shelf, folder_shelf, memory_shelf, request, s3_shelf

KINDS = {"a.mp3": "mp3", "b.flac": "flac", "deep/c.ogg": "ogg-vorbis", "d.m4a": "m4a-aac"}


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.service)])
def shelf(request, tmp_path):
    """Objects in a folder, and in a real S3 server."""
    if request.param == "folder":
        return folder_shelf(tmp_path)
    return s3_shelf(request.getfixturevalue("s3_url"), tmp_path)


@pytest.fixture(autouse=True)
def places(monkeypatch):
    """A store in memory is found by the test that made it alone."""
    opened = {}
    monkeypatch.setattr(Shelf, "opened", opened, raising=False)
    open_place = undo.open_place
    monkeypatch.setattr(
        undo, "open_place", lambda url, **how: opened.get(url) or open_place(url, **how)
    )
    return opened


def stored(shelf):
    """Objects of several containers, and their bytes."""
    shelf.opened[shelf.place.url] = shelf.place
    entries = [shelf.add(name, kind) for name, kind in KINDS.items()]
    return entries, {entry.key: shelf.bytes_of(entry.key) for entry in entries}


def test_what_was_written_goes_back_to_the_byte(shelf):
    """With all that the store keeps of the objects; the undo is a run of its own."""
    entries, before = stored(shelf)
    kept = None if shelf.is_folder else [shelf.attributes_of(entry.key) for entry in entries]
    assert all(outcome.outcome is True for outcome in shelf.write(*entries))
    assert all(shelf.bytes_of(key) != data for key, data in before.items())
    assert {result.status for result in shelf.undo(write=False)} == {"proposed"}
    results = shelf.undo()
    assert {result.key: result.status for result in results} == dict.fromkeys(before, "written")
    assert all(result.previous == tuple(GENRES) and result.genres == () for result in results)
    assert {entry.key: shelf.bytes_of(entry.key) for entry in entries} == before
    if kept is not None:
        assert [shelf.attributes_of(entry.key) for entry in entries] == kept


def test_what_obstore_wrote_goes_back_to_the_byte(tmp_path):
    """As in Google's and Azure's stores: on obstore's own condition."""
    shelf = memory_shelf(tmp_path)
    entries, before = stored(shelf)
    kept = [shelf.attributes_of(entry.key) for entry in entries]
    assert all(outcome.outcome is True for outcome in shelf.write(*entries))
    assert {result.status for result in shelf.undo()} == {"written"}
    assert {entry.key: shelf.bytes_of(entry.key) for entry in entries} == before
    assert [shelf.attributes_of(entry.key) for entry in entries] == kept


def test_the_last_run_is_the_one_of_the_highest_number_whatever_clocks_say(tmp_path):
    """Two machines began them, and the clock of the second one is behind."""
    shelf = folder_shelf(tmp_path)
    entries, _ = stored(shelf)
    shelf.write(entries[0])
    first = run_named(shelf.parts, None)
    shelf.write(entries[1])
    last = run_named(shelf.parts, None)
    assert int(last.id) > int(first.id)
    told = asdict(last) | {"began": "2001-01-01T00:00:00.000+00:00"}
    shelf.parts.put(f"{last.id}/run.json", json.dumps(told).encode())
    assert run_named(shelf.parts, None).id == last.id


def test_an_undo_is_undone_and_done_again(shelf):
    """Its own run brings the genres back; what is undone already is said to be."""
    entries, before = stored(shelf)
    shelf.write(*entries)
    scan = run_named(shelf.parts, None)
    shelf.undo()
    with pytest.raises(InputError, match="nothing to undo"):
        run_named(shelf.parts, None)
    (undo,) = [run for run in all_runs(shelf.parts) if run.undoes]
    assert undo.undoes == scan.id
    assert {result.status for result in shelf.undo(undo.id)} == {"written"}
    assert all(shelf.genres_of(entry.key) == tuple(GENRES) for entry in entries)
    assert {result.status for result in shelf.undo(scan.id)} == {"written"}
    assert {result.status for result in shelf.undo(scan.id)} == {"unchanged"}
    assert {entry.key: shelf.bytes_of(entry.key) for entry in entries} == before


def test_what_somebody_else_has_changed_since_is_left_alone(shelf):
    """Of the same length, of another, and deleted: each with its reason; the last goes back."""
    entries, before = stored(shelf)
    first, second, third, fourth = (item.entry for item in shelf.write(*entries))
    others = shelf.bytes_of(first.key)[:-1] + b"\x55"
    shelf.add("a.mp3", data=others)
    shelf.add("b.flac", data=b"other")
    remove(shelf, third.key)
    for only_asked in (True, False):
        found = {change.key: change for change in shelf.undo(write=not only_asked)}
        for key in (first.key, second.key):
            assert found[key].status == "failed"
            assert "changed" in found[key].reason
            assert key in found[key].reason
        assert "not there any more" in found[third.key].reason
        assert found[fourth.key].status == ("proposed" if only_asked else "written")
    assert shelf.bytes_of(first.key) == others
    assert shelf.bytes_of(fourth.key) == before[fourth.key]


def remove(shelf, key):
    if shelf.is_folder:
        (shelf.place.folder / key).unlink()
    else:
        shelf.place.store.delete(key)


class _KilledError(BaseException):
    """Ends everything, as a kill would: nothing that runs then writes."""


def killed(*_args, **_named):
    """What a process does no more."""
    raise _KilledError


MOMENTS = {
    "before the journal": (StoredParts, "put"),
    "between journal and put": (write.ObjectWriter, "_put"),
    "between put and settle": (ObjectJournal, "settle"),
    "before what is settled is stored": (ObjectJournal, "close"),
}
AFTER_PUT = {"between put and settle", "before what is settled is stored"}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_at_any_moment_leaves_the_state_knowable(shelf, monkeypatch, moment):
    """Each object is old or new; who comes next learns which, and undo brings all back."""
    entries, before = stored(shelf)
    with shelf.writer() as writer:
        pass
    journal = writer.journal
    with monkeypatch.context() as patch:
        patch.setattr(*MOMENTS[moment], killed)
        with contextlib.suppress(_KilledError):
            list(writer.write((entry, request(), entry.key) for entry in entries))
            journal.close()
            pytest.fail("nothing was killed")
    is_new = {entry.key for entry in entries if shelf.bytes_of(entry.key) != before[entry.key]}
    assert bool(is_new) == (moment in AFTER_PUT)
    again = ObjectJournal(shelf.parts, journal.run)
    found = {change.key: change for change in settle_open(shelf.target, again)}
    assert {key for key, value in found.items() if value.status == "done"} == is_new
    assert all(result.status in {"done", "failed"} for result in found.values())
    assert all(found[key].about == key for key in is_new)
    assert all(found[key].new.etag == shelf.entry(key).etag for key in is_new)
    undone = shelf.undo(journal.run)
    assert {change.key for change in undone if change.status == "written"} == is_new
    assert {entry.key: shelf.bytes_of(entry.key) for entry in entries} == before
    names = {path.name for path in (shelf.place.folder or shelf.folder).rglob(".*.tmp")}
    assert names == set()


@pytest.mark.parametrize("status", ["planned", "failed"])
def test_undo_brings_back_what_nobody_has_settled(shelf, monkeypatch, status):
    """Right after a kill; and a put that was given up and came to the store after all."""
    entries, before = stored(shelf)
    with shelf.writer() as writer:
        pass
    settle = ObjectJournal.settle
    monkeypatch.setattr(
        ObjectJournal, "settle", lambda self, one: settle(self, replace(one, status=status))
    )
    list(writer.write((entry, request(), "") for entry in entries))
    writer.journal.close()
    assert {change.status for change in shelf.changes()} == {status}
    assert {result.status for result in shelf.undo()} == {"written"}
    assert {entry.key: shelf.bytes_of(entry.key) for entry in entries} == before


def test_many_changes_are_settled_whatever_part_says_so(tmp_path):
    """What became of a group stands in the part of the next one, of the last in one more."""
    shelf = memory_shelf(tmp_path)
    data = shelf.bytes_of(shelf.add().key)
    entries = [shelf.add(f"{i:02}.mp3", data=data) for i in range(2 * write.GROUP + 1)]
    shelf.write(*entries)
    names = shelf.parts.names(run_named(shelf.parts, None).id)
    assert len([name for name in names if name.endswith(".parquet")]) == 4
    assert [change.status for change in shelf.changes()] == ["done"] * len(entries)
    assert {change.key for change in shelf.changes()} == {entry.key for entry in entries}


def test_an_object_that_was_taken_twice_in_a_run_goes_back_once(tmp_path, monkeypatch):
    """A killed process planned it, the next one wrote it: one of the two is found undone."""
    shelf = memory_shelf(tmp_path)
    (entry, *_), before = stored(shelf)
    with shelf.writer() as writer, monkeypatch.context() as patch:
        patch.setattr(write.ObjectWriter, "_put", killed)
        with contextlib.suppress(_KilledError):
            list(writer.write([(entry, request(), "")]))
    run = run_named(shelf.parts, None)
    with shelf.writer(run) as writer:
        list(writer.write([(entry, request(), "")]))
    assert sorted(change.status for change in shelf.changes()) == ["done", "planned"]
    found = [result.status for result in shelf.undo(run.id)]
    assert found.count("written") == 1
    assert "failed" not in found
    assert shelf.bytes_of(entry.key) == before[entry.key]


def test_a_copy_that_a_killed_process_left_beside_a_file_is_removed(tmp_path, monkeypatch):
    """In a folder it lies beside the file, hidden."""
    shelf = folder_shelf(tmp_path)
    entry = shelf.add()
    with shelf.writer() as writer, monkeypatch.context() as patch:
        patch.setattr(write.ObjectWriter, "_put", killed)
        patch.setattr(PreparedWrite, "discard", lambda _self: None)
        with contextlib.suppress(_KilledError):
            list(writer.write([(entry, request(), "")]))
    assert len(list(shelf.place.folder.iterdir())) == 2
    list(settle_open(shelf.target, ObjectJournal(shelf.parts, writer.journal.run)))
    assert [path.name for path in shelf.place.folder.iterdir()] == ["a.mp3"]


def test_a_damaged_part_is_named_and_the_rest_goes_back_without_it(tmp_path):
    """Half a part, and a run that says nothing."""
    shelf = folder_shelf(tmp_path)
    data = shelf.bytes_of(shelf.add().key)
    entries = [shelf.add(f"{i:02}.mp3", data=data) for i in range(write.GROUP + 1)]
    shelf.write(*entries)
    run = run_named(shelf.parts, None).id
    first, *_ = sorted((tmp_path / "results").rglob("*.parquet"))
    first.write_bytes(first.read_bytes()[:100])
    with pytest.raises(StateError, match=f"{first.name}: this part .* damaged"):
        shelf.undo(run)
    first.unlink()
    shelf.undo(run)
    assert sum(shelf.bytes_of(entry.key) == data for entry in entries) == 1
    (tmp_path / "results" / "_journal" / run / "run.json").write_text("[")
    with pytest.raises(StateError, match=r"run.json of the journal is damaged"):
        all_runs(shelf.parts)


def test_a_batch_that_is_done_again_knows_what_was_written(shelf):
    """Its changes are found by its name, those of other batches are not read."""
    first, second = shelf.add(), shelf.add("b.flac", "flac")
    with shelf.writer(batch="7") as writer:
        list(writer.write([(first, request(), "row 7")]))
    run = run_named(shelf.parts, None)
    with shelf.writer(run, batch="77") as writer:
        list(writer.write([(second, request(), "row 77")]))
    assert [change.about for change in changes_of(shelf.parts, run.id, batch="7")] == ["row 7"]
    assert sorted(change.about for change in changes_of(shelf.parts, run.id)) == [
        "row 7",
        "row 77",
    ]


def test_what_cannot_be_recorded_is_not_done(shelf, monkeypatch):
    """No journal, no put."""
    entries, before = stored(shelf)
    with shelf.writer() as writer:
        pass

    def full(*_args):
        raise StateError("the results have no room.")

    monkeypatch.setattr(StoredParts, "put", full)
    for outcome in writer.write((entry, request(), "") for entry in entries):
        assert "how to undo it cannot be recorded: the results have" in str(outcome.outcome)
    assert {entry.key: shelf.bytes_of(entry.key) for entry in entries} == before


@pytest.mark.service
@pytest.mark.parametrize("place", ["s3", "postgres"])
def test_the_journal_lies_where_the_results_are(s3_url, tmp_path, request, place):
    """In a bucket, and in a database."""
    base, _, query = s3_url.partition("?")
    results = f"{base}/results-{tmp_path.name}?{query}"
    if place == "postgres":
        results = request.getfixturevalue("postgres_database").replace("+psycopg", "")
    shelf = s3_shelf(s3_url, tmp_path, results=results)
    assert all_runs(shelf.parts) == []
    entries, before = stored(shelf)
    shelf.write(*entries)
    assert "secret" not in shelf.parts.shown
    assert {result.status for result in shelf.undo()} == {"written"}
    assert {entry.key: shelf.bytes_of(entry.key) for entry in entries} == before
