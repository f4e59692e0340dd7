"""What mutagen sees of ID3 in a file: ID3v2, and ID3v1 where it stands for it."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any, Literal

from mutagen.id3 import ID3, TDRC, TYER, ID3NoHeaderError, ID3Tags, ID3TimeStamp
from mutagen.id3._id3v1 import find_id3v1  # ParseID3v1 alone takes an APEv2 header for a tag

from tagger.tags.base import Source
from tagger.tags.id3.front import id3v2_end
from tagger.tags.riff.chunks import chunks_in

Wording = Literal["own", "common"]
"""Whether ID3 is read as its version has it, or so that it can be compared with another one."""

Tags = dict[str, object]
"""What one kind of tag holds, by mutagen's name for it."""

Reader = Callable[[Source, Wording], Tags]
"""Reads one kind of tag."""

UNKNOWN = " (unknown)"
"""Behind the names of frames that mutagen has no class for."""
_YEAR = re.compile("[0-9]{4}")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d):\d\d")


def id3_in_front(source: Source, wording: Wording) -> Tags:
    """The frames in front; where there are none, those that ID3v1 stands for."""
    try:
        tags = ID3(source.file, translate=wording == "common", load_v1=False)
    except ID3NoHeaderError:
        return _shown_of_id3v1(source, 4, wording)
    if (frames := _frames(tags, wording)) or tags.size != id3v2_end(source):
        return frames
    is_old = tags.version[:2] == (2, 3) and wording == "own"
    return _shown_of_id3v1(source, 3 if is_old else 4, wording)


def _shown_of_id3v1(source: Source, version: int, wording: Wording) -> Tags:
    """What mutagen shows of ID3v1 as long as there is no ID3v2; without a year that is none."""
    found, _ = find_id3v1(source.file, v2_version=3)
    frames = found or {}
    year = frames.pop("TYER", None)
    if year and _YEAR.fullmatch(text := year.text[0]):
        kind = TYER if version == 3 else TDRC
        frames["date"] = kind(encoding=0, text=text)
    if comment := frames.get("COMM"):  # under a name of its own, which no other reader shows
        comment.desc = ""
    if genre := frames.get("TCON"):
        genre.text = genre.genres  # the word of a code
    tags = ID3Tags()
    for frame in frames.values():
        tags.add(frame)
    return _frames(tags, wording)


def id3_in_chunk(source: Source, wording: Wording) -> Tags:
    """RF64 is not opened by mutagen; the tag in it is one like any other."""
    for chunk in chunks_in(source, "rf64"):
        if chunk.id.lower() == b"id3 " and chunk.length:
            data = BytesIO(source.exact(chunk.offset, chunk.length))
            return _frames(ID3(data, translate=wording == "common", load_v1=False), wording)
    return {}


def id3_of(kind: Any) -> Reader:
    """A reader of the ID3 tag inside a container that mutagen has a class for."""

    def read(source: Source, wording: Wording) -> Tags:
        tags = kind(source.file, translate=wording == "common", load_v1=False).tags
        return _frames(tags, wording) if tags is not None else {}

    return read


def _frames(tags: ID3Tags, wording: Wording) -> Tags:
    """All attributes of every frame; of a converted tag those that every version has."""
    frames: Tags = {
        key: [
            (name, _plain(value, wording))
            for name, value in vars(frame).items()
            if not (wording == "common" and name == "encoding")
        ]
        for key, frame in tags.items()
    }
    for raw in tags.unknown_frames:
        name = raw[:4].decode("latin-1") + UNKNOWN
        frames[name] = [*frames.get(name, []), raw[10:]]  # type: ignore[misc]
    return frames


def _plain(value: object, wording: Wording) -> object:
    """A value that equals another one for what it says: some frames have frames inside."""
    if isinstance(value, ID3Tags):
        return _frames(value, wording)
    if isinstance(value, list):
        texts = [item.text if isinstance(item, ID3TimeStamp) else item for item in value]
        return texts if wording == "own" else _in_common_words(texts)
    return value


def _in_common_words(values: list[Any]) -> list[Any]:
    """Without seconds, which 2.3 does not know, and without empty strings at the end."""
    while values and values[-1] == "":
        values = values[:-1]
    stamps = (
        _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None for value in values
    )
    return [stamp[1] if stamp else value for stamp, value in zip(stamps, values, strict=True)]


def id3v1(source: Source, wording: Wording) -> Tags:
    """What ID3v1 itself says."""
    frames, _ = find_id3v1(source.file)
    return {key: _plain(frame.text, wording) for key, frame in (frames or {}).items()}
