"""Stored bytes as text and back, where they are no text in the encoding that they claim.

Latin-1 where UTF-8 is declared, half a UTF-16 character, a frame whose encoding nobody knows:
other readers show a sign for it (U+FFFD), or nothing. So do we; but as long as such a value is
kept, its bytes are. Between reading and writing each of them is a lone surrogate ("escaped"),
which no text has: bytes of UTF-8 can be had back from it, everything else is refused.
"""

import codecs
import re
from collections.abc import Iterable, Sequence

UNREADABLE = "\ud800"
"""Stands for something that is there and cannot be had back."""

_SIGN = "\ufffd"
_ESCAPED = re.compile("[\ud800-\udfff]")
_ORDERS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class RefusedError(ValueError):
    """Something that is not done on purpose, although nothing is damaged; the text says why."""


def text_of(data: bytes) -> str:
    """UTF-8 as text, every byte that is none escaped."""
    return data.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """The UTF-8 of a text, with the bytes that were escaped.

    Raises:
        RefusedError: there is something in it that cannot be had back.
    """
    return encoded(text, "utf-8", "surrogateescape")


def encoded(text: str, codec: str, errors: str = "strict") -> bytes:
    """A text in an encoding that can say it.

    Raises:
        RefusedError: it holds something that was escaped, or half a character.
    """
    try:
        return text.encode(codec, errors)
    except UnicodeEncodeError as error:
        raise RefusedError(
            f"{shown(text)!r} holds what cannot be decoded, and so cannot be kept;"
            " --policy replace takes its place"
        ) from error


def wide_text(data: bytes, order: str = "utf-16-le") -> str:
    """UTF-16 as text: by its own byte-order mark, or else in an order that is given.

    A single zero at its end is half a terminator; other halves are escaped.
    """
    if (own := _ORDERS.get(data[:2])) is not None:
        data, order = data[2:], own
    half = len(data) % 2 and data[-1] != 0
    # Lone halves of surrogate pairs would pass through a codec and be written as damage.
    whole = data[: len(data) - len(data) % 2]
    text = _ESCAPED.sub(UNREADABLE, whole.decode(order, "surrogatepass"))
    return text.lstrip("\ufeff") + UNREADABLE * bool(half)


def wide_order(data: bytes) -> str | None:
    """The byte order that a mark at the start of UTF-16 names; None without a mark."""
    return _ORDERS.get(data[:2])


def shown(text: str) -> str:
    """A text as people see it."""
    return _ESCAPED.sub(_SIGN, text)


def as_stored(values: Iterable[str], old: Sequence[str]) -> list[str]:
    """Values with the escaped bytes of those old texts that are shown like them.

    Args:
        values: what people have seen, or chosen.
        old: the texts that are stored now.

    Raises:
        RefusedError: a value was seen where its bytes are not at hand.
    """
    # Reversed, so that the first of several texts that look alike is the one that counts.
    escaped = {shown(text): text for text in reversed(old)}
    stored = [escaped.get(value, value) if _SIGN in value else value for value in values]
    for value in stored:
        if _SIGN in value and value not in old:
            raise RefusedError(
                f"{value!r} stands where it cannot be decoded, and so cannot be kept here;"
                " --policy replace takes its place"
            )
    return stored
