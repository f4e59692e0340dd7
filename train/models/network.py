"""The whole tagger as one module: front end, normalisation, body, head, calibration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from train.features import FRONT_ENDS
from train.models import BODIES
from train.models.families import family_matrix
from train.models.normalise import normalise_of


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """What a checkpoint must know to build the network again."""

    features: str = "mel"
    features_options: Any = None
    body: str = "cnn-lstm"
    body_options: Any = None
    floor_db: float = -60.0
    normalise: str = "window"
    dropout: float = 0.4
    kind: str = "single"


class Logits(NamedTuple):
    """What a network says before calibration.

    Attributes:
        labels: shape (batch, n_labels).
        music: shape (batch, 1).
    """

    labels: Tensor
    music: Tensor


class Head(nn.Module):
    """Embedding -> label logits and music logit.

    The last logit asks "is this music at all?". It is trained on speech and noise against
    any music, also on music whose genre nobody knows, and multiplies every label's score.
    """

    def __init__(self, n_in: int, n_labels: int, *, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.labels = nn.Linear(n_in, n_labels)
        self.music = nn.Linear(n_in, 1)

    def forward(self, embedding: Tensor) -> Logits:
        """Logits of embeddings (batch, n_in)."""
        x = self.dropout(embedding)
        return Logits(self.labels(x), self.music(x))


class TaggerNet(nn.Module):
    """Waveform (batch, window_len) -> calibrated scores (batch, n_labels)."""

    label_scale: Tensor
    label_bias: Tensor
    music_scale: Tensor
    music_bias: Tensor
    family: Tensor
    is_parent: Tensor
    has_no_parent: Tensor

    def __init__(
        self,
        options: NetworkOptions,
        *,
        n_labels: int,
        beside: Sequence[int | None] = (),
        among: Sequence[int | None] = (),
    ) -> None:
        """Make a network with random weights.

        Args:
            options: its parts.
            n_labels: number of labels.
            beside: for `single`, of each of the last labels, which stand beside the softmax
                over the others: the column of its parent there, or None.
            among: for `single`, of each label in the softmax the column of its parent there,
                or None; nothing if none has one.
        """
        super().__init__()
        self.options, self.beside = options, tuple(beside)
        self.front_end = FRONT_ENDS[options.features][1](options.features_options)
        self.normalise = normalise_of(
            self.front_end.scale,
            floor_db=options.floor_db,
            n_rows=self.n_rows,
            by_band=options.normalise == "band",
        )
        self.body = BODIES[options.body][1](options.body_options, n_mels=self.n_rows)
        self.head = Head(self.body.n_out, n_labels, dropout=options.dropout)
        # Calibration is part of the graph; until it is fitted it changes nothing.
        self.register_buffer("label_scale", torch.ones(n_labels))
        self.register_buffer("label_bias", torch.zeros(n_labels))
        self.register_buffer("music_scale", torch.ones(1))
        self.register_buffer("music_bias", torch.zeros(1))
        n_among = n_labels - len(self.beside)
        self.has_families = any(above is not None for above in among)
        family = family_matrix(among if self.has_families else [None] * n_among)
        self.register_buffer("family", family, persistent=False)
        is_parent = torch.zeros(n_among, len(self.beside))
        for column, parent in enumerate(self.beside):
            if parent is not None:
                is_parent[parent, column] = 1.0
        self.register_buffer("is_parent", is_parent, persistent=False)
        self.register_buffer("has_no_parent", 1 - is_parent.sum(dim=0), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where its weights lie, and what it is given has to."""
        return self.label_bias.device

    @property
    def decimate(self) -> int:
        """Of how many frames of the features the body looks at one."""
        return int(getattr(self.options.body_options, "decimate", 1))

    @property
    def n_rows(self) -> int:
        """How many of the lowest rows of the features the body looks at."""
        all_rows = int(self.options.features_options.n_mels)
        return int(getattr(self.options.body_options, "n_rows", 0)) or all_rows

    def keep_labels(self, columns: list[int]) -> None:
        """Forget all labels but these, in this order."""
        head = self.head.labels
        kept = nn.Linear(head.in_features, len(columns)).to(head.weight)
        with torch.no_grad():
            kept.weight.copy_(head.weight[columns])
            kept.bias.copy_(head.bias[columns])
        self.head.labels = kept
        self.label_scale = self.label_scale[columns]
        self.label_bias = self.label_bias[columns]
        self.family = self.family[columns][:, columns]

    def logits(self, features: Tensor) -> Logits:
        """Logits of dB features (batch, n_mels, n_frames)."""
        logits: Logits = self.head(self.embed(features))
        return logits

    def embed(self, features: Tensor) -> Tensor:
        """Embedding of dB features, shape (batch, body.n_out).

        Frames and rows that the body does not want are dropped before anything looks at them:
        an exported model then need not compute them (`export.trimmed_front_end`).
        """
        seen = features[:, :, :: self.decimate] if self.decimate > 1 else features
        if self.n_rows < seen.shape[1]:
            seen = seen[:, : self.n_rows]
        embedding: Tensor = self.body(self.normalise(seen))
        return embedding

    def scores_of(self, label_logits: Tensor, music_logit: Tensor) -> Tensor:
        """Calibrated scores of logits: P(music) times softmax (single) or sigmoid (multi).

        A label above others in the softmax has their probabilities besides its own. A label
        beside the softmax has a sigmoid's share of its parent's score, or of P(music). No child
        is likelier than its parent.
        """
        scaled = label_logits * self.label_scale + self.label_bias
        music = torch.sigmoid(music_logit * self.music_scale + self.music_bias)
        if self.options.kind != "single":
            return music * torch.sigmoid(scaled)
        n_among = scaled.shape[1] - len(self.beside)
        among = torch.softmax(scaled[:, :n_among], dim=1)
        if self.has_families:
            among = torch.matmul(among, self.family)
        if not self.beside:
            return music * among
        of_parent = torch.matmul(among, self.is_parent) + self.has_no_parent
        beside = torch.sigmoid(scaled[:, n_among:]) * of_parent
        return music * torch.cat([among, beside], dim=1)

    def from_features(self, features: Tensor) -> Tensor:
        """Scores of dB features (batch, n_mels, n_frames)."""
        return self.scores_of(*self.logits(features))

    def forward(self, waveform: Tensor) -> Tensor:
        """Shapes as in the class docstring."""
        return self.from_features(self.front_end(waveform))
