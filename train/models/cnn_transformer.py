"""CNN-Transformer: convolution blocks make steps, self-attention relates them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from train.models.attention import AttentionPooling, EncoderLayer, sine_positions
from train.models.blocks import check_pools, conv_blocks, maps_to_steps, rows_after

LONGEST = 4096
POOLINGS = ("attention", "class-token")


@dataclass(frozen=True, slots=True, kw_only=True)
class CnnTransformerOptions:
    """Sizes of the CNN-Transformer (after Won et al., self-attention tagging, 2019).

    `pools` are (band, time) cells, one a block; `width` is that of a step and of the
    embedding, a multiple of `n_heads`; `pooling` is attention or class-token.
    """

    channels: tuple[int, ...] = (32, 64, 96, 128)
    pools: tuple[tuple[int, int], ...] = ((2, 2), (4, 2), (4, 1), (2, 1))
    width: int = 128
    n_heads: int = 4
    n_layers: int = 2
    n_inner: int = 256
    pooling: str = "attention"
    dropout: float = 0.2
    conv_dropout: float = 0.1

    def __post_init__(self) -> None:
        check_pools("cnn-transformer", self.channels, self.pools)
        if self.width % self.n_heads:
            raise ValueError("cnn-transformer: `width` must be a multiple of `n_heads`")
        if self.pooling not in POOLINGS:
            raise ValueError(f"cnn-transformer: `pooling` is one of {', '.join(POOLINGS)}")


class CnnTransformer(nn.Module):
    """Normalised features (batch, n_mels, n_frames) -> embedding (batch, width)."""

    positions: Tensor

    def __init__(self, options: CnnTransformerOptions, *, n_mels: int) -> None:
        super().__init__()
        width = options.width
        self.blocks = conv_blocks(options.channels, options.pools, dropout=options.conv_dropout)
        self.squeeze = nn.Linear(
            options.channels[-1] * rows_after(n_mels, options.pools), width
        )
        self.register_buffer("positions", sine_positions(LONGEST, width), persistent=False)
        self.layers = nn.Sequential(
            *(
                EncoderLayer(
                    width,
                    n_heads=options.n_heads,
                    n_inner=options.n_inner,
                    dropout=options.dropout,
                )
                for _ in range(options.n_layers)
            )
        )
        self.norm = nn.LayerNorm(width)
        self.token = (
            nn.Parameter(torch.zeros(1, 1, width)) if options.pooling == "class-token" else None
        )
        self.pool = AttentionPooling(width) if self.token is None else None
        self.dropout = nn.Dropout(options.dropout)
        self.n_out = width

    def forward(self, x: Tensor) -> Tensor:
        """Shapes as in the class docstring."""
        steps = self.squeeze(maps_to_steps(self.blocks(x.unsqueeze(1))))
        steps = self.dropout(steps + self.positions[: steps.shape[1]])
        if self.token is not None:
            token = self.token + 0 * steps[:, :1]  # repeated over the batch, any size
            steps = torch.cat([token, steps], dim=1)
        hidden = self.norm(self.layers(steps))  # (batch, n_steps, width)
        if self.pool is None:
            first: Tensor = hidden[:, 0]
            return first
        pooled: Tensor = self.pool(hidden)
        return pooled
