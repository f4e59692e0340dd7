"""A report that went through a spreadsheet has the same rows as before."""

import csv
import io
from itertools import zip_longest

import pytest

from tagger.errors import InputError
from tagger.reports.report import FIELDS, SECOND_COLUMNS
from tagger.review.report_rows import read_rows

NAMES = [*FIELDS[:4], "best_label", "score", "scores", *FIELDS[5:-1], *SECOND_COLUMNS]
GENRES = ["Drum & Bass; Électro", "Rock, Pop", 'the "new" wave', "", "Jazz\tFusion"]


def row_of(i, genres):
    """A row of a report, its last three columns empty."""
    cells = [f"/music/Łódź {i}.mp3", "proposed", genres, "", "rock", "0.7", "{}", "3.5", ""]
    return [*cells, "genre", "", "", ""]


ROWS = [row_of(i, genres) for i, genres in enumerate(GENRES)]
EMPTY = [""] * len(NAMES)


def saved(path, rows, *, delimiter=",", encoding="utf-8", above="", end="\r\n", quoting=0):
    """Save rows as a spreadsheet would."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    path.write_bytes((above + text.getvalue()).encode(encoding))
    return path


def found(path):
    """What is read: path and genres of each row, and what is wrong with it."""
    rows = list(read_rows(path, on_note=pytest.fail))
    return [(row.cells.get("path"), row.cells.get("genres"), row.problem) for row in rows]


WANTED = [(row[0], row[2], None) for row in ROWS]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_separator_quote_and_line_end_is_read(
    tmp_path, delimiter, encoding, quoting, end
):
    """With blank rows above, between and below, quoted or not, the rows are the same."""
    mixed = [cells for row in ROWS for cells in (row, EMPTY)]
    path = saved(
        tmp_path / "r.csv",
        [EMPTY, NAMES, EMPTY, *mixed, EMPTY, [" "] * 3],
        delimiter=delimiter,
        encoding=encoding,
        end=end,
        quoting=quoting,
    )
    assert found(path) == WANTED


@pytest.mark.parametrize(
    "line",
    ["sep={0}", "SEP={0}", '"sep={0}"', "sep={0}{0}{0}{0}", '"sep={0}"{0}{0}', "\ufeffsep={0}"],
)
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_line_that_names_the_separator_is_obeyed(tmp_path, line, delimiter, encoding):
    """`sep=;` stands above the heading, quoted, filled up to a row or behind a mark."""
    above = line.format(delimiter) + "\r\n"
    path = saved(
        tmp_path / "r.csv",
        [NAMES, *ROWS],
        delimiter=delimiter,
        encoding=encoding,
        above=above,
    )
    assert found(path) == WANTED


def test_a_line_that_names_a_separator_of_before_is_not_believed(tmp_path):
    """LibreOffice keeps the line as a cell, and saves with another separator."""
    path = saved(tmp_path / "r.csv", [["sep=;", *EMPTY[1:]], NAMES, *ROWS])
    assert found(path) == WANTED


@pytest.mark.parametrize("n_more", [1, 3, 300])
def test_empty_columns_to_the_right_are_nothing(tmp_path, n_more):
    """Whether the heading has them too, or the rows, or some rows alone."""
    more = [""] * n_more
    for heading, rows in [
        (NAMES + more, [row + more for row in ROWS]),
        (NAMES, [row + more for row in ROWS]),
        (NAMES + more, ROWS),
        (NAMES, [row + more * (i % 2) for i, row in enumerate(ROWS)]),
    ]:
        assert found(saved(tmp_path / "r.csv", [heading, *rows], delimiter=";")) == WANTED


def test_empty_cells_at_the_end_may_be_missing(tmp_path):
    """Excel leaves them out from the seventeenth row on."""
    assert found(saved(tmp_path / "r.csv", [NAMES, *(row[:10] for row in ROWS)])) == WANTED


def test_a_torn_row_is_refused(tmp_path):
    """A row that ends before the columns that we never leave empty says what is missing."""
    for n_cells in range(1, 10):
        (row,) = found(saved(tmp_path / "r.csv", [NAMES, ROWS[0][:n_cells]]))
        assert f"{n_cells} cells" in row[2]
    (row,) = found(saved(tmp_path / "r.csv", [NAMES, [*ROWS[0], "", "more"]]))
    assert "15 cells" in row[2]


@pytest.mark.parametrize("quote", ['""', '" "', '"",""', '"\r\n"', "\xa0", "\ufeff", '"\t"'])
def test_a_line_without_a_word_is_no_row(tmp_path, quote):
    """A cell of blanks or of a line break alone is what is left of a row that was cleared."""
    lines = saved(tmp_path / "r.csv", [NAMES, *ROWS]).read_text("utf-8").split("\n")
    pairs = zip_longest(lines, [], fillvalue=quote)
    (tmp_path / "r.csv").write_text("\n".join(item for pair in pairs for item in pair), "utf-8")
    assert found(tmp_path / "r.csv") == WANTED


def test_joined_reports_and_capital_headings_are_read(tmp_path):
    """A mark in the middle belongs to no name, and `Path` is the column `path`."""
    first = saved(tmp_path / "a.csv", [[name.title() for name in NAMES], *ROWS[:2]])
    second = saved(tmp_path / "b.csv", ROWS[2:], encoding="utf-8-sig")
    (tmp_path / "r.csv").write_bytes(first.read_bytes() + second.read_bytes())
    assert found(tmp_path / "r.csv") == WANTED


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    """The first line of the file is 1, whatever stands above the heading."""
    path = saved(tmp_path / "r.csv", [NAMES, EMPTY, ROWS[0]], above="sep=,\r\n\r\n")
    (row,) = read_rows(path, on_note=pytest.fail)
    assert row.line == 5


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1"])
def test_a_workbook_is_called_one(tmp_path, start):
    """A spreadsheet's own format is no CSV, and what to do is said."""
    path = tmp_path / "r.xlsx"
    path.write_bytes(start + bytes(100))
    with pytest.raises(InputError, match=r"r\.xlsx: it is a workbook .* 'CSV UTF-8'"):
        read_rows(path, on_note=pytest.fail)


@pytest.mark.parametrize("name", ["path", "genres", "previous"])
def test_two_columns_of_a_name_are_refused(tmp_path, name):
    """Which one counts is for the owner to say: somebody has copied a column to keep it."""
    path = saved(tmp_path / "r.csv", [[*NAMES, name], [*ROWS[0], "Rock"]])
    with pytest.raises(InputError, match=f"two columns '{name}'"):
        read_rows(path, on_note=pytest.fail)


@pytest.mark.parametrize("end", [b"\x1a", bytes(400), b"\r\n\x1a\r\n"])
def test_what_old_programs_put_behind_a_table_is_no_row(tmp_path, end):
    """An end-of-file sign, or zeros up to the end of a block."""
    path = saved(tmp_path / "r.csv", [NAMES, *ROWS])
    path.write_bytes(path.read_bytes() + end)
    assert found(path) == WANTED


def test_a_mark_inside_the_first_quotes_is_none_of_the_heading(tmp_path):
    """A table that was saved twice has one there."""
    path = saved(tmp_path / "r.csv", [["\ufeff" + NAMES[0], *NAMES[1:]], *ROWS], quoting=1)
    assert found(path) == WANTED
