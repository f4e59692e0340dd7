"""EfficientAT's MobileNets are what torch computes."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from export.public.builder import Builder
from export.public.efficientat import EPSILON, RECIPE, add_efficientat
from tagger.errors import ModelError
from tests.export.public.efficientat_in_torch import efficientat_in_torch, efficientat_state
from tests.export.public.sota_in_torch import noise, with_features


@torch.no_grad()
def test_efficientat_is_what_torch_computes():
    """The stand-in's scores and embedding, of the same features."""
    state = efficientat_state()
    weights = {name: value.numpy() for name, value in state.items()}
    features, scores, embedding = with_features(
        lambda builder: add_efficientat(builder, weights), RECIPE, 527, noise(RECIPE)
    )
    assert features.shape == (2, 128, 1000)
    expected, pooled = efficientat_in_torch(state, torch.from_numpy(features))
    assert expected.std(axis=0).max() > 1e-3
    assert scores == pytest.approx(expected, abs=1e-4)
    assert embedding == pytest.approx(pooled, abs=1e-3)
    del weights["features.7.block.1.1.bias"]
    with pytest.raises(ModelError, match=r"features\.7\.block\.1\.1\.bias"):
        add_efficientat(Builder(), weights)


@pytest.mark.data
def test_real_mobilenet_weights_answer_as_their_other_conversion(data):
    """mn04_as: the weights of a conversion that was checked against the original."""
    other = onnx.load(data / "teachers" / "mn04_as.onnx")
    weights = mobilenet_weights(other)
    builder = Builder()
    logits, width = add_efficientat(builder, weights)
    builder.node("Sigmoid", logits, output="scores")
    made = builder.model(window_len=RECIPE.window_len, n_labels=527, embedding=width)
    waveform = noise(RECIPE)
    mine = onnxruntime.InferenceSession(made.SerializeToString())
    theirs = onnxruntime.InferenceSession(other.SerializeToString())
    found = mine.run(["scores", "embedding"], {"waveform": waveform})
    expected = theirs.run(["tags", "embedding"], {"waveform": waveform})
    assert np.abs(found[0] - expected[0]).max() < 1e-4
    assert np.abs(found[1] - expected[1]).max() < 1e-3


def mobilenet_weights(model):
    """The weights of a graph whose normalisations are folded in, with neutral ones again."""
    constants = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
    }
    found = {
        name[3:]: constant for name, constant in constants.items() if name.startswith("mn.")
    }
    for node in model.graph.node:
        if node.op_type != "Conv" or "features" not in node.output[0]:
            continue
        parts = node.output[0].split("/")
        block = next(part.split(".")[1] for part in parts if part.startswith("features."))
        name = f"features.{block}"
        if "block" in node.output[0]:
            name += f".block.{parts[-2].split('.')[1]}"
        kernel, bias = constants[node.input[1]], constants[node.input[2]]
        one = np.ones(len(bias), np.float32)
        found |= {
            f"{name}.0.weight": kernel, f"{name}.1.weight": one, f"{name}.1.bias": bias,
            f"{name}.1.running_mean": 0 * one, f"{name}.1.running_var": (1 - EPSILON) * one,
        }  # fmt: skip
    return found
