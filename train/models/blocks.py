"""Convolution blocks that several bodies share."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Pool = tuple[int, int]


class FittingMaxPool(nn.Module):
    """Maximum over (band, time) cells; a map smaller than a cell is one cell.

    So a body takes the 12 rows of chroma as well as 128 mel bands.
    """

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, bands, time) -> (batch, channels, bands / pool, time / pool)."""
        cell = (min(self.pool[0], x.shape[2]), min(self.pool[1], x.shape[3]))
        return x if cell == (1, 1) else F.max_pool2d(x, cell)


def rows_after(n_rows: int, pools: Sequence[Pool]) -> int:
    """Rows that pooling leaves of a map of `n_rows`, at least 1."""
    for pool in pools:
        n_rows //= min(pool[0], n_rows)
    return n_rows


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with a shortcut, after a pooling step.

    Pooling comes first, so that the wide convolutions run on the smaller map. After the
    short-chunk CNN with residual connections (Won et al., SMC 2020).
    """

    def __init__(self, n_in: int, n_out: int, *, pool: Pool, dropout: float) -> None:
        super().__init__()
        self.pool = FittingMaxPool(pool)
        self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.dropout = nn.Dropout2d(dropout)
        self.shortcut = (
            nn.Identity() if n_in == n_out else nn.Conv2d(n_in, n_out, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_in, mel, time) -> (batch, n_out, mel / pool, time / pool)."""
        x = self.pool(x)
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(self.dropout(y)))
        return F.relu(y + self.shortcut(x))


class ConvBlock(nn.Module):
    """Convolution, batch normalisation, rectifier, pooling: the block of the plain CNNs."""

    def __init__(self, n_in: int, n_out: int, *, pool: Pool, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(n_out)
        self.pool = FittingMaxPool(pool)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_in, mel, time) -> (batch, n_out, mel / pool, time / pool)."""
        pooled: Tensor = self.dropout(self.pool(F.relu(self.norm(self.conv(x)))))
        return pooled


def conv_blocks(
    channels: Sequence[int], pools: Sequence[Pool], *, dropout: float
) -> nn.Sequential:
    """One `ConvBlock` an entry, the first from one channel."""
    inputs = (1, *channels[:-1])
    return nn.Sequential(
        *(
            ConvBlock(a, b, pool=pool, dropout=dropout)
            for a, b, pool in zip(inputs, channels, pools, strict=True)
        )
    )


class Stem(nn.Module):
    """The first convolution: one channel in, on the full map."""

    def __init__(
        self, n_out: int, *, kernel: int = 3, stride: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, n_out, kernel, stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, mel, time) -> (batch, n_out, mel / stride, time / stride)."""
        return F.relu(self.norm(self.conv(x)))


def mean_and_max(steps: Tensor) -> Tensor:
    """Summary of a sequence (batch, n_steps, n) over its time, shape (batch, 2 * n)."""
    return torch.cat([steps.mean(dim=1), steps.amax(dim=1)], dim=1)


def maps_to_steps(maps: Tensor) -> Tensor:
    """Feature maps (batch, channels, rows, time) -> steps (batch, time, channels * rows)."""
    return maps.permute(0, 3, 1, 2).flatten(2)


def check_pools(name: str, channels: Sequence[int], pools: Sequence[Pool]) -> None:
    """Hold a body's options to one pool a block.

    Raises:
        ValueError: there are more or fewer, or there is no block at all.
    """
    if not channels or len(channels) != len(pools):
        raise ValueError(f"{name}: `channels` needs as many entries as `pools`, at least one")
