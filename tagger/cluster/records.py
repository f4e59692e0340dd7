"""What a scan of objects passes on: an entry of the listing, a row of the results."""

from dataclasses import dataclass
from datetime import datetime

Pairs = dict[str, float]
"""Labels with scores, best first."""


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """One object of a listing.

    Attributes:
        key: its name in the bucket, or its path below the folder that is scanned, with `/`.
        size: bytes.
        etag: what the store says of its version, with its quotation marks; a folder's files
            have one of inode, time and size, as obstore gives it.
        modified: when it was stored, in UTC.
    """

    key: str
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectResult:
    """One row of the results; the fields of a `TrackResult` mean the same here.

    Attributes:
        key: of the object.
        etag: of the version that the row is about: the one that was read or, if it was
            written, the one that is there since.
        etag_read: of the version that was read.
        size: bytes of that version.
        modified: when that version was stored.
        status: as in a scan of files: proposed, written, unchanged, kept, abstained, skipped
            or failed.
        reason: None, or a sentence.
        genres: what the object holds, or would hold, in `field`.
        previous: what it held there.
        field: the tag that is written.
        scores: of all genres; None if it was not decoded.
        others: of the model's other labels, by kind.
        duration_s: length of the track.
        model: sha256 of the model file.
        conditions: digest of the model and of all options that decide.
        n_read: bytes that were fetched for it.
        node: name of the machine.
        finished_at: in UTC, by the clock of that machine; of several rows about a key that of
            the last run counts.
        version: of tagger.
    """

    key: str
    etag: str
    etag_read: str
    size: int
    modified: datetime
    status: str
    reason: str | None = None
    genres: tuple[str, ...] = ()
    previous: tuple[str, ...] = ()
    field: str = "genre"
    scores: Pairs | None = None
    others: dict[str, Pairs] | None = None
    duration_s: float | None = None
    model: str
    conditions: str
    n_read: int
    node: str
    finished_at: datetime
    version: str
