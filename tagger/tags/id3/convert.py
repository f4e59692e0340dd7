"""ID3v2.2, 2.3 and 2.4 into each other, as far as nothing is lost or changed in meaning.

Frames are carried over with their own bytes where both versions allow these. What is written
differently (dates, texts in encodings that 2.3 does not know) is rewritten; what has no place
in the other version is a `ValueError` with the reason, and then the tag stays as it is.
Formats: https://id3.org/id3v2-00, https://id3.org/id3v2.3.0, https://id3.org/id3v2.4.0-frames.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tagger.tags.id3.text import (
    CODECS,
    LONG_IDS,
    encoding_for,
    first_string,
    frame_bytes,
    frame_name,
    plain_body,
)
from tagger.tags.id3.unsync import is_reproduced

_TEXT_IDS = frozenset({b"GRP1", b"MVNM", b"MVIN", b"IPLS"})
_BINARY_IDS = frozenset(
    b"AENC ENCR ETCO GRID MCDI MLLT PCNT POPM POSS PRIV RBUF RVRB SYTC UFID".split()
)
_ONLY_FROM_24 = frozenset(b"ASPI EQU2 RVA2 SEEK SIGN".split())
"""Frames whose content 2.3 has no words for; texts (TDRL, TDTG) are skipped there unread."""
_ONLY_BEFORE_24 = frozenset(b"EQUA RVAD TRDA TSIZ".split())
_TIMESTAMP = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d)?)?)?)?)?")
_DAY = re.compile(r"(\d{4})(?:-(\d\d)-(\d\d)(?:T(\d\d):(\d\d))?)?")
_MIMES = {b"PNG": b"image/png", b"JPG": b"image/jpeg", b"-->": b"-->"}


@dataclass(frozen=True, slots=True)
class Plain:
    """A frame without what its version puts around it.

    Attributes:
        id: four letters, also of a 2.2 frame.
        status: what a program that does not know it shall do, as 2.4 has the bits.
        body: the content, neither unsynchronised nor compressed.
    """

    id: bytes
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Worded:
    """The content of a frame with text: what stands before, between and behind the words."""

    encoding: int
    head: bytes
    words: tuple[str, ...]
    tail: bytes = b""


def plain_frame(raw: bytes, version: int, *, unsync: bool) -> Plain:
    """A raw frame of any version, undressed.

    Raises:
        ValueError: it is compressed, encrypted or grouped, or only 2.2 knows it.
    """
    if version == 2:
        name = LONG_IDS.get(raw[:3])
        if name is None:
            raise ValueError(f"the frame {_shown(raw[:3])} has no counterpart")
        return Plain(name, 0, _modern_picture(raw[6:]) if name == b"APIC" else raw[6:])
    name = frame_name(raw[:4], version)
    if name != raw[:4]:
        raise ValueError(f"the frame {_shown(raw[:4])} has an id of ID3v2.2")
    if raw[9] & (0xE0 if version == 3 else 0x4C):
        raise ValueError(f"the frame {_shown(raw[:4])} is compressed, encrypted or grouped")
    stuffing = version == 4 and (unsync or raw[9] & 2)
    if stuffing and not is_reproduced(raw[10 + 4 * (raw[9] & 1) :]):
        raise ValueError(
            f"the frame {_shown(name)} is unsynchronised in a way that is doubtful"
        )
    # The three bits about unknown frames moved one place between 2.3 and 2.4.
    status = raw[8] >> 1 if version == 3 else raw[8]
    return Plain(raw[:4], status & 0x70, plain_body(raw, version, unsync=unsync) or b"")


def converted(frames: Sequence[Plain], version: int) -> list[bytes]:
    """Raw frames of version 3 or 4 that say the same.

    Raises:
        ValueError: one of them cannot be said in that version; the message says which.
    """
    gone = _ONLY_FROM_24 if version == 3 else _ONLY_BEFORE_24
    for frame in frames:
        if frame.id in gone:
            raise ValueError(f"ID3v2.{version} knows no frame {_shown(frame.id)}")
    renamed = _in_words_of_23(frames) if version == 3 else _in_words_of_24(frames)
    return [
        frame_bytes(
            frame.id,
            _body_for(frame, version),
            version,
            status=frame.status << 1 if version == 3 else frame.status,
        )
        for frame in renamed
    ]


def meanings(frames: Sequence[Plain]) -> list[bytes]:
    """What frames say, whatever the version they come from; equal where nothing was lost."""
    return sorted(_meaning(frame) for frame in _in_words_of_24(frames))


def _in_words_of_24(frames: Sequence[Plain]) -> list[Plain]:
    """Year, day and time in one TDRC, the original year as TDOR, IPLS as TIPL."""
    parts = {frame.id: frame for frame in frames if frame.id in {b"TYER", b"TDAT", b"TIME"}}
    n_dates = sum(frame.id in {*parts, b"TDRC"} for frame in frames)
    if parts and n_dates != len(parts):
        raise ValueError("it has a date twice, in one spelling or in two")
    renamed = []
    for frame in frames:
        if frame.id == b"TORY":
            renamed.append(_dated(frame, b"TDOR", _single(frame)))
        elif frame.id == b"IPLS":
            renamed.append(replace(frame, id=b"TIPL"))
        elif frame.id not in parts:
            renamed.append(frame)
        # The one frame of 2.4 stands where the first of the three stood.
        elif frame.id == next(iter(parts)):
            stamp = _timestamp({key: _single(part) for key, part in parts.items()})
            renamed.append(_dated(frame, b"TDRC", stamp))
    return renamed


def _in_words_of_23(frames: Sequence[Plain]) -> list[Plain]:
    """TDRC as year, day and time, as far as it says them; TDOR as a year, TIPL as IPLS."""
    renamed = []
    for frame in frames:
        if frame.id == b"TIPL":
            renamed.append(replace(frame, id=b"IPLS"))
        elif frame.id == b"TDOR":
            renamed.append(_dated(frame, b"TORY", _year(_single(frame))))
        elif frame.id == b"TDRC":
            stamp = _single(frame)
            parts = _DAY.fullmatch(stamp)
            if parts is None:
                raise ValueError(f"the date {stamp!r} cannot be written in ID3v2.3")
            year, month, day, hour, minute = parts.groups()
            renamed.append(_dated(frame, b"TYER", year))
            if month:
                renamed.append(_dated(frame, b"TDAT", day + month))
            if hour:
                renamed.append(_dated(frame, b"TIME", hour + minute))
        else:
            renamed.append(frame)
    return renamed


def _timestamp(parts: dict[bytes, str]) -> str:
    """2.4's timestamp of 2.3's year, day and month, hour and minute."""
    year, day, time = (parts.get(key, "") for key in (b"TYER", b"TDAT", b"TIME"))
    if not day and not time and _TIMESTAMP.fullmatch(year):
        return year
    # TDAT is day, month; the timestamp is month, day.
    stamp = year + (f"-{day[2:]}-{day[:2]}" if day else "")
    stamp += f"T{time[:2]}:{time[2:]}" if time else ""
    if not _DAY.fullmatch(stamp) or not re.fullmatch(r"(\d{4})?", day):
        raise ValueError(f"its date {year!r} {day!r} {time!r} is none that ID3v2.4 can hold")
    return stamp


def _year(text: str) -> str:
    if not re.fullmatch(r"\d{4}", text):
        raise ValueError(f"the original date {text!r} is more than a year")
    return text


def _dated(frame: Plain, name: bytes, text: str) -> Plain:
    if not _TIMESTAMP.fullmatch(text) and name not in {b"TDAT", b"TIME"}:
        raise ValueError(f"the date {text!r} is none that ID3v2.4 can hold")
    return Plain(name, frame.status, b"\0" + text.encode("latin-1"))


def _single(frame: Plain) -> str:
    """The one string of a text frame."""
    words = _worded(frame)
    if words is None or len(words.words) > 1:
        raise ValueError(f"the frame {_shown(frame.id)} has several values")
    return words.words[0] if words.words else ""


def _body_for(frame: Plain, version: int) -> bytes:
    """The content as a version can have it: 2.3 knows no UTF-8 and one value a frame."""
    worded = _worded(frame)
    if worded is None:
        return frame.body
    # Their first string is a description, and no value.
    named = frame.id in {b"TXXX", b"COMM", b"USLT"}
    if len(worded.words) > 1 + named and frame.id not in {b"IPLS", b"TIPL"}:
        raise ValueError(f"the frame {_shown(frame.id)} has several values")
    # Latin-1 and UTF-16 with a mark are the same bytes in both versions.
    if version == 4 or worded.encoding in (0, 1):
        return frame.body
    encoding = encoding_for(worded.words)
    mark, codec = (b"\xff\xfe", "utf-16-le") if encoding else (b"", "latin-1")
    zero = b"\0\0" if encoding else b"\0"
    words = zero.join(mark + word.encode(codec) for word in worded.words)
    # Here binary data, or an address, follows: the description must end.
    ended = zero if frame.id in {b"APIC", b"WXXX"} else b""
    return bytes([encoding]) + worded.head + words + ended + worded.tail


def _meaning(frame: Plain) -> bytes:
    worded = _worded(frame)
    start = frame.id + bytes([frame.status])
    if worded is None:
        return start + frame.body
    return start + worded.head + "\0".join(worded.words).encode() + b"\0" + worded.tail


def _worded(frame: Plain) -> Worded | None:
    """The words of a frame; None for one that is all bytes.

    Raises:
        ValueError: it is unknown, or its text cannot be decoded.
    """
    name, body = frame.id, frame.body
    is_text = name in _TEXT_IDS or name[:1] == b"T"
    if name in _BINARY_IDS or (name[:1] == b"W" and name != b"WXXX"):
        return None
    if not is_text and name not in {b"COMM", b"USLT", b"WXXX", b"APIC"}:
        if name in {b"GEOB", b"SYLT", b"USER", b"OWNE", b"COMR"} and body[:1] in {b"\0", b"\1"}:
            return None  # both encodings are the same in all versions
        raise ValueError(f"the frame {_shown(name)} is not known")
    if not body:
        return Worded(0, b"", ())
    encoding, rest = body[0], body[1:]
    if encoding not in CODECS:
        raise ValueError(f"the frame {_shown(name)} has text in an unknown encoding")
    if name == b"APIC":
        mime, _, rest = rest.partition(b"\0")
        head, rest = mime + b"\0" + rest[:1], rest[1:]
    else:
        head, rest = (rest[:3], rest[3:]) if name in {b"COMM", b"USLT"} else (b"", rest)
    if name in {b"APIC", b"WXXX"}:
        described, tail = first_string(rest, encoding)
        return Worded(encoding, head, (_decoded(described, encoding, name),), tail)
    if is_text and name != b"TXXX":
        return Worded(encoding, head, _words(rest, encoding, name))
    described, text = first_string(rest, encoding)
    description = _decoded(described, encoding, name)
    return Worded(encoding, head, (description, *(_words(text, encoding, name) or ("",))))


def _words(data: bytes, encoding: int, name: bytes) -> tuple[str, ...]:
    """The strings that zeros part, without empty ones at the end."""
    words = _decoded(data, encoding, name).rstrip("\0").split("\0")
    return tuple(word.lstrip("\ufeff") for word in words) if words != [""] else ()


def _decoded(data: bytes, encoding: int, name: bytes) -> str:
    try:
        return data.decode(CODECS[encoding]).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(f"the text of the frame {_shown(name)} is damaged") from error


def _modern_picture(body: bytes) -> bytes:
    """2.2's picture, whose format is three letters, as 2.3's with a MIME type."""
    mime = _MIMES.get(body[1:4].upper())
    if mime is None:
        raise ValueError(f"the picture is of the unknown kind {_shown(body[1:4])}")
    return body[:1] + mime + b"\0" + body[4:]


def _shown(name: bytes) -> str:
    return name.decode("latin-1").strip()
