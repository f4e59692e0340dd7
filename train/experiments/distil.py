"""`tagger study distil`: a student against its teachers, label by label."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics.functional.classification import binary_average_precision

from tagger.errors import InputError
from train.data.batches import cover
from train.datasets.base import FeatureSet
from train.evaluation.scorer import ClipScorer
from train.teachers.lessons import Part
from train.teachers.pupil import read_pupil

Array = NDArray[np.float32]

TOP = 0.1
"""A teacher's surest tenth of the clips are those that the student is to find."""

LEAST = 0.02
"""A label with less in the teacher's surest tenth, in the mean, does not occur in the clips."""

COLUMNS = (
    "teacher: label",
    "clips",
    "teacher's mean",
    "student's mean",
    "correlation",
    "average precision",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a student and a teacher say of the same clips, each (n_clips, n_labels)."""

    teacher: str
    labels: tuple[str, ...]
    of_student: Array
    of_teacher: Array


def compared(scorer: ClipScorer, run: Path, clips: FeatureSet) -> list[Compared]:
    """The student's answers beside its teachers', of the clips that they say something of.

    A run's own layer answers for every label of a teacher; a model without it, or a run that
    had other teachers, for the labels that have the same name.

    Raises:
        InputError: there is no teacher, or no label is shared.
    """
    if clips.lessons is None:
        raise InputError(
            f"study distil: {scorer.name} had no teachers; name some, as in"
            " --set 'teachers=[{model: teachers/NAME.onnx}]'."
        )
    parts = [part for part in clips.lessons.parts if part.kind == "scores"]
    answers = _pupil_answers(scorer, run, clips)
    own = None
    each = []
    for part in parts:
        if part.teacher in answers and answers[part.teacher][1] == part.labels:
            labels, student = part.labels, answers[part.teacher][0]
        else:
            own = scorer.clip_scores(clips) if own is None else own
            labels, student = _by_name(scorer, part, own)
        columns = [part.start + part.labels.index(label) for label in labels]
        teacher = _means(clips, columns)
        rows = np.isfinite(teacher).all(axis=1)
        if labels and rows.any():
            each.append(
                Compared(
                    teacher=part.teacher,
                    labels=labels,
                    of_student=student[rows],
                    of_teacher=teacher[rows],
                )
            )
    if not each:
        raise InputError(f"study distil: {scorer.name} shares no label with a teacher.")
    return each


def rows_of(found: Sequence[Compared]) -> list[list[str | float | int | None]]:
    """Of each teacher its mean, then its labels, the best followed first."""
    rows: list[list[str | float | int | None]] = []
    for one in found:
        each = [_row(one, column) for column in range(len(one.labels))]
        complete = [row for row in each if row is not None]
        complete.sort(key=lambda row: -float(row[4] or 0))
        if complete:
            means = [_mean([row[k] for row in complete]) for k in range(2, 6)]
            rows.append([f"{one.teacher}: {len(complete)} labels", complete[0][1], *means])
            rows += complete
    return rows


def _row(one: Compared, column: int) -> list[str | float | int | None] | None:
    """Figures of a label; None for one that the teacher does not hear in these clips."""
    teacher, student = one.of_teacher[:, column], one.of_student[:, column]
    top = teacher >= np.quantile(teacher, 1 - TOP)
    if teacher[top].mean() < LEAST or teacher.std() == 0:
        return None
    both = student.std() > 0
    correlation = float(np.corrcoef(student, teacher)[0, 1]) if both else 0.0
    truth = torch.from_numpy(top).long()
    precision = float(binary_average_precision(torch.from_numpy(student), truth))
    name = f"{one.teacher}: {one.labels[column]}"
    figures = (float(teacher.mean()), float(student.mean()), correlation, precision)
    return [name, len(teacher), *(round(figure, 4) for figure in figures)]


def _mean(values: Sequence[str | float | int | None]) -> float:
    return round(float(np.mean([float(value or 0) for value in values])), 4)


def _means(clips: FeatureSet, columns: Sequence[int]) -> Array:
    """A teacher's scores of each clip, the mean over its targets, (n_clips, n_columns)."""
    if clips.lessons is None:
        raise ValueError("the clips have no lessons")
    rows = [
        lesson[:, columns].astype(np.float32).mean(axis=0) for lesson in clips.lessons.of_clip
    ]
    return np.stack(rows)


def _by_name(scorer: ClipScorer, part: Part, scores: Array) -> tuple[tuple[str, ...], Array]:
    """The labels that both know, and the student's scores of them."""
    plain = {_plain(label): i for i, label in enumerate(scorer.labels)}
    labels = tuple(label for label in part.labels if _plain(label) in plain)
    return labels, scores[:, [plain[_plain(label)] for label in labels]]


def _plain(label: str) -> str:
    """As a genre is called: AudioSet's `Hip hop music` is `Hip-Hop`."""
    return label.casefold().replace("-", " ").removesuffix(" music")


@torch.no_grad()
def _pupil_answers(
    scorer: ClipScorer, run: Path, clips: FeatureSet
) -> dict[str, tuple[Array, tuple[str, ...]]]:
    """By teacher: what a run's own layer says of each clip, and of which labels."""
    kept = read_pupil(run / "last-fit") or read_pupil(run) if run.is_dir() else None
    if kept is None or scorer.net is None:
        return {}
    layer, parts = kept
    net, options = scorer.net, scorer.config.features_options
    n_windows, rows = scorer.config.calibration.n_windows, []
    for i in range(len(clips)):
        windows = cover(clips, i, options=options, n_windows=n_windows)
        batch = torch.from_numpy(windows)
        features = net.front_end(batch[:, 0]) if clips.is_waveform else batch
        rows.append(layer(net.embed(features)).sigmoid().mean(dim=0).numpy())
    scores = np.stack(rows)
    return {
        part.teacher: (scores[:, part.start : part.stop], part.labels)
        for part in parts
        if part.kind == "scores"
    }
