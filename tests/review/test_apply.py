import csv
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.reports.report import open_report
from tagger.review.apply import ApplyOptions, apply_rows
from tagger.review.report_rows import read_rows
from tagger.scan.options import ScanOptions
from tagger.scan.scan import scan_files
from tagger.tags import read_tags
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.cli.test_cli import tagger
from tests.engines import tone_engine
from tests.synth_audio import make_audio
from tests.tones import write_tone


@pytest.fixture
def folder(tmp_path):
    """Three tones; the second has a genre."""
    for name, hz in [("a.flac", 200), ("b.flac", 3000), ("c é.flac", 200)]:
        write_tone(tmp_path / "music" / name, hz)
    write_genres(tmp_path / "music" / "b.flac", ["Folk", "Live"])
    return tmp_path / "music"


@pytest.fixture
def report(folder, tmp_path):
    """The CSV report of a scan of the folder."""
    path = tmp_path / "report.csv"
    with open_report(path) as file:
        found = scan_files(sorted(folder.iterdir()), tone_engine(), ScanOptions())
        for result in sorted(found, key=lambda one: one.path):
            file.add(result)
    return path


def edit(path, change, **dialect):
    """Rewrite a CSV: `change` gets each row by the file's name and returns what it becomes."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows = [changed for row in rows if (changed := change(row)) is not None]
    with path.open("w", newline="", encoding=dialect.pop("encoding", "utf-8")) as file:
        writer = csv.DictWriter(file, list(rows[0]), **dialect)
        writer.writeheader()
        writer.writerows(rows)


def apply(path, *, notes=None, **options):
    """Apply a report; the results by name."""
    notes = [] if notes is None else notes
    found = apply_rows(read_rows(path, on_note=notes.append), ApplyOptions(**options))
    return {item.path.name: item for item in found}


def test_what_was_proposed_is_written_and_the_rest_left(folder, report):
    """An unedited report writes what a scan with --write-tags would."""
    results = apply(report)
    assert {name: result.status for name, result in results.items()} == {
        "a.flac": "written",
        "b.flac": "unchanged",
        "c é.flac": "written",
    }
    assert read_tags(folder / "a.flac").genres == ("low",)
    assert read_tags(folder / "b.flac").genres == ("Folk", "Live")


def test_an_edited_cell_and_a_removed_row_are_obeyed(folder, report):
    """The user's genres are written, several of them too; a row that is gone is left alone."""

    def change(row):
        if row["path"].endswith("b.flac"):
            return row | {"genres": "Folk;Concert ; "}
        return None

    edit(report, change)
    results = apply(report)
    assert list(results) == ["b.flac"]
    assert read_tags(folder / "b.flac").genres == ("Folk", "Concert")
    assert read_tags(folder / "a.flac").genres == ()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_in_a_cell_are_genres(folder, report, end):
    """Alt+Enter in a spreadsheet parts genres, and no genre holds the end of a line."""

    def change(row):
        return row | {"genres": f"Folk{end}Concert"} if "b.flac" in row["path"] else None

    edit(report, change)
    assert apply(report)["b.flac"].status == "written"
    assert read_tags(folder / "b.flac").genres == ("Folk", "Concert")


def test_applying_twice_changes_nothing(folder, report):
    """The second time every file holds what is asked for."""
    apply(report)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert {result.status for result in apply(report).values()} == {"unchanged"}
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_an_option_counts_for_a_file_that_holds_the_genres(tmp_path):
    """Applied once more with an option, a report gives the files the spelling asked for."""
    path = make_audio(tmp_path, "mp3", duration_s=0.1)
    write_genres(path, ["Rock", "Pop"])
    report = tmp_path / "report.csv"
    report.write_text(f"path,genres,previous\n{path},Rock; Pop,Jazz\n")
    assert apply(report)[path.name].status == "unchanged"
    asked = WriteOptions(id3v2_version=3)
    assert apply(report, writing=asked, write=False)[path.name].status == "proposed"
    assert apply(report, writing=asked)[path.name].status == "written"
    assert path.read_bytes()[3] == 3
    assert read_tags(path).genres == ("Rock", "Pop")
    assert apply(report, writing=asked)[path.name].status == "unchanged"


def test_a_dry_run_changes_no_byte(folder, report):
    """It says what would be written."""
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert apply(report, write=False)["a.flac"].status == "proposed"
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_each_bad_row_gets_its_reason_and_the_others_are_applied(folder, report):
    """Unknown paths, changed files and rows out of shape stop nobody else."""
    write_genres(folder / "c é.flac", ["Mine"])
    with report.open("a", encoding="utf-8") as file:
        file.write("no/such.flac,proposed,rock,,,,,,,,,,\n")
        file.write(f"{folder / 'a.flac'},proposed,rock\n")
        file.write(f"{folder},proposed,rock,,,,,,,,,,\n")
    results = list(apply_rows(read_rows(report, on_note=print), ApplyOptions()))
    found = [(result.path.name, result.status) for result in results]
    assert found[:3] == [("a.flac", "written"), ("b.flac", "unchanged"), ("c é.flac", "failed")]
    assert "now has Mine" in results[2].reason
    assert [result.status for result in results[3:]] == ["failed"] * 3
    assert "no such file" in results[3].reason
    assert "3 cells" in results[4].reason
    assert all("line" in result.reason for result in results[2:])
    assert read_tags(folder / "c é.flac").genres == ("Mine",)


def test_a_row_in_another_encoding_is_told_and_the_ascii_rows_applied(folder, report):
    """A table saved as Windows-1252 fails where it has letters, not as a whole."""
    report.write_bytes(report.read_text(encoding="utf-8").encode("cp1252"))
    results = list(apply_rows(read_rows(report, on_note=print), ApplyOptions()))
    assert [result.status for result in results] == ["written", "unchanged", "failed"]
    assert "UTF-8" in results[2].reason


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8-sig", ";"), ("utf-16", "\t"), ("utf-8", ",")]
)
def test_what_spreadsheets_save_is_read(folder, report, encoding, delimiter):
    """Semicolons, tabs, marks and UTF-16 are how spreadsheets write 'CSV'."""
    edit(report, lambda row: row, encoding=encoding, delimiter=delimiter)
    assert apply(report)["c é.flac"].status == "written"


def test_foreign_columns_are_told_and_not_used(report):
    """Notes of the user's own do no harm."""
    notes = []
    edit(report, lambda row: row | {"my notes": "x"})
    assert apply(report, notes=notes)["a.flac"].status == "written"
    assert "my notes" in notes[0]


@pytest.mark.parametrize("text", ["", "path,genre,previous\n", "\x00\x01binary", "a;b\n"])
def test_what_is_no_report_is_refused_before_anything_is_written(tmp_path, text):
    """A missing column stops the run, and the nearest name is told."""
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(InputError, match="column"):
        read_rows(path, on_note=print)
    with pytest.raises(InputError, match="cannot be read"):
        read_rows(tmp_path, on_note=print)


def test_an_emptied_cell_removes_a_genre_only_if_that_was_asked_for(folder, report):
    """Losing a genre by a slip in a table is no good surprise."""
    edit(report, lambda row: row | {"genres": ""})
    assert apply(report)["b.flac"].status == "skipped"
    assert read_tags(folder / "b.flac").genres == ("Folk", "Live")
    assert apply(report, remove=True)["b.flac"].status == "written"
    assert read_tags(folder / "b.flac").genres == ()


@pytest.mark.parametrize(
    "name",
    ["=1+2.flac", "-x.flac", "line\nbreak.flac", "\x1b[31m.flac", "'q.flac", "caf\udce9.flac"],
)
def test_odd_names_survive_the_way_through_the_table(tmp_path, monkeypatch, name):
    """What is made harmless for people leads back to the file."""
    monkeypatch.chdir(tmp_path)
    original = write_tone(tmp_path / "tone.flac", 200)
    try:
        original.rename(tmp_path / name)
    except OSError:
        pytest.skip("this file system refuses such a name")
    with open_report(tmp_path / "r.csv") as file:
        for result in scan_files([Path(name)], tone_engine(), ScanOptions()):
            file.add(result)
    raw = (tmp_path / "r.csv").read_bytes()
    assert b"\x1b" not in raw
    assert raw.count(b"\n") == 2
    assert not raw.splitlines()[1].startswith((b"=", b"-"))
    (result,) = apply(tmp_path / "r.csv").values()
    assert result.status == "written", result.reason
    assert read_tags(tmp_path / name).genres == ("low",)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("Folk; Live", "2 │ not edited, left as they are "),
        ("Folk", "2 │ 1 not edited, left as they are; 1 have these genres already"),
    ],
)
def test_the_summary_does_not_say_of_unedited_rows_that_files_have_these_genres(
    folder, tmp_path, cell, said
):
    """A file without a genre has none already; it was not edited."""
    report = tmp_path / "report.csv"
    rows = [(folder / "b.flac", cell, "Folk; Live"), (folder / "c é.flac", "", "")]
    if cell == "Folk":
        write_genres(folder / "b.flac", ["Folk"])
    text = "".join(f"{path},{genres},{previous}\n" for path, genres, previous in rows)
    report.write_text("path,genres,previous\n" + text)
    done = tagger("apply", report)
    assert done.returncode == 0, done.stderr
    assert said in done.stderr
