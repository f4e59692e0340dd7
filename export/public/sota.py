"""sota-music-tagging-models as nodes: fcn, musicnn, crnn, short-chunk and harmonic CNN.

M. Won, A. Ferraro, D. Bogdanov and X. Serra, Evaluation of CNN-based automatic music tagging
models, SMC 2020; MIT licence. All take 16 kHz, n_fft 512, hop 256 and levels in dB: HTK's mels,
or harmonics of notes, whose filters are as wide as was learned. Their self-attention, which is
a transformer, is not here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from export.public.builder import Builder
from export.public.front_ends import MelRecipe, add_front_end
from tagger.errors import ModelError
from tagger.model.session import EMBEDDING

Array = NDArray[Any]
Weights = Mapping[str, Array]
Built = tuple[str, int]
"""The name of the logits, and the width of the embedding."""

EPSILON = 1e-5
N_HARMONICS = 6
LOWEST_NOTE, HIGHEST_NOTE = 24, 88
"""MIDI numbers: C1, and the note whose sixth harmonic is nearest to 8 kHz."""

_NOTES_A_SEMITONE = 2
_BAND_SLOPE, _BAND_HZ = 0.1079, 24.7  # of the ear's critical bands
_BATCH_NORM = ("weight", "bias", "running_mean", "running_var")


def _recipe(n_samples: int, n_mels: int) -> MelRecipe:
    return MelRecipe(
        n_mels=n_mels,
        n_frames=n_samples // 256 + 1,
        n_samples=n_samples,
        scale="htk",
        level="db",
        is_centred=True,
    )


@dataclass(frozen=True, slots=True)
class Network:
    """One of the networks: how it is recognised, fed and built."""

    name: str
    recipe: MelRecipe
    add: Callable[[Builder, MelRecipe, Weights], Built]


def find_network(weights: Weights) -> Network | None:
    """The network that a file of weights is for; None if it is none of these."""
    names = set(weights)
    # Self-attention shares its layers' names with short-chunk.
    if any(name.startswith("encoder.") for name in names):
        return None
    return next((network for marks, network in _networks() if marks <= names), None)


def _networks() -> tuple[tuple[set[str], Network], ...]:
    """Weights that only one of them has, the rarest first, and which it is."""
    whole = 29 * 16_000
    return (
        ({"hstft.bw_Q"}, Network("harmonic", _recipe(5 * 16_000, 128), _add_harmonic)),
        ({"layer5.weight_ih_l0"}, Network("crnn", _recipe(whole, 96), _add_crnn)),
        ({"layers.0.conv.weight"}, Network("musicnn", _recipe(3 * 16_000, 96), _add_musicnn)),
        (
            {"layer7.conv_1.weight"},
            Network("short-chunk", _recipe(59_049, 128), _add_short_chunk),
        ),
        (
            {"layer5.conv.weight", "dense.weight"},
            Network("fcn", _recipe(whole, 96), _add_fcn),
        ),
    )


def add_sota(builder: Builder, network: Network, weights: Weights) -> Built:
    """Add front end and network.

    Raises:
        ModelError: a weight is missing.
    """
    try:
        return network.add(builder, network.recipe, weights)
    except KeyError as error:
        raise ModelError(f"the weights of {network.name} lack {error}") from error


def _add_image(builder: Builder, recipe: MelRecipe, weights: Weights) -> str:
    """The normalised features as an image, (batch, 1, n_mels, n_frames)."""
    features = add_front_end(builder, recipe)
    image = builder.node("Unsqueeze", features, builder.constant(np.array([1])))
    return _norm(builder, image, weights, "spec_bn")


def _add_fcn(builder: Builder, recipe: MelRecipe, weights: Weights) -> Built:
    x = _add_image(builder, recipe, weights)
    for i, pool in enumerate(((2, 4), (2, 4), (2, 4), (3, 5), (4, 4)), 1):
        x = _pooled(builder, x, weights, f"layer{i}", pool)
    embedding = builder.node("Flatten", x, axis=1, output=EMBEDDING)
    return builder.dense(embedding, *_linear(weights, "dense")), _width(weights, "dense")


def _add_crnn(builder: Builder, recipe: MelRecipe, weights: Weights) -> Built:
    x = _add_image(builder, recipe, weights)
    for i, pool in enumerate(((2, 2), (3, 3), (4, 4), (4, 4)), 1):
        x = _pooled(builder, x, weights, f"layer{i}", pool)
    flat = builder.node("Squeeze", x, builder.constant(np.array([2])))  # one band is left
    steps = builder.node("Transpose", flat, perm=[2, 0, 1])  # (n_steps, batch, n)
    steps, _ = _gru(builder, steps, weights, 0)
    _, last = _gru(builder, steps, weights, 1)
    embedding = builder.node("Identity", last, output=EMBEDDING)
    return builder.dense(embedding, *_linear(weights, "dense")), _width(weights, "dense")


def _gru(builder: Builder, x: str, weights: Weights, number: int) -> tuple[str, str]:
    """One layer of a GRU: all steps (n_steps, batch, n), and the last one (batch, n)."""

    # torch stores reset, update, new; ONNX takes update, reset, new.
    def reordered(name: str) -> Array:
        reset, update, new = np.split(weights[f"layer5.{name}_l{number}"], 3)
        return np.concatenate([update, reset, new])[None]

    inputs = [reordered("weight_ih"), reordered("weight_hh")]
    biases = np.concatenate([reordered("bias_ih"), reordered("bias_hh")], axis=1)
    names = [builder.constant(weight) for weight in (*inputs, biases)]
    every, last = f"gru_{number}", f"gru_last_{number}"
    n_hidden = inputs[1].shape[2]
    builder.nodes.append(
        helper.make_node(
            "GRU", [x, *names], [every, last], hidden_size=n_hidden, linear_before_reset=1
        )
    )
    one = builder.constant(np.array([1]))
    zero = builder.constant(np.array([0]))
    return builder.node("Squeeze", every, one), builder.node("Squeeze", last, zero)


def _add_musicnn(builder: Builder, recipe: MelRecipe, weights: Weights) -> Built:
    image = _add_image(builder, recipe, weights)
    parts = []
    for i in (0, 1):
        x = _conv(builder, image, weights, f"layers.{i}", pads=(0, 3))
        parts.append(builder.reduce("ReduceMax", x, 2))
    level = builder.reduce("ReduceMean", image, 2)
    for i in (2, 3, 4):
        length = weights[f"layers.{i}.conv.weight"].shape[2]
        parts.append(_conv(builder, level, weights, f"layers.{i}", pads=(length // 2,)))
    front = builder.node("Concat", *parts, axis=1)
    layers = [_conv(builder, front, weights, "layer1", pads=(3,))]
    for name in ("layer2", "layer3"):
        new = _conv(builder, layers[-1], weights, name, pads=(3,))
        layers.append(builder.node("Add", new, layers[-1]))
    every = builder.node("Concat", front, *layers, axis=1)
    largest, mean = (builder.reduce(kind, every, 2) for kind in ("ReduceMax", "ReduceMean"))
    return _head(builder, builder.node("Concat", largest, mean, axis=1), weights)


def _add_short_chunk(builder: Builder, recipe: MelRecipe, weights: Weights) -> Built:
    x = _add_image(builder, recipe, weights)
    for i in range(1, 8):
        name = f"layer{i}"
        y = builder.node("Relu", _plain(builder, x, weights, name, 1, stride=2))
        y = _plain(builder, y, weights, name, 2)
        # The way around is a convolution as well, in every layer, since each halves the size.
        same = _plain(builder, x, weights, name, 3, stride=2)
        x = builder.node("Relu", builder.node("Add", same, y))
    flat = builder.reduce("ReduceMax", builder.reduce("ReduceMax", x, 3), 2)
    return _head(builder, flat, weights)


def _add_harmonic(builder: Builder, recipe: MelRecipe, weights: Weights) -> Built:
    filters = harmonic_filters(recipe, float(np.ravel(weights["hstft.bw_Q"])[0]))
    features = add_front_end(builder, recipe, filters)
    # (batch, 6 * 128, n_frames) -> (batch, 6, 128, n_frames)
    shape = builder.constant(np.array([0, N_HARMONICS, -1, recipe.n_frames]))
    x = _norm(builder, builder.node("Reshape", features, shape), weights, "hstft_bn")
    for i in range(1, 8):
        name, pool = f"layer{i}", (2, 2) if i < 6 else (2, 3)
        if i in (1, 5):
            x = _pooled(builder, x, weights, name, pool)
            continue
        y = builder.node("Relu", _plain(builder, x, weights, name, 1))
        y = builder.node("Add", x, _plain(builder, y, weights, name, 2))
        x = builder.node("MaxPool", builder.node("Relu", y), kernel_shape=pool, strides=pool)
    flat = builder.reduce("ReduceMax", builder.reduce("ReduceMax", x, 3), 2)
    return _head(builder, flat, weights)


def harmonic_filters(recipe: MelRecipe, quality: float) -> Array:
    """Triangles around quarter tones and their harmonics, shape (6 * 128, n_fft // 2 + 1).

    Args:
        recipe: has rate and frame length.
        quality: that was learned; bands are narrower by this factor than the ear's.
    """
    n_notes = (HIGHEST_NOTE - LOWEST_NOTE) * _NOTES_A_SEMITONE
    notes = LOWEST_NOTE + np.arange(n_notes) / _NOTES_A_SEMITONE
    lowest = 440 * 2 ** ((notes - 69) / 12)
    centres = np.concatenate([lowest * (i + 1) for i in range(N_HARMONICS)])[:, None]
    widths = (_BAND_SLOPE * centres + _BAND_HZ) / quality
    hz = np.arange(recipe.n_fft // 2 + 1) * recipe.sample_rate / recipe.n_fft
    triangles: Array = (1 - np.abs(hz - centres) * 2 / widths).clip(min=0)
    return triangles


def _head(builder: Builder, x: str, weights: Weights) -> Built:
    """Two dense layers; what stands between them is the embedding."""
    hidden = builder.dense(x, *_linear(weights, "dense1"))
    hidden = _norm(builder, hidden, weights, "bn")
    embedding = builder.node("Relu", hidden, output=EMBEDDING)
    return builder.dense(embedding, *_linear(weights, "dense2")), _width(weights, "dense2")


def _pooled(
    builder: Builder, x: str, weights: Weights, name: str, pool: tuple[int, int]
) -> str:
    x = _conv(builder, x, weights, name, pads=(1, 1))
    return builder.node("MaxPool", x, kernel_shape=pool, strides=pool)


def _conv(
    builder: Builder, x: str, weights: Weights, name: str, *, pads: tuple[int, ...]
) -> str:
    """A convolution, normalised, without what is negative."""
    kernel, bias = _linear(weights, f"{name}.conv")
    x = builder.conv(x, kernel, bias, pads=[*pads, *pads])
    return builder.node("Relu", _norm(builder, x, weights, f"{name}.bn"))


def _plain(
    builder: Builder, x: str, weights: Weights, name: str, number: int, *, stride: int = 1
) -> str:
    """A convolution of a residual layer, normalised."""
    kernel, bias = _linear(weights, f"{name}.conv_{number}")
    x = builder.conv(x, kernel, bias, pads=[1] * 4, strides=[stride] * 2)
    return _norm(builder, x, weights, f"{name}.bn_{number}")


def _norm(builder: Builder, x: str, weights: Weights, name: str) -> str:
    parts = [weights[f"{name}.{part}"] for part in _BATCH_NORM]
    return builder.batch_norm(x, parts, epsilon=EPSILON)


def _linear(weights: Weights, name: str) -> tuple[Array, Array]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _width(weights: Weights, name: str) -> int:
    return int(weights[f"{name}.weight"].shape[1])
