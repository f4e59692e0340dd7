"""What a worker writes into a folder of results just now, or wrote when it was killed."""

import os

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("boto3")

from tagger.cluster.destination import open_results
from tagger.cluster.journal import all_runs, begin_run, changes_of, run_named
from tagger.cluster.journal_parts import open_parts
from tagger.cluster.stores import open_place
from tagger.errors import StateError
from tagger.scan.options import ScanOptions
from tests.cluster.scans import KEYS, rows_at, scan_here

WRITE = ScanOptions(write=True)
TEMP = ".{}.tagger-721db8f0.tmp"


def left_of(path, data=b"PAR1"):
    """A part that is not whole, beside where it would be; of an earlier day."""
    temp = path.with_name(TEMP.format(path.name))
    temp.parent.mkdir(parents=True, exist_ok=True)
    temp.write_bytes(data)
    os.utime(temp, (0, 0))
    return temp


def recent(temp):
    """The same of a worker that lives."""
    os.utime(temp)
    return temp


@pytest.mark.parametrize("is_whole", [False, True])
@pytest.mark.parametrize("options", [ScanOptions(), WRITE])
def test_a_run_goes_on_where_a_worker_was_killed_while_it_wrote_a_part(
    music, model, tmp_path, options, is_whole
):
    """Not a byte of what it left counts, even if nothing but the name was missing."""
    results = tmp_path / "results"
    scan_here(music, results, model, options=options, n_batches=1)
    part = results / "run=000001" / "part-00000000.parquet"
    recent(left_of(part, part.read_bytes() if is_whole else b"PAR1"))
    part.unlink()
    passed, _ = scan_here(music, results, model, options=options, resume=True)
    assert passed == 0, "its rows were in no part"
    assert set(rows_at(results)[1]) == set(KEYS)


def test_a_part_that_is_being_written_is_none_yet(tmp_path):
    """It has another name a moment later: who asked for it was told that it is not there."""
    results = open_results(str(tmp_path))
    run = results.begin({})
    recent(left_of(tmp_path / "run=000001" / "part-00000000.parquet"))
    assert results.parts(run) == []
    assert results.part_numbers(run) == set()
    assert results.is_empty()


def test_a_part_of_the_journal_that_is_not_whole_is_none(music, model, tmp_path):
    """What it was about has not been done: parts come before the changes."""
    results = tmp_path / "results"
    scan_here(music, results, model, options=WRITE)
    journal = results / "_journal" / "1"
    left_of(journal / "00000000" / "abcdef-000002.parquet", b"")
    parts = open_parts(str(results))
    assert len(list(changes_of(parts, "1"))) == len(KEYS)
    assert all(".tmp" not in name for name in parts.names("1"))


@pytest.mark.parametrize("name", ["run.json", None])
def test_a_run_that_was_killed_as_it_began_hides_no_other(tmp_path, name):
    """It has a folder in the journal, and has changed nothing."""
    parts = open_parts(str(tmp_path))
    begin_run(parts, "scan", open_place(str(tmp_path), option="PATH"), number=1)
    (tmp_path / "_journal" / "2").mkdir()
    if name is not None:
        left_of(tmp_path / "_journal" / "2" / name, b"{")
    assert [run.id for run in all_runs(parts)] == ["1"]
    assert run_named(parts, "1").id == "1"
    parts.put("2/00000000/abcdef-000001.parquet", b"")
    with pytest.raises(StateError, match=r"2/run\.json"):
        all_runs(parts)


def test_a_later_run_removes_what_was_left_and_nothing_else(tmp_path):
    """What is recent may be of a worker that lives."""
    gone = [
        left_of(tmp_path / name)
        for name in (
            "run=000001/part-00000000.parquet", "_runs/order.txt", "_journal/1/run.json",
            "_journal/1/00000000/abcdef-000001.parquet",
        )
    ]  # fmt: skip
    stays = [recent(left_of(tmp_path / "run=000001" / "part-00000001.parquet")),
             left_of(tmp_path / "mine" / "part-00000001.parquet")]  # fmt: skip
    own = tmp_path / "run=000001" / ".my.tmp"
    own.write_bytes(b"")
    os.utime(own, (0, 0))
    open_results(str(tmp_path)).begin({})
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in (*stays, own))
