"""Features in dB -> network input that does not know how loud the recording was."""

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
