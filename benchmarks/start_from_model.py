"""A checkpoint of a model file's weights: `start_from_model.py MODEL.onnx CONFIG.yaml OUT.pt`.

The model before (28b965339e6e) began at the weights of one whose checkpoint was not kept.
This reads them back from its float32 file (revision abaebef1dc34, `cnn-lstm-attention`), for
the experiment `follow`. CONFIG names the network; its
front end may have another hop than the file's, since no weight depends on it.

A file has batch normalisations folded into the convolutions before them. Each gets the mean and
variance of what it is given in music of the train side of `recordings` (data in $TAGGER_DATA),
and the scale and shift under which the network answers exactly as before. What is printed is
the largest difference of an embedding by that, and, where the front end is the file's own, the
largest difference of a score from the file's: both are rounding, or nothing is saved.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from measure import data_folder, emit
from onnx import numpy_helper
from onnxruntime import InferenceSession
from torch import Tensor, nn

from tagger.audio import open_track
from tagger.model.spec_file import spec_in
from train.config.config import TrainConfig, load_config, parse_overrides
from train.datasets.audio import Where
from train.datasets.base import MUSIC
from train.datasets.recordings import load
from train.models import checkpoint
from train.models.network import TaggerNet

N_WINDOWS = 160
NORMS = {"conv": "norm", "conv1": "norm1", "conv2": "norm2"}
"""Which normalisation follows a convolution; else NAME_norm does."""

NORM_TYPES = (nn.BatchNorm1d, nn.BatchNorm2d)
LEAST_VARIANCE = 1e-4
ROUNDING = 1e-4
"""Of a score: what was not read back, or wrongly, differs by far more."""

DATA = ("datasets", "learned_from", "hours", "teachers")
"""What the file says of what was learned from."""


def _own(name: str) -> str:
    """The exporter's name without the module that it wraps the network in."""
    return name.removeprefix("net.")


def constants(path: Path) -> dict[str, Tensor]:
    """All weights of a model file by the exporter's names."""
    graph = onnx.load(path).graph
    named = {
        _own(one.name): torch.from_numpy(numpy_helper.to_array(one).copy())
        for one in graph.initializer
    }
    strided = [
        node.input
        for node in graph.node
        if node.op_type == "Conv" and named[_own(node.input[1])].shape[2:] == (2, 2)
    ]
    for i, (_, weight, bias) in enumerate(strided):
        # A mean of four cells and then a convolution of one, which the exporter makes one.
        one = f"body.blocks.{i}.shortcut.weight"
        named[one] = named[_own(weight)].sum(dim=(2, 3), keepdim=True)
        named[f"{one}_bias"] = named[_own(bias)]
    recurrent = next(node for node in graph.node if node.op_type == "LSTM")
    for name, source in zip(("W", "R", "B"), recurrent.input[1:4], strict=True):
        named[f"lstm.{name}"] = named[_own(source)]
    return named


@torch.no_grad()
def put(net: TaggerNet, found: Mapping[str, Tensor]) -> None:
    """Fill in body and head; normalisations change nothing but add a folded bias."""
    state = net.state_dict()
    normed = {name for name, one in net.named_modules() if isinstance(one, NORM_TYPES)}
    for name in state:
        is_known = name in found or name.rpartition(".")[0] in normed or ".lstm." in name
        if name.startswith("body.") and not is_known:
            raise SystemExit(f"{name}: the file has no such weight; is its body another one?")
    for name, value in found.items():
        if name.startswith("body.") and name.endswith("_bias"):
            _as_shift(state, name.removesuffix(".weight_bias"), value)
        elif name.startswith("body.") and name in state:
            state[name].copy_(value)
    for i, way in enumerate(("", "_reverse")):
        weights, bias = found["lstm.B"].shape[1] // 2, found["lstm.B"][i]
        _by_gate(state[f"body.lstm.weight_ih_l0{way}"], found["lstm.W"][i])
        _by_gate(state[f"body.lstm.weight_hh_l0{way}"], found["lstm.R"][i])
        _by_gate(state[f"body.lstm.bias_ih_l0{way}"], bias[:weights])
        _by_gate(state[f"body.lstm.bias_hh_l0{way}"], bias[weights:])
    for part in ("labels", "music"):
        for kind in ("weight", "bias"):
            state[f"head.{part}.{kind}"].copy_(found[f"head.{part}.{kind}"])
    for name in ("label_scale", "label_bias", "music_scale", "music_bias"):
        state[name].copy_(found[name])
    net.load_state_dict(state)


def _as_shift(state: Mapping[str, Tensor], convolution: str, bias: Tensor) -> None:
    parent, _, own = convolution.rpartition(".")
    norm = f"{parent}.{NORMS.get(own, f'{own}_norm')}"
    state[f"{norm}.weight"].fill_(1)
    state[f"{norm}.bias"].copy_(bias)
    state[f"{norm}.running_mean"].zero_()
    state[f"{norm}.running_var"].fill_(1 - nn.BatchNorm1d(1).eps)


def _by_gate(own: Tensor, found: Tensor) -> None:
    """ONNX has the gates input, output, forget, cell; torch input, forget, cell, output."""
    given, output, forget, cell = found.chunk(4)
    own.copy_(torch.cat([given, forget, cell, output]))


def windows(config: TrainConfig) -> Iterator[Tensor]:
    """The middle window of music that is learned from."""
    options = config.features_options
    clips = load(Where(root=data_folder()))
    usable = np.flatnonzero((clips.splits == "train") & (clips.music == MUSIC))
    for i in usable[:: max(1, len(usable) // N_WINDOWS)]:
        with open_track(clips.paths[i], sample_rate=options.sample_rate) as track:
            for cut in track.windows(window_len=options.window_len, n_windows=1):
                yield torch.from_numpy(np.ascontiguousarray(cut))[None]


@torch.no_grad()
def measure_norms(net: TaggerNet, heard: list[Tensor]) -> float:
    """Give each normalisation the statistics of what it is given; returns what that changed."""
    norms = [one for one in net.body.modules() if isinstance(one, NORM_TYPES)]
    sums = {one: torch.zeros(3, one.num_features, dtype=torch.float64) for one in norms}

    def add(one: nn.Module, given: tuple[Tensor, ...]) -> None:
        by_channel = given[0].double().transpose(0, 1).flatten(1)
        sums[one] += torch.stack(
            [
                torch.full((len(by_channel),), by_channel.shape[1], dtype=torch.float64),
                by_channel.sum(dim=1),
                by_channel.square().sum(dim=1),
            ]
        )

    hooks = [one.register_forward_pre_hook(add) for one in norms]
    before = [net.embed(net.front_end(window)) for window in heard]
    for hook in hooks:
        hook.remove()
    for one in norms:
        count, total, squares = sums[one]
        mean = total / count
        variance = (squares / count - mean.square()).clamp(min=LEAST_VARIANCE)
        one.bias.copy_(one.bias + mean.float())
        one.weight.copy_((variance + one.eps).sqrt().float())
        one.running_mean.copy_(mean.float())
        one.running_var.copy_(variance.float())
    after = [net.embed(net.front_end(window)) for window in heard]
    return max(float((a - b).abs().max()) for a, b in zip(before, after, strict=True))


@torch.no_grad()
def difference(net: TaggerNet, model: Path, heard: list[Tensor]) -> float:
    """The largest difference between our scores and the file's, for the same windows."""
    session = InferenceSession(str(model), providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0].name
    found = [session.run(["scores"], {given: window.numpy()})[0] for window in heard]
    ours = [net(window).numpy() for window in heard]
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, found, strict=True))


def main() -> None:
    """Read, measure, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", type=Path)
    parser.add_argument("config", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    given = parser.parse_args()
    config = load_config(given.config, parse_overrides(given.set))
    spec = spec_in(given.model)
    labels = (*config.labels, *spec.labels[len(config.labels) :])
    net = TaggerNet(
        config.network(),
        n_labels=len(labels),
        beside=config.parents_beside(labels),
        among=config.parents_among(labels),
    ).eval()
    put(net, constants(given.model))
    heard = list(windows(config))
    changed = measure_norms(net, heard)
    facts = {
        "thresholds": {label: spec.thresholds[config.written(label)] for label in labels},
        "calibration": dict(spec.calibration),
        "data": {name: spec.training[name] for name in DATA if name in spec.training},
    }
    figures: dict[str, object] = {"n_windows": len(heard), "largest_difference": changed}
    ours = config.features_options
    if (ours.window_len, ours.hop_len) == (spec.window_len, spec.hop_len):
        from_file = difference(net, given.model, heard)
        if from_file > ROUNDING:
            raise SystemExit(f"{given.model}: read back, its scores differ by {from_file:.2g}")
        figures["largest_difference_from_file"] = from_file
    checkpoint.save(checkpoint.Checkpoint(net, config, labels, facts), given.out)
    emit({**figures, "out": str(given.out)})


if __name__ == "__main__":
    main()
