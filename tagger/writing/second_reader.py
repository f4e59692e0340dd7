"""What mutagen sees in a file, before and after a change: a reader with mistakes of its own.

Of Matroska, which mutagen does not open, it is what FFmpeg sees.

The families prove a copy right with the code that planned it, so that a tag that they misread
would be proven right as well. mutagen takes the same file apart by other code: whatever it saw,
but for the fields that were asked for, it must still see. What it cannot read before the change
cannot be compared; what it can no longer read afterwards is a difference.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

from mutagen.aiff import AIFF
from mutagen.apev2 import APENoHeaderError, APEv2
from mutagen.asf import ASF
from mutagen.dsdiff import DSDIFF
from mutagen.dsf import DSF
from mutagen.flac import FLAC
from mutagen.id3 import ID3NoHeaderError
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from tagger.tags.base import Source
from tagger.tags.fields import FIELDS, GENRE, Field
from tagger.writing.mutagen_id3 import (
    UNKNOWN,
    Reader,
    Tags,
    Wording,
    id3_in_chunk,
    id3_in_front,
    id3_of,
    id3v1,
)

_PADDING, _COMMENT = 1, 4
_WHO: Mapping[str, str] = {"Matroska": "FFmpeg"}
"""Who reads a kind of tag, where it is not mutagen."""
_WITH_INFO = {"wav", "rf64"}
_SECOND_PLACES: Mapping[str, frozenset[str]] = {
    "ID3": frozenset({"tcon", "txxx:genre"}),
    "ID3v1": frozenset({"tcon"}),
    "MP4": frozenset({"gnre"}),
    "ASF": frozenset({"wm/genreid", "genre", "genreid"}),
}
"""Where else a genre may stand, which changes with it."""


def differing_tags(
    original: Source,
    copy: Source,
    container: str,
    fields: Collection[Field],
    *,
    wording: Wording,
) -> str | None:
    """The first tag that mutagen sees otherwise in a copy; None if there is none.

    Args:
        original: the file.
        copy: the file after a change.
        container: of both.
        fields: what was asked for: these may differ.
        wording: 'common' where an ID3 tag may have another version in the copy.
    """
    if wording == "common":  # they are spelled in another way in each version
        fields = [*fields, GENRE, FIELDS["mood"]]
    for kind, reader in _READERS.get(container, {}).items():
        who, before = _WHO.get(kind, "mutagen"), _read(reader, original, wording)
        if before == {} and container in _WITH_INFO:
            if reason := _differing_info(original, copy, fields):
                return reason
            before = None
        # A file that only our reader understands is not refused for that.
        if before is None:
            continue
        after = _read(reader, copy, wording)
        if after is None:
            return f"{who}, another reader, would no longer read its {kind} tag"
        for key in [*before, *(key for key in after if key not in before)]:
            if before.get(key) != after.get(key) and not _is_any(kind, key, fields):
                return f"{who}, another reader, would see a different {key!r} in its {kind} tag"
    return None


def _differing_info(original: Source, copy: Source, fields: Collection[Field]) -> str | None:
    """What FFmpeg sees otherwise where a new ID3 tag says again what RIFF INFO says.

    mutagen shows nothing of INFO; FFmpeg shows both as one. The new tag may say less of a
    value, as 2.3 of a date, but no other one.
    """
    before, after = (_read(_info, source, "own") for source in (original, copy))
    if before is None:
        return None
    if after is None:
        return "FFmpeg, another reader, would no longer read its RIFF INFO"
    said = [str(value) for value in before.values()]
    for key in {**before, **after}:
        now, was = str(after.get(key, "")), [str(before[key])] if key in before else said
        is_there = now and any(value.startswith(now) for value in was)
        if not is_there and not _is_any("INFO", key, fields):
            return f"FFmpeg, another reader, would see a different {key!r} in its RIFF INFO"
    return None


def _read(reader: Reader, source: Source, wording: Wording) -> Tags | None:
    """What mutagen sees; None where it cannot read the file."""
    # mutagen begins wherever a file stands.
    source.file.seek(0)
    try:
        return reader(source, wording)
    except (APENoHeaderError, ID3NoHeaderError):
        return {}
    except Exception:  # noqa: BLE001 - damaged bytes make mutagen raise anything
        return None


def _is_any(kind: str, key: str, fields: Collection[Field]) -> bool:
    return any(_is_of(kind, key.lower(), field) for field in fields)


def _is_of(kind: str, key: str, field: Field) -> bool:
    """Whether a key of mutagen's, in small letters, is a field."""
    if field is GENRE and key in _SECOND_PLACES.get(kind, ()):
        return True
    if kind in {"ID3", "INFO"}:  # FFmpeg shows frames by names, or by their ids
        is_named = kind == "INFO" and key == field.common.lower()
        return is_named or any(_is_frame(key, spelling.lower()) for spelling in field.id3)
    if kind == "ASF":
        return key == field.asf.lower()
    common = field.common.lower()
    if kind == "Matroska":  # "album/genre" where a tag names its level, "0/genre" of a stream
        return key.rpartition("/")[2] == common
    if kind != "MP4":
        return key == common
    atom = field.mp4.decode("latin-1").lower() if field.mp4 else None
    return key == atom or (key.startswith("----:") and key.rpartition(":")[2] == common)


def _is_frame(key: str, spelling: str) -> bool:
    """Whether a key is a spelling of a field; COMM has a language behind its description."""
    key = key.removesuffix(UNKNOWN)
    return key == spelling or (spelling[:5] == "comm:" and key[:-3] == f"{spelling}:")


def _ape(source: Source, _wording: Wording) -> Tags:
    return {key: (value.kind, value.value) for key, value in APEv2(source.file).items()}


def _mp4(source: Source, _wording: Wording) -> Tags:
    opened = MP4(source.file)
    chapters = [(chapter.start, chapter.title) for chapter in opened.chapters or ()]
    tags: Tags = {} if opened.tags is None else {**opened.tags._failed_atoms, **opened.tags}  # noqa: SLF001
    return {**tags, "chapters": chapters}


def _flac(source: Source, _wording: Wording) -> Tags:
    opened = FLAC(source.file)
    blocks = [
        (block.code, block.write())
        for block in opened.metadata_blocks
        if block.code not in (_PADDING, _COMMENT)
    ]
    return {**_comments(opened.tags), "its blocks": blocks}


def _ogg_of(kind: Any) -> Reader:
    """A reader of one kind of stream in Ogg."""
    return lambda source, _wording: _comments(kind(source.file).tags)


def _comments(tags: Any) -> Tags:
    return _gathered((name.lower(), value) for name, value in tags or ())


def _asf(source: Source, _wording: Wording) -> Tags:
    return _gathered(
        (name, (value.TYPE, value.value, value.language, value.stream))
        for name, value in ASF(source.file).tags
    )


def _matroska(source: Source, _wording: Wording) -> Tags:
    """What FFmpeg sees, since mutagen opens no Matroska: of several values the last."""
    import av  # noqa: PLC0415 - few files are Matroska, and a scan that decodes has loaded it

    with av.open(source.file) as opened:
        tags: Tags = dict(opened.metadata)
        for stream in opened.streams:
            tags |= {f"{stream.index}/{key}": text for key, text in stream.metadata.items()}
        return tags


def _info(source: Source, _wording: Wording) -> Tags:
    """What FFmpeg sees of RIFF INFO and ID3 together, in whatever code page a text is."""
    import av  # noqa: PLC0415 - as above

    with av.open(source.file, metadata_encoding="latin-1") as opened:
        raw = {key: text.encode("latin-1") for key, text in opened.metadata.items()}
    return {key: _decoded(text).strip() for key, text in raw.items() if text.strip()}


def _decoded(raw: bytes) -> str:
    for encoding in ("utf-8", "cp1252"):
        with suppress(UnicodeDecodeError):
            return raw.decode(encoding)
    return raw.decode("latin-1")


def _gathered(items: Iterator[tuple[str, object]]) -> Tags:
    """The values of each name, in order."""
    values: dict[str, list[object]] = {}
    for name, value in items:
        values.setdefault(name, []).append(value)
    return {**values}


_AROUND: dict[str, Reader] = {"ID3": id3_in_front, "APEv2": _ape, "ID3v1": id3v1}

_READERS: Mapping[str, Mapping[str, Reader]] = {
    **dict.fromkeys(
        ("mp3", "tta", "aac", "ape", "wavpack", "musepack", "tak", "optimfrog"), _AROUND
    ),
    "wav": {"ID3": id3_of(WAVE)},
    "rf64": {"ID3": id3_in_chunk},
    "aiff": {"ID3": id3_of(AIFF)},
    "dff": {"ID3": id3_of(DSDIFF)},
    "dsf": {"ID3": id3_of(DSF)},
    "flac": {"Vorbis": _flac},
    "ogg-vorbis": {"Vorbis": _ogg_of(OggVorbis)},
    "opus": {"Vorbis": _ogg_of(OggOpus)},
    "speex": {"Vorbis": _ogg_of(OggSpeex)},
    "ogg-flac": {"Vorbis": _ogg_of(OggFLAC)},
    "mp4": {"MP4": _mp4},
    "asf": {"ASF": _asf},
    "matroska": {"Matroska": _matroska},
}
"""The kinds of tags that each container may have. RIFF INFO is none that mutagen reads."""
