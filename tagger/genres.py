"""Scores -> genres: which labels are believed, and what the file would hold with them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from tagger.spec import ModelSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Policy = Literal["fill", "append", "replace"]
POLICIES: tuple[Policy, ...] = ("fill", "append", "replace")

PLACEHOLDERS = (
    "Unknown", "<unknown>", "(unknown)", "[unknown]", "Unknown Genre", "Other", "None",
    "<none>", "No Genre", "Genre", "<genre>", "Undefined", "Unclassified", "Unclassifiable",
    "Unspecified", "Untitled", "Default", "Not Set", "Misc", "Miscellaneous", "Various", "n/a",
    "na", "255", "(255)", "?", "-",
)  # fmt: skip
"""What programs write where they know no genre, 255 being ID3's number for none."""


def choose_genres(
    scores: "NDArray[np.float32]", spec: ModelSpec, *, top: int, threshold: float | None = None
) -> tuple[str, ...]:
    """The labels that are believed, best first.

    Args:
        scores: scores of a track in [0, 1], shape (n_labels,).
        spec: the model's labels and thresholds.
        top: the most genres wanted.
        threshold: one threshold for every label instead of the model's own.

    Returns:
        0..top labels; none means that the model abstains.
    """
    ranked = sorted(zip(scores.tolist(), spec.labels, strict=True), key=lambda one: -one[0])
    believed = [
        label
        for score, label in ranked
        if score >= (spec.thresholds[label] if threshold is None else threshold)
    ]
    return tuple(believed[:top])


def merge_genres(
    previous: Sequence[str], heard: Sequence[str], *, policy: Policy
) -> tuple[str, ...]:
    """What a file holds after tagging.

    `fill` changes only a file that has no genre, `append` keeps what is there in front and
    adds what it lacks whatever its case, `replace` holds what was heard alone. Hearing
    nothing never removes anything. What stands twice is no reason to write a file, but what is
    written holds each genre once, spelled as where it stood first.
    """
    if not heard or (policy == "fill" and previous):
        return tuple(previous)
    if policy == "append":
        known = {genre.casefold() for genre in previous}
        if known.issuperset(genre.casefold() for genre in heard):
            return tuple(previous)
        first: dict[str, str] = {}
        for genre in (*previous, *heard):
            first.setdefault(genre.casefold(), genre)
        return tuple(first.values())
    if _same(previous, heard):
        return tuple(previous)  # 'Rock' for 'rock' is no reason to write a file
    return tuple(heard)


def why_abstained(
    scores: Mapping[str, float], spec: ModelSpec, *, threshold: float | None
) -> str:
    """One sentence for a track of which nothing was believed."""
    label, score = max(scores.items(), key=lambda one: one[1])
    needed = spec.thresholds[label] if threshold is None else threshold
    return (
        f"no genre is sure enough: the best is {label} with {score:.2f} of {needed:.2f} needed"
    )


def _same(one: Sequence[str], other: Sequence[str]) -> bool:
    return [name.casefold() for name in one] == [name.casefold() for name in other]
