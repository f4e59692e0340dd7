"""Container -> the module that knows its tags; and the one place where failures are ours."""

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mutagen import MutagenError

from tagger.errors import TrackError
from tagger.tags.ape import ape
from tagger.tags.asf import asf
from tagger.tags.base import Family, Source, TagInfo
from tagger.tags.fields import AS_IS, GENRE, Field, Style
from tagger.tags.id3 import dsf, mpeg
from tagger.tags.mp4 import mp4
from tagger.tags.riff import riff
from tagger.tags.undecoded import RefusedError
from tagger.tags.xiph import flac, ogg

_FAMILIES: dict[str, Family] = {
    "mp3": mpeg,
    "tta": mpeg,
    "aac": mpeg,
    "wav": riff,
    "rf64": riff,
    "aiff": riff,
    "dff": riff,
    "dsf": dsf,
    "flac": flac,
    "ogg-vorbis": ogg,
    "opus": ogg,
    "speex": ogg,
    "ogg-flac": ogg,
    "mp4": mp4,
    "asf": asf,
    "ape": ape,
    "wavpack": ape,
    "musepack": ape,
    "tak": ape,
    "optimfrog": ape,
}

_NO_TAG = {
    "ogg": "It is an Ogg stream of a kind whose comments are not known.",
    "w64": "It is a Sony Wave64 file, which has no place for tags.",
    "au": "It is a Sun/NeXT AU file, which has no place for tags.",
    "caf": "It is a Core Audio file, which has no place for a genre that players read.",
    "matroska": "It is a Matroska or WebM file, whose tags cannot be changed yet.",
    "aac-adif": "It is raw AAC (ADIF), which has no place for tags.",
    "ac3": "It is raw AC-3, which has no place for tags.",
    "midi": "It is a MIDI file, which holds notes and no sound.",
    "unknown": "It is no audio container that is known.",
}


def family_of(container: str) -> Family | None:
    """The module for a container; None where no tag can be read."""
    return _FAMILIES.get(container)


def containers() -> tuple[str, ...]:
    """Every container that has a name, those with tags first."""
    return (*_FAMILIES, *_NO_TAG)


def why_no_tags(container: str) -> str | None:
    """The sentence why a container has no tags here; None for one that has."""
    return _NO_TAG.get(container)


def info_of(
    source: Source,
    container: str,
    style: Style = AS_IS,
    fields: Iterable[Field] = (),
) -> TagInfo:
    """What an open file says of its genre, and of other fields."""
    family = family_of(container)
    if family is None:
        nothing: dict[str, tuple[str, ...]] = {field.name: () for field in fields}
        nothing.pop(GENRE.name, None)
        return TagInfo(container, (), _NO_TAG[container], nothing)
    others = {
        field.name: family.values(source, container, field, style)
        for field in fields
        if field != GENRE
    }
    told = family.told(source, container, style)
    unwritable = family.refusal(source, container, style)
    return TagInfo(container, told.genres, unwritable, others, told.is_settled)


@contextmanager
def translated(path: Path, error_type: type[TrackError], purpose: str) -> Iterator[None]:
    """Turn whatever damaged bytes or the system raise into one of our errors.

    Args:
        path: the file, for the message.
        error_type: which of our errors.
        purpose: what could not be done, as in '... cannot be read'.
    """
    try:
        yield
    except OSError as error:
        cause = error.strerror or str(error)
        raise error_type(
            f"{path}: {purpose}: {cause}. Check the file and its folder."
        ) from error
    except RefusedError as error:
        raise error_type(f"{path}: {purpose}: {error}.") from error
    except (
        MutagenError,
        struct.error,
        ValueError,  # UnicodeError too
        LookupError,
        EOFError,
        OverflowError,
        TypeError,
        AssertionError,
        RecursionError,
    ) as error:
        raise error_type(
            f"{path}: {purpose}: {error or type(error).__name__}. "
            "The file is damaged; repair it with the program that made it, or replace it."
        ) from error
