"""Statistics of a window: how its spectrum is shaped, how it varies, how fast it moves.

What tagging was done with before networks learned to listen: moments and covariance of the
cepstrum (M. Mandel and D. Ellis, ISMIR 2005), percentiles of each band, and the modulation
spectrum (after C.-H. Lee et al., IEEE Trans. Multimedia 11, 2009). A few hundred numbers, exact
from the first step on, from which a small network learns more than a convolution finds in some
thousands of clips; side by side they know more than either.
"""

import math

import torch
from torch import Tensor, nn

MODULATION_EDGES = (1, 2, 3, 5, 8, 12, 18)
"""Cycles a window at which a modulation band begins; the last one ends at the highest."""

_LOW, _HIGH = 0.1, 0.9


def cosine_matrix(n_coefficients: int, n_rows: int) -> Tensor:
    """Orthonormal discrete cosine transform (type 2), shape (n_coefficients, n_rows)."""
    order = torch.arange(n_coefficients)[:, None]
    matrix = torch.cos(math.pi / n_rows * (torch.arange(n_rows) + 0.5) * order)
    matrix *= math.sqrt(2 / n_rows)
    matrix[0] /= math.sqrt(2)
    return matrix


def grouping(n_rows: int, n_groups: int) -> Tensor:
    """Means of neighbouring rows as a matrix, shape (n_groups, n_rows)."""
    owner = torch.arange(n_rows) * n_groups // n_rows
    belongs = (owner == torch.arange(n_groups)[:, None]).float()
    return belongs / belongs.sum(dim=1, keepdim=True)


def modulation_matrices(n_frames: int) -> tuple[Tensor, Tensor, Tensor]:
    """Cosines and sines, (n_frames, n_cycles) each, and the bands, (n_cycles, n_bands).

    A band above the highest frequency that so few frames can hold is all zero.
    """
    n_cycles = n_frames // 2 + 1
    angle = torch.arange(n_frames)[:, None] * torch.arange(n_cycles) * (2 * math.pi / n_frames)
    bands = torch.zeros(n_cycles, len(MODULATION_EDGES))
    for i, first in enumerate(MODULATION_EDGES):
        last = MODULATION_EDGES[i + 1] if i + 1 < len(MODULATION_EDGES) else n_cycles
        inside = bands[first : min(last, n_cycles), i]
        inside.fill_(1 / max(len(inside), 1))
    return torch.cos(angle), torch.sin(angle), bands


class WindowStatistics(nn.Module):
    """Normalised features (batch, n_rows, n_frames) -> statistics (batch, n_out).

    In full precision whatever the fit's is: covariances of half a precision are noise.
    """

    cosines: Tensor
    groups: Tensor
    pairs: Tensor

    def __init__(self, n_rows: int, *, n_cepstrum: int = 40, n_covariance: int = 20) -> None:
        super().__init__()
        n_cepstrum = min(n_cepstrum, n_rows)
        self.n_covariance = min(n_covariance, n_cepstrum)
        groups = grouping(n_rows, min(32, n_rows))
        one, other = torch.triu_indices(self.n_covariance, self.n_covariance)
        self.register_buffer("cosines", cosine_matrix(n_cepstrum, n_rows), persistent=False)
        self.register_buffer("groups", groups, persistent=False)
        self.register_buffer("pairs", one * self.n_covariance + other, persistent=False)
        n_half = -(-n_rows // 2)  # every second row is enough for what varies slowly
        self.n_out = (
            2 * n_cepstrum + len(self.pairs) + len(groups) * len(MODULATION_EDGES) + 3 * n_half
        )

    def forward(self, x: Tensor) -> Tensor:
        """Shapes as in the class docstring."""
        with torch.autocast(x.device.type, enabled=False):
            x = 30 * x.float()  # dB again, where the features are dB over a floor of 60
            every = (
                self._cepstrum(x),
                (x[:, ::2, 1:] - x[:, ::2, :-1]).abs().mean(dim=2),
                self._modulation(x),
                self._percentiles(x[:, ::2]),
            )
            return torch.cat(every, dim=1)

    def _cepstrum(self, x: Tensor) -> Tensor:
        """Means, deviations and covariances of cepstral coefficients."""
        cepstrum = self.cosines @ x
        mean = cepstrum.mean(dim=2)
        centred = cepstrum - mean[:, :, None]
        deviation = (centred.square().mean(dim=2) + 1e-3).sqrt()
        some = centred[:, : self.n_covariance]
        covariance = (some @ some.transpose(1, 2) / x.shape[2]).flatten(1)[:, self.pairs]
        return torch.cat([mean, deviation, covariance / 30], dim=1)

    def _modulation(self, x: Tensor) -> Tensor:
        """Logarithm of how much groups of bands move, by the speed of the movement."""
        cosine, sine, bands = (matrix.to(x) for matrix in modulation_matrices(x.shape[2]))
        grouped = self.groups @ x
        moving = grouped - grouped.mean(dim=2, keepdim=True)
        power = (moving @ cosine).square() + (moving @ sine).square()
        return torch.log((power + 1e-4).sqrt() @ bands + 0.1).flatten(1)

    @staticmethod
    def _percentiles(x: Tensor) -> Tensor:
        """What each row exceeds nine tenths, and one tenth, of the time."""
        last = x.shape[2] - 1
        n_loud, n_soft = last - round(_HIGH * last) + 1, int(_LOW * last) + 1
        loud = x.topk(n_loud, dim=2).values[:, :, -1]
        return torch.cat([loud, x.topk(n_soft, dim=2, largest=False).values[:, :, -1]], dim=1)
