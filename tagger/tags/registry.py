"""The list of all families; and the one place where failures are ours."""

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mutagen import MutagenError

from tagger.errors import TrackError
from tagger.tags import untagged
from tagger.tags.ape import ape
from tagger.tags.asf import asf
from tagger.tags.base import Container, Family, Source, TagFile, TagInfo
from tagger.tags.fields import AS_IS, GENRE, Field, Style
from tagger.tags.id3 import dsf, mpeg
from tagger.tags.matroska import matroska
from tagger.tags.mp4 import mp4
from tagger.tags.riff import riff
from tagger.tags.undecoded import RefusedError
from tagger.tags.xiph import flac, ogg

FAMILIES: tuple[Family, ...] = (
    riff.FAMILY,
    dsf.FAMILY,
    flac.FAMILY,
    ogg.FAMILY,
    mp4.FAMILY,
    asf.FAMILY,
    ape.FAMILY,
    matroska.FAMILY,
    untagged.FAMILY,
    mpeg.FAMILY,  # the last one: what has no magic is searched for frames
)
"""All that is known of containers; a new one is a module of its own and a line here."""

_BY_NAME = {
    container.name: (family, container)
    for family in FAMILIES
    for container in family.containers
}


def family_of(container: str) -> Family:
    """The family of a container that `sniff` has named."""
    return _BY_NAME[container][0]


def containers() -> tuple[tuple[Family, Container], ...]:
    """Every container that has a name with its family, those with tags first."""
    return tuple(sorted(_BY_NAME.values(), key=lambda item: item[0].writes is None))


def opened(source: Source, container: str, style: Style = AS_IS) -> TagFile:
    """An open file as its family sees it."""
    return family_of(container).open(source, container, style)


def info_of(
    source: Source,
    container: str,
    style: Style = AS_IS,
    fields: Iterable[Field] = (),
) -> TagInfo:
    """What an open file says of its genre, and of other fields."""
    tags = opened(source, container, style)
    others = {field.name: tags.values(field) for field in fields if field != GENRE}
    genre_places = replace(tags.genre_places(), placeholders=style.placeholders)
    return TagInfo(
        container, genre_places.genres, tags.refusal(), others, genre_places.is_consistent
    )


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
        # The system has refused, and the file may be whole: nothing is said about damage.
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
        # mutagen asserts what it reads, and recurses into what is nested.
        AssertionError,
        RecursionError,
    ) as error:
        raise error_type(
            f"{path}: {purpose}: {error or type(error).__name__}. "
            "The file is damaged; repair it with the program that made it, or replace it."
        ) from error
