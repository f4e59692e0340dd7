"""Which music a file holds, whatever its name and tags: a short digest of its audio.

It is made of the payload's size and of blocks of it, so that few reads tell two tracks apart.
It is no proof of equality: who changes a few samples in the middle of a WAV file and nothing
else still has the same music. `tagger.tags.payload` hashes all of it.

Of Ogg the payload's size is not known without reading every page; `TagFile.landmarks` has what
stands for it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from tagger.errors import TagError
from tagger.tags.base import Range, Source, open_source
from tagger.tags.payload import ranges_of
from tagger.tags.registry import opened, translated
from tagger.tags.sniff import container_of

DIGEST_LEN = 16
N_BLOCKS = 4
BLOCK_LEN = 16 << 10

_FORMAT = b"tagger content 1"  # another number wherever the same file gets another digest


def content_of(path: Path) -> bytes:
    """The digest of the audio of a file, `DIGEST_LEN` bytes.

    A file whose audio cannot be told from its tags is taken as a whole.

    Raises:
        TagError: it cannot be read.
    """
    with translated(path, TagError, "the audio in it cannot be read"):  # noqa: SIM117
        with open_source(path) as source:
            return digest_of(source, container_of(source))


def digest_of(source: Source, container: str) -> bytes:
    """The digest of an open file's audio.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with translated(source.path, TagError, "the audio in it cannot be found"):
            # Other than a hash of all, this reads four blocks: it is asked of every new file of
            # a scan.
            parts = opened(source, container).landmarks(BLOCK_LEN)
            if parts is None:
                parts = _sampled(source, ranges_of(source, container))
            return _digest(container, *parts)
    except TagError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from error
        return _digest("unknown", *_sampled(source, [(0, source.size)]))


def _digest(*parts: bytes | str) -> bytes:
    digest = hashlib.blake2b(_FORMAT, digest_size=DIGEST_LEN)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        # With its length in front, no part can pass for the end of another.
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.digest()


def _sampled(source: Source, ranges: Sequence[Range]) -> Iterator[bytes]:
    """The total length of some ranges, and evenly spread blocks of what lies in them."""
    total = sum(length for _, length in ranges)
    yield str(total).encode()
    if total <= N_BLOCKS * BLOCK_LEN:
        yield _bytes_at(source, ranges, 0, total)
        return
    for i in range(N_BLOCKS):
        # The last block ends with the audio: a file that was cut off differs there.
        start = (total - BLOCK_LEN) * i // (N_BLOCKS - 1)
        yield _bytes_at(source, ranges, start, BLOCK_LEN)


def _bytes_at(source: Source, ranges: Sequence[Range], start: int, length: int) -> bytes:
    """`length` bytes from `start` of what the ranges hold, one after another."""
    pieces: list[bytes] = []
    for offset, n_bytes in ranges:
        if length <= 0:
            break
        if start < n_bytes:
            n_here = min(n_bytes - start, length)
            pieces += source.blocks(offset + start, n_here)
            length -= n_here
        start = max(0, start - n_bytes)
    return b"".join(pieces)
