"""Scores that mean what they say: scale, bias and thresholds from out-of-fold logits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from train.calibration.logits import ClipLogits, on_host
from train.config.after_fit import BIAS_PENALTY, CalibrationOptions
from train.datasets.base import MUSIC, FeatureSet
from train.models.network import TaggerNet

LOWEST, HIGHEST = 0.3, 0.8
"""A threshold lies between: lower is no belief, higher is hardly ever reached."""

LEAST = 0.2
"""No threshold is lowered below it: a genre with less is a guess."""

_PRIOR_CLIPS = 40
"""Cross-fitted on `recordings`, 10 writes less and is wrong more often (train/LOG.md)."""

_MOST_LOG_SCALE = 6.0
"""Logits 400 times as large are as sure as float32 can say."""

_NO_CANDIDATE = -1e4
"""A logit whose score is 0; the gradient of a product with infinity would be no number."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was fitted, ready for the graph's buffers and the spec."""

    label_scale: float
    label_bias: NDArray[np.float32]
    music_scale: float
    music_bias: float

    def apply(self, net: TaggerNet) -> None:
        """Put the values into the network's calibration buffers."""
        net.label_scale.fill_(self.label_scale)
        net.label_bias.copy_(torch.from_numpy(self.label_bias))
        net.music_scale.fill_(self.music_scale)
        net.music_bias.fill_(self.music_bias)


def fit_calibration(
    logits: ClipLogits,
    *,
    kind: str,
    raise_rare: float = 0.0,
    bias_penalty: float = BIAS_PENALTY,
) -> Calibration:
    """Fit on clips that the networks had not seen.

    The scores of a track are the mean over its windows, so that mean is what is fitted: one
    scale for all labels (temperature; Guo et al., ICML 2017) and a small bias for each. The
    music logit gets a scale and a bias of its own (Platt, 1999). Where every clip has one label
    and each label a sigmoid, all of them are scaled and shifted once more for the first one.

    Args:
        logits: out-of-fold logits of windows.
        kind: 'single' or 'multi'.
        raise_rare: for `single`, a clip whose label is n times as rare counts n to this power.
        bias_penalty: pull of each label's bias to zero, in nats a clip set.
    """
    device = logits.device
    targets = _on(device, logits.clips.targets)
    labelled = np.flatnonzero(np.nansum(logits.clips.targets, axis=1) > 0)
    unknown = torch.isnan(targets)
    # Among the labels of its own set a clip has one; the others are no candidates.
    hidden = unknown if kind == "single" else torch.zeros_like(unknown)
    windows = [
        _on(device, logits.label_logits[i]).masked_fill(hidden[i], _NO_CANDIDATE)
        for i in labelled
    ]
    weights = _rarity(targets[labelled], raise_rare if kind == "single" else 0.0)
    scale, shifts = _fit_labels(
        windows, targets[labelled], weights, kind=kind, bias_penalty=bias_penalty
    )
    music = _fit_music(logits)
    if kind == "multi" and bool((torch.nan_to_num(targets[labelled]).sum(dim=1) == 1).all()):
        further = [window * scale + shifts for window in windows]
        gates = [_gate(logits.music_logits[i], *music).to(device) for i in labelled]
        again, shift = _fit_first(further, gates, targets[labelled])
        scale, shifts = scale * again, shifts * again + shift
    return Calibration(scale, on_host(shifts), *music)


def _fit_labels(
    windows: list[Tensor], targets: Tensor, weights: Tensor, *, kind: str, bias_penalty: float
) -> tuple[float, Tensor]:
    """One scale, and a bias for each label, of the least negative log-likelihood."""
    log_scale = torch.zeros(1, device=targets.device, requires_grad=True)
    bias = torch.zeros(targets.shape[1], device=targets.device, requires_grad=True)

    def nll() -> Tensor:
        # A few clips that are all right would want a scale without bound.
        scale = log_scale.clamp(-_MOST_LOG_SCALE, _MOST_LOG_SCALE).exp()
        mean = _mean_scores(windows, scale, bias, kind=kind)
        loss = _nll(mean, targets, weights, kind=kind)
        return loss + bias_penalty * bias.square().sum()

    _minimise(nll, [log_scale, bias])
    bounded = log_scale.detach().clamp(-_MOST_LOG_SCALE, _MOST_LOG_SCALE)
    return float(bounded.exp()), bias.detach()


def _rarity(targets: Tensor, power: float) -> Tensor:
    """How much a clip of each label counts, mean 1 over the clips, shape (n_labels,)."""
    counts = torch.nan_to_num(targets).sum(dim=0).clamp(min=1)
    weights = counts**-power
    return weights * counts.sum() / (weights * counts).sum()


def _gate(music_logits: NDArray[np.float32], scale: float, bias: float) -> Tensor:
    """P(music) of each window, shape (n_windows, 1)."""
    return torch.sigmoid(torch.from_numpy(music_logits) * scale + bias)[:, None]


def _fit_first(
    windows: list[Tensor], gates: list[Tensor], targets: Tensor
) -> tuple[float, float]:
    """Scale and shift of all labels under which the first one's score is how often it is right.

    Sigmoids that are each calibrated alone leave the best of them too low where every clip has
    one label: that there must be one, none of them knows.

    Args:
        windows: logits of each clip's windows, shape (n_windows, n_labels).
        gates: P(music) of these windows, shape (n_windows, 1).
        targets: one label a clip, NaN unknown, shape (n_clips, n_labels).
    """
    lengths = [len(window) for window in windows]
    logits, gate = torch.cat(windows), torch.cat(gates)

    def scores(scale: Tensor, shift: Tensor) -> Tensor:
        every = torch.sigmoid(logits * scale + shift) * gate
        return torch.stack([part.mean(dim=0) for part in every.split(lengths)])

    device = targets.device
    rows = torch.arange(len(targets), device=device)
    unchanged = scores(torch.ones(1, device=device), torch.zeros(1, device=device))
    first = unchanged.masked_fill(torch.isnan(targets), -1.0).argmax(dim=1)
    right = torch.nan_to_num(targets)[rows, first]
    log_scale = torch.zeros(1, device=device, requires_grad=True)
    shift = torch.zeros(1, device=device, requires_grad=True)

    def nll() -> Tensor:
        best = scores(log_scale.exp(), shift)[rows, first].clamp(1e-6, 1 - 1e-6)
        loss = torch.nn.functional.binary_cross_entropy(best, right, reduction="sum")
        return loss + log_scale.square().sum()

    _minimise(nll, [log_scale, shift])
    return float(log_scale.detach().exp()), float(shift.detach())


def _on(device: torch.device, array: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(array).to(device)


def _mean_scores(windows: list[Tensor], scale: Tensor, bias: Tensor, *, kind: str) -> Tensor:
    lengths = [len(window) for window in windows]
    scaled = torch.cat(windows) * scale + bias
    scores = torch.softmax(scaled, dim=1) if kind == "single" else torch.sigmoid(scaled)
    return torch.stack([part.mean(dim=0) for part in scores.split(lengths)])


def _nll(scores: Tensor, targets: Tensor, weights: Tensor, *, kind: str) -> Tensor:
    """Negative log-likelihood of the labels that are known, summed over the clips.

    `weights` say how much a clip that has a label counts, shape (n_labels,).
    """
    known = ~torch.isnan(targets)
    truth = torch.nan_to_num(targets)
    safe = scores.clamp(1e-6, 1 - 1e-6)
    positive = -(weights * truth * safe.log()).sum()
    if kind == "single":
        return positive
    return positive - (known * (1 - truth) * (1 - safe).log()).sum()


def _fit_music(logits: ClipLogits) -> tuple[float, float]:
    """Platt's scaling of the music logit, both sides weighing the same."""
    known = ~np.isnan(logits.clips.music)
    device, truth = logits.device, logits.clips.music[known]
    if not known.any() or bool((truth == truth[0]).all()):
        return 1.0, 0.0  # nothing but music was shown: the logit is what training made it
    music = _on(device, truth)
    every = torch.tensor([float(logit.mean()) for logit in logits.music_logits])
    mean = every[torch.from_numpy(known)].to(device)
    log_scale = torch.zeros(1, device=device, requires_grad=True)
    bias = torch.zeros(1, device=device, requires_grad=True)
    share = music.mean()
    weight = torch.where(music > 0, 0.5 / share, 0.5 / (1 - share))

    def nll() -> Tensor:
        logit = mean * log_scale.exp() + bias
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            logit, music, weight=weight, reduction="sum"
        )
        return each + log_scale.square().sum()

    _minimise(nll, [log_scale, bias])
    return float(log_scale.detach().exp()), float(bias.detach())


def _minimise(loss_of: Callable[[], Tensor], parameters: list[Tensor]) -> None:
    optimiser = torch.optim.LBFGS(parameters, max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = loss_of()
        loss.backward()
        return loss

    optimiser.step(closure)


@torch.no_grad()
def clip_scores(
    logits: ClipLogits, calibration: Calibration, *, kind: str
) -> NDArray[np.float32]:
    """Calibrated scores of whole clips, the mean over windows, shape (n_clips, n_labels)."""
    rows = []
    for labels, music in zip(logits.label_logits, logits.music_logits, strict=True):
        scaled = torch.from_numpy(labels * calibration.label_scale + calibration.label_bias)
        scores = torch.softmax(scaled, dim=1) if kind == "single" else torch.sigmoid(scaled)
        gate = _gate(music, calibration.music_scale, calibration.music_bias)
        rows.append((scores * gate).mean(dim=0).numpy())
    return np.stack(rows)


def choose_thresholds(
    scores: NDArray[np.float32], logits: ClipLogits, options: CalibrationOptions
) -> Mapping[str, float]:
    """The lowest score from which a label is right often enough, on unseen clips.

    A wrong genre in a file is worse than none, so precision is what is asked for. Clips that
    are not music count as wrong. Twenty clips a label prove little: a label's precision is
    drawn towards that of all labels at the same score, as if `_PRIOR_CLIPS` more had been seen.
    Where sets with different labels were joined, all labels share one threshold: how often
    `metal` is right in the set that knows it says nothing of what the other set's clips get.
    """
    targets = logits.clips.targets
    known = ~np.isnan(targets)
    pooled_scores, pooled_right = scores[known], targets[known] > 0
    is_joined, thresholds = not known.all(), {}
    for column, label in enumerate(logits.clips.labels):
        rows = known[:, column]
        mine, right = scores[rows, column], targets[rows, column] > 0
        chosen = HIGHEST
        for candidate in _CANDIDATES[::-1]:
            pooled = _precision(pooled_scores, pooled_right, candidate, prior=0.5, weight=1)
            own = pooled if is_joined else _precision(mine, right, candidate, prior=pooled)
            if own < options.precision:
                break
            chosen = float(candidate)
        thresholds[label] = round(chosen, 3)
    return thresholds


def highest_threshold(
    scores: NDArray[np.float32], clips: FeatureSet, music_share: float
) -> float:
    """The score that the first label of `music_share` of the music without a label reaches.

    Args:
        scores: of clips that the network has not learned from, shape (n_clips, n_labels).
        clips: these clips; what is labelled, or no music, has no say.
        music_share: 0..1; 0 asks for nothing.

    Returns:
        1.0 if nothing is asked for or no such clip is there; never under `LEAST`.
    """
    unnamed = (clips.music == MUSIC) & np.isnan(clips.targets).all(axis=1)
    if music_share <= 0 or not unnamed.any():
        return 1.0
    reached = float(np.quantile(scores[unnamed].max(axis=1), 1 - music_share))
    return max(round(reached, 3), LEAST)


_CANDIDATES = np.arange(LOWEST, HIGHEST + 1e-9, 0.01)


def _precision(
    scores: NDArray[np.float32],
    is_right: NDArray[np.bool_],
    threshold: float,
    *,
    prior: float,
    weight: float = _PRIOR_CLIPS,
) -> float:
    """Share of right ones from a threshold on, drawn towards `prior`."""
    above = scores >= threshold
    return float((is_right[above].sum() + weight * prior) / (above.sum() + weight))
