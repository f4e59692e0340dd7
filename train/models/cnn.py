"""CNN: three or four convolution blocks, then what was loudest and usual in the maps."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from train.models.blocks import Pool, check_pools, conv_blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class CnnOptions:
    """Sizes of the CNN: one block an entry of `channels`; `pools` are (band, time) cells.

    Three or four blocks are what is usual; the embedding is 2 * channels[-1] wide.
    """

    channels: tuple[int, ...] = (32, 64, 128, 128)
    pools: tuple[tuple[int, int], ...] = ((2, 2), (2, 2), (2, 2), (2, 2))
    dropout: float = 0.3
    conv_dropout: float = 0.1

    def __post_init__(self) -> None:
        check_pools("cnn", self.channels, self.pools)


class Cnn(nn.Module):
    """Normalised features (batch, n_mels, n_frames) -> embedding (batch, n_out)."""

    def __init__(self, options: CnnOptions, *, n_mels: int) -> None:
        super().__init__()
        del n_mels  # pooled away, whatever it is
        pools: tuple[Pool, ...] = options.pools
        self.blocks = conv_blocks(options.channels, pools, dropout=options.conv_dropout)
        self.dropout = nn.Dropout(options.dropout)
        self.n_out = 2 * options.channels[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Shapes as in the class docstring."""
        maps = self.blocks(x.unsqueeze(1))  # (batch, channels, rows, steps)
        embedding: Tensor = self.dropout(
            torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)
        )
        return embedding
