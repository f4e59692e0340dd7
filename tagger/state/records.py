"""What the state says of folders, files and audio, as records."""

import hashlib
import marshal
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tagger.library.walk import Entry


@dataclass(frozen=True, slots=True)
class CacheKey:
    """The conditions of this scan; what was found out under others does not count.

    Attributes:
        listening: model and windows.
        reading: how tags are read.
        decision: all that decides what becomes of a file, beside the file.
        embedding: which network and windows embeddings are of.
        decoders: asked for the versions of the decoders, when a failure is met.
    """

    listening: str
    reading: str
    decision: str
    embedding: str
    decoders: Callable[[], str]


class StoredFile(NamedTuple):
    """What is known of one name in a folder, and of the audio that it led to.

    Attributes:
        entry: what the listing said then.
        is_read_alike: its tags were read as this scan reads them.
        container: of the file; None if its tags could not be read.
        tags: the values of fields, as JSON.
        unwritable: None if a genre can be written, else the sentence why not.
        content: digest of the audio; None if it was not asked for.
        error: why it failed; None if it did not.
        decoder: the number of the word for the decoders under which it failed.
        is_scored: there is a result for this scan's model and windows.
        scores: float32 in the model's order; None for silence.
        n_windows: windows that were read.
        n_silent: windows among them without a vote.
        duration_s: length of the track.
    """

    entry: Entry
    is_read_alike: bool
    container: str | None
    tags: str
    unwritable: str | None
    content: bytes | None
    error: str | None
    decoder: int | None
    is_scored: bool
    scores: bytes | None
    n_windows: int
    n_silent: int
    duration_s: float | None


class Result(NamedTuple):
    """What was scored; the fields are those of `StoredFile`."""

    scores: bytes | None
    n_windows: int
    n_silent: int
    duration_s: float | None


def listing_digest(files: list[Entry]) -> bytes:
    """A digest of a folder's files with their sizes and times, in the order of the listing."""
    # Format 2 of marshal says equal things of equal values, whatever refers to them.
    return hashlib.blake2b(marshal.dumps(files, 2), digest_size=16).digest()
