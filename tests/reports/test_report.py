import csv
import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from rich.text import Text

from tagger.errors import InputError
from tagger.reports import progress
from tagger.reports.progress import TotalCount
from tagger.reports.report import FIELDS, Tally, line_of, open_report, plain_line_of, to_json
from tagger.scan.results import TrackResult
from tests.synth_results import nasty_results
from tests.synth_results import results as synth_results

RESULT = TrackResult(
    path=Path("Ä/song [live].mp3"),
    status="proposed",
    genres=("rock", "pop"),
    previous=("Chanson française",),
    scores={"rock": 0.9, "pop": 0.6},
    duration_s=12.34567,
    reason=None,
)


def test_a_json_line_has_every_field_in_order():
    """Programs find the same fields in each object."""
    text = to_json(RESULT)
    assert "\n" not in text
    assert tuple(json.loads(text)) == FIELDS
    assert json.loads(text)["genres"] == ["rock", "pop"]
    assert "Ä" in text


def test_a_name_that_is_no_text_does_not_stop_a_report():
    """Bytes that are no UTF-8 are shown as numbers."""
    odd = TrackResult(path=Path(os.fsdecode(b"caf\xe9.mp3")), status="failed", reason="x")
    assert "caf" in to_json(odd)
    to_json(odd).encode("utf-8")


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_a_reason_does_not_repeat_the_path(tmp_path, suffix):
    """The file's name stands in a field of its own."""
    path = tmp_path / f"report{suffix}"
    with open_report(path) as report:
        report.add(TrackResult(path=Path("a.mp3"), status="failed", reason="a.mp3: no audio"))
    text = path.read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines())) if suffix == ".csv" else [json.loads(text)]
    assert (rows[0]["path"], rows[0]["reason"]) == ("a.mp3", "no audio")


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_a_report_holds_what_was_added_at_once(tmp_path, suffix):
    """A scan that is killed leaves all rows that it had reported."""
    path = tmp_path / f"report{suffix}"
    with open_report(path) as report:
        report.add(RESULT)
        text = path.read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines())) if suffix == ".csv" else [json.loads(text)]
    assert rows[0]["path"] == "Ä/song [live].mp3"
    assert rows[0]["status"] == "proposed"
    if suffix == ".csv":
        assert rows[0]["genres"] == "rock; pop"
        assert (rows[0]["best_label"], rows[0]["score"]) == ("rock", "0.9")


@pytest.mark.parametrize("name", ["report.xls", "report", "no/such/folder/report.csv"])
def test_a_report_that_cannot_be_made_is_an_input_error(tmp_path, name):
    """The scan does not start without the place for its results."""
    with pytest.raises(InputError, match="report"), open_report(tmp_path / name):
        pass


def test_a_line_shows_names_with_brackets_as_they_are():
    """Markup characters in file names are no markup."""
    console = Console(record=True, width=200)
    console.print(line_of(RESULT, verbose=True))
    assert "song [live].mp3" in console.export_text()


def test_nothing_is_said_of_what_stays_unless_asked():
    """Thousands of kept tracks do not hide the few that change."""
    kept = TrackResult(path=Path("a.mp3"), status="kept", reason="it has a genre")
    assert line_of(kept, verbose=False) is None
    assert "kept" in line_of(kept, verbose=True)


def test_a_tally_counts_statuses_and_new_genres():
    """The summary is the sum of the results."""
    tally = Tally()
    for _ in range(3):
        tally.add(RESULT)
    assert tally.n_tracks == tally.statuses["proposed"] == 3
    assert tally.genres == {"rock": 3, "pop": 3}
    console = Console(record=True, width=100)
    console.print(tally.table(elapsed_s=2.0))
    assert "1.5 a second" in console.export_text()


def test_passed_files_are_counted_with_the_others():
    """The summary does not tell who was looked at one by one."""
    tally = Tally()
    tally.add(RESULT)
    tally.add_passed({"kept": 11, "abstained": 2})
    assert tally.n_tracks == 14
    assert tally.statuses["kept"] == 11


@pytest.mark.parametrize("verbose", [False, True])
def test_a_plain_line_is_the_line_without_its_markup(verbose):
    """A pipe gets what a terminal shows, whatever is in a name or a tag."""
    for result in [*synth_results(300), *nasty_results()]:
        marked = line_of(result, verbose=verbose)
        plain = plain_line_of(result, verbose=verbose)
        assert plain == (None if marked is None else Text.from_markup(marked).plain)


def test_a_library_is_only_counted_when_the_scan_takes_its_time(monkeypatch):
    """Where all is known, a second walk would be half of the work."""

    def walk():
        counted.append("begun")
        yield from [Path("a.mp3")] * 7

    counted, now = [], [100.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    total = TotalCount(walk(), after_s=2.0)
    assert total() is None
    now[0] += 1.9
    assert (total(), counted) == (None, [])
    now[0] += 0.1
    deadline = time.monotonic() + 60
    while total() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert total() == 7
    assert counted == ["begun"]
