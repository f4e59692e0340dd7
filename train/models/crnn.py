"""CRNN: convolution blocks make steps, a bidirectional GRU listens to their order."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from train.models.blocks import (
    check_pools,
    conv_blocks,
    maps_to_steps,
    mean_and_max,
    rows_after,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrnnOptions:
    """Sizes of the CRNN (after K. Choi et al., ICASSP 2017, with a GRU in both directions).

    `pools` are (band, time) cells, one a block; `n_hidden` is the GRU's width in each
    direction; the embedding is 4 * n_hidden wide (mean and maximum over time).
    """

    channels: tuple[int, ...] = (32, 64, 96, 128)
    pools: tuple[tuple[int, int], ...] = ((2, 2), (4, 2), (4, 1), (2, 1))
    n_hidden: int = 96
    n_layers: int = 1
    dropout: float = 0.3
    conv_dropout: float = 0.1

    def __post_init__(self) -> None:
        check_pools("crnn", self.channels, self.pools)


class Crnn(nn.Module):
    """Normalised features (batch, n_mels, n_frames) -> embedding (batch, n_out)."""

    def __init__(self, options: CrnnOptions, *, n_mels: int) -> None:
        super().__init__()
        self.blocks = conv_blocks(options.channels, options.pools, dropout=options.conv_dropout)
        width = options.channels[-1] * rows_after(n_mels, options.pools)
        self.squeeze = nn.Linear(width, 2 * options.n_hidden)
        self.dropout = nn.Dropout(options.dropout)
        self.gru = nn.GRU(
            2 * options.n_hidden,
            options.n_hidden,
            num_layers=options.n_layers,
            batch_first=True,
            bidirectional=True,
        )
        self.n_out = 4 * options.n_hidden

    def forward(self, x: Tensor) -> Tensor:
        """Shapes as in the class docstring."""
        steps = maps_to_steps(self.blocks(x.unsqueeze(1)))
        steps = torch.relu(self.squeeze(self.dropout(steps)))
        hidden, _ = self.gru(self.dropout(steps))  # (batch, n_steps, 2 * n_hidden)
        return mean_and_max(hidden)
