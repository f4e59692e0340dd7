"""Labels that teachers alone know, put beside those of the data once these are calibrated.

The network answers for its teachers by a layer of its own, the pupil. For a label that the data
do not name, the rows of that layer that answer for it are its weights. A label is kept where
the network can be shown to know it: on valid recordings, against what at least two teachers
hold for it, its average precision and a threshold are good enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.classification import binary_average_precision

from tagger.errors import InputError
from train.calibration.calibrate import LOWEST
from train.calibration.logits import on_host
from train.config.config import TrainConfig
from train.config.fields import choose
from train.data.batches import cover
from train.datasets.base import NOT_MUSIC, FeatureSet
from train.models.network import TaggerNet
from train.teachers.lessons import Lessons, Part
from train.teachers.pupil import read_pupil

HIGHEST = 0.08
"""A teacher holds a label for a recording that is among so many it is surest of."""

ENOUGH_TEACHERS = 2

LEAST_PRECISION, TIMES_PRIOR = 0.35, 3.0
"""Least average precision, and how many times the share of recordings that have the label."""

OF_PARENT = 0.7
"""A child's score is below its parent's; so much of what that must reach is asked of it."""

LEAST_FOUND = 8
"""A threshold that fewer recordings reach proves nothing."""

NO_TEACHERS = "beside: no teachers were learned from; name some in `teachers`."

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One label that is kept: its layer's row, and what was found of it."""

    label: str
    weight: Tensor
    bias: float
    threshold: float
    figures: Mapping[str, float]


class Windows(NamedTuple):
    """What a network hears in the windows of clips, on its device.

    Attributes:
        embeddings: shape (n_windows, n_out).
        scores: calibrated, shape (n_windows, n_labels).
        owner: the clip of each window, shape (n_windows,).
    """

    embeddings: Tensor
    scores: Tensor
    owner: Tensor


def with_beside(
    net: TaggerNet,
    config: TrainConfig,
    labels: Sequence[str],
    valid: FeatureSet,
    *,
    thresholds: Mapping[str, float],
    run_dir: Path,
) -> tuple[TaggerNet, list[Beside]]:
    """The network with the labels of `config.beside` that can be shown to work, and these.

    Args:
        net: calibrated, with the labels of the data.
        config: of the run.
        labels: these labels.
        valid: recordings that nothing was learned from, with lessons.
        thresholds: of `labels`.
        run_dir: where the pupil was kept.

    Raises:
        InputError: there is no pupil, or a label of a teacher that does not exist is named.
    """
    pupil = read_pupil(run_dir)
    if pupil is None or valid.lessons is None:
        raise InputError(NO_TEACHERS)
    layer, parts = pupil
    music = valid.take(np.flatnonzero(valid.music != NOT_MUSIC))
    windows = _embedded(net, music, config.calibration.n_windows)
    scores, weights = windows.scores, layer.weight.detach().to(net.device)
    kept = []
    for name, sources in config.beside.items():
        columns = [_column(source, parts) for source in sources]
        parent = config.parents.get(name)
        share = scores[:, labels.index(parent)] if parent in labels else scores.sum(dim=1)
        one = _shown(
            name,
            weights[columns].mean(dim=0),
            windows=windows,
            share=share,
            held=held_by_teachers(music.lessons, columns),
            least=max(LOWEST, OF_PARENT * thresholds.get(parent or "", 0.0)),
            precision=config.calibration.precision,
        )
        if one is not None:
            kept.append(one)
    return _joined(net, config, labels, kept), kept


def check_beside(config: TrainConfig, clips: FeatureSet) -> None:
    """Make sure, before anything is learned, that each of `config.beside` can be looked at.

    Raises:
        InputError: no teacher is learned from; a label is one of the data already, has a parent
            that is none of them, or names what no teacher says.
    """
    labels = config.labels or clips.labels
    for name, sources in config.beside.items():
        if clips.lessons is None:
            raise InputError(NO_TEACHERS)
        if name in labels:
            raise InputError(f"beside: {name!r} is a label of the data already; leave it out.")
        if name in config.parents:
            choose(f"parents.{name}", config.parents[name], labels)
        for source in sources:
            _column(source, clips.lessons.parts)


def _shown(
    label: str,
    weight: Tensor,
    *,
    windows: Windows,
    share: Tensor,
    held: NDArray[np.bool_],
    least: float,
    precision: float,
) -> Beside | None:
    """A label with the row that answers for it, calibrated, or None if it cannot be shown."""
    embeddings, owner = windows.embeddings, windows.owner
    scale, shift = _platt(_mean(embeddings @ weight, owner), held)
    sigmoid = torch.sigmoid(embeddings @ weight * scale + shift)
    scores = on_host(_mean(sigmoid * share, owner))
    one = threshold_for(scores, held, precision=precision, least=least)
    if one is None:
        return None
    threshold, figures = one
    return Beside(
        label=label, weight=scale * weight, bias=shift, threshold=threshold, figures=figures
    )


def held_by_teachers(lessons: Lessons | None, columns: Sequence[int]) -> NDArray[np.bool_]:
    """Which clips at least two teachers hold a label for, shape (n_clips,)."""
    if lessons is None:
        raise InputError(NO_TEACHERS)
    means = np.stack(
        [rows[:, columns].astype(np.float32).mean(axis=0) for rows in lessons.of_clip]
    )
    bounds = np.nanquantile(means, 1 - HIGHEST, axis=0)
    held: NDArray[np.bool_] = (means >= bounds).sum(axis=1) >= ENOUGH_TEACHERS
    return held


def threshold_for(
    scores: Array, held: NDArray[np.bool_], *, precision: float, least: float = LOWEST
) -> tuple[float, dict[str, float]] | None:
    """Threshold and figures of a label, or None if it cannot be shown to work.

    Args:
        scores: of clips, shape (n_clips,).
        held: whether teachers hold it for them, the same shape.
        precision: the share of right ones that the threshold is to reach.
        least: the lowest threshold.
    """
    truth = torch.from_numpy(held.astype(np.int64))
    average = float(binary_average_precision(torch.from_numpy(scores), truth))
    prior = float(held.mean())
    order = np.argsort(-scores)
    right = np.cumsum(held[order]) / np.arange(1, len(order) + 1)
    reached = np.flatnonzero((right >= precision) & (scores[order] >= least))
    reached = reached[reached >= LEAST_FOUND - 1]
    if average < max(LEAST_PRECISION, min(TIMES_PRIOR * prior, 0.5)) or not len(reached):
        return None
    last = int(reached[-1])
    figures = {
        "average_precision": round(average, 3),
        "prior": round(prior, 3),
        "precision": round(float(right[last]), 3),
        "share_found": round((last + 1) / len(order), 3),
    }
    return round(max(float(scores[order[last]]) - 5e-4, least), 3), figures


@torch.no_grad()
def _embedded(net: TaggerNet, clips: FeatureSet, n_windows: int) -> Windows:
    """Embeddings and scores of the windows of clips, and the clip of each."""
    options = net.options.features_options
    embeddings, scores, owner = [], [], []
    for i in range(len(clips)):
        windows = cover(clips, i, options=options, n_windows=n_windows)
        batch = torch.from_numpy(windows).to(net.device)
        features = net.front_end(batch[:, 0]) if clips.is_waveform else batch
        embeddings.append(net.embed(features))
        scores.append(net.scores_of(*net.head(embeddings[-1])))
        owner += [i] * len(batch)
    clip_of = torch.tensor(owner, device=net.device)
    return Windows(torch.cat(embeddings), torch.cat(scores), clip_of)


def _mean(of_windows: Tensor, owner: Tensor) -> Tensor:
    n_clips = int(owner.max()) + 1
    empty = torch.zeros(n_clips, device=owner.device)
    sums = empty.index_add(0, owner, of_windows.detach().float())
    return sums / torch.bincount(owner, minlength=n_clips)


def _platt(logits: Tensor, held: NDArray[np.bool_]) -> tuple[float, float]:
    """Scale and shift under which a sigmoid is how often a label is held (Platt, 1999)."""
    truth = torch.from_numpy(held.astype(np.float32)).to(logits.device)
    scale = torch.ones(1, device=logits.device, requires_grad=True)
    shift = torch.zeros(1, device=logits.device, requires_grad=True)
    optimiser = torch.optim.LBFGS([scale, shift], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        mean = logits * scale + shift
        loss = F.binary_cross_entropy_with_logits(mean, truth, reduction="sum")
        loss = loss + (scale - 1).square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return float(scale.detach()), float(shift.detach())


def _column(source: str, parts: Sequence[Part]) -> int:
    """The column of TEACHER/LABEL among the teachers' answers."""
    teacher, _, label = source.partition("/")
    for part in parts:
        if part.kind == "scores" and part.teacher == teacher and label in part.labels:
            return part.start + part.labels.index(label)
    known = ", ".join(part.teacher for part in parts if part.kind == "scores")
    raise InputError(f"beside: {source!r}: no such label; teachers: {known}.")


@torch.no_grad()
def _joined(
    net: TaggerNet, config: TrainConfig, labels: Sequence[str], kept: Sequence[Beside]
) -> TaggerNet:
    """A network with the kept labels behind its own."""
    every = [*labels, *(label.label for label in kept)]
    joined = TaggerNet(
        net.options,
        n_labels=len(every),
        beside=config.parents_beside(every),
        among=config.parents_among(every),
    )
    weights = net.state_dict()
    rows = [label.weight for label in kept]
    for name, added in (
        ("head.labels.weight", torch.stack(rows) if rows else torch.zeros(0, net.body.n_out)),
        ("head.labels.bias", torch.tensor([label.bias for label in kept])),
        ("label_scale", torch.ones(len(kept))),
        ("label_bias", torch.zeros(len(kept))),
    ):
        weights[name] = torch.cat([weights[name], added.to(weights[name])])
    joined.load_state_dict(weights)
    return joined.eval().to(net.device)


def facts_with(facts: Mapping[str, Any], kept: Sequence[Beside]) -> dict[str, Any]:
    """What is said of a model, with these labels: measured against teachers, not people."""
    thresholds = {**facts["thresholds"], **{label.label: label.threshold for label in kept}}
    figures = {label.label: dict(label.figures) for label in kept}
    metrics = {**facts.get("metrics", {}), "what two teachers hold": figures}
    return {**facts, "thresholds": thresholds, "metrics": metrics}
