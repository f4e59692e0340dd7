"""ID3v2 as bytes: find the genre in a tag, or exchange it and keep every other frame.

Written for one purpose: libraries that save a whole tag re-sort its frames, rewrite their
text and change the version. Here the frames that are not the genre are carried over as they
stand. Formats: https://id3.org/id3v2.3.0, https://id3.org/id3v2.4.0-structure.
"""

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mutagen.id3 import TCON

from tagger.tags.base import kept
from tagger.tags.detect import is_id3v2, synchsafe

NEW_PADDING = 1024
"""Bytes left free in a tag that has to grow, so that the next change fits in place."""

MAX_BODY = (1 << 28) - 1
_MAX_TEXT_LEN = 1 << 20
_FRAME_ID = re.compile(rb"[A-Z][A-Z0-9]{2,3}[ \0]?")
_CODECS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}

type_read = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Header:
    """The ten bytes in front of a tag.

    Attributes:
        version: 2, 3 or 4.
        unsync: the tag (2.2, 2.3) or its frames (2.4) are unsynchronised.
        extended: an extended header follows.
        body_len: bytes of extended header, frames and padding.
        total: bytes of the whole tag with header and footer.
    """

    version: int
    unsync: bool
    extended: bool
    body_len: int
    total: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its id and where it lies, its own header included."""

    id: bytes
    offset: int
    length: int


def parse_header(data: bytes) -> Header | None:
    """The header at the start of `data`, None where there is no ID3v2 tag."""
    if not is_id3v2(data):
        return None
    flags, body_len = data[5], synchsafe(data[6:10])
    footer = 10 if data[3] == 4 and flags & 0x10 else 0
    extended = bool(flags & 0x40) and data[3] > 2
    return Header(data[3], bool(flags & 0x80), extended, body_len, 10 + body_len + footer)


def read_genres(read: type_read, header: Header, separator: str) -> tuple[str, ...]:
    """The genres of a tag, without reading the frames around them.

    Args:
        read: gives `length` bytes at an offset counted from the tag's first byte.
        header: that tag's header.
        separator: what splits one ID3v2.3 string into several genres.
    """
    if header.version not in (2, 3, 4):
        return ()
    read, end = _frame_bytes(read, header)
    values: list[str] = []
    for frame in frames_of(read, header, end):
        if _is_genre(frame.id):
            raw = read(frame.offset, min(frame.length, _MAX_TEXT_LEN))
            values.extend(_frame_text(raw, header))
    if header.version < 4:
        mark = separator.strip()
        values = [part.strip() for value in values for part in _split(value, mark)]
    return kept(TCON(encoding=3, text=values).genres) if values else ()


def frames_of(read: type_read, header: Header, end: int) -> Iterator[Frame]:
    """The frames in order, up to the padding or to bytes that are no frame."""
    offset = _extended_len(read, header) if header.extended else 10
    size_of = _size_reader(read, header, offset, end)
    head_len = 6 if header.version == 2 else 10
    while offset + head_len < end:
        head = read(offset, head_len)
        length = head_len + size_of(head)
        if not _is_frame(head, header) or offset + length > end:
            return
        yield Frame(head[: head_len // 3 + (head_len == 10)], offset, length)
        offset += length


def exchange(tag: bytes, genres: Sequence[str], separator: str) -> bytes:
    """The tag with exactly `genres`, in its own version; equally long where padding allows.

    Raises:
        ValueError: the tag is damaged, or a genre cannot be spelled in ID3.
    """
    header = parse_header(tag)
    if header is None:
        raise ValueError("no ID3v2 tag")
    read, end = _frame_bytes(lambda at, length: tag[at : at + length], header)
    body = bytearray()
    new = genre_frame(genres, header.version, separator, plain=_has_plain_sizes(read, header, end))
    placed, offset = False, 10
    for frame in frames_of(read, header, end):
        offset = frame.offset + frame.length
        if not _is_genre(frame.id):
            body += read(frame.offset, frame.length)
        elif not placed:
            body, placed = body + new, True
    body = body if placed else body + new
    body += read(offset, end - offset).rstrip(b"\0") if offset > 10 else b""
    return _assemble(bytes(body), header)


def empty_tag(genres: Sequence[str], separator: str) -> bytes:
    """A new ID3v2.4 tag that holds nothing but the genres."""
    return _with_header(genre_frame(genres, 4, separator), 4, NEW_PADDING)


def other_frames(tag: bytes) -> list[bytes]:
    """Every frame but the genre, raw and in order, and what lies behind the last."""
    header = parse_header(tag)
    if header is None or header.version not in (2, 3, 4):
        return [tag]
    read, end = _frame_bytes(lambda at, length: tag[at : at + length], header)
    found, offset = [], 10
    for frame in frames_of(read, header, end):
        offset = frame.offset + frame.length
        if not _is_genre(frame.id):
            found.append(read(frame.offset, frame.length))
    rest = read(offset, end - offset).rstrip(b"\0") if offset > 10 else b""
    return [*found, rest] if rest else found


def genre_frame(
    genres: Sequence[str], version: int, separator: str, *, plain: bool = False
) -> bytes:
    """The TCON frame for `genres`; nothing where there are none.

    Raises:
        ValueError: a genre is spelled like one of ID3's numbers or abbreviations.
    """
    if not genres:
        return b""
    values = [_spelled(genre) for genre in genres]
    if version == 4:
        body = b"\x03" + "\0".join(values).encode()
    else:
        body = _text_v23(separator.join(values))
    size = _synchsafe_bytes(len(body)) if version == 4 and not plain else None
    return b"TCON" + (size or len(body).to_bytes(4, "big")) + b"\0\0" + body


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


def _split(value: str, mark: str) -> list[str]:
    return value.split(mark) if mark else [value]


def _is_genre(frame_id: bytes) -> bool:
    return frame_id in (b"TCON", b"TCO")


def _is_frame(head: bytes, header: Header) -> bool:
    """Whether these bytes can be a frame's header."""
    id_len = 3 if header.version == 2 else 4
    return len(head) == (6 if header.version == 2 else 10) and bool(
        _FRAME_ID.fullmatch(head[:id_len])
    )


def _frame_bytes(read: type_read, header: Header) -> tuple[type_read, int]:
    """A reader of the frames as they were before unsynchronisation, and their end.

    Before 2.4 the scheme covers the whole tag, so it must be undone for all of it.
    """
    end = 10 + header.body_len
    if not header.unsync or header.version == 4:
        return read, end
    data = read(0, 10) + read(10, header.body_len).replace(b"\xff\x00", b"\xff")
    return (lambda at, length: data[at : at + length]), len(data)


def _extended_len(read: type_read, header: Header) -> int:
    """Where the frames start behind the extended header.

    Some programs set the flag without one: then a frame's id stands there.
    """
    size = read(10, 4)
    if _FRAME_ID.fullmatch(size):
        return 10
    if header.version == 4:
        return 10 + max(synchsafe(size), 4)
    return 14 + int.from_bytes(size, "big")


def _size_reader(
    read: type_read, header: Header, start: int, end: int
) -> Callable[[bytes], int]:
    """How this tag writes the length of a frame.

    2.4 asks for seven bits to the byte; old iTunes wrote plain numbers. What leads from
    frame to frame to a clean end is right.
    """
    if header.version == 2:
        return lambda head: int.from_bytes(head[3:6], "big")
    if header.version == 3:
        return _plain_size
    if _leads_to_end(read, start, end, _safe_size) or not _leads_to_end(
        read, start, end, _plain_size
    ):
        return _safe_size
    return _plain_size


def _has_plain_sizes(read: type_read, header: Header, end: int) -> bool:
    start = _extended_len(read, header) if header.extended else 10
    return _size_reader(read, header, start, end) is _plain_size


def _plain_size(head: bytes) -> int:
    return int.from_bytes(head[4:8], "big")


def _safe_size(head: bytes) -> int:
    return synchsafe(head[4:8])


def _leads_to_end(
    read: type_read, offset: int, end: int, size_of: Callable[[bytes], int]
) -> bool:
    """Whether frames of these sizes follow each other up to the padding."""
    while offset + 10 < end:
        head = read(offset, 10)
        if not head.strip(b"\0"):
            return True
        if not _FRAME_ID.fullmatch(head[:4]):
            return False
        offset += 10 + size_of(head)
    return offset <= end


def _frame_text(raw: bytes, header: Header) -> list[str]:
    """The strings of a text frame; none if it is encrypted."""
    body = raw[6:] if header.version == 2 else _plain_body(raw, header)
    if not body or body[0] not in _CODECS:
        return []
    text = body[1:].decode(_CODECS[body[0]], errors="replace")
    return [value.lstrip("\ufeff") for value in text.split("\0")]


def _plain_body(raw: bytes, header: Header) -> bytes:
    """A frame's content without its grouping byte, length, compression."""
    flags, body = raw[9], raw[10:]
    if header.version == 3:
        packed, encrypted, grouped = flags & 0x80, flags & 0x40, flags & 0x20
        body = body[4:] if packed else body
        body = body[1:] if grouped else body
    else:
        packed, encrypted, grouped = flags & 0x08, flags & 0x04, flags & 0x40
        body = body[1:] if grouped else body
        body = body[4:] if flags & 0x01 else body
        body = body.replace(b"\xff\x00", b"\xff") if header.unsync or flags & 2 else body
    if encrypted:
        return b""
    try:
        return zlib.decompressobj().decompress(body, _MAX_TEXT_LEN) if packed else body
    except zlib.error as error:
        raise ValueError(f"the genre is compressed and damaged: {error}") from error


def _assemble(body: bytes, header: Header) -> bytes:
    """Header, frames and padding, as long as the old tag if they fit into it."""
    unsync = header.unsync and header.version == 3
    if unsync:
        body = re.sub(rb"\xff(?=[\xe0-\xff\x00]|\Z)", b"\xff\x00", body)
    padding = header.total - 10 - len(body)
    flags = 0x80 if header.unsync else 0
    return _with_header(body, header.version, padding if padding >= 0 else NEW_PADDING, flags)


def _with_header(body: bytes, version: int, padding: int, flags: int = 0) -> bytes:
    length = len(body) + padding
    if length > MAX_BODY:
        raise ValueError("the tag would be longer than ID3v2 can say")
    header = b"ID3" + bytes((version, 0, flags)) + _synchsafe_bytes(length)
    return header + body + bytes(padding)


def _synchsafe_bytes(value: int) -> bytes:
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))
