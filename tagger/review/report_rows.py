"""An edited CSV report -> its rows, whichever spreadsheet has saved it."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tagger.errors import InputError
from tagger.reports.report import SECOND_COLUMNS
from tagger.settings.values import nearest
from tagger.text import sanitise

NEEDED = ("path", "genres", "previous")
COLUMNS = (
    *NEEDED, "status", "best_label", "score", "scores", "duration_s", "reason", "field",
    *SECOND_COLUMNS,
)  # fmt: skip

_BOM = "\ufeff"
_EMPTY = f' \t\xa0,;|"\r\n\0\x1a{_BOM}'
"""What says nothing; old programs end a file with U+001A or fill it up with zeros."""
_MOST_ABOVE = 1000  # lines in which the heading is looked for

_WORKBOOKS = (b"PK\3\4", b"\xd0\xcf\x11\xe0")
"""What .xlsx, .ods and .xls begin with."""

_DECLARED = re.compile(r'"?sep=([^\s\w"]|\t)(?:\1|[\s,;"])*', re.IGNORECASE)
"""Excel's first line that names the separator; a spreadsheet may have filled up its row."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a report.

    Attributes:
        line: where it ends in the file, counted from 1.
        cells: column to text.
        problem: why it cannot be used, or None.
    """

    line: int
    cells: Mapping[str, str]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a table is written: its encoding, separator, columns, and the line of the heading."""

    encoding: str
    delimiter: str
    names: Sequence[str]
    heading: int


def read_rows(path: Path, *, on_note: Callable[[str], None]) -> Iterator[Row]:
    """The rows of a report, one by one; commas, semicolons, tabs or bars part the cells.

    Rows without a word in them, a first line `sep=;` and empty cells to the right of the
    table are what spreadsheets add; they are passed over.

    Args:
        path: the file, UTF-8 (with or without a mark) or UTF-16.
        on_note: called with a sentence for what is odd but harmless.

    Raises:
        InputError: it cannot be read, or is no report; raised before the first row.
    """
    try:
        layout = _layout_of(path)
    except OSError as error:
        raise InputError(f"{path}: the report cannot be read ({error.strerror}).") from error
    _check_names(path, layout.names, on_note)
    return _rows(path, layout)


def _layout_of(path: Path) -> _Layout:
    with path.open("rb") as binary:
        start = binary.read(4)
    if start in _WORKBOOKS:
        raise InputError(f"{path}: it is a workbook and no table; save it as 'CSV UTF-8'.")
    encoding = _encoding_of(start)
    declared, heading, head = "", 0, ""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        for number, line in enumerate(islice(_without_marks(file), _MOST_ABOVE), 1):
            if (match := _DECLARED.fullmatch(line)) is not None:
                declared = match[1]
            elif line.strip(_EMPTY):
                heading, head = number, line
                break
    # A line `sep=;` may stand over a table that was saved with commas since.
    delimiter = declared if declared and declared in head else max(",;\t|", key=head.count)
    names = [
        _column_name(name.strip().lstrip(_BOM))
        for name in next(csv.reader([head], delimiter=delimiter), [])
    ]
    # Spreadsheets save the empty columns to the right of a table, too.
    while names and not names[-1]:
        names.pop()
    return _Layout(encoding, delimiter, names, heading)


def _column_name(name: str) -> str:
    """A heading as we write it, if it differs in its capitals only."""
    return name.casefold() if name.casefold() in COLUMNS else name


def _encoding_of(start: bytes) -> str:
    """The encoding of a table that begins with these bytes; its first letter is ASCII."""
    if start[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "utf-16"
    if b"\0" in start:
        return "utf-16-be" if start[0] == 0 else "utf-16-le"
    return "utf-8"


def _without_marks(lines: Iterable[str]) -> Iterator[str]:
    """Tables that were joined or saved twice have marks where no line of ours begins so."""
    return (line.lstrip(_BOM) for line in lines)


def _check_names(path: Path, names: Sequence[str], on_note: Callable[[str], None]) -> None:
    for needed in NEEDED:
        if needed not in names:
            near = nearest(needed, names) if names else ""
            raise InputError(
                f"{path}: there is no column {sanitise(repr(needed))}{sanitise(near)}; give a"
                " CSV report of `tagger scan` or `tagger audit`, with its first line."
            )
        if names.count(needed) > 1:
            raise InputError(
                f"{path}: there are two columns {needed!r}; delete the one that does not count."
            )
    if foreign := [name for name in names if name and name not in COLUMNS]:
        on_note(f"{path}: the columns {sanitise(', '.join(foreign))} are not used.")


def _rows(path: Path, layout: _Layout) -> Iterator[Row]:
    with path.open(encoding=layout.encoding, errors="surrogateescape", newline="") as file:
        lines = islice(_without_marks(file), layout.heading, None)
        reader = csv.reader(lines, delimiter=layout.delimiter)
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, UnicodeError) as error:
                line = layout.heading + reader.line_num
                yield Row(line, {}, f"it cannot be read ({error})")
                if isinstance(error, UnicodeError):  # a torn UTF-16 file has no next row
                    return
                continue
            if any(cell.strip(_EMPTY) for cell in cells):
                yield _row(layout.heading + reader.line_num, cells, layout.names)


def _row(line: int, cells: Sequence[str], names: Sequence[str]) -> Row:
    """One row; empty cells at its end may be missing (Excel leaves them out) or be too many.

    We leave no `field` empty: a row that ends before it was torn.
    """
    row_cells = dict.fromkeys(names, "") | dict(zip(names, cells, strict=False))
    problem = None
    filled = {*NEEDED, "field"} & {*names}
    lacks = any(names.index(name) >= len(cells) for name in filled)
    if lacks or any(cell.strip(_EMPTY) for cell in cells[len(names) :]):
        problem = (
            f"it has {len(cells)} cells and not {len(names)}; put quotes around a cell that"
            " holds the separator"
        )
    elif any("\udc80" <= letter <= "\udcff" for cell in cells for letter in cell):
        problem = "it is not UTF-8; save the table as 'CSV UTF-8'"
    return Row(line, row_cells, problem)
