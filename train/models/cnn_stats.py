"""CNN-LSTM and statistics of the window side by side: what was learned and what was known."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from train.models.cnn_lstm import CnnLstm, CnnLstmOptions
from train.models.statistics import WindowStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class CnnStatsOptions(CnnLstmOptions):
    """Sizes of the CNN-LSTM, and of the two layers that listen to the statistics.

    `stats_hidden` and `stats_out` are the widths of these layers, `stats_dropout` comes before
    each. The embedding is 4 * n_hidden + stats_out wide.
    """

    stats_hidden: int = 512
    stats_out: int = 256
    stats_dropout: float = 0.3


class CnnStats(nn.Module):
    """Normalised features (batch, n_mels, n_frames) -> embedding (batch, n_out)."""

    def __init__(self, options: CnnStatsOptions, *, n_mels: int) -> None:
        super().__init__()
        self.cnn = CnnLstm(options, n_mels=n_mels)
        self.statistics = WindowStatistics(n_mels)
        n_known = self.statistics.n_out
        # Some statistics are of thousands, some of tenths; the few far ones are cut.
        self.known_norm = nn.BatchNorm1d(n_known, affine=False)
        self.dropout = nn.Dropout(options.stats_dropout)
        self.hidden = nn.Linear(n_known, options.stats_hidden)
        self.hidden_norm = nn.BatchNorm1d(options.stats_hidden)
        self.out = nn.Linear(options.stats_hidden, options.stats_out)
        self.out_norm = nn.BatchNorm1d(options.stats_out)
        self.n_out = self.cnn.n_out + options.stats_out

    def forward(self, x: Tensor) -> Tensor:
        """Shapes as in the class docstring."""
        known = self.known_norm(self.statistics(x)).clamp(-5.0, 5.0)
        known = torch.relu(self.hidden_norm(self.hidden(self.dropout(known))))
        known = torch.relu(self.out_norm(self.out(self.dropout(known))))
        return torch.cat([self.cnn(x), known], dim=1)
