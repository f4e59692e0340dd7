"""last_layer: fitted once more, alone, to its optimum on what the body hears.

A body that learned from thousands of clips knows more than a few hundred labelled ones can
teach it, and forgets it when it is fitted to them. Fitting only the linear layer on top, with
a penalty on its size, is logistic regression: convex, done in seconds, the same every time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from train.augment.features import AugmentOptions, augment
from train.calibration.cross_validation import measured
from train.calibration.measured_run import calibrate_and_measure
from train.config.checks import needs_valid
from train.datasets.base import NOT_MUSIC, FeatureSet
from train.fit.distributed import device_here, is_first
from train.fit.embeddings import window_embeddings
from train.fit.objective import label_loss
from train.fit.run import Run, finish, save_run
from train.fit.seen_clips import marked
from train.models import checkpoint
from train.models.network import TaggerNet


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The penalties are those of the layer's weights.

    Attributes:
        label_penalty: of the labels' weights.
        music_penalty: of those of the question whether it is music.
        n_windows: of each clip that are fitted to.
        n_augmented: further versions of each window, so that the layer does not rely on what a
            codec or another microphone changes.
    """

    label_penalty: float = 0.1
    music_penalty: float = 0.1
    n_windows: int = 6
    n_augmented: int = 0


def run_experiment(run: Run, options: Options) -> Path:
    """The run, then its last layer fitted again and calibrated anew on the valid clips.

    Raises:
        InputError: folds calibrate, whose networks would have other last layers.
    """
    needs_valid(run.config, "last_layer")
    done = checkpoint.load(finish(run))
    if is_first():
        # As it was fitted: in another order the same numbers round otherwise.
        done.net.to(device_here(), memory_format=torch.channels_last)  # type: ignore[call-overload]
        learned = measured(run.config, run.clips.split("train"))
        refit_head(done.net, learned, options, run.config.augment)
        neutral(done.net)
        valid = measured(run.config, run.clips.split("valid"))
        facts = {
            **done.facts,
            **marked(calibrate_and_measure(done.net, run.config, None, valid), run.seen),
        }
        save_run(run, done.net, done.labels, facts)
    return run.where.out / checkpoint.BEST


@torch.no_grad()
def neutral(net: TaggerNet) -> None:
    """Take a calibration away, which was that of another last layer."""
    for buffer, value in (
        (net.label_scale, 1.0),
        (net.label_bias, 0.0),
        (net.music_scale, 1.0),
        (net.music_bias, 0.0),
    ):
        buffer.fill_(value)


def refit_head(
    net: TaggerNet,
    clips: FeatureSet,
    options: Options,
    augmentation: AugmentOptions | None = None,
) -> None:
    """Replace the label and music layers by the best ones for these clips.

    Args:
        net: the network; only its head changes.
        clips: what to fit to; unknown labels take no part.
        options: the penalties and the windows of each clip.
        augmentation: how the further versions of each window are made.
    """
    parts = [window_embeddings(net, clips, n_windows=options.n_windows)]
    rng = torch.Generator(net.device).manual_seed(0)
    for _ in range(options.n_augmented):
        change = partial(augment, options=augmentation or AugmentOptions(), rng=rng)
        parts.append(window_embeddings(net, clips, n_windows=options.n_windows, change=change))
    embeddings = torch.cat([part for part, _ in parts])
    owner = torch.cat([part for _, part in parts])
    mean, deviation = embeddings.mean(dim=0), embeddings.std(dim=0).clamp(min=1e-6)
    inputs = (embeddings - mean) / deviation
    targets = torch.from_numpy(clips.targets)[owner].to(net.device)
    music = torch.from_numpy(np.nan_to_num(clips.music))[owner].to(net.device)
    kind = net.options.kind

    def by_label(logits: Tensor) -> Tensor:
        return label_loss(logits, targets, kind=kind, smoothing=0.0)

    weights = _balance(clips)[owner].to(net.device)

    def by_music(logits: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits[:, 0], music, weight=weights)

    for layer, loss, penalty in (
        (net.head.labels, by_label, options.label_penalty),
        (net.head.music, by_music, options.music_penalty),
    ):
        weight, bias = _regression(inputs, layer.out_features, loss, penalty=penalty)
        _put(layer, weight / deviation, bias - weight @ (mean / deviation))


def _balance(clips: FeatureSet) -> Tensor:
    """Weights with which music and what is none count the same, mean 1; 0 if nobody knows."""
    known = ~np.isnan(clips.music)
    share = float((clips.music[known] == NOT_MUSIC).mean()) if known.any() else 0.0
    if share in {0.0, 1.0}:
        return torch.from_numpy(known.astype(np.float32))
    weights = np.where(clips.music == NOT_MUSIC, 0.5 / share, 0.5 / (1 - share)) * known
    return torch.from_numpy(weights.astype(np.float32))


def _regression(
    inputs: Tensor, n_out: int, loss: Callable[[Tensor], Tensor], *, penalty: float
) -> tuple[Tensor, Tensor]:
    """Weights (n_out, n_in), bias (n_out,) of the least loss + penalty / 2 * |weights|^2."""
    weight = torch.zeros(n_out, inputs.shape[1], device=inputs.device, requires_grad=True)
    bias = torch.zeros(n_out, device=inputs.device, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        total = loss(inputs @ weight.T + bias) + penalty / 2 * weight.square().sum()
        total.backward()
        return total

    optimiser.step(closure)
    return weight.detach(), bias.detach()


@torch.no_grad()
def _put(layer: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)
