"""The networks of sota-music-tagging-models are those that torch computes."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from export.public.builder import Builder
from export.public.sota import add_sota, find_network, harmonic_filters
from tagger.errors import ModelError
from tests.export.public.sota_in_torch import (
    Crnn,
    Fcn,
    Harmonic,
    Pons,
    ShortChunk,
    noise,
    shaken,
    with_features,
)


@pytest.mark.parametrize(
    ("net", "name"),
    [
        (Fcn, "fcn"),
        (Crnn, "crnn"),
        (Pons, "musicnn"),
        (ShortChunk, "short-chunk"),
        (Harmonic, "harmonic"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
@torch.no_grad()
def test_the_networks_of_sota_are_those_that_torch_computes(net, name):
    """Recognised by their names, with the stand-in's own answers to the same features."""
    made = shaken(net())
    weights = {key: value.numpy() for key, value in made.state_dict().items()}
    network = find_network(weights)
    assert network.name == name
    waveform = noise(network.recipe)
    features, scores, embedding = with_features(
        lambda builder: add_sota(builder, network, weights), network.recipe, 50, waveform
    )
    expected = torch.sigmoid(made(torch.from_numpy(features))).numpy()
    assert expected.std(axis=0).max() > 1e-3
    assert scores == pytest.approx(expected, abs=1e-4)
    assert embedding.shape[0] == 2
    del weights["dense.weight" if "dense.weight" in weights else "dense2.weight"]
    with pytest.raises((ModelError, AttributeError)):
        add_sota(Builder(), find_network(weights), weights)


def test_harmonics_of_a_note_are_taken_by_their_filters():
    """A tone of A4 and its harmonics each stand out in the band of A4 of their channel."""
    recipe = find_network({"hstft.bw_Q": np.ones(1)}).recipe
    filters = harmonic_filters(recipe, 1.0)
    assert filters.shape == (6 * 128, 257)
    hz = np.arange(257) * 31.25
    note = 2 * (69 - 24)
    for harmonic in range(6):
        band = filters[harmonic * 128 + note]
        centre, width = 440 * (harmonic + 1), 0.1079 * 440 * (harmonic + 1) + 24.7
        assert np.abs(hz[band > 0] - centre).max() < width / 2
        assert band == pytest.approx((1 - 2 * np.abs(hz - centre) / width).clip(min=0))
    narrower = harmonic_filters(recipe, 2.0)
    assert (narrower > 0).sum() < (filters > 0).sum()


@pytest.mark.data
def test_real_fcn_weights_answer_as_their_other_conversion(data):
    """msd_fcn of sota-music-tagging-models: 29 s windows, the same way."""
    other = onnx.load(data / "teachers" / "msd_fcn.onnx")
    constants = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in other.graph.initializer
    }
    weights = {
        name[2:]: constant for name, constant in constants.items() if name.startswith("m.")
    }
    for node in other.graph.node:
        if node.op_type == "Conv" and "layer" in node.output[0]:
            name = node.output[0].split("/")[1]
            kernel, bias = constants[node.input[1]], constants[node.input[2]]
            one = np.ones(len(bias), np.float32)
            weights |= {
                f"{name}.conv.weight": kernel, f"{name}.conv.bias": 0 * one,
                f"{name}.bn.weight": one, f"{name}.bn.bias": bias,
                f"{name}.bn.running_mean": 0 * one, f"{name}.bn.running_var": one - 1e-5,
            }  # fmt: skip
    network = find_network(weights)
    waveform = noise(network.recipe)
    _, found, _ = with_features(
        lambda builder: add_sota(builder, network, weights), network.recipe, 50, waveform
    )
    session = onnxruntime.InferenceSession(other.SerializeToString())
    (expected,) = session.run(["tags"], {"waveform": waveform})
    assert np.abs(found - expected).max() < 1e-4
