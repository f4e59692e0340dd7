"""Window scores -> which label when: a timeline, and its segments."""

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagger.genres.choose import is_sure, track_scores
from tagger.model.label_tree import GENRE_KIND, line_above
from tagger.model.spec import ModelSpec
from tagger.scan.records import TrackScores

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """The scores of the windows of one track that have a vote.

    Attributes:
        labels: the model's genres, in its order; moods and the like are no part of it.
        starts_s: where each window begins, ascending, in seconds, shape (n_windows,).
        scores: in [0, 1], shape (n_windows, n_labels).
        window_s: length of a window in seconds.
        duration_s: length of the track in seconds.
    """

    labels: tuple[str, ...]
    starts_s: "NDArray[np.float64]"
    scores: "NDArray[np.float32]"
    window_s: float
    duration_s: float

    def spans(self) -> "Iterator[tuple[float, float, NDArray[np.float32]]]":
        """(start in seconds, end, scores) of each window; no span reaches into the next.

        Windows that overlap share what both cover: each has it as far as its middle is nearer.
        """
        starts, window_s = [float(start) for start in self.starts_s], self.window_s
        borders = [(a + b + window_s) / 2 for a, b in itertools.pairwise(starts)]
        begins = [*starts[:1], *map(max, starts[1:], borders)]
        ends = [min(a + window_s, border) for a, border in zip(starts, borders, strict=False)]
        ends += [min(start + window_s, self.duration_s) for start in starts[-1:]]
        yield from zip(begins, ends, self.scores, strict=True)

    def ranked(self) -> list[int]:
        """Indices of the labels, the one with the best mean score first."""
        return [int(index) for index in (-self.scores.mean(axis=0)).argsort(kind="stable")]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a track with one label.

    Attributes:
        start_s: where it begins, in seconds.
        end_s: where it ends.
        label: its label; None where nothing is sure enough, '' for silence.
        score: its mean score; 0 without a label.
    """

    start_s: float
    end_s: float
    label: str | None
    score: float

    def to_record(self) -> dict[str, Any]:
        """The segment as JSON types."""
        return {
            "start_s": round(self.start_s, 2),
            "end_s": round(self.end_s, 2),
            "label": self.label,
            "score": round(self.score, 4),
        }


def timeline_of(scores: TrackScores, spec: ModelSpec) -> Timeline | None:
    """The timeline of a track whose windows were kept.

    None without a window that has a vote, or of a model that knows no genres.

    The last window of a track is moved back to end with it, and so is its start here.
    """
    genres = spec.labels_of(GENRE_KIND)
    if not scores.starts_s or not scores.window_scores or not genres:
        return None
    import numpy as np  # noqa: PLC0415 - most scans keep no windows

    n_scored = min(len(scores.starts_s), len(scores.window_scores))  # equal unless stopped
    duration_s = scores.duration_s or scores.starts_s[-1] + spec.window_s
    last_s = max(0.0, duration_s - spec.window_s)
    # As a track's scores: a label is at least as sure as those below it in the tree.
    tables = [track_scores(window, spec) for window in scores.window_scores[:n_scored]]
    return Timeline(
        genres,
        np.minimum(np.array(scores.starts_s[:n_scored]), last_s),
        np.array([[table[label] for label in genres] for table in tables], np.float32),
        spec.window_s,
        duration_s,
    )


def segments(timeline: Timeline, spec: ModelSpec, *, threshold: float | None) -> list[Segment]:
    """Which label when: neighbouring windows with the same best label are one segment.

    Args:
        timeline: of one track.
        spec: the thresholds of its labels.
        threshold: one threshold for all labels instead of the model's own.

    Returns:
        Segments in order, from 0 to the end of the track, without gap or overlap.
    """
    joined: list[Segment] = []
    now_s = 0.0
    for start, end, scores in timeline.spans():
        if start > now_s + 1e-3:
            _extend(joined, Segment(now_s, start, "", 0.0))
        label, score = _best_of(
            dict(zip(timeline.labels, scores.tolist(), strict=True)), spec, threshold
        )
        # From where the last one ended: rounding must leave no gap.
        begin = joined[-1].end_s if joined else 0.0
        _extend(joined, Segment(begin, end, label, score))
        now_s = end
    if now_s < timeline.duration_s - 1e-3:
        _extend(joined, Segment(now_s, timeline.duration_s, "", 0.0))
    return joined


def _best_of(
    scores: dict[str, float], spec: ModelSpec, threshold: float | None
) -> tuple[str | None, float]:
    """The surest label below the best one, or that, or the nearest above it; or None."""
    lines = {label: line_above(label, spec.parents) for label in scores}
    best = max(scores, key=lambda label: (scores[label], len(lines[label])))
    below = [
        label
        for label, score in scores.items()
        if best in lines[label] and is_sure(label, score, spec, threshold=threshold)
    ]
    if below:
        best = max(below, key=lambda label: (len(lines[label]), scores[label]))
    for label in (best, *lines[best]):
        if label in scores and is_sure(label, scores[label], spec, threshold=threshold):
            return label, scores[label]
    return None, 0.0


def _extend(segments_so_far: list[Segment], new: Segment) -> None:
    """Append a segment, or let the last one grow if it has the same label."""
    if not segments_so_far or segments_so_far[-1].label != new.label:
        segments_so_far.append(new)
        return
    last = segments_so_far[-1]
    length, more = last.end_s - last.start_s, new.end_s - new.start_s
    score = (last.score * length + new.score * more) / max(length + more, 1e-9)
    segments_so_far[-1] = Segment(last.start_s, new.end_s, new.label, score)
