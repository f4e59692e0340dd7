"""The audio payload of a file: what must not change when a tag does.

Each family says in `TagFile.ranges` which bytes these are, so that they stay equal where only
tags change, and in `boundaries` what else must stay (where packets end). Of a container whose
tags are never written it is the whole file.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tagger.errors import TagError
from tagger.tags.base import Range, Source, open_source
from tagger.tags.registry import opened, translated

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
    # An empty range at the end of the file lets the loop take what stands behind the last one.
    for offset, length in [*sorted(ranges_of(source, container)), (source.size, 0)]:
        if offset > done:
            # Where the bytes lie is hashed too: else two files with tags moved would be the
            # same.
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
    # The same bytes cut into other packets sound different, or not at all.
    digest.update(opened(source, container).boundaries())
    return digest.hexdigest()


def ranges_of(source: Source, container: str) -> list[Range]:
    """Where an open file's payload lies, nothing of it behind the end of the file."""
    return [
        (offset, min(length, source.size - offset))
        for offset, length in opened(source, container).ranges()
        if 0 <= offset < source.size and length > 0
    ]
