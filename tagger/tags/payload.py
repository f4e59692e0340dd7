"""The audio payload of a file: what must not change when a tag does.

It is defined per container, so that it stays equal when only tags change:

    mp3, aac, tta      all between the ID3v2 tags in front and ID3v1, APEv2, Lyrics3 behind
    ape, wavpack, musepack, tak, optimfrog    likewise
    flac               STREAMINFO and the frames
    ogg, opus, speex   the packets of the audio stream without the comment packet: neither
                       page headers nor where pages end
    mp4                the chunks of all tracks, at the offsets that the tables state; mdat
                       where there are no tables
    wav, aiff, dff     the chunks of format and samples
    dsf                all behind the first chunk and before the tag
    asf                the data object
    others             the whole file, since no tag of theirs is ever written
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tagger.errors import TagError
from tagger.tags.base import Range, Source, open_source
from tagger.tags.registry import family_of, translated
from tagger.tags.xiph import ogg

_PURPOSE = "the audio in it cannot be found"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a file holds, to the last byte; two files with the same one are equal.

    Attributes:
        container: as `read_tags` names it.
        size: bytes.
        payload: SHA-256 of the audio payload, in hexadecimal.
        metadata: SHA-256 of all other bytes and of where they lie, in hexadecimal.
    """

    container: str
    size: int
    payload: str
    metadata: str


def identity_of(source: Source, container: str, *, payload: str | None = None) -> Identity:
    """What an open file holds.

    Args:
        source: the file.
        container: as `read_tags` names it.
        payload: the payload's hash where it is known, which spares reading all of the file.
    """
    return Identity(
        container,
        source.size,
        payload or hash_of(source, container),
        _metadata_digest(source, container),
    )


def _metadata_digest(source: Source, container: str) -> str:
    """SHA-256 of the bytes outside of the payload."""
    digest, done = hashlib.sha256(), 0
    for offset, length in [*sorted(ranges_of(source, container)), (source.size, 0)]:
        if offset > done:
            digest.update(f"{done}+{offset - done}:".encode())
            for block in source.blocks(done, offset - done):
                digest.update(block)
        done = max(done, offset + length)
    return digest.hexdigest()


def payload_hash(path: Path, container: str) -> str:
    """SHA-256 of the payload in hexadecimal, read in blocks.

    Args:
        path: a regular file.
        container: as `read_tags` named it.

    Raises:
        TagError: the file cannot be read, or is too damaged to tell where the audio lies.
    """
    with translated(path, TagError, _PURPOSE), open_source(path) as source:
        return hash_of(source, container)


def payload_ranges(path: Path, container: str) -> list[Range]:
    """Where the payload lies: (offset, length) in the order in which it is hashed.

    Ranges end with the file, even where it claims more. Their bytes, one after another, do
    not depend on tags (in Ogg too: each range is the content of one page, and a new comment
    does not cut other pages anew, except the one on which the comment ends).

    Raises:
        TagError: as for `payload_hash`.
    """
    with translated(path, TagError, _PURPOSE), open_source(path) as source:
        return ranges_of(source, container)


def hash_of(source: Source, container: str) -> str:
    """SHA-256 of an open file's payload, in hexadecimal."""
    digest = hashlib.sha256()
    for offset, length in ranges_of(source, container):
        for block in source.blocks(offset, length):
            digest.update(block)
    if family_of(container) is ogg:
        digest.update(ogg.packet_lengths(source))
    return digest.hexdigest()


def ranges_of(source: Source, container: str) -> list[Range]:
    """Where an open file's payload lies, nothing of it behind the end of the file."""
    family = family_of(container)
    ranges = family.ranges(source, container) if family else [(0, source.size)]
    return [
        (offset, min(length, source.size - offset))
        for offset, length in ranges
        if 0 <= offset < source.size and length > 0
    ]
