"""A second, smaller front end for networks that look at every n-th frame, or low bands, only.

`features` holds every frame, as the model contract asks for, so that stored features can be
fed in there. Most of them are computed for nothing if the network then drops two of three.
The trimmed front end computes the others alone: the same module with an n times longer hop, and
of mel the low bands alone where the network looks at no others. Its nodes travel in the model's
metadata, and `tagger.model.trimmed_front_end` puts them in place when it loads.
"""

import base64
import dataclasses
from collections.abc import Mapping

import onnx
from onnx import ModelProto, TensorProto, numpy_helper
from torch import Tensor, nn

from export.graph import trace_front_end
from tagger.model.trimmed_front_end import METADATA_KEY, lean_model
from train.features import FRONT_ENDS
from train.features.mel import MelFrontEnd
from train.models.network import TaggerNet

_PREFIX = "lean."


class _Trimmed(nn.Module):
    """Waveform (batch, window_len) -> the frames that the body looks at.

    Of mel also its bands alone; the others' rows all come from the same frequencies.
    """

    def __init__(self, net: TaggerNet) -> None:
        super().__init__()
        recipe = net.options.features_options
        options = dataclasses.replace(
            recipe,
            hop_len=recipe.hop_len * net.decimate,
            n_frames=-(-recipe.n_frames // net.decimate),
        )
        self.front_end = (
            MelFrontEnd(options, n_bands=net.n_rows)
            if isinstance(net.front_end, MelFrontEnd)
            else FRONT_ENDS[net.options.features][1](options)
        )

    def forward(self, waveform: Tensor) -> Tensor:
        features: Tensor = self.front_end(waveform)
        return features


def add_trimmed_front_end(model: ModelProto, net: TaggerNet, *, window_len: int) -> bool:
    """Put the nodes of the trimmed front end into a model's metadata.

    Args:
        model: as `export.graph.to_graph` made it, in any precision.
        net: the network that it came from.
        window_len: length of a window in samples.

    Returns:
        False if there is nothing to gain: the network looks at every frame and band, or its
        front end has no hop of its own to make longer.
    """
    recipe = net.options.features_options
    has_hop = any(field.name == "hop_len" for field in dataclasses.fields(recipe))
    drops_bands = isinstance(net.front_end, MelFrontEnd) and net.n_rows < recipe.n_mels
    if not has_hop or (net.decimate == 1 and not drops_bands):
        return False
    trimmed = trace_front_end(_Trimmed(net).eval(), window_len=window_len)
    names = _share_constants(trimmed, model)
    _rename(trimmed, {"waveform": "waveform", **names})
    entry = model.metadata_props.add()
    entry.key = METADATA_KEY
    entry.value = base64.b64encode(trimmed.graph.SerializeToString(deterministic=True)).decode()
    onnx.checker.check_model(lean_model(model))
    return True


def _share_constants(trimmed: ModelProto, model: ModelProto) -> dict[str, str]:
    """Remove constants that the model has as well; returns what it calls them."""
    by_content = {_content(tensor): tensor.name for tensor in model.graph.initializer}
    names = {
        tensor.name: by_content[_content(tensor)]
        for tensor in trimmed.graph.initializer
        if _content(tensor) in by_content
    }
    own = [tensor for tensor in trimmed.graph.initializer if tensor.name not in names]
    del trimmed.graph.initializer[:]
    trimmed.graph.initializer.extend(own)
    return names


def _content(constant: TensorProto) -> tuple[int, tuple[int, ...], bytes]:
    return constant.data_type, tuple(constant.dims), numpy_helper.to_array(constant).tobytes()


def _rename(model: ModelProto, names: Mapping[str, str]) -> None:
    """Give every name that is not shared with the model a prefix, so that none stands twice."""

    def renamed(name: str) -> str:
        return names.get(name, _PREFIX + name) if name else name

    graph = model.graph
    for node in graph.node:
        node.name = _PREFIX + node.name
        node.input[:] = [renamed(name) for name in node.input]
        node.output[:] = [renamed(name) for name in node.output]
    for constant in graph.initializer:
        constant.name = renamed(constant.name)
    graph.output[0].name = renamed(graph.output[0].name)
