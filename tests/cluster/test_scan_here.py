"""What a scan of objects lists, fetches, stores and passes, by one actor without Ray."""

import os
import shutil
import uuid
from datetime import UTC, datetime, timedelta

import obstore
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("boto3")

from tagger.api import Tagger
from tagger.cluster.actor import ScanActor
from tagger.cluster.attempts import MAX_DEATHS, attempt, clear_attempts
from tagger.cluster.batches import batches
from tagger.cluster.destination import open_results
from tagger.cluster.listing import list_objects
from tagger.cluster.parquet import ParquetResults
from tagger.cluster.records import ObjectEntry
from tagger.cluster.results import TakenOverError
from tagger.cluster.run import ObjectScan, check_results
from tagger.cluster.stores import open_place
from tagger.errors import InputError, StoppedError
from tagger.scan.options import ScanOptions
from tests.cluster.scans import KEYS, rows_at, scan_here, tones


@pytest.fixture
def results(tmp_path):
    """Where rows go."""
    return tmp_path / "results"


@pytest.fixture
def bucket(s3_url, music, tmp_path):
    """The same tones in a real S3 server, below a prefix of their own."""
    url, _, query = s3_url.partition("?")
    place = open_place(f"{url}/{tmp_path.name}?{query}", option="PATH")
    for key in KEYS:
        obstore.put(place.store, place.key(key), music / key)
    return place


def test_scores_are_those_of_a_scan_of_files(music, model, results):
    """The same decisions, and every score to the last digit that a row holds."""
    scan_here(music, results, model)
    rows, _ = rows_at(results)
    with Tagger(model, state=False, settings={}, device="cpu") as tagger:
        local = {item.path.relative_to(music).as_posix(): item for item in tagger.scan([music])}
    assert {row.key for row in rows} == set(local) == set(KEYS)
    for row in rows:
        one = local[row.key]
        assert (row.status, row.genres, row.field) == (one.status, one.genres, one.field)
        assert row.scores == pytest.approx(one.scores, rel=1e-6)
        assert list(row.scores) == list(one.scores), "best first"


@pytest.mark.service
def test_a_bucket_gives_what_a_folder_gives(bucket, music, model, results, tmp_path):
    """Fetched objects and files of a folder: the same rows but for what stores name."""
    scan_here(bucket.url, results, model)
    scan_here(music, tmp_path / "other", model)
    of_bucket, of_folder = rows_at(results)[1], rows_at(tmp_path / "other")[1]
    for key in KEYS:
        one, other = of_bucket[bucket.key(key)], of_folder[key]
        assert (one.status, one.genres, one.size) == (other.status, other.genres, other.size)
        assert one.scores == other.scores
        assert one.n_read == one.size


def test_what_has_a_row_is_passed_and_what_changed_is_not(music, model, results):
    """A second run hears only what is new or another version."""
    scan_here(music, results, model)
    assert scan_here(music, results, model, resume=True) == (len(KEYS), [])
    tones(music, ["a/new.flac"])
    shutil.copyfile(music / "z.wav", music / "a-b/other.wav")
    passed, done = scan_here(music, results, model, resume=True)
    assert passed == len(KEYS) - 1
    assert sum(sum(result.statuses.values()) for result in done) == 2
    rows, latest = rows_at(results)
    assert len(rows) == len(KEYS) + 2
    assert latest["a-b/other.wav"].scores == pytest.approx(latest["z.wav"].scores)


@pytest.mark.parametrize(
    "kind", ["parquet", pytest.param("postgres", marks=pytest.mark.service)]
)
def test_what_the_last_run_says_counts_whatever_its_machine_s_clock_said(
    music, model, results, monkeypatch, request, kind
):
    """A machine whose clock is behind would have its objects heard again by each run."""
    if kind == "postgres":
        results = request.getfixturevalue("postgres_database").replace("+psycopg", "")
    scan_here(music, results, model)
    shutil.copyfile(music / "z.wav", music / "a-b/other.wav")
    with monkeypatch.context() as patched:
        patched.setattr("tagger.cluster.actor.datetime", Behind)
        assert scan_here(music, results, model, resume=True)[0] == len(KEYS) - 1
    assert scan_here(music, results, model, resume=True) == (len(KEYS), [])


class Behind(datetime):
    """A clock that is an hour behind."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) - timedelta(hours=1)


def test_other_options_and_another_model_are_another_question(music, model, results):
    """A row counts for its conditions only; whether it is written is none of them."""
    scan_here(music, results, model)
    assert scan_here(music, results, model, options=ScanOptions(top=1))[0] == 0
    assert scan_here(music, results, model, options=ScanOptions(top=1))[0] == len(KEYS)


@pytest.mark.service
@pytest.mark.parametrize("n_batches", [1, 2])
def test_a_killed_run_goes_on_where_it_stopped(bucket, model, results, n_batches):
    """Every object has one row, whatever the order in which the store lists."""
    scan_here(bucket.url, results, model, n_batches=n_batches)
    passed, _ = scan_here(bucket.url, results, model, resume=True)
    rows, latest = rows_at(results)
    assert passed == n_batches * 2
    assert len(rows) == len(latest) == len(KEYS)


def test_failures_keep_their_reason_and_are_retried_when_asked(music, model, results):
    """A broken object is one row; without --retry-failed nobody looks at it again."""
    (music / "bad.mp3").write_bytes(b"no music" * 100)
    (music / "empty.flac").write_bytes(b"")
    scan_here(music, results, model)
    _, latest = rows_at(results)
    assert latest["bad.mp3"].status == latest["empty.flac"].status == "failed"
    assert latest["bad.mp3"].reason.startswith("bad.mp3: ")
    assert "0 bytes" in latest["empty.flac"].reason
    assert scan_here(music, results, model, resume=True)[1] == []
    _, done = scan_here(music, results, model, retry_failed=True)
    assert [dict(result.statuses) for result in done] == [{"failed": 2}]


@pytest.mark.service
def test_what_cannot_be_copied_fails_with_the_reason(bucket, model, results, monkeypatch):
    """Too large, or no room for it: a row says so, and the others go on."""
    scan_here(bucket.url, results, model, max_len=20_000)
    reasons = {row.reason for row in rows_at(results)[0] if row.status == "failed"}
    assert any("--max-object" in reason for reason in reasons)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000))
    scan_here(bucket.url, results, model, retry_failed=True, rescan=True)
    _, latest = rows_at(results)
    assert {row.status for row in latest.values()} == {"failed"}
    assert all("no room" in row.reason for row in latest.values())


@pytest.mark.service
def test_no_copy_is_left(bucket, model, results, tmp_path, monkeypatch):
    """Temporary copies go with their results."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    scan_here(bucket.url, results, model)
    assert not list(tmp_path.glob("tagger-objects-*"))


def test_a_batch_whose_process_dies_again_and_again_is_given_up(
    music, model, results, tmp_path, monkeypatch
):
    """Ray begins it anew each time; after three deaths its rows say so, and others go on."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("tagger.cluster.actor.uuid4", lambda: uuid.UUID(int=1))  # one driver
    _die(music, model, results, monkeypatch)
    _, done = scan_here(music, results, model, part_len=100)
    assert [dict(result.statuses) for result in done] == [{"failed": len(KEYS)}]
    assert all("--retry-failed" in row.reason for row in rows_at(results)[0])
    assert not list(tmp_path.glob("tagger-attempt-*"))


def test_deaths_under_one_driver_are_not_counted_for_the_next(
    music, model, results, tmp_path, monkeypatch
):
    """Of a driver that was killed only notes are left, which are removed after a day."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    _die(music, model, results, monkeypatch)
    _, done = scan_here(music, results, model, part_len=100)
    assert [result.statuses["failed"] for result in done] == [0]
    notes = list(tmp_path.glob("tagger-attempt-*"))
    assert len(notes) == MAX_DEATHS
    for note in notes[1:]:
        os.utime(note, (0, 0))
    clear_attempts()
    assert list(tmp_path.glob("tagger-attempt-*")) == notes[:1]


def _die(music, model, results, monkeypatch):
    """As often as a batch may: with the process, which can say nothing any more."""

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ScanActor, "_done", dies)
        patch.setattr(ParquetResults, "begin", lambda *_: 1)
        for _ in range(MAX_DEATHS):
            with pytest.raises(KeyboardInterrupt):
                scan_here(music, results, model, part_len=100)


def test_a_batch_that_ends_with_an_error_is_no_death(tmp_path, monkeypatch):
    """Nothing of it stays in the temporary folder, and the next attempt counts none."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(StoppedError), attempt("a"):
        raise StoppedError
    assert list(tmp_path.iterdir()) == []
    with attempt("a") as n_deaths:
        assert n_deaths == 0


def test_a_newer_run_stops_an_older_one(music, model, results):
    """Two drivers cannot both write: the one that began last may."""
    scan_here(music, results, model, n_batches=1)
    open_results(str(results)).begin({})
    with pytest.raises(TakenOverError, match="newer run"):
        open_results(str(results)).write_part(1, 7, rows_at(results)[0])


def test_a_batch_that_is_done_again_is_written_once(music, model, results, monkeypatch):
    """Ray repeats a batch whose answer was lost: its part is there, and stays."""
    scan_here(music, results, model)
    rows, _ = rows_at(results)
    kept = ParquetResults(str(results))
    part = kept.has_part(1, 0)
    assert part == rows[: len(part)]
    assert kept.has_part(1, 99) is None


def test_results_of_another_run_are_not_mixed_in(music, model, results):
    """Without --resume, a place that holds results is refused."""
    check_results(open_results(str(results)), ObjectScan())
    scan_here(music, results, model)
    with pytest.raises(InputError, match="--resume goes on"):
        check_results(open_results(str(results)), ObjectScan())
    check_results(open_results(str(results)), ObjectScan(resume=True))


@pytest.mark.parametrize("n", [0, 1, 7, 8, 40, 100])
def test_batches_hold_everything_once_and_end_small(n):
    """No batch is larger than a part, and the last ones are shared out."""
    entries = [ObjectEntry(f"{i:03d}", 1, "", datetime.now(UTC)) for i in range(n)]
    cut = list(batches(entries, part_len=16, n_actors=2))
    assert [item for batch in cut for item in batch] == entries
    assert all(0 < len(batch) <= 16 for batch in cut)
    if n == 100:
        assert [len(item) for item in cut][-1] <= 8


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("s3://user:secret@bucket/x", "must not hold a key"),
        ("ftp://bucket/x", "no store of objects"),
        ("/no/such/folder", "no such folder"),
    ],
)
def test_places_that_cannot_be_scanned(place, says):
    """A sentence, without what was secret."""
    with pytest.raises(InputError, match=says) as caught:
        open_place(place, option="PATH")
    assert "secret" not in str(caught.value)


@pytest.mark.service
@pytest.mark.parametrize("fault", ["bucket", "keys"])
def test_a_bucket_that_cannot_be_listed(bucket, monkeypatch, fault):
    """No bucket, or no permission: said before anything is started, and no key in it."""
    url = bucket.url
    if fault == "bucket":
        url = url.replace("//music", "//nobody-has-this")
    else:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")
    with pytest.raises(InputError) as caught:
        list(list_objects(open_place(url, option="PATH")))
    assert "another-secret" not in str(caught.value)
    assert os.environ["AWS_ACCESS_KEY_ID"] not in str(caught.value)
