"""CNN-LSTM: a short residual CNN makes frames, a bidirectional LSTM listens to their order."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from train.models.blocks import ResidualBlock, Stem, rows_after


@dataclass(frozen=True, slots=True, kw_only=True)
class CnnLstmOptions:
    """Sizes of the CNN-LSTM. One residual block an entry of `channels` after the first.

    `decimate` keeps every n-th frame (`TaggerNet` drops the others): data whose frames are
    farther apart can then be learned from. `n_rows` keeps the lowest rows of the features
    alone, 0 all of them: what is never looked at need not be computed, and no recording is
    heard otherwise because its upper bands are missing. The stem's stride makes the first map
    smaller: the large maps are what costs time. It and the `pools`, one a block, are (mel,
    time) factors; `n_hidden` is the LSTM's width in each direction; the embedding is
    4 * n_hidden wide (mean and maximum over time).
    """

    channels: tuple[int, ...] = (16, 24, 48, 96, 128)
    pools: tuple[tuple[int, int], ...] = ((2, 2), (2, 2), (2, 1), (2, 1))
    decimate: int = 1
    n_rows: int = 0
    stem_kernel: int = 5
    stem_stride: tuple[int, int] = (2, 2)
    n_hidden: int = 96
    dropout: float = 0.3
    conv_dropout: float = 0.1

    def __post_init__(self) -> None:
        if len(self.channels) != len(self.pools) + 1:
            raise ValueError("cnn-lstm: `channels` needs one entry more than `pools`")


class CnnLstm(nn.Module):
    """Normalised features (batch, n_mels, n_frames) -> embedding (batch, n_out)."""

    def __init__(self, options: CnnLstmOptions, *, n_mels: int) -> None:
        super().__init__()
        channels, pools = options.channels, options.pools
        self.stem = Stem(channels[0], kernel=options.stem_kernel, stride=options.stem_stride)
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(a, b, pool=pool, dropout=options.conv_dropout)
                for a, b, pool in zip(channels, channels[1:], pools, strict=False)
            )
        )
        rows = rows_after(-(-n_mels // options.stem_stride[0]), pools)
        self.squeeze = nn.Linear(channels[-1] * rows, 2 * options.n_hidden)
        self.dropout = nn.Dropout(options.dropout)
        self.lstm = nn.LSTM(
            2 * options.n_hidden, options.n_hidden, batch_first=True, bidirectional=True
        )
        self.n_out = 4 * options.n_hidden

    def forward(self, x: Tensor) -> Tensor:
        """Shapes as in the class docstring."""
        maps = self.blocks(self.stem(x.unsqueeze(1)))  # (batch, channels, rows, steps)
        steps = maps.permute(0, 3, 1, 2).flatten(2)  # (batch, steps, channels * rows)
        steps = torch.relu(self.squeeze(self.dropout(steps)))
        hidden, _ = self.lstm(self.dropout(steps))  # (batch, steps, 2 * n_hidden)
        return torch.cat([hidden.mean(dim=1), hidden.amax(dim=1)], dim=1)
