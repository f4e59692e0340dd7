"""Convolution blocks that several bodies share."""

from torch import Tensor, nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with a shortcut, after a pooling step.

    Pooling comes first, so that the wide convolutions run on the smaller map. After the
    short-chunk CNN with residual connections (Won et al., SMC 2020).
    """

    def __init__(self, n_in: int, n_out: int, *, pool: tuple[int, int], dropout: float) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(pool)
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
