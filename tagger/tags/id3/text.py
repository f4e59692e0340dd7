"""The text frames of ID3: from their bytes to strings, and from strings to their bytes.

Formats: https://id3.org/id3v2.3.0, https://id3.org/id3v2.4.0-structure.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from mutagen.id3 import Frames_2_2

from tagger.tags.fields import Field
from tagger.tags.id3.unsync import unstuffed
from tagger.tags.undecoded import (
    UNREADABLE,
    bytes_of,
    encoded,
    text_of,
    wide_order,
    wide_text,
)

_MAX_TEXT_LEN = 1 << 20
CODECS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
LONG_IDS = {
    short.encode(): kind.__base__.__name__.encode()
    for short, kind in Frames_2_2.items()
    if short not in {"CRM", "LNK"}  # what is in them is another version's too
}
"""The frames of 2.2 and what they are called since."""
_SHORT_IDS = {"TCON": "TCO", "TIT1": "TT1", "GRP1": "GP1", "COMM": "COM", "TXXX": "TXX"}
ONLY_IN_24 = frozenset(
    b"ASPI EQU2 RVA2 SEEK SIGN TDEN TDOR TDRC TDRL TDTG TIPL TMCL TMOO TPRO TSST".split()
)
"""Frames that 2.3 does not know; the sort names (TSOA, TSOP, TSOT) are in use there too."""


def synchsafe(digits: bytes) -> int:
    """A number written with seven bits to the byte."""
    value = 0
    for digit in digits:
        value = value << 7 | digit & 0x7F
    return value


def synchsafe_bytes(value: int) -> bytes:
    """Four bytes of seven bits each."""
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


@dataclass(frozen=True, slots=True)
class FrameKey:
    """Which frames are meant: their id, and their description where they have one."""

    id: bytes
    description: str | None = None


@dataclass(frozen=True, slots=True)
class FrameText:
    """What a text frame says.

    Attributes:
        texts: its strings, before ID3's numbers are expanded.
        description: of TXXX and COMM.
        language: of COMM, three letters.
    """

    texts: tuple[str, ...]
    description: str | None = None
    language: bytes = b"eng"


def frame_keys(field: Field, version: int) -> list[FrameKey]:
    """The spellings of a field in a version, in the order in which they are looked for."""
    keys = []
    for spelling in field.id3:
        name, colon, description = spelling.partition(":")
        if version > 2:
            keys.append(FrameKey(name.encode(), description if colon else None))
        elif short := _SHORT_IDS.get(name):
            keys.append(FrameKey(short.encode(), description if colon else None))
    return keys


def frame_name(frame_id: bytes, version: int) -> bytes:
    """The id of a frame; old iTunes padded the three letters of 2.2 where four must be."""
    name = frame_id.rstrip(b" \0")
    return LONG_IDS.get(name, name) if version > 2 else name


def new_key(field: Field, version: int) -> FrameKey:
    """The spelling of a field that a tag does not have yet."""
    keys = frame_keys(field, version)
    return next(key for key in reversed(keys) if version == 4 or key.id not in ONLY_IN_24)


def frame_text(raw: bytes, version: int, *, unsync: bool) -> FrameText:
    """The strings of one text frame.

    Args:
        raw: the frame with its header.
        version: 2, 3 or 4.
        unsync: all frames of the (2.4) tag are unsynchronised.
    """
    kind = raw[:3] if version == 2 else frame_name(raw[:4], version)
    body = raw[6:] if version == 2 else plain_body(raw, version, unsync=unsync)
    is_described = kind in (b"COMM", b"COM", b"TXXX", b"TXX")
    if body is None or (body and body[0] not in CODECS):
        return FrameText(() if is_described else (UNREADABLE,))
    encoding, rest = body[:1], body[1:]
    language, description = b"eng", None
    if kind in (b"COMM", b"COM"):
        language, rest = rest[:3], rest[3:]
    strings = _strings(rest, encoding[0]) if encoding else []
    if is_described and strings:
        description, *strings = strings
    return FrameText(tuple(strings), description, language)


def _strings(data: bytes, encoding: int) -> list[str]:
    """The strings that zeros part, each by its own byte-order mark or else by the first."""
    if encoding == 0:
        return data.decode("latin-1").split("\0")
    if encoding == 3:
        return [text_of(part).lstrip("\ufeff") for part in data.split(b"\0")]
    # Encoding 1 must have a mark; without one Windows' order is the likely one.
    order = wide_order(data) or ("utf-16-le" if encoding == 1 else "utf-16-be")
    strings = []
    while data:
        string, data = first_string(data, encoding)
        strings.append(wide_text(string, order))
    return strings


def first_string(data: bytes, encoding: int) -> tuple[bytes, bytes]:
    """The string in front that a zero ends, and what follows it; all if nothing ends it."""
    if encoding in (0, 3):
        first, _, rest = data.partition(b"\0")
        return first, rest
    at = data.find(b"\0\0")
    while at > 0 and at % 2:  # the end of one character and the start of the next
        at = data.find(b"\0\0", at + 1)
    return (data, b"") if at < 0 else (data[:at], data[at + 2 :])


def text_frame(
    key: FrameKey,
    text: FrameText,
    version: int,
    *,
    plain_sizes: bool = False,
) -> bytes:
    """A text frame; nothing where there are no strings.

    Args:
        key: which.
        text: what it says; before 2.4 there is one string.
        version: 3 or 4.
        plain_sizes: this 2.4 tag writes lengths like 2.3 does (old iTunes).
    """
    if not text.texts:
        return b""
    named = key.description is not None
    described = [text.description or key.description or ""] if named else []
    language = text.language if key.id == b"COMM" else b""
    if any(value.startswith("\ufeff") for value in text.texts):
        raise ValueError("a value that begins with a byte-order mark is read back without it")
    strings = [*described, "\0".join(text.texts)]
    # UTF-8 came with 2.4.
    encoding = 3 if version == 4 else encoding_for(strings)
    mark = b"\xff\xfe" if encoding == 1 else b""
    codec = "utf-16-le" if encoding == 1 else CODECS[encoding]
    zero = b"\0\0" if encoding == 1 else b"\0"
    content = zero.join(mark + _encoded(string, codec) for string in strings)
    body = bytes([encoding]) + language + content
    return frame_bytes(key.id, body, version, plain_sizes=plain_sizes)


def _encoded(text: str, codec: str) -> bytes:
    return bytes_of(text) if codec == "utf-8" else encoded(text, codec)


def frame_bytes(
    frame_id: bytes, body: bytes, version: int, *, plain_sizes: bool = False, status: int = 0
) -> bytes:
    """A frame of 2.3 or 2.4 around its content, which is packed in no way."""
    plain = version == 3 or plain_sizes
    size = len(body).to_bytes(4, "big") if plain else synchsafe_bytes(len(body))
    return frame_id + size + bytes((status, 0)) + body


def encoding_for(strings: Sequence[str]) -> int:
    """Latin-1 (0) where it suffices, else UTF-16 with its mark (1): 2.3 knows no others."""
    try:
        "".join(strings).encode("latin-1")
    except UnicodeEncodeError:
        return 1
    return 0


def plain_body(raw: bytes, version: int, *, unsync: bool) -> bytes | None:
    """A frame's content without its grouping byte, length, compression; None if encrypted."""
    flags, body = raw[9], raw[10:]
    if version == 3:
        packed, encrypted, grouped = flags & 0x80, flags & 0x40, flags & 0x20
        # Behind the header: the length before compression, then the group.
        body = body[4 * bool(packed) + bool(grouped) :]
    else:
        packed, encrypted, grouped = flags & 0x08, flags & 0x04, flags & 0x40
        body = body[bool(grouped) + 4 * (flags & 0x01) :]
        body = unstuffed(body) if unsync or flags & 2 else body
    if encrypted:
        return None
    try:
        return zlib.decompressobj().decompress(body, _MAX_TEXT_LEN) if packed else body
    except zlib.error as error:
        raise ValueError(f"a frame is compressed and damaged: {error}") from error
