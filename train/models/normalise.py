"""Features -> network input that does not know how loud the recording was."""

import torch
from torch import Tensor, nn


class PeakNormalise(nn.Module):
    """Set each window's maximum to 0 dB, cut at a floor, scale to about [-1, 1].

    Subtracting the window's own maximum makes everything after it independent of gain. The
    floor hides what differs between recordings of the same music: dither, codec noise and
    the floors at which stored spectrograms were cut.
    """

    def __init__(self, floor_db: float) -> None:
        super().__init__()
        if floor_db >= 0:
            raise ValueError(f"floor_db must be negative, not {floor_db}")
        self.floor_db = floor_db

    def forward(self, features: Tensor) -> Tensor:
        """Normalise windows of dB features, shape (batch, n_mels, n_frames), each alone."""
        relative = features - features.amax(dim=(1, 2), keepdim=True)
        half = -self.floor_db / 2
        return relative.clamp(min=self.floor_db) / half + 1.0


class CepstrumNormalise(nn.Module):
    """Take the level out of the first row and bring all rows to a like size.

    The mean and deviation of each row are those of the training clips: a mean taken from the
    window itself would remove its timbre with its level.
    """

    def __init__(self, n_rows: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(n_rows)

    def forward(self, features: Tensor) -> Tensor:
        """Normalise windows of coefficients, shape (batch, n_rows, n_frames)."""
        level, others = features[:, :1], features[:, 1:]
        level = level - level.mean(dim=2, keepdim=True)
        normalised: Tensor = self.norm(torch.cat([level, others], dim=1))
        return normalised


class ShareNormalise(nn.Module):
    """0..1 to -1..1."""

    def forward(self, features: Tensor) -> Tensor:
        """Normalise windows of shares, shape (batch, n_rows, n_frames)."""
        return 2 * features - 1


class WindowNormalise(nn.Module):
    """Each window with mean 0 and deviation 1 over all of its numbers."""

    def forward(self, features: Tensor) -> Tensor:
        """Normalise windows, shape (batch, n_rows, n_frames), each alone."""
        centred = features - features.mean(dim=(1, 2), keepdim=True)
        spread = centred.square().mean(dim=(1, 2), keepdim=True).sqrt()
        normalised: Tensor = centred / spread.clamp(min=1e-3)
        return normalised


def normalise_of(
    scale: str, *, floor_db: float, n_rows: int, by_band: bool = False
) -> nn.Module:
    """The normalisation of features.

    Args:
        scale: what their numbers mean; `train.features` names the scales.
        floor_db: of features in dB, what is cut below each window's peak.
        n_rows: of the features.
        by_band: bring each row to mean 0 and deviation 1, as they are over the training
            clips, after what each window needs by itself.
    """
    if scale == "cepstrum":
        return CepstrumNormalise(n_rows)  # by rows in any case: they are of unlike sizes
    if scale == "log":
        return nn.BatchNorm1d(n_rows) if by_band else WindowNormalise()
    alone = ShareNormalise() if scale == "share" else PeakNormalise(floor_db)
    return nn.Sequential(alone, nn.BatchNorm1d(n_rows)) if by_band else alone
