"""A track between its inspection and its scores."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tagger.scan.records import Inspected, TrackScores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(slots=True)
class TrackInProgress:
    """A track on its way: windows are counted out by its thread and in by the collector.

    Attributes:
        path: the file.
        inspected: what was seen of it; None until then.
        scores: what is known of its audio so far.
        total: the sum of the scores of its windows, shape (n_labels,).
        embeddings: the sum of their embeddings, shape (n_embedding,), if these are kept.
        n_scored: windows in that sum.
        n_sent: windows that were sent to be scored; None until the last one was.
        is_inspected: no thread is reading its tags any more.
    """

    path: Path
    scores: TrackScores
    inspected: Inspected | None = field(default=None, init=False)
    total: "NDArray[np.float64] | None" = field(default=None, init=False)
    embeddings: "NDArray[np.float64] | None" = field(default=None, init=False)
    n_scored: int = field(default=0, init=False)
    n_sent: int | None = field(default=None, init=False)
    is_inspected: bool = field(default=False, init=False)

    @classmethod
    def of(cls, path: Path) -> Self:
        """A track of which nothing is known yet."""
        return cls(path, TrackScores(path))

    def is_done(self) -> bool:
        """Whether its last window is scored."""
        return self.n_sent is not None and self.n_scored == self.n_sent

    def add(
        self, scores: "NDArray[np.float32]", embedding: "NDArray[np.float32] | None" = None
    ) -> None:
        """Count in the scores, (n_labels,), and embedding, (n_embedding,), of one window."""
        self.n_scored += 1
        self.total = scores.astype("float64") if self.total is None else self.total + scores
        if embedding is not None:
            before = 0 if self.embeddings is None else self.embeddings
            self.embeddings = before + embedding.astype("float64")
        if self.scores.window_scores is not None:
            self.scores.window_scores.append(scores)

    def done(self) -> tuple[Inspected, TrackScores]:
        """What was found out, once it is done."""
        if self.total is not None and self.scores.error is None:
            self.scores.scores = (self.total / self.n_scored).astype("float32")
            if self.embeddings is not None:
                self.scores.embedding = (self.embeddings / self.n_scored).astype("float32")
        return self.inspected or Inspected(self.path), self.scores
