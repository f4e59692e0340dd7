"""Deep CNN: residual blocks until a short chunk is one cell (Won et al., SMC 2020)."""

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from train.models.blocks import ResidualBlock, Stem


@dataclass(frozen=True, slots=True, kw_only=True)
class CnnDeepOptions:
    """Sizes of the deep CNN: a residual block an entry of `channels` after the first.

    Each block halves both sides of the map; `stem_stride` may halve them once before, which
    saves most of the time. The published network has 7 blocks of 128 to 512 channels.
    """

    channels: tuple[int, ...] = (32, 48, 64, 96, 128, 192, 256)
    stem_stride: tuple[int, int] = (2, 2)
    n_hidden: int = 256
    dropout: float = 0.4
    conv_dropout: float = 0.0

    def __post_init__(self) -> None:
        if len(self.channels) < 2:
            raise ValueError("cnn-deep: `channels` needs at least two entries")


class CnnDeep(nn.Module):
    """Normalised features (batch, n_mels, n_frames) -> embedding (batch, n_hidden)."""

    def __init__(self, options: CnnDeepOptions, *, n_mels: int) -> None:
        super().__init__()
        del n_mels  # pooled away, whatever it is
        channels = options.channels
        self.stem = Stem(channels[0], stride=options.stem_stride)
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(a, b, pool=(2, 2), dropout=options.conv_dropout)
                for a, b in itertools.pairwise(channels)
            )
        )
        self.squeeze = nn.Linear(channels[-1], options.n_hidden, bias=False)
        self.norm = nn.BatchNorm1d(options.n_hidden)
        self.dropout = nn.Dropout(options.dropout)
        self.n_out = options.n_hidden

    def forward(self, x: Tensor) -> Tensor:
        """Shapes as in the class docstring."""
        maps = self.blocks(self.stem(x.unsqueeze(1)))  # (batch, channels, rows, steps)
        hidden = self.squeeze(maps.amax(dim=(2, 3)))
        embedding: Tensor = self.dropout(torch.relu(self.norm(hidden)))
        return embedding
