"""Self-attention over steps, spelled out so that it exports as plain matrix products."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def sine_positions(n_steps: int, width: int) -> Tensor:
    """Sines and cosines of geometric wavelengths (Vaswani et al., NeurIPS 2017, 3.5).

    Returns:
        Shape (n_steps, width): sines first, then cosines.
    """
    half = width // 2
    rates = torch.exp(torch.arange(half) * (-math.log(10_000) / max(half - 1, 1)))
    angle = torch.arange(n_steps).unsqueeze(1) * rates
    return F.pad(torch.cat([angle.sin(), angle.cos()], dim=1), (0, width - 2 * half))


class SelfAttention(nn.Module):
    """Every step hears every other, in `n_heads` ways."""

    def __init__(self, width: int, *, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.into = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_steps, width) -> the same shape."""
        split = self.into(x).unflatten(2, (3, self.n_heads, -1))
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each (batch, heads, steps, size)
        near = torch.matmul(query, key.transpose(2, 3)) / math.sqrt(query.shape[-1])
        attended = torch.matmul(self.dropout(torch.softmax(near, dim=-1)), value)
        out: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return out


class EncoderLayer(nn.Module):
    """Attention and a feed-forward layer, each normalised before and added after."""

    def __init__(self, width: int, *, n_heads: int, n_inner: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = SelfAttention(width, n_heads=n_heads, dropout=dropout)
        self.inner, self.outer = nn.Linear(width, n_inner), nn.Linear(n_inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_steps, width) -> the same shape."""
        x = x + self.dropout(self.attention(self.norm1(x)))
        inner = self.dropout(F.gelu(self.inner(self.norm2(x))))
        layer: Tensor = x + self.dropout(self.outer(inner))
        return layer


class AttentionPooling(nn.Module):
    """A weighted mean over the steps; the weights are learned from the steps themselves."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.importance = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_steps, width) -> (batch, width)."""
        # Not `self.importance(x)`: ONNX Runtime 1.31 crashes on a product with one column in
        # half precision behind an LSTM.
        row = self.importance.weight
        importance = (x * row).sum(dim=2, keepdim=True) + self.importance.bias
        weights = torch.softmax(importance, dim=1)
        return (weights * x).sum(dim=1)
