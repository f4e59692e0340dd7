"""Augmentation of batches of waveforms, shape (batch, n_samples), before the front end."""

import torch
from torch import Tensor
from torch.nn import functional as F

from train.augment import AugmentOptions, Rng, mask, uniform

QUIET = 1e-4


def change_gain(x: Tensor, rng: Rng) -> Tensor:
    """Play each clip up to 12 dB softer or 6 dB louder, and now and then upside down."""
    gain = 10 ** (uniform(x.shape[0], -12, 6, rng) / 20)
    sign = torch.where(
        torch.rand(x.shape[0], generator=rng, device=rng.device) < 0.5, -1.0, 1.0
    )
    return x * (gain * sign).unsqueeze(1)


def add_noise(x: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
    """Add white noise 20 to 60 dB below the clip to some of them."""
    chosen = torch.rand(x.shape[0], generator=rng, device=rng.device) < options.noise
    level = x.square().mean(dim=1).sqrt() * 10 ** (-uniform(x.shape[0], 20, 60, rng) / 20)
    noise = torch.randn(x.shape, generator=rng, device=rng.device) * (level * chosen).unsqueeze(
        1
    )
    return x + noise


def colour(x: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
    """Tilt the spectrum by a short random filter: another microphone, another mastering."""
    strength = options.equaliser_db / 20
    tail = strength * 0.5 * torch.randn(x.shape[0], 1, 8, generator=rng, device=rng.device)
    kernel = F.pad(tail, (0, 1), value=1.0)  # the last tap is the sound itself
    padded = F.pad(x, (8, 0)).unsqueeze(0)
    return F.conv1d(padded, kernel, groups=x.shape[0])[0]


def augment_waves(x: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
    """Apply every step in its order."""
    return change_gain(add_noise(colour(x, options, rng), options, rng), rng)


def mix_waves(
    x: Tensor, targets: Tensor, options: AugmentOptions, rng: Rng
) -> tuple[Tensor, Tensor]:
    """Blend each clip with another one at equal loudness, targets alike (mixup).

    A target that is unknown (NaN) in either clip stays unknown in the blend.
    """
    if options.mixup_alpha <= 0:
        return x, targets
    alpha = torch.full((x.shape[0],), options.mixup_alpha, device=x.device)
    first, second = torch._standard_gamma(alpha, rng), torch._standard_gamma(alpha, rng)  # noqa: SLF001 - as in train.augment.mixup
    share = first / (first + second).clamp(min=1e-6)
    s = torch.maximum(share, 1 - share).unsqueeze(1)
    other = torch.randperm(x.shape[0], generator=rng, device=rng.device)
    level = x.square().mean(dim=1, keepdim=True).sqrt().clamp(min=QUIET)
    blended = s * x / level + (1 - s) * (x / level)[other]
    return blended * level, s * targets + (1 - s) * targets[other]


def mask_features(x: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
    """SpecAugment for features that are not in dB: the one step that fits any of them."""
    return mask(x, options, rng)
