"""The genre frame of ID3: from its bytes to values, and from values to its bytes.

Formats: https://id3.org/id3v2.3.0, https://id3.org/id3v2.4.0-structure.
"""

import zlib
from collections.abc import Sequence

from mutagen.id3 import TCON

from tagger.tags.base import kept

_MAX_TEXT_LEN = 1 << 20
_CODECS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}


def synchsafe(digits: bytes) -> int:
    """A number written with seven bits to the byte."""
    value = 0
    for digit in digits:
        value = value << 7 | digit & 0x7F
    return value


def synchsafe_bytes(value: int) -> bytes:
    """Four bytes of seven bits each."""
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


def frame_values(raw: bytes, version: int, *, unsync: bool, separator: str) -> list[str]:
    """The strings of one genre frame, before ID3's numbers are expanded.

    Before 2.4 there is one string: there, and only there, it is split at the separator.

    Args:
        raw: the frame with its header.
        version: 2, 3 or 4.
        unsync: all frames of the (2.4) tag are unsynchronised.
        separator: what joins several genres in one string; blanks around it do not count.
    """
    body = raw[6:] if version == 2 else _plain_body(raw, version, unsync=unsync)
    if not body or body[0] not in _CODECS:
        return []
    text = body[1:].decode(_CODECS[body[0]], errors="replace")
    values = [value.lstrip("\ufeff") for value in text.split("\0")]
    mark = separator.strip()
    if version == 4 or not mark:
        return values
    return [part.strip() for value in values for part in value.split(mark)]


def expanded(values: Sequence[str]) -> tuple[str, ...]:
    """The genres that ID3 strings mean: `(17)`, `17`, `RX` and `CR` become words."""
    return kept(TCON(encoding=3, text=list(values)).genres) if values else ()


def genre_frame(
    genres: Sequence[str], version: int, separator: str, *, plain_sizes: bool = False
) -> bytes:
    """The TCON frame for `genres`; nothing where there are none.

    Args:
        genres: one value each.
        version: 3 or 4.
        separator: joins them in the one string of 2.3.
        plain_sizes: this 2.4 tag writes lengths like 2.3 does (old iTunes).

    Raises:
        ValueError: a genre cannot be spelled so that it is read back.
    """
    if not genres:
        return b""
    values = [_spelled(genre) for genre in genres]
    if version == 4:
        body = b"\x03" + "\0".join(values).encode()
    else:
        _check_separator(genres, separator)
        body = _text_v23(separator.join(values))
    plain = version == 3 or plain_sizes
    size = len(body).to_bytes(4, "big") if plain else synchsafe_bytes(len(body))
    return b"TCON" + size + b"\0\0" + body


def id3v1_genre(tag: bytes) -> tuple[str, ...]:
    """The genre of the 128 bytes of an ID3v1 tag."""
    return expanded([str(tag[127])]) if tag[127] < len(TCON.GENRES) else ()


def _check_separator(genres: Sequence[str], separator: str) -> None:
    mark = separator.strip()
    for genre in genres:
        if (mark and mark in genre) or genre != genre.strip():
            raise ValueError(
                f"the genre {genre!r} cannot be told apart in an ID3v2.3 string that is "
                f"joined by {separator!r}; choose another separator"
            )
    if not mark and len(genres) > 1:
        raise ValueError("a blank separator cannot keep several genres apart")


def _text_v23(text: str) -> bytes:
    """Encoding byte and text: Latin-1 where it suffices, else UTF-16 with its mark."""
    try:
        return b"\x00" + text.encode("latin-1")
    except UnicodeEncodeError:
        return b"\x01\xff\xfe" + text.encode("utf-16-le")


def _spelled(genre: str) -> str:
    """The genre so that a reader of ID3's old numeric forms gets it back."""
    for candidate in (genre, "(" + genre):
        if TCON(encoding=3, text=[candidate]).genres == [genre]:
            return candidate
    raise ValueError(f"the genre {genre!r} means something else in ID3")


def _plain_body(raw: bytes, version: int, *, unsync: bool) -> bytes:
    """A frame's content without its grouping byte, length, compression; b'' if encrypted."""
    flags, body = raw[9], raw[10:]
    if version == 3:
        packed, encrypted, grouped = flags & 0x80, flags & 0x40, flags & 0x20
        body = body[4 * bool(packed) + bool(grouped) :]
    else:
        packed, encrypted, grouped = flags & 0x08, flags & 0x04, flags & 0x40
        body = body[bool(grouped) + 4 * (flags & 0x01) :]
        body = body.replace(b"\xff\x00", b"\xff") if unsync or flags & 2 else body
    if encrypted:
        return b""
    try:
        return zlib.decompressobj().decompress(body, _MAX_TEXT_LEN) if packed else body
    except zlib.error as error:
        raise ValueError(f"the genre is compressed and damaged: {error}") from error
