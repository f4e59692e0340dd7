"""Augmentation of batches of dB features, shape (batch, n_mels, n_frames).

Each function takes a batch and a generator and returns a new batch; probabilities are per
clip. All of it is gain-free: the network subtracts the maximum anyway. The generator lives on
the batch's device.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from tagger.errors import InputError
from train.config.fields import check_range

Rng = torch.Generator

HIGHEST_BAND = 0.97
"""So far up, as a share of the bands, a band limit may lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentOptions:
    """How often and how far; probabilities in 0..1, the rest in the unit of its suffix.

    `often` is how often each of stretch with shift, equaliser and masks is applied to a clip:
    a network that only ever met changed clips takes the unchanged ones for strange.
    `narrow` is where files of 8 kHz end, in shares of the bands: 79 to 87 of the 128 below
    11 kHz are 3.0 to 3.7 kHz.
    `stretch` is the logarithm of the farthest tempo; recordings are stretched with the
    probability `wave_stretch`. With `wave_pitch` recordings are shifted by up to
    `pitch_semitones`. They are played up to `gain_db` softer, or half of that louder, and with
    the probability `codec` heard as a lossy codec of a low bit rate leaves them.
    """

    often: float = 0.5
    stretch: float = 0.15
    shift_bands: float = 3.0
    equaliser_db: float = 6.0
    band_limit: float = 0.25
    narrow: tuple[float, float] = (0.62, 0.68)
    repeat: float = 0.15
    noise: float = 0.2
    n_time_masks: int = 2
    n_band_masks: int = 2
    mask_share: float = 0.12
    mixup_alpha: float = 0.3
    mixup_share: float = 1.0
    gain_db: float = 12.0
    wave_stretch: float = 0.0
    wave_pitch: float = 0.0
    pitch_semitones: float = 2.0
    codec: float = 0.0

    def __post_init__(self) -> None:
        for name in (
            "often",
            "band_limit",
            "repeat",
            "noise",
            "mask_share",
            "mixup_share",
            "wave_stretch",
            "wave_pitch",
            "codec",
        ):
            check_range(f"augment.{name}", getattr(self, name), 0, 1)
        low, high = self.narrow
        if not 0 < low <= high <= HIGHEST_BAND:
            raise InputError(f"augment.narrow: {low}, {high} do not lie in 0..{HIGHEST_BAND}.")
        for name in ("stretch", "equaliser_db", "mixup_alpha", "gain_db", "pitch_semitones"):
            check_range(f"augment.{name}", getattr(self, name), 0)


def uniform(n: int, low: float, high: float, rng: Rng) -> Tensor:
    """`n` numbers between `low` and `high`, on the generator's device."""
    return low + (high - low) * torch.rand(n, generator=rng, device=rng.device)


def stretch_and_shift(x: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
    """Resample each clip in time (tempo) and along the bands (pitch), around its centre."""
    n = x.shape[0]
    scale = torch.exp(uniform(n, -options.stretch, options.stretch, rng))
    shift = uniform(n, -1, 1, rng) * options.shift_bands * 2 / x.shape[1]
    theta = torch.zeros(n, 2, 3, device=x.device)
    theta[:, 0, 0] = scale
    theta[:, 1, 1] = 1.0
    theta[:, 1, 2] = shift
    grid = F.affine_grid(theta, [n, 1, *x.shape[1:]], align_corners=False)
    # The nearest frame and band: one between two is smoother than any recording's.
    moved = F.grid_sample(
        x[:, None], grid, mode="nearest", padding_mode="reflection", align_corners=False
    )
    return moved[:, 0]


def equalise(x: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
    """Add a smooth random curve over the bands: another microphone, another mastering."""
    knots = (
        torch.randn(x.shape[0], 1, 6, generator=rng, device=rng.device)
        * options.equaliser_db
        / 2
    )
    curve = F.interpolate(knots, size=x.shape[1], mode="linear", align_corners=True)
    return x + curve.transpose(1, 2)


def limit_band(x: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
    """Remove what is above a random band, as low sample rates and bit rates do."""
    n, n_mels, _ = x.shape
    chosen = torch.rand(n, generator=rng, device=rng.device) < options.band_limit
    # Half of the clips end where 8 kHz files do; the others lose less.
    is_narrow = torch.rand(n, generator=rng, device=rng.device) < 0.5
    low, high = options.narrow
    narrow, wide = uniform(n, low, high, rng), uniform(n, high, HIGHEST_BAND, rng)
    cutoff = torch.where(is_narrow, narrow, wide) * n_mels
    bands = torch.arange(n_mels, device=x.device).view(1, -1, 1)
    above = (bands - cutoff.view(-1, 1, 1)).clamp(min=0)
    return torch.where(chosen.view(-1, 1, 1), x - 20.0 * above, x)


def repeat_excerpt(x: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
    """Keep a short excerpt and repeat it, as a track shorter than the window is padded."""
    n, _, n_frames = x.shape
    chosen = torch.rand(n, generator=rng, device=rng.device) < options.repeat
    period = uniform(n, 0.2, 1.0, rng).mul(n_frames).long().clamp(min=4)
    period = torch.where(chosen, period, n_frames)
    index = torch.arange(n_frames, device=x.device).view(1, -1) % period.view(-1, 1)
    return x.gather(2, index[:, None].expand_as(x))


def add_noise_floor(x: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
    """Raise the floor as hiss does: power adds up, so the louder of the two wins in dB."""
    n = x.shape[0]
    chosen = torch.rand(n, generator=rng, device=rng.device) < options.noise
    level = x.amax(dim=(1, 2)) - uniform(n, 30, 70, rng)
    noise = level.view(-1, 1, 1) + 3 * torch.randn(x.shape, generator=rng, device=rng.device)
    return torch.where(chosen.view(-1, 1, 1), torch.maximum(x, noise), x)


def mask(x: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
    """SpecAugment (Park et al., 2019): stripes of time and of bands at the clip's mean."""
    mean = x.mean(dim=(1, 2), keepdim=True)
    for dim, count in ((2, options.n_time_masks), (1, options.n_band_masks)):
        size = x.shape[dim]
        shape = (1, 1, -1) if dim == 2 else (1, -1, 1)
        position = torch.arange(size, device=x.device).view(shape)
        for _ in range(count):
            width = uniform(x.shape[0], 0, options.mask_share, rng) * size
            start = torch.rand(x.shape[0], generator=rng, device=rng.device) * (size - width)
            low, high = start.view(-1, 1, 1), (start + width).view(-1, 1, 1)
            x = torch.where((position >= low) & (position < high), mean, x)
    return x


Step = Callable[[Tensor, AugmentOptions, Rng], Tensor]


def often(step: Step) -> Step:
    """The step applied to a share `often` of the clips."""

    def apply(x: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
        chosen = torch.rand(x.shape[0], generator=rng, device=rng.device) < options.often
        return torch.where(chosen.view(-1, 1, 1), step(x, options, rng), x)

    return apply


STEPS: tuple[Step, ...] = (
    often(stretch_and_shift),
    often(equalise),
    add_noise_floor,
    limit_band,
    repeat_excerpt,
    often(mask),
)


def augment(x: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
    """Apply every step in its order."""
    for step in STEPS:
        x = step(x, options, rng)
    return x


def kept(share: Tensor, options: AugmentOptions, rng: Rng) -> Tensor:
    """Of each clip its share in its blend; 1 for those that are not to be blended."""
    if options.mixup_share >= 1:
        return share
    chosen = torch.rand(share.shape, generator=rng, device=rng.device) < options.mixup_share
    return torch.where(chosen, share, torch.ones_like(share))


def blended(targets: Tensor, share: Tensor, other: Tensor) -> Tensor:
    """Targets of the blends; what is unknown in either clip stays unknown in their blend."""
    both = share * targets + (1 - share) * targets[other]
    return torch.where(share >= 1, targets, both)


def mixup(
    x: Tensor, targets: Tensor, options: AugmentOptions, rng: Rng
) -> tuple[Tensor, Tensor]:
    """Blend each clip with another one, features and targets alike (Zhang et al., 2018).

    A target that is unknown (NaN) in either clip stays unknown in the blend.
    """
    if options.mixup_alpha <= 0:
        return x, targets
    alpha = torch.full((x.shape[0],), options.mixup_alpha, device=x.device)
    first, second = torch._standard_gamma(alpha, rng), torch._standard_gamma(alpha, rng)  # noqa: SLF001 - Beta through two gammas; the public Beta takes no generator
    share = first / (first + second).clamp(min=1e-6)
    share = kept(torch.maximum(share, 1 - share), options, rng)
    other = torch.randperm(x.shape[0], generator=rng, device=rng.device)
    level = x.amax(dim=(1, 2), keepdim=True)
    relative = x - level
    s = share.view(-1, 1, 1)
    mixed = s * relative + (1 - s) * relative[other]
    t = share.view(-1, 1)
    return mixed, blended(targets, t, other)
