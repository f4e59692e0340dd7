"""What the pipeline is told, and what it says of each file."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.errors import TrackError
from tagger.system.limits import LIMIT_S

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
    """

    n_windows: int = 6
    full: bool = False
    keep_windows: bool = False
    n_decoders: int | None = None
    batch_size: int | None = None
    limit_s: float = LIMIT_S


@dataclass(frozen=True, slots=True)
class Intake:
    """What is known of a file before it is decoded.

    Attributes:
        listen: False if the track needs no scores.
        note: anything; it comes back with the track.
        heard: what was heard of it before, in place of listening and of `note`.
    """

    listen: bool
    note: Any = None
    heard: "TrackScores | None" = None


@dataclass(slots=True)
class TrackScores:
    """One track that is done.

    Attributes:
        path: the file.
        note: what the intake said.
        scores: mean scores of the windows that have a vote, shape (n_labels,); None if the
            track was not decoded, failed, or is silent.
        n_windows: windows that were read.
        n_silent: windows among them without a vote.
        duration_s: length of the track; None if it was not decoded.
        error: why it failed, or None.
        starts_s: where the windows that have a vote begin, in seconds; only if kept.
        window_scores: their scores, each of shape (n_labels,), in the order of `starts_s`.
    """

    path: Path
    note: Any = None
    scores: "NDArray[np.float32] | None" = None
    n_windows: int = 0
    n_silent: int = 0
    duration_s: float | None = None
    error: TrackError | None = None
    starts_s: list[float] | None = None
    window_scores: "list[NDArray[np.float32]] | None" = None


@dataclass(slots=True)
class TrackInProgress:
    """A track on its way: windows are counted out by its worker and in by the collector."""

    heard: TrackScores
    total: "NDArray[np.float64] | None" = None
    n_scored: int = 0
    n_sent: int | None = None  # known when its end has come through the queue
    is_looked_at: bool = False  # a thread has it in hand to see whether it is to be decoded

    def is_done(self) -> bool:
        """Whether its last window is scored."""
        return self.n_sent is not None and self.n_scored == self.n_sent

    def add(self, scores: "NDArray[np.float32]") -> None:
        """Count in the scores of one window, shape (n_labels,)."""
        self.n_scored += 1
        self.total = scores.astype("float64") if self.total is None else self.total + scores
        if self.heard.window_scores is not None:
            self.heard.window_scores.append(scores)

    def result(self) -> TrackScores:
        """What was heard, once it is done."""
        if self.total is not None and self.heard.error is None:
            self.heard.scores = (self.total / self.n_scored).astype("float32")
        return self.heard
