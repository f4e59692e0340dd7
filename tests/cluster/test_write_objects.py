"""One object is changed and nothing else, only if it is still the one that was read."""

import shutil
from dataclasses import replace

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("boto3")

from tagger.cluster import replaceable, write
from tagger.cluster.records import ObjectEntry
from tagger.cluster.stores import open_place
from tagger.errors import ChangedError, UnsupportedTagError, WriteError
from tagger.tags.payload import payload_hash
from tests.cluster.shelf import (
    GENRES,
    METADATA,
    changed_before_the_put,
    folder_shelf,
    memory_shelf,
    s3_shelf,
)


@pytest.fixture(params=["folder", "memory", pytest.param("s3", marks=pytest.mark.service)])
def shelf(request, tmp_path):
    """Objects in a folder, in a store of obstore's, and in a real S3 server."""
    if request.param == "folder":
        return folder_shelf(tmp_path)
    if request.param == "memory":
        return memory_shelf(tmp_path)
    return s3_shelf(request.getfixturevalue("s3_url"), tmp_path)


def test_tags_change_and_the_audio_does_not(shelf):
    """The genres are there, the audio is the same, the outcome names the new version."""
    entry = shelf.add()
    old = shelf.bytes_of(entry.key)
    (outcome,) = shelf.write(entry)
    assert outcome.outcome is True
    assert outcome.entry.etag == shelf.entry(entry.key).etag != entry.etag
    assert outcome.entry.size == len(shelf.bytes_of(entry.key))
    assert shelf.genres_of(entry.key) == tuple(GENRES)
    (shelf.folder / "old.mp3").write_bytes(old)
    (shelf.folder / "new.mp3").write_bytes(shelf.bytes_of(entry.key))
    assert payload_hash(shelf.folder / "old.mp3", "mp3") == payload_hash(
        shelf.folder / "new.mp3", "mp3"
    )


@pytest.mark.parametrize(
    "shelf", ["memory", pytest.param("s3", marks=pytest.mark.service)], indirect=True
)
def test_content_type_and_user_metadata_stay(shelf):
    """What a store keeps beside the bytes is what it was."""
    entry = shelf.add()
    before = shelf.attributes_of(entry.key)
    shelf.write(entry)
    assert shelf.attributes_of(entry.key) == before == METADATA


def test_an_object_that_holds_the_genres_is_not_put(shelf):
    """Writing twice changes nothing, not even the version."""
    entry = shelf.add()
    (first,) = shelf.write(entry)
    (second,) = shelf.write(first.entry)
    assert second.outcome is False
    assert shelf.entry(entry.key).etag == first.entry.etag


def test_what_was_changed_before_it_is_fetched_is_left_alone(shelf):
    """The version of the listing is gone: nothing is even recorded."""
    entry = shelf.add()
    shelf.add(data=b"somebody else's")
    (outcome,) = shelf.write(entry)
    assert isinstance(outcome.outcome, ChangedError)
    assert "it was changed since it was read" in str(outcome.outcome)
    assert "a.mp3" in str(outcome.outcome)
    assert shelf.bytes_of(entry.key) == b"somebody else's"
    assert list(shelf.folder.rglob("*.parquet")) == []


def test_what_was_changed_between_fetch_and_put_is_left_alone(shelf, monkeypatch):
    """The condition is checked by the store at the put; the journal says what became of it."""
    entry, other = shelf.add(), shelf.add("b.flac", "flac")
    changed_before_the_put(monkeypatch, lambda: shelf.add(data=b"somebody else's"))
    first, second = shelf.write(entry, other)
    assert isinstance(first.outcome, ChangedError), first.outcome
    assert second.outcome is True
    assert shelf.bytes_of(entry.key) == b"somebody else's"
    assert {change.key: change.status for change in shelf.changes()} == {
        entry.key: "gone",
        other.key: "done",
    }


def test_without_a_condition_what_is_there_is_overwritten(tmp_path, monkeypatch):
    """--unsafe-overwrite means it."""
    shelf = memory_shelf(tmp_path)
    entry = shelf.add()
    changed_before_the_put(monkeypatch, lambda: shelf.add(data=b"somebody else's"))
    (outcome,) = shelf.write(entry, unsafe_overwrite=True)
    assert outcome.outcome is True
    assert shelf.genres_of(entry.key) == tuple(GENRES)


def test_an_object_over_the_cap_is_not_fetched(tmp_path, monkeypatch):
    """20 GB of a listing: refused with the size, the cap and the option."""
    shelf = memory_shelf(tmp_path)
    monkeypatch.setattr(write, "fetch", pytest.fail)
    entry = replace(shelf.add(), size=20 << 30)
    (outcome,) = shelf.write(entry)
    assert isinstance(outcome.outcome, WriteError)
    for part in (
        "memory://shelf/musik/a.mp3",
        "21,474,836,480",
        "2,147,483,648",
        "--max-object",
    ):
        assert part in str(outcome.outcome)


def test_no_room_for_the_copies_is_seen_before_they_are_made(tmp_path, monkeypatch):
    """The sentence names object, folder and remedy; the next object is written."""
    shelf = memory_shelf(tmp_path)
    large, small = shelf.add("b.flac", "flac"), shelf.add()
    free = 2 * large.size + write._MARGIN - 1
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _folder: shutil._ntuple_diskusage(0, 0, free)
    )
    assert small.size < large.size
    first, second = shelf.write(large, small)
    assert isinstance(first.outcome, WriteError)
    assert "no room for its temporary copies" in str(first.outcome)
    assert "TMPDIR" in str(first.outcome)
    assert second.outcome is True


def test_a_full_disk_while_fetching_is_told_and_nothing_stays(tmp_path, monkeypatch):
    """What came so far is removed."""
    shelf = memory_shelf(tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def full(_place, _key, _was, to):
        to.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write, "fetch", full)
    (outcome,) = shelf.write(shelf.add(), scratch=scratch)
    assert "there is no room" in str(outcome.outcome)
    assert list(scratch.iterdir()) == []


def test_objects_that_are_no_audio_are_told_by_name(shelf):
    """0 bytes, and noise: the object is named, and not its temporary copy."""
    entries = [shelf.add("empty.mp3", data=b""), shelf.add("noise.flac", data=b"\x01" * 999)]
    for entry, outcome in zip(entries, shelf.write(*entries), strict=True):
        assert isinstance(outcome.outcome, Exception)
        assert entry.key in str(outcome.outcome)
        assert "tagger-objects" not in str(outcome.outcome)
        assert shelf.entry(entry.key).etag == entry.etag


def test_a_container_without_tags_is_skipped_by_name(shelf):
    """As in a scan of files: no fault of anybody's."""
    entry = shelf.add("a.au", "au")
    (outcome,) = shelf.write(entry)
    assert isinstance(outcome.outcome, UnsupportedTagError)
    assert entry.key in str(outcome.outcome)


def test_an_object_of_more_than_memory_holds_is_refused(tmp_path, monkeypatch):
    """What obstore puts on a condition goes in one piece, held in memory."""
    monkeypatch.setattr(replaceable, "MAX_IN_MEMORY", 100)
    shelf = memory_shelf(tmp_path)
    (outcome,) = shelf.write(shelf.add())
    assert "--unsafe-overwrite" in str(outcome.outcome)


def test_a_file_of_a_folder_keeps_its_rights(tmp_path):
    """It is written where it lies, by the writer of local files."""
    shelf = folder_shelf(tmp_path)
    entry = shelf.add()
    path = shelf.place.folder / entry.key
    path.chmod(0o640)
    shelf.write(entry)
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in path.parent.iterdir()] == ["a.mp3"]


def test_a_store_that_is_away_names_the_object(tmp_path):
    """Nothing listens there."""
    nobody = "s3://music?endpoint=http://127.0.0.1:9"
    place = open_place(nobody, option="test", retry={"max_retries": 0})
    shelf = memory_shelf(tmp_path)
    shelf.target = replaceable.StoredObjects(place)
    (outcome,) = shelf.write(ObjectEntry("a.mp3", 9, '"1"', None))
    assert "s3://music/a.mp3: " in str(outcome.outcome)
