"""The records that one file becomes on its way: inspected, scored; its result comes last.

`FileEntry` -> `Inspected` -> `TrackScores` -> `tagger.scan.results.TrackResult`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tagger.errors import TrackError
from tagger.genres.target_fields import SecondField
from tagger.library.listing import Entry
from tagger.system.limits import LIMIT_S
from tagger.tags import TagInfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenOptions:
    """How tracks are listened to.

    Attributes:
        n_windows: evenly spread windows of a track that is longer than all of them; a shorter
            one is covered, by up to twelve that overlap.
        full: listen to the whole track instead.
        keep_windows: listen to the whole track, and keep the scores of each window.
        n_decoders: decoding threads; None for one a core.
        batch_size: windows a batch; None for the engine's own.
        limit_s: seconds that a file may take until its next window is there.
        embeddings: keep a track's mean embedding beside its scores; the model must give one.
    """

    n_windows: int = 4
    full: bool = False
    keep_windows: bool = False
    n_decoders: int | None = None
    batch_size: int | None = None
    limit_s: float = LIMIT_S
    embeddings: bool = False


class FileEntry(NamedTuple):
    """One file of a listing; a tuple, since there are as many as files.

    Attributes:
        path: the file, as its folder was reached.
        entry: what the listing says of it.
    """

    path: Path
    entry: Entry


@dataclass(slots=True)
class TrackScores:
    """What was decoded and scored of one track.

    Attributes:
        path: the file.
        scores: mean scores of the windows that have a vote, shape (n_labels,); None if the
            track was not decoded, failed, or is silent.
        n_windows: windows that were read.
        n_silent: windows among them without a vote.
        duration_s: length of the track; None if it was not decoded.
        error: why it failed, or None.
        starts_s: where the windows that have a vote begin, in seconds; only if kept.
        window_scores: their scores, each of shape (n_labels,), in the order of `starts_s`.
        embedding: mean of the same windows as the scores, shape (n_embedding,); only if kept.
    """

    path: Path
    scores: "NDArray[np.float32] | None" = None
    n_windows: int = 0
    n_silent: int = 0
    duration_s: float | None = None
    error: TrackError | None = None
    starts_s: list[float] | None = None
    window_scores: "list[NDArray[np.float32]] | None" = None
    embedding: "NDArray[np.float32] | None" = None


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was seen of a file before it is decoded.

    Attributes:
        path: the file.
        genres: the values of the field that is written.
        left_alone: why it will not be written on purpose, or None; not asked of a file that is
            kept, since that is one more question to the disk.
        second: the second field, if there is one.
        tags: all that was read; None if that failed.
        needs_scores: the file is to be decoded.
        stored: its scores (or its failure) where they are known without decoding.
        entry: what a listing would have said when it was opened; None if that is not stored.
        content: digest of its audio; None if that was not asked for.
        heard: what a listing says of the file whose sound the scores are of.
    """

    path: Path
    genres: tuple[str, ...] = ()
    left_alone: str | None = None
    second: SecondField | None = None
    tags: TagInfo | None = None
    needs_scores: bool = False
    stored: TrackScores | None = None
    entry: Entry | None = None
    content: bytes | None = None
    heard: Entry | None = None
