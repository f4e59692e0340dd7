"""Scores and thresholds -> genres: which labels are sure, and what a file holds with them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from tagger.model.label_tree import GENRE_KIND, LABEL_KINDS, line_above
from tagger.model.spec import ModelSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Policy = Literal["fill", "append", "replace"]
POLICIES: tuple[Policy, ...] = ("fill", "append", "replace")

NEVER = 1.0
"""The threshold of a label that is shown, and not written unless somebody sets another."""


def track_scores(scores: "NDArray[np.float32]", spec: ModelSpec) -> dict[str, float]:
    """Label to score, best first, as they are decided about and told.

    What is techno is electronic: a label is at least as sure as the surest one below it in the
    model's tree. Of equals the more specific one comes first.

    Args:
        scores: what the model gave, in [0, 1], shape (n_labels,).
        spec: the model's labels and their tree.
    """
    by_label = dict(zip(spec.labels, scores.tolist(), strict=True))
    if not spec.parents:
        return dict(sorted(by_label.items(), key=lambda item: -item[1]))
    lines = {label: line_above(label, spec.parents) for label in spec.labels}
    for label, score in list(by_label.items()):
        for above in lines[label]:
            # A name that is no label has no score to raise.
            if by_label.get(above, 1.0) < score:
                by_label[above] = score
    return dict(sorted(by_label.items(), key=lambda item: (-item[1], -len(lines[item[0]]))))


def scores_by_kind(
    scores: "NDArray[np.float32] | None", spec: ModelSpec
) -> tuple[dict[str, float] | None, dict[str, dict[str, float]] | None]:
    """What is told of a track: its genres, and its labels of other kinds, by kind.

    Returns:
        Label to score, best first, to four places, and the same for each other kind of label
        that the model has, or None if it has none. Both are None without scores.
    """
    if scores is None:
        return None, None
    kinds = [kind for kind in LABEL_KINDS if kind in {GENRE_KIND, *spec.kinds.values()}]
    by_kind: dict[str, dict[str, float]] = {kind: {} for kind in kinds}
    for label, score in track_scores(scores, spec).items():
        by_kind[spec.kind_of(label)][label] = round(score, 4)
    return by_kind.pop(GENRE_KIND), by_kind or None


def is_sure(
    label: str, score: float, spec: ModelSpec, *, threshold: float | None = None
) -> bool:
    """Whether a label is believed; one whose own threshold is 1 only by `threshold`.

    Args:
        label: of the model.
        score: of a track or a window.
        spec: the model's thresholds.
        threshold: one threshold for every label instead of the model's own.
    """
    if threshold is not None:
        return score >= threshold
    return score >= spec.thresholds[label] < NEVER


def choose_genres(
    scores: "NDArray[np.float32]", spec: ModelSpec, *, top: int, threshold: float | None = None
) -> tuple[str, ...]:
    """The labels that are believed, best first, of whatever kind.

    Args:
        scores: scores of a track in [0, 1], shape (n_labels,).
        spec: the model's labels and thresholds.
        top: the most labels wanted.
        threshold: one threshold for every label instead of the model's own.

    Returns:
        0..top labels; none means that the model abstains.
    """
    ranked = track_scores(scores, spec).items()
    return tuple(
        label for label, score in ranked if is_sure(label, score, spec, threshold=threshold)
    )[:top]


def merge_genres(
    previous: Sequence[str], predicted: Sequence[str], *, policy: Policy
) -> tuple[str, ...]:
    """What a file holds after tagging.

    `fill` changes only a file that has no genre, `append` keeps what is there in front and
    adds what it lacks whatever its case, `replace` holds what was predicted alone. Predicting
    nothing never removes anything. What stands twice is no reason to write a file, but what is
    written holds each genre once, spelled as where it stood first.
    """
    if not predicted or (policy == "fill" and previous):
        return tuple(previous)
    if policy == "append":
        held = {genre.casefold() for genre in previous}
        # Nothing is added: then nothing is written either, whatever stands twice.
        if held.issuperset(genre.casefold() for genre in predicted):
            return tuple(previous)
        first: dict[str, str] = {}
        for genre in (*previous, *predicted):
            first.setdefault(genre.casefold(), genre)
        return tuple(first.values())
    if _same(previous, predicted):
        return tuple(previous)  # 'Rock' for 'rock' is no reason to write a file
    return tuple(predicted)


def why_abstained(
    scores: Mapping[str, float], spec: ModelSpec, *, threshold: float | None
) -> str:
    """One sentence for a track of which nothing was believed.

    Args:
        scores: of the labels that might have been written.
        spec: the model's thresholds.
        threshold: one threshold for every label instead of the model's own.
    """
    if not scores:
        return "the model knows no genres"
    label, score = max(scores.items(), key=lambda item: item[1])
    needed = spec.thresholds[label] if threshold is None else threshold
    return (
        f"no genre is sure enough: the best is {label} with {score:.2f} of {needed:.2f} needed"
    )


def why_nothing(
    scores: Mapping[str, float] | None,
    labels: Sequence[str],
    spec: ModelSpec,
    *,
    threshold: float | None,
) -> str:
    """One sentence for a track for which no name was chosen.

    Args:
        scores: as for `why_abstained`; None of silence.
        labels: what is believed all the same.
        spec: the model's thresholds.
        threshold: one threshold for every label instead of the model's own.
    """
    if scores is None:
        return "it is silent"
    if labels:
        names = ", ".join(labels)
        return f"the model says {names}, but `allow` or `block` of the settings forbids it"
    return why_abstained(scores, spec, threshold=threshold)


def _same(genres: Sequence[str], other: Sequence[str]) -> bool:
    return [name.casefold() for name in genres] == [name.casefold() for name in other]
