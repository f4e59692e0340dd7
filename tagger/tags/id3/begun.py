"""What a new ID3v2 tag begins with: what tags say that it would hide.

FFmpeg, TagLib and mutagen show ID3v1 only where there is no ID3v2, and TagLib treats RIFF INFO
alike: a new tag with nothing but a genre would take title and artist away from them. Where a
tag says nothing yet, it counts as a new one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from tagger.tags.id3.frames import Tag
from tagger.tags.id3.genres import id3v1_genre, spelled
from tagger.tags.id3.make import tag_bytes
from tagger.tags.id3.text import frame_bytes

_ID3V1 = ((b"TIT2", 3, 33), (b"TPE1", 33, 63), (b"TALB", 63, 93), (b"TDRC", 93, 97))
"""Frames, and where ID3v1 has what they say."""
_COMMENT, _END = 97, 127
_INFO = {
    b"INAM": b"TIT2", b"IART": b"TPE1", b"IPRD": b"TALB", b"ICRD": b"TDRC", b"ICMT": b"COMM",
    b"IPRT": b"TRCK", b"ITRK": b"TRCK", b"IMUS": b"TCOM", b"IWRI": b"TEXT", b"ICOP": b"TCOP",
    b"IPUB": b"TPUB", b"ITCH": b"TENC", b"ISFT": b"TSSE", b"ILNG": b"TLAN", b"IMED": b"TMED",
    b"IEDT": b"TPE4", b"IBPM": b"TBPM",
}  # fmt: skip
"""Entries that TagLib, or FFmpeg, has a name for, and the frames of that name."""
_DATE = re.compile(rb"(\d{4})(-\d\d(?:-\d\d)?)?(?!\d).*", re.DOTALL)


def begun_with_id3v1(raw: bytes, front: Tag | None) -> Tag | None:
    """The tag that says what ID3v1 says.

    Args:
        raw: the 128 bytes of ID3v1.
        front: the tag that says nothing yet, whose place it takes; None for a new one.

    Returns:
        A tag with the genre of the code; None if there is nothing else to say.
    """
    end = _END
    texts = [(key, _trimmed(raw[start:stop])) for key, start, stop in _ID3V1]
    if raw[_END - 2] == 0 and raw[_END - 1]:  # ID3v1.1
        texts.append((b"TRCK", str(raw[_END - 1]).encode()))
        end -= 2
    texts.append((b"COMM", _trimmed(raw[_COMMENT:end])))
    texts += [(b"TCON", genre.encode()) for genre in id3v1_genre(raw[_END])]
    # The bytes stay "Latin-1", which many are not: players guess the code page of such texts.
    return _tag_of({key: b"\0" + text for key, text in texts if text}, front)


def begun_with_info(entries: Iterable[tuple[bytes, str]], genres: Sequence[str]) -> Tag | None:
    """The same for RIFF INFO.

    Args:
        entries: ids and texts.
        genres: those among them, each value one entry.
    """
    texts: dict[bytes, bytes] = {}
    for entry_id, text in entries:
        key, said = _INFO.get(entry_id), text.strip()
        if key is not None and said:
            texts.setdefault(key, b"\3" + said.encode())
    if genres:
        texts[b"TCON"] = b"\3" + "\0".join(map(spelled, genres)).encode()
    return _tag_of(texts, None)


def _tag_of(texts: Mapping[bytes, bytes], front: Tag | None) -> Tag | None:
    """Frames, from the byte that names their encoding on, as a tag as long as another one."""
    if not texts.keys() - {b"TCON"}:
        return None
    version = 3 if front and front.version == 3 else 4
    body = b"".join(_frame(key, text[:1], text[1:], version) for key, text in texts.items())
    padding = front.total - 10 - len(body) if front else 0
    data = tag_bytes(body, version, max(padding, 0))
    return Tag(lambda at, length: data[at : at + length])


def _frame(key: bytes, encoding: bytes, text: bytes, version: int) -> bytes:
    """One frame; nothing for a date that no reader of frames takes for one."""
    if key == b"TDRC":
        if not (date := _DATE.fullmatch(text)):
            return b""
        text = date[1] if version == 3 else date[1] + (date[2] or b"")
        key = b"TYER" if version == 3 else key
    about = b"eng\0" if key == b"COMM" else b""
    return frame_bytes(key, encoding + about + text, version)


def _trimmed(field: bytes) -> bytes:
    return field.split(b"\0")[0].strip()
