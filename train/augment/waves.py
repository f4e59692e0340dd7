"""Augmentation of batches of waveforms, shape (batch, n_samples), before the front end.

What is done to each recording alone (noise, gain, time stretch, pitch) is in
`train.augment.clips`.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from train.augment.features import AugmentOptions, Rng, blended, kept, mask

QUIET = 1e-4


def colour(x: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
    """Tilt the spectrum by a short random filter: another microphone, another mastering."""
    strength = options.equaliser_db / 20
    tail = strength * 0.5 * torch.randn(x.shape[0], 1, 8, generator=rng, device=rng.device)
    kernel = F.pad(tail, (0, 1), value=1.0)  # the last tap is the sound itself
    padded = F.pad(x, (8, 0)).unsqueeze(0)
    return F.conv1d(padded, kernel, groups=x.shape[0])[0]


def mix_waves(
    x: Tensor, targets: Tensor, options: AugmentOptions, rng: Rng
) -> tuple[Tensor, Tensor]:
    """Blend each clip with another one at equal loudness, targets alike (mixup).

    A target that is unknown (NaN) in either clip stays unknown in the blend.
    """
    if options.mixup_alpha <= 0:
        return x, targets
    alpha = torch.full((x.shape[0],), options.mixup_alpha, device=x.device)
    first, second = torch._standard_gamma(alpha, rng), torch._standard_gamma(alpha, rng)  # noqa: SLF001 - as in train.augment.features.mixup
    share = first / (first + second).clamp(min=1e-6)
    s = kept(torch.maximum(share, 1 - share), options, rng).unsqueeze(1)
    other = torch.randperm(x.shape[0], generator=rng, device=rng.device)
    level = x.square().mean(dim=1, keepdim=True).sqrt().clamp(min=QUIET)
    mixed = s * x / level + (1 - s) * (x / level)[other]
    return mixed * level, blended(targets, s, other)


def mask_features(x: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
    """SpecAugment for features that are not in dB: the one step that fits any of them."""
    return mask(x, options, rng)
