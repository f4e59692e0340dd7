"""The networks of musicnn 0.1.0 as nodes, from the variables of its checkpoints.

J. Pons and X. Serra, musicnn: pre-trained convolutional neural networks for music audio
tagging, ISMIR 2019 late-breaking. The package is under the ISC licence; what its checkpoints
hold is read from the user's own copy of it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.public.builder import Builder
from export.public.front_ends import MelRecipe, add_front_end
from tagger.errors import ModelError
from tagger.model.session import EMBEDDING

Array = NDArray[Any]

RECIPE = MelRecipe()
"""Three seconds: 187 frames of 96 mels."""

EPSILON = 1e-3
"""Of TensorFlow's batch normalisation, where nothing else is said."""

_TEMPORAL = (128, 64, 32)
_POOLS = ((4, 1, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2), (4, 4, 4))
"""Of the VGG: frames, bands, and the stride of both."""


class Variables:
    """A checkpoint's variables by layer, in the layouts that ONNX takes."""

    def __init__(self, arrays: Mapping[str, Array], *, where: str) -> None:
        self.arrays, self.where = arrays, where

    def get(self, name: str) -> Array:
        """A variable as it stands.

        Raises:
            ModelError: there is none of that name.
        """
        if name not in self.arrays:
            raise ModelError(
                f"{self.where}: it lacks {name}, so it is no checkpoint of musicnn 0.1.0; use"
                " the one in the package."
            )
        return self.arrays[name]

    def kernel(self, layer: str) -> tuple[Array, Array]:
        """Weight (n_out, n_in, height, width) and bias of a convolution."""
        return self.get(f"{layer}/kernel").transpose(3, 2, 0, 1), self.get(f"{layer}/bias")

    def dense(self, layer: str) -> tuple[Array, Array]:
        """Weight (n_out, n_in) and bias of a dense layer."""
        return self.get(f"{layer}/kernel").T, self.get(f"{layer}/bias")

    def norm(self, number: int) -> list[Array]:
        """Gamma, beta, mean and variance of the batch normalisation with a number."""
        layer = "batch_normalization" + (f"_{number}" if number else "")
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        return [self.get(f"{layer}/{name}") for name in names]


def add_musicnn(builder: Builder, variables: Variables) -> tuple[str, int]:
    """Add front end and musicnn's network.

    Returns:
        The name of its logits, and the width of its embedding: the last layer but one.
    """
    features = add_front_end(builder, RECIPE)
    # (batch, n_mels, n_frames) -> (batch, 1, n_frames, n_mels)
    frames = builder.node("Transpose", features, perm=[0, 2, 1])
    image = builder.node("Unsqueeze", frames, builder.constant(np.array([1])))
    x = builder.batch_norm(image, variables.norm(0), epsilon=EPSILON)
    timbral = [_timbral(builder, x, variables, number) for number in (0, 1)]
    temporal = [
        _temporal(builder, x, variables, 2 + i, length) for i, length in enumerate(_TEMPORAL)
    ]
    front = builder.node("Concat", *timbral, *temporal, axis=1)
    first = _middle(builder, front, variables, 5)
    second = builder.node("Add", _middle(builder, first, variables, 6), first)
    third = builder.node("Add", _middle(builder, second, variables, 7), second)
    layers = builder.node("Concat", front, first, second, third, axis=1)
    return _back(builder, layers, variables)


def _timbral(builder: Builder, x: str, variables: Variables, number: int) -> str:
    """A filter over most bands and seven frames, its loudest place: (batch, n, n_frames)."""
    weight, bias = variables.kernel(f"conv2d{f'_{number}' if number else ''}")
    x = builder.node("Relu", builder.conv(x, weight, bias, pads=[3, 0, 3, 0]))
    x = builder.batch_norm(x, variables.norm(number + 1), epsilon=EPSILON)
    return builder.reduce("ReduceMax", x, 3)


def _temporal(builder: Builder, x: str, variables: Variables, number: int, length: int) -> str:
    """A filter over one band and many frames, its loudest band: (batch, n, n_frames)."""
    weight, bias = variables.kernel(f"conv2d_{number}")
    before = (length - 1) // 2  # TensorFlow's 'same' puts the odd one behind
    x = builder.conv(x, weight, bias, pads=[before, 0, length - 1 - before, 0])
    x = builder.batch_norm(builder.node("Relu", x), variables.norm(number + 1), epsilon=EPSILON)
    return builder.reduce("ReduceMax", x, 3)


def _middle(builder: Builder, x: str, variables: Variables, number: int) -> str:
    """A filter over seven frames and all channels: (batch, 64, n_frames).

    The original lays the channels out as a second dimension and takes a filter as wide as
    it; that is a convolution in one dimension.
    """
    kernel = variables.get(f"conv2d_{number}/kernel")  # (7, n_in, 1, n_out)
    weight = kernel[:, :, 0, :].transpose(2, 1, 0)
    bias = variables.get(f"conv2d_{number}/bias")
    x = builder.node("Relu", builder.conv(x, weight, bias, pads=[3, 3]))
    return builder.batch_norm(x, variables.norm(number + 1), epsilon=EPSILON)


def _back(builder: Builder, layers: str, variables: Variables) -> tuple[str, int]:
    """Maximum and mean over time, side by side for each channel, and two dense layers."""
    largest = builder.reduce("ReduceMax", layers, 2, keep=True)
    mean = builder.reduce("ReduceMean", layers, 2, keep=True)
    pooled = builder.node("Flatten", builder.node("Concat", largest, mean, axis=2), axis=1)
    x = builder.batch_norm(pooled, variables.norm(9), epsilon=EPSILON)
    x = builder.node("Relu", builder.dense(x, *variables.dense("dense")))
    norm = variables.norm(10)
    names = [builder.constant(part) for part in norm]
    embedding = builder.node("BatchNormalization", x, *names, epsilon=EPSILON, output=EMBEDDING)
    return builder.dense(embedding, *variables.dense("dense_1")), len(norm[0])


def add_vgg(builder: Builder, variables: Variables) -> tuple[str, int]:
    """Add front end and musicnn's VGG; returns as `add_musicnn`."""
    features = add_front_end(builder, RECIPE)
    frames = builder.node("Transpose", features, perm=[0, 2, 1])
    x = builder.node("Unsqueeze", frames, builder.constant(np.array([1])))
    x = builder.batch_norm(x, variables.norm(0), epsilon=EPSILON)
    for i, (height, width, stride) in enumerate(_POOLS):
        weight, bias = variables.kernel(f"{i + 1}CNN")
        x = builder.node("Relu", builder.conv(x, weight, bias, pads=[1, 1, 1, 1]))
        x = builder.batch_norm(x, variables.norm(i + 1), epsilon=EPSILON)
        size, strides = [height, width], [stride, stride]
        if i == len(_POOLS) - 1:
            strides = size
        x = builder.node("MaxPool", x, kernel_shape=size, strides=strides)
    # (batch, n, frames, bands): TensorFlow flattens with the channels last
    last = builder.node("Transpose", x, perm=[0, 2, 3, 1])
    embedding = builder.node("Flatten", last, axis=1, output=EMBEDDING)
    weight, bias = variables.dense("dense")
    return builder.dense(embedding, weight, bias), weight.shape[1]
