"""Text from files made harmless for terminals and pages: names and tags are anybody's."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_LINES = "\u2028\u2029"

_SHOWN = {
    **{code: 0x2400 + code for code in range(0x20)},  # the pictures of the control characters
    0x7F: 0x2421,
    **dict.fromkeys((*range(0x80, 0xA0), *map(ord, _BIDI + _LINES), 0xFEFF), 0xFFFD),
    **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD),
}
_ODD = re.compile("[" + "".join(map(re.escape, map(chr, sorted(_SHOWN)))) + "]")


_LOST = {
    **{0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)},
    **{code: f"\\u{code:04x}" for code in range(0xD800, 0xDC80)},
    **{code: f"\\u{code:04x}" for code in range(0xDD00, 0xE000)},
}


def text_of(text: Path | str) -> str:
    """A path, or a text with one in it, as every output can carry it.

    Bytes of names that are no UTF-8 become numbers.
    """
    return str(text).translate(_LOST)


def json_text(value: Any) -> str:
    """One line of JSON whose letters stay letters, and which no terminal obeys.

    JSON escapes what is below U+0020 itself; DEL, the C1 controls (U+009B begins a sequence
    like ESC does), line separators and turns of the writing direction are escaped here.
    """
    text = json.dumps(value, ensure_ascii=False)
    return (
        _ODD.sub(lambda match: f"\\u{ord(match[0]):04x}", text) if _ODD.search(text) else text
    )


def sanitise(text: str) -> str:
    """The text on one line, without anything that a terminal or a page would obey.

    Control characters become their pictures (ESC is shown as U+241B), characters that turn
    the direction of writing and bytes that are no text become U+FFFD. The length stays.
    """
    return text.translate(_SHOWN) if _ODD.search(text) else text


_FORMULA = ("=", "+", "-", "@", "'")
_ESCAPED = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), 0x7F, *range(0x80, 0xA0))},
    **{ord(letter): f"\\u{ord(letter):04x}" for letter in _BIDI + _LINES + "\ufeff"},
}
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})")


def counted(n: int, one: str, many: str) -> str:
    """`1 file`, `2 files`: a number with the word that goes with it."""
    return f"{n} {one if n == 1 else many}"


def cell_text(text: str) -> str:
    r"""The text as a cell of a table that people open in a terminal or a spreadsheet.

    What a terminal obeys becomes numbers (`\x1b`, `\u202e`), and what a spreadsheet would
    compute gets an apostrophe in front, as spreadsheets themselves write it. `from_cell` takes
    both back.
    """
    shown = text.translate(_ESCAPED) if _ODD.search(text) else text
    return "'" + shown if shown.startswith(_FORMULA) else shown


def from_cell(cell: str) -> str:
    """The text of a cell, whether or not a spreadsheet has eaten the apostrophe."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def paths_of(cell: str) -> Iterator[Path]:
    """The paths that a cell may stand for: as it reads, and with its numbers as bytes again."""
    text = from_cell(cell)
    yield Path(text)
    if _ESCAPE.search(text):
        yield Path(_ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), text))
        yield Path(_ESCAPE.sub(_as_byte, text))


def _as_byte(match: re.Match[str]) -> str:
    """The character, or the byte of a name that is no UTF-8, as Python spells that."""
    code = int(match[1] or match[2], 16)
    return chr(0xDC00 + code if match[1] and code >= 0x80 else code)
