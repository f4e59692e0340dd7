"""A scan of objects that writes: what it proposes is in the objects, killed or not."""

import contextlib

import obstore
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("boto3")

from tagger.cluster import run as run_module
from tagger.cluster.actor import ScanActor
from tagger.cluster.destination import open_results
from tagger.cluster.journal import run_named
from tagger.cluster.journal_parts import open_parts
from tagger.cluster.listing import list_objects
from tagger.cluster.parquet import ParquetResults
from tagger.cluster.stores import open_place
from tagger.cluster.undo import undo_objects
from tagger.errors import InputError
from tagger.scan.options import ScanOptions
from tests.cluster.scans import KEYS, rows_at, scan_here, tones

WRITE = ScanOptions(write=True)


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.service)])
def place(request, tmp_path):
    """Tones in a folder, or in a real S3 server."""
    music = tones(tmp_path / "music")
    if request.param == "folder":
        return open_place(str(music), option="PATH")
    url, _, query = request.getfixturevalue("s3_url").partition("?")
    place = open_place(f"{url}/{tmp_path.name}?{query}", option="PATH")
    for key in KEYS:
        obstore.put(place.store, place.key(key), music / key)
    return place


def contents(place):
    """The bytes of all objects."""
    return {key: (_bytes(place, place.key(key))) for key in KEYS}


def _bytes(place, key):
    if place.folder is not None:  # obstore hides some names of files
        return (place.folder / key).read_bytes()
    return bytes(obstore.get(place.store, key).bytes())


def decided(results):
    """What the latest rows say, by the end of the key; each object has one that counts."""
    _, latest = rows_at(results)
    return {
        key: (value.status, value.genres, value.previous, value.reason)
        for key, value in latest.items()
    }


def test_what_is_written_has_a_row_of_the_new_version_and_goes_back(place, model, tmp_path):
    """The row's ETag is that of the object now: a resumed run passes it."""
    before, results = contents(place), tmp_path / "results"
    scan_here(place.url, results, model, options=WRITE)
    _, latest = rows_at(results)
    assert {result.status for result in latest.values()} == {"written"}
    now = {entry.key: entry.etag for entry in list_objects(place)}
    assert {key: value.etag for key, value in latest.items()} == now
    assert all(item.etag_read != item.etag for item in latest.values())
    passed, done = scan_here(place.url, results, model, options=WRITE, resume=True)
    assert (passed, done) == (len(KEYS), [])
    parts = open_parts(str(results))
    undone = list(undo_objects(parts, run_named(parts, None)))
    assert {result.status for result in undone} == {"written"}
    assert contents(place) == before


def test_a_run_that_was_killed_before_its_rows_were_stored_goes_on(
    place, model, tmp_path, monkeypatch
):
    """Objects are new and no row says so: the next run finds it in the journal."""
    scan_here(place.url, tmp_path / "whole", model, options=WRITE)
    parts = open_parts(str(tmp_path / "whole"))
    list(undo_objects(parts, run_named(parts, None)))
    expected, results = decided(tmp_path / "whole"), tmp_path / "results"
    write_part = ParquetResults.write_part

    def killed(self, run, number, rows):
        if number == 1:
            raise KeyboardInterrupt
        write_part(self, run, number, rows)

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(ParquetResults, "write_part", killed)
        scan_here(place.url, results, model, options=WRITE)
    assert len(rows_at(results)[0]) == 2
    scan_here(place.url, results, model, options=WRITE, resume=True)
    assert decided(results) == expected
    assert len(rows_at(results)[0]) == len(KEYS)


def test_a_batch_that_another_actor_does_again_says_what_was_done(
    place, model, tmp_path, monkeypatch
):
    """Within a run: the first actor died after its puts and before its rows."""
    scan, results = ScanActor.scan, tmp_path / "results"
    write_part, n_tries = ParquetResults.write_part, []

    def dies_first(self, run, number, rows):
        n_tries.append(number)
        if n_tries.count(number) == 1:
            raise ConnectionError
        write_part(self, run, number, rows)

    def done_again(self, number, entries):
        with contextlib.suppress(ConnectionError):
            scan(self, number, entries)
        return scan(self, number, entries)

    monkeypatch.setattr(ParquetResults, "write_part", dies_first)
    monkeypatch.setattr(ScanActor, "scan", done_again)
    scan_here(place.url, results, model, options=WRITE)
    assert {item[0] for item in decided(results).values()} == {"written"}
    assert len(rows_at(results)[0]) == len(KEYS)


def test_a_store_that_is_refused_begins_no_run(tmp_path, model, monkeypatch):
    """Who then scans without writing has results without a run in them."""

    def refused(*_args, **_named):
        raise InputError("no conditions")

    music, results = tones(tmp_path / "music"), tmp_path / "results"
    monkeypatch.setattr(run_module, "check_conditional", refused)
    with pytest.raises(InputError, match="no conditions"):
        scan_here(music, results, model, options=WRITE)
    assert open_results(str(results)).is_empty()
