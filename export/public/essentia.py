"""A network that takes features, published as `.onnx` with a `.json` -> a model of ours.

Front end, network and, where there is one, the head behind it become one graph; the networks'
nodes stay as they are. Nothing of a network is known here but what its file and its `.json`
say, so that every one that is published in this way can be added.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, ValueInfoProto, compose, version_converter

from export.public.add import AddOptions, Say, refuse_taken, store
from export.public.builder import OPSET, Builder
from export.public.classes import vocabulary_of
from export.public.contract import Described, assemble
from export.public.front_ends import MelRecipe, add_front_end
from export.public.published import YAMNET, Published, read_published
from tagger.errors import InputError, ModelError
from tagger.model.session import EMBEDDING
from tagger.model.spec import MAX_EMBEDDING

PAGE = "https://essentia.upf.edu/models.html"


@dataclass(frozen=True, slots=True)
class _Network:
    """A file of a network.

    Attributes:
        path: where it is.
        model: what is in it, in our version of the operators.
        takes: its input.
    """

    path: Path
    model: ModelProto
    takes: ValueInfoProto

    @property
    def takes_shape(self) -> list[int | None]:
        """Of its input; None for a number that may vary."""
        return _shape(self.takes)

    def output(self, width: int) -> str | None:
        """The name of an output of shape (batch, width); None if there is none."""
        wide = (
            output.name for output in self.model.graph.output if _shape(output)[1:] == [width]
        )
        return next(wide, None)


def add_published(path: Path, name: str, options: AddOptions, *, say: Say) -> Path:
    """Make a model file of a published network, or of a head and the network below it.

    Args:
        path: the network, `.onnx`; its `.json` stands beside it or is named by the options.
        name: of the model.
        options: where `.json` and the network below are, and that the licence is accepted.
        say: told what was recognised, a line at a time.

    Raises:
        InputError: something is missing, is not known, or the licence was not accepted.
        ModelError: the network cannot be joined to a front end.
    """
    refuse_taken(name, force=options.force)
    about = read_published(options.metadata or path.with_suffix(".json"))
    if about.activation != "Sigmoid":
        raise InputError(
            f"{path}: it ends with {about.activation or 'no activation'}; only networks whose"
            " classes have scores of their own (Sigmoid) can be added."
        )
    say(f"{path}: {about.name}, {len(about.classes)} classes; {about.licence}")
    if about.licence != YAMNET and not options.accepts_licence:
        raise InputError(
            f"{path}: its licence forbids commercial use, and perhaps to pass on what is made"
            f" of it. Read {PAGE}, and add --accept-licence if you accept it."
        )
    networks = _networks(path, about, options)
    recipe = _recipe(networks[0], about)
    made = assemble(
        lambda builder: _add_networks(builder, networks, recipe, len(about.classes)),
        recipe,
        vocabulary_of(about.name, about.classes),
        Described(
            name=name,
            licence=about.licence,
            training={
                "source": f"{about.name} ({PAGE})",
                "weights_sha256": ", ".join(map(_digest, networks)),
                "vocabulary": about.name,
            },
            threshold=options.threshold,
        ),
        activation="Identity",
    )
    say(
        f"{name}: not compared with the original, of which no answers are stored; front end and"
        " joints are held to its published description by tests."
    )
    return store(made, name, say=say)


def _networks(path: Path, about: Published, options: AddOptions) -> list[_Network]:
    """The network, or the one below it and the head, in the order in which they run."""
    if not about.is_head:
        if options.backbone is not None:
            raise InputError(f"{path}: it takes features, not the embedding of a --backbone.")
        return [_read(path)]
    if options.backbone is None:
        raise InputError(
            f"{path}: a head, which takes the embedding of another network; name that one with"
            " --backbone FILE.onnx."
        )
    return [_read(options.backbone), _read(path)]


def _read(path: Path) -> _Network:
    """A network with one input, in our version of the operators.

    Raises:
        InputError: it is no such file.
        ModelError: it has other operators than ONNX's, or more inputs.
    """
    try:
        model = onnx.load(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file; check the path.") from error
    except Exception as error:  # protobuf's, which this project does not know by name
        raise InputError(f"{path}: not an ONNX file that can be read ({error}).") from error
    if len(model.functions) or {opset.domain for opset in model.opset_import} - {"", "ai.onnx"}:
        raise ModelError(f"{path}: it has operators that are not ONNX's own.")
    try:
        model = version_converter.convert_version(model, OPSET)
    except RuntimeError as error:
        raise ModelError(
            f"{path}: its operators have no form in version {OPSET} of ONNX ({error})."
        ) from error
    constants = {tensor.name for tensor in model.graph.initializer}
    takes = [tensor for tensor in model.graph.input if tensor.name not in constants]
    if len(takes) != 1:
        raise ModelError(f"{path}: it takes {len(takes)} inputs, and one is needed.")
    return _Network(path, model, takes[0])


def _recipe(network: _Network, about: Published) -> MelRecipe:
    """The front end of a network: that of its algorithm, for as many frames as it takes.

    Raises:
        InputError: the algorithm is not known.
        ModelError: the network takes something else than such features.
    """
    recipe, shape = about.recipe, network.takes_shape
    channel, frames, bands = [None, *shape[1:]][-3:] if len(shape) in (3, 4) else [None] * 3
    if frames is None or bands != recipe.n_mels or channel not in (None, 1):
        raise ModelError(
            f"{network.path}: it takes {shape}, and {about.algorithm} gives (batch, frames,"
            f" {recipe.n_mels})."
        )
    if shape[0] is not None:
        raise ModelError(
            f"{network.path}: it takes {shape[0]} windows at once, no more and no less; take"
            " the file whose batch is free (`bsdynamic`), or convert it so."
        )
    return replace(recipe, n_frames=frames)


def _add_networks(
    builder: Builder, networks: Sequence[_Network], recipe: MelRecipe, n_classes: int
) -> tuple[str, int | None]:
    """Add front end, network and head; the name of the scores, and the embedding's width."""
    # (batch, n_mels, n_frames) -> (batch, n_frames, n_mels), or with an axis of one channel
    x = builder.node("Transpose", add_front_end(builder, recipe), perm=[0, 2, 1])
    if len(networks[0].takes_shape) == 4:
        x = builder.node("Unsqueeze", x, builder.constant(np.array([1])))
    first, last = networks[0], networks[-1]
    width = None
    for number, network in enumerate(networks):
        _join(builder, network, x, f"network_{number}/")
        if network is not last:
            (_, width) = last.takes_shape
            if width is None or (name := network.output(width)) is None:
                raise ModelError(
                    f"{last.path}: it takes {last.takes_shape}, and {network.path} gives no"
                    " such embedding; name the network that it was made for with --backbone."
                )
            x = f"network_{number}/{name}"
    if (scores := last.output(n_classes)) is None:
        raise ModelError(
            f"{last.path}: no output has the {n_classes} classes of its .json; they do not"
            " belong together."
        )
    if width is not None and width <= MAX_EMBEDDING:
        builder.node("Identity", x, output=EMBEDDING)
    else:
        width = _give_embedding(builder, first, n_classes)
    return f"network_{len(networks) - 1}/{scores}", width


def _give_embedding(builder: Builder, network: _Network, n_classes: int) -> int | None:
    """Name the embedding that a network gives beside its scores, if the contract allows it."""
    for output in network.model.graph.output:
        shape = _shape(output)
        width = shape[1] if len(shape) == 2 else None
        if width is not None and width != n_classes and width <= MAX_EMBEDDING:
            builder.node("Identity", f"network_0/{output.name}", output=EMBEDDING)
            return width
    return None


def _join(builder: Builder, network: _Network, x: str, prefix: str) -> None:
    """Add a network's nodes behind a tensor; all its names begin with the prefix then."""
    graph = compose.add_prefix(network.model, prefix).graph
    if graph.sparse_initializer:
        raise ModelError(f"{network.path}: it has sparse weights, which cannot be joined.")
    builder.node("Identity", x, output=f"{prefix}{network.takes.name}")
    builder.constants.extend(graph.initializer)
    builder.nodes.extend(graph.node)


def _shape(value: ValueInfoProto) -> list[int | None]:
    """Of a tensor; None for a number that may vary."""
    return [axis.dim_value or None for axis in value.type.tensor_type.shape.dim]


def _digest(network: _Network) -> str:
    return hashlib.sha256(network.path.read_bytes()).hexdigest()
