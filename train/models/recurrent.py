"""LSTM and GRU: the frames of the features are the steps, with nothing before them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from train.models.blocks import mean_and_max


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrentOptions:
    """Sizes of the recurrent bodies.

    `n_hidden` is the width in each direction; `decimate` keeps every n-th frame. The
    embedding is 2 * n_hidden wide a direction (mean and maximum over time).
    """

    n_hidden: int = 128
    n_layers: int = 2
    bidirectional: bool = True
    decimate: int = 1
    dropout: float = 0.3

    def __post_init__(self) -> None:
        if min(self.n_hidden, self.n_layers, self.decimate) < 1:
            raise ValueError("lstm, gru: n_hidden, n_layers and decimate must be at least 1")


class _Recurrent(nn.Module):
    """Normalised features (batch, n_mels, n_frames) -> embedding (batch, n_out)."""

    layer: type[nn.LSTM] | type[nn.GRU]

    def __init__(self, options: RecurrentOptions, *, n_mels: int) -> None:
        super().__init__()
        width = options.n_hidden * (2 if options.bidirectional else 1)
        self.squeeze = nn.Linear(n_mels, options.n_hidden)
        self.dropout = nn.Dropout(options.dropout)
        self.recurrent = self.layer(
            options.n_hidden,
            options.n_hidden,
            num_layers=options.n_layers,
            batch_first=True,
            bidirectional=options.bidirectional,
            dropout=options.dropout if options.n_layers > 1 else 0.0,
        )
        self.n_out = 2 * width

    def forward(self, x: Tensor) -> Tensor:
        """Shapes as in the class docstring."""
        steps = x.transpose(1, 2)  # (batch, n_steps, n_mels)
        hidden, _ = self.recurrent(torch.relu(self.squeeze(steps)))
        embedding: Tensor = self.dropout(mean_and_max(hidden))
        return embedding


class Lstm(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997)."""

    layer = nn.LSTM


class Gru(_Recurrent):
    """Gated recurrent units (Cho et al., EMNLP 2014)."""

    layer = nn.GRU
