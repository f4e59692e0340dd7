"""What a scan says of each file."""

from dataclasses import dataclass
from dataclasses import field as field_of
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tagger.genres.target_fields import GENRE, SecondField
from tagger.library.listing import Entry
from tagger.tags import TagInfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tagger.scan.timeline import Timeline

Status = Literal["proposed", "written", "unchanged", "kept", "abstained", "skipped", "failed"]
STATUSES: tuple[Status, ...] = (
    "proposed", "written", "unchanged", "kept", "abstained", "skipped", "failed"
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackResult:
    """What a scan has to say of one file; the fields are those of `--json`.

    Attributes:
        path: the file.
        status: what was, or would be, done.
        genres: what the file holds, or would hold, afterwards in `field`.
        previous: what it holds there now.
        scores: genre to score, best first; None if the track was not analysed.
        duration_s: length of the track; None if it was not decoded.
        reason: None, or a sentence.
        timeline: the scores of each window, if these were to be kept; not a field of `--json`.
        field: the tag that is written; 'genre' for most people.
        second: another field that is written, if the settings name one.
        others: the scores of the model's labels of other kinds (moods, voices, instruments),
            by kind; None if it has none, or the track was not analysed.
        embedding: mean over the windows, shape (n_embedding,), if it was asked for; likewise.
        read: the tags as they were read, if the file is to be written; not a field of `--json`.
        heard: the file as it was when it was listened to, if it is to be written; likewise.
        is_stale: it was not written since another program had changed it; likewise.
    """

    path: Path
    status: Status
    genres: tuple[str, ...] = ()
    previous: tuple[str, ...] = ()
    scores: dict[str, float] | None = None
    duration_s: float | None = None
    reason: str | None = None
    timeline: "Timeline | None" = None
    field: str = GENRE
    second: SecondField | None = None
    others: dict[str, dict[str, float]] | None = None
    embedding: "NDArray[np.float32] | None" = field_of(default=None, compare=False, repr=False)
    read: TagInfo | None = None
    heard: Entry | None = field_of(default=None, compare=False)
    is_stale: bool = False
