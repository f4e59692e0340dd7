"""EfficientAT's MobileNets (`mn01_as` ... `mn40_as`) as nodes, from their files of weights.

F. Schmid, K. Koutini and G. Widmer, Efficient large-scale audio tagging via transformer-to-CNN
knowledge distillation, ICASSP 2023; MIT licence. Widths are read from the weights' shapes, so
that every width of the family is one graph. Wanted are hop 10 ms, 128 mels, strides 2 and the
head `mlp`: the usual ones.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.public.builder import Builder
from export.public.front_ends import MelRecipe
from tagger.errors import ModelError
from tagger.model.session import EMBEDDING, INPUT
from tagger.model.spec import MAX_EMBEDDING
from tagger.model.trimmed_front_end import FEATURES

Array = NDArray[Any]

RECIPE = MelRecipe(
    sample_rate=32_000,
    n_fft=1024,
    hop_len=320,
    n_mels=128,
    n_frames=1001,
    f_max_hz=15_000.0,
    is_centred=True,
)
"""Ten seconds. One sample is lost to the pre-emphasis, so that there are 1000 frames."""

EPSILON = 1e-3
_FRAME_LEN = 800
_STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1)
_N_RELU = 6
"""Blocks of MobileNetV3 large: their strides, and how many of the first have ReLU."""


def is_efficientat(weights: Mapping[str, Array]) -> bool:
    """Whether a file of weights has the names of this family, with its usual head."""
    return {"features.0.0.weight", "features.16.0.weight", "classifier.5.weight"} <= set(
        weights
    )


def add_efficientat(builder: Builder, weights: Mapping[str, Array]) -> tuple[str, int | None]:
    """Add front end and network.

    Returns:
        The name of the logits, and the width of the embedding (the mean over time and bands
        before the classifier); None where that is wider than the contract allows.

    Raises:
        ModelError: a weight is missing or has another shape.
    """
    try:
        x = builder.node("Unsqueeze", _add_front_end(builder), builder.constant(np.array([1])))
        x = _activated(builder, _conv(builder, x, weights, "features.0", stride=2), "HardSwish")
        for i, stride in enumerate(_STRIDES, 1):
            x = _block(builder, x, weights, f"features.{i}", stride=stride, is_late=i > _N_RELU)
        x = _activated(builder, _conv(builder, x, weights, "features.16"), "HardSwish")
        width = weights["features.16.0.weight"].shape[0]
        fits = width <= MAX_EMBEDDING
        over_time = builder.reduce("ReduceMean", x, 3)
        pooled = builder.node(
            "ReduceMean",
            over_time,
            builder.constant(np.array([2])),
            keepdims=0,
            output=EMBEDDING if fits else None,
        )
        hidden = builder.dense(pooled, *_linear(weights, "classifier.2"))
        hidden = builder.node("HardSwish", hidden)
        logits = builder.dense(hidden, *_linear(weights, "classifier.5"))
    except KeyError as error:
        raise ModelError(f"the weights lack {error}; is it a whole mn.._as model?") from error
    return logits, width if fits else None


def _add_front_end(builder: Builder) -> str:
    """Pre-emphasis, frames of 25 ms, Kaldi's mels, logarithm: (batch, 128, 1000)."""
    x = builder.node("Unsqueeze", INPUT, builder.constant(np.array([1])))
    x = builder.conv(x, np.array([[[-0.97, 1.0]]]))
    half = _FRAME_LEN // 2
    pads = builder.constant(np.array([0, 0, half, 0, 0, half]))
    x = builder.node("Pad", x, pads, mode="reflect")
    filters = kaldi_filters()
    used = np.flatnonzero(filters.sum(axis=0))
    # The frames stand in the middle of a longer transform, which shifts phases only.
    n = np.arange(_FRAME_LEN)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / (_FRAME_LEN - 1))  # symmetric
    angle = 2 * np.pi * np.outer(used, n) / RECIPE.n_fft
    basis = np.concatenate([np.cos(angle), -np.sin(angle)]) * window
    x = builder.conv(x, basis[:, None, :], strides=[RECIPE.hop_len])
    # Squares of both parts are summed by the same product that sums bins to bands.
    both = np.concatenate([filters[:, used]] * 2, axis=1)
    power = builder.node("MatMul", builder.constant(both[None]), builder.node("Mul", x, x))

    def scalar(value: float) -> str:
        return builder.constant(np.array(value, np.float32))

    level = builder.node("Log", builder.node("Add", power, scalar(1e-5)))
    raised = builder.node("Add", level, scalar(4.5))
    return builder.node("Mul", raised, scalar(1 / 5), output=FEATURES)


def kaldi_filters() -> Array:
    """Triangles over mels, not over Hz, shape (128, 513), as Kaldi has them."""
    n_bins = RECIPE.n_fft // 2
    hz = np.arange(n_bins) * RECIPE.sample_rate / RECIPE.n_fft
    mel, high = (1127 * np.log(1 + edge / 700) for edge in (hz, np.array(RECIPE.f_max_hz)))
    step = high / (RECIPE.n_mels + 1)
    left = step * np.arange(RECIPE.n_mels)[:, None]
    triangles = np.minimum((mel - left) / step, (left + 2 * step - mel) / step).clip(min=0)
    filters: Array = np.pad(triangles, ((0, 0), (0, 1)))
    return filters


def _block(
    builder: Builder,
    x: str,
    weights: Mapping[str, Array],
    name: str,
    *,
    stride: int,
    is_late: bool,
) -> str:
    """An inverted residual: widen, filter each channel, squeeze and excite, narrow."""
    activation = "HardSwish" if is_late else "Relu"
    layers = sorted(
        {int(weight.split(".")[3]) for weight in weights if weight.startswith(f"{name}.block.")}
    )
    y, n_in, n_out = x, None, None
    for j in layers:
        layer = f"{name}.block.{j}"
        if f"{layer}.0.weight" not in weights:
            y = _excited(builder, y, weights, f"{layer}.conc_se_layers.0")
            continue
        kernel = weights[f"{layer}.0.weight"]
        is_depthwise = kernel.shape[1] == 1 and kernel.shape[2] > 1
        y = _conv(builder, y, weights, layer, stride=stride if is_depthwise else 1)
        if j != layers[-1]:
            y = _activated(builder, y, activation)
        n_in = n_in or (kernel.shape[0] if is_depthwise else kernel.shape[1])
        n_out = kernel.shape[0]
    return builder.node("Add", y, x) if stride == 1 and n_in == n_out else y


def _conv(
    builder: Builder, x: str, weights: Mapping[str, Array], name: str, *, stride: int = 1
) -> str:
    """A convolution with its normalisation folded in; padded to keep the size."""
    kernel = weights[f"{name}.0.weight"].astype(np.float64)
    parts = ("weight", "bias", "running_mean", "running_var")
    gamma, beta, mean, variance = (
        weights[f"{name}.1.{part}"].astype(np.float64) for part in parts
    )
    scale = gamma / np.sqrt(variance + EPSILON)
    pad = (kernel.shape[2] - 1) // 2
    # One input channel also in the very first layer, which is no filter of single channels.
    n_groups = kernel.shape[0] if kernel.shape[1] == 1 and name != "features.0" else 1
    return builder.conv(
        x,
        kernel * scale[:, None, None, None],
        beta - mean * scale,
        pads=[pad] * 4,
        strides=[stride] * 2,
        group=n_groups,
    )


def _excited(builder: Builder, x: str, weights: Mapping[str, Array], name: str) -> str:
    """Each channel by what all channels' means say of it."""
    means = builder.reduce("ReduceMean", builder.reduce("ReduceMean", x, 3), 2)
    hidden = builder.node("Relu", builder.dense(means, *_linear(weights, f"{name}.fc1")))
    scale = builder.node("Sigmoid", builder.dense(hidden, *_linear(weights, f"{name}.fc2")))
    wide = builder.node("Unsqueeze", scale, builder.constant(np.array([2, 3])))
    return builder.node("Mul", x, wide)


def _linear(weights: Mapping[str, Array], name: str) -> tuple[Array, Array]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _activated(builder: Builder, x: str, kind: str) -> str:
    return builder.node(kind, x)
