"""A regression from teachers' answers to labels: what they would call music without a label.

A few thousand labels say little of tens of thousands of minutes. Fitted on the answers to the
labelled recordings, a regression turns the answers to all others into shares of the labels,
which the student then learns everywhere. A labelled recording gets those of a regression that
was fitted without its group, so that a wrong label is contradicted by its neighbours.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from tagger.errors import InputError
from train.datasets.base import NOT_MUSIC, FeatureSet
from train.teachers.lessons import Lessons, Part
from train.teachers.losses import LEAST
from train.teachers.options import ProbeOptions
from train.teachers.peer import mean_of_shares, own_shares

KIND = "posterior"

N_STEPS = 100
"""Of the optimiser; the penalty makes more of them useless."""

WIDEST = 5.0
"""Standardised answers are cut there."""

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


def with_posteriors(
    clips: FeatureSet,
    options: ProbeOptions,
    *,
    names: Mapping[str, str] | None = None,
    parents: Mapping[str, str] | None = None,
) -> FeatureSet:
    """The clips with one part of lessons more: shares of the labels, of sum 1.

    Fitted on the clips of the split `train` that have a label; nothing is said of what is
    known to be no music, or of which a teacher says nothing.

    Args:
        clips: with lessons; one label a clip.
        options: of the regression.
        names: labels of the clips and how `options.model` writes them, where it does otherwise.
        parents: the tree of `options.model`: labels as it writes them, and those above them.

    Raises:
        InputError: there are no lessons, fewer than two labels to tell apart, or
            `options.model` does not give the labels.
    """
    lessons = clips.lessons
    if lessons is None:
        raise InputError("probe.weight: no teacher says anything; name some in `teachers`.")
    owner = np.repeat(np.arange(len(clips)), [len(rows) for rows in lessons.of_clip])
    answers, known = _inputs(lessons, without=options.model)
    known &= clips.music[owner] != NOT_MUSIC
    label = np.where(np.nansum(clips.targets, axis=1) > 0, _first_label(clips), -1)
    used = (clips.splits == "train") & (label >= 0)
    if options.datasets:
        used &= clips.from_datasets(options.datasets)
    fitted = known & used[owner]
    if len(np.unique(label[owner[fitted]])) < 2:
        raise InputError("probe.weight: fewer than two labels have recordings with answers.")
    mean, deviation = answers[fitted].mean(axis=0), answers[fitted].std(axis=0) + 1e-3
    inputs = torch.from_numpy(((answers - mean) / deviation).clip(-WIDEST, WIDEST))
    shares = np.full((len(owner), len(clips.labels)), np.nan, np.float32)
    for learned, asked in _folds(clips.groups[owner], fitted, options.folds):
        regression = _regression(inputs, label[owner], learned, owner, options, shares.shape[1])
        shares[asked & known] = _softmax(inputs[asked & known], *regression)
    of_whole = options.whole * _means(shares, owner) + (1 - options.whole) * shares
    if options.model:
        written = [(names or {}).get(name, name) for name in clips.labels]
        own = own_shares(lessons, options.model, labels=written, parents=parents or {})
        own = options.whole * _means(own, owner) + (1 - options.whole) * own
        said = ~np.isnan(of_whole).any(axis=1)
        share = 1 - options.model_share
        of_whole[said] = mean_of_shares(np.log(own[said]), of_whole[said], share=share)
    return replace(clips, lessons=_with_part(lessons, of_whole, clips.labels, options.weight))


def posterior_loss(logits: Tensor, lessons: Tensor, parts: Sequence[Part]) -> Tensor | None:
    """Weighted cross-entropy of the labels' softmax and the shares; None without such a part.

    Args:
        logits: of the labels, shape (batch, n_labels).
        lessons: all columns of the batch, shape (batch, n_columns); NaN unknown.
        parts: what the columns are.
    """
    part = next((part for part in parts if part.kind == KIND and part.weight > 0), None)
    if part is None:
        return None
    shares = lessons[:, part.start : part.stop]
    known = ~torch.isnan(shares).any(dim=1)
    each = -(torch.nan_to_num(shares) * F.log_softmax(logits, dim=1)).sum(dim=1)
    return part.weight * (each * known).sum() / known.sum().clamp(min=1)


def _inputs(lessons: Lessons, *, without: str) -> tuple[Array, Mask]:
    """Logits of scores and the embeddings, (n_targets, n_columns); which rows are whole.

    Those of the teacher `without` are left out.

    Raises:
        InputError: nobody else says anything.
    """
    parts = [part for part in lessons.parts if part.teacher != without]
    if not parts:
        raise InputError(f"probe.model: beside {without} no teacher speaks; name others.")
    rows = np.concatenate(list(lessons.of_clip))
    blocks = [rows[:, part.start : part.stop].astype(np.float32) for part in parts]
    known: Mask = np.all([np.isfinite(block).all(axis=1) for block in blocks], axis=0)
    for i, part in enumerate(parts):
        blocks[i] = np.nan_to_num(blocks[i])
        if part.kind == "scores":
            scores = blocks[i].clip(LEAST, 1 - LEAST)
            blocks[i] = np.log(scores / (1 - scores))
    return np.concatenate(blocks, axis=1), known


def _first_label(clips: FeatureSet) -> NDArray[np.intp]:
    first: NDArray[np.intp] = np.nan_to_num(clips.targets).argmax(axis=1)
    return first


def _folds(groups: NDArray[np.str_], fitted: Mask, n_folds: int) -> list[tuple[Mask, Mask]]:
    """What is learned and what is then asked: rows without a say first, then fold by fold."""
    digests = [
        hashlib.md5(f"probe {group}".encode(), usedforsecurity=False) for group in groups
    ]
    fold = np.array([int(digest.hexdigest(), 16) % n_folds for digest in digests])
    held = [(fitted & (fold != k), fitted & (fold == k)) for k in range(n_folds)]
    return [(fitted, ~fitted), *(pair for pair in held if pair[0].any())]


def _regression(
    inputs: Tensor,
    label: NDArray[np.intp],
    learned: Mask,
    owner: NDArray[np.intp],
    options: ProbeOptions,
    n_labels: int,
) -> tuple[Tensor, Tensor]:
    """Weights (n_columns, n_labels) and bias; each clip counts once, a rare label for more."""
    rows = np.flatnonzero(learned)
    of_clip = 1 / np.bincount(owner[rows])[owner[rows]]
    counts = np.bincount(label[rows], weights=of_clip, minlength=n_labels).clip(min=1)
    rarity = counts[label[rows]] ** -options.balance
    share = of_clip * rarity
    weights = torch.from_numpy((share / share.mean()).astype(np.float32))
    x, y = inputs[rows], torch.from_numpy(label[rows])
    weight = torch.zeros(x.shape[1], n_labels, requires_grad=True)
    bias = torch.zeros(n_labels, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=N_STEPS, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        each = F.cross_entropy(x @ weight + bias, y, reduction="none")
        loss = (each * weights).mean() + options.penalty / 2 * weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return weight.detach(), bias.detach()


def _means(shares: Array, owner: NDArray[np.intp]) -> Array:
    """Of each row the mean over the known rows of its clip."""
    known = ~np.isnan(shares).any(axis=1)
    sums = np.zeros((owner.max() + 1, shares.shape[1]), np.float32)
    np.add.at(sums, owner[known], shares[known])
    counts = np.bincount(owner[known], minlength=len(sums)).clip(min=1)
    means = sums / counts[:, None].astype(np.float32)
    return np.asarray(means[owner], np.float32)


def _softmax(inputs: Tensor, weight: Tensor, bias: Tensor) -> Array:
    shares: Array = torch.softmax(inputs @ weight + bias, dim=1).numpy()
    return shares


def _with_part(
    lessons: Lessons, shares: Array, labels: Sequence[str], weight: float
) -> Lessons:
    first = lessons.n_columns
    part = Part(
        teacher="probe",
        kind=KIND,
        start=first,
        stop=first + shares.shape[1],
        weight=weight,
        labels=tuple(labels),
    )
    bounds = np.cumsum([len(rows) for rows in lessons.of_clip])[:-1]
    halves = np.split(shares.astype(np.float16), bounds)
    rows = [np.concatenate(pair, axis=1) for pair in zip(lessons.of_clip, halves, strict=True)]
    return replace(lessons, parts=(*lessons.parts, part), of_clip=rows)
