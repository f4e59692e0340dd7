"""CNN-LSTM with attention: strided convolutions, convolutions over time, LSTM, attention."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from train.models.attention import AttentionPooling
from train.models.blocks import Stem


@dataclass(frozen=True, slots=True, kw_only=True)
class CnnLstmAttentionOptions:
    """Sizes of the CNN-LSTM with attention.

    `channels` are those of the maps: the first of the stem, then one residual block an entry.
    Stem and blocks each halve bands and frames, so that little is computed on large maps.
    `width` is that of a step, `n_layers` the number of residual blocks over time, `n_hidden`
    the LSTM's width in each direction; the embedding is 4 * n_hidden wide (attention and
    maximum over time). `n_rows` keeps the lowest rows of the features alone, 0 all of them.
    """

    channels: tuple[int, ...] = (16, 48, 96)
    width: int = 256
    n_layers: int = 4
    n_hidden: int = 128
    n_rows: int = 0
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if not self.channels or min(*self.channels, self.width, self.n_hidden) < 1:
            raise ValueError("cnn-lstm-attention: the sizes must be positive")
        if self.n_layers < 0:
            raise ValueError("cnn-lstm-attention: `n_layers` must not be negative")


class StridedBlock(nn.Module):
    """Two 3 x 3 convolutions, the first of which halves the map, with a shortcut.

    The shortcut averages before its 1 x 1 convolution, so that no cell is skipped (T. He et
    al., Bag of tricks for image classification, CVPR 2019).
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.shortcut = nn.Conv2d(n_in, n_out, 1, bias=False)
        self.shortcut_norm = nn.BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_in, bands, time) -> (batch, n_out, bands / 2, time / 2), rounded up."""
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return F.relu(y + self.shortcut_norm(self._shortened(x)))

    def _shortened(self, x: Tensor) -> Tensor:
        """The shortcut; at an odd edge the mean is that of the cells that are there."""
        if self.training:
            short: Tensor = self.shortcut(F.avg_pool2d(x, 2, ceil_mode=True))
            return short
        # One convolution is the same mean, and in eight bits several times as fast.
        missing = (0, x.shape[3] % 2, 0, x.shape[2] % 2)
        x = F.pad(x, missing, mode="replicate") if any(missing) else x
        return F.conv2d(x, self.shortcut.weight.expand(-1, -1, 2, 2) / 4, stride=2)


class TimeBlock(nn.Module):
    """Two convolutions of three steps each, with a shortcut."""

    def __init__(self, width: int, *, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm1d(width)
        self.conv2 = nn.Conv1d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, n_steps) -> the same shape."""
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(self.dropout(y))))


class CnnLstmAttention(nn.Module):
    """Normalised features (batch, n_mels, n_frames) -> embedding (batch, 4 * n_hidden)."""

    def __init__(self, options: CnnLstmAttentionOptions, *, n_mels: int) -> None:
        super().__init__()
        channels = options.channels
        self.stem = Stem(channels[0], kernel=5, stride=(2, 2))
        self.blocks = nn.Sequential(*(StridedBlock(a, b) for a, b in pairwise(channels)))
        rows = n_mels
        for _ in channels:
            rows = -(-rows // 2)
        self.squeeze = nn.Conv1d(channels[-1] * rows, options.width, 1, bias=False)
        self.squeeze_norm = nn.BatchNorm1d(options.width)
        self.layers = nn.Sequential(
            *(
                TimeBlock(options.width, dropout=options.dropout)
                for _ in range(options.n_layers)
            )
        )
        self.dropout = nn.Dropout(options.dropout)
        self.lstm = nn.LSTM(
            options.width, options.n_hidden, batch_first=True, bidirectional=True
        )
        self.pool = AttentionPooling(2 * options.n_hidden)
        self.n_out = 4 * options.n_hidden

    def forward(self, x: Tensor) -> Tensor:
        """Shapes as in the class docstring."""
        maps = self.blocks(self.stem(x.unsqueeze(1)))  # (batch, channels, rows, n_steps)
        steps = F.relu(self.squeeze_norm(self.squeeze(maps.flatten(1, 2))))
        steps = self.layers(steps)  # (batch, width, n_steps)
        states, _ = self.lstm(self.dropout(steps.transpose(1, 2)))
        return torch.cat([self.pool(states), states.amax(dim=1)], dim=1)
