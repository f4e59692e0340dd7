"""A file of weights, or a model of our contract, -> a model that can be named."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import ModelProto

from export.public.add import AddOptions, refuse_taken, store
from export.public.builder import Builder
from export.public.contract import Described, Network, assemble
from export.public.efficientat import RECIPE as EFFICIENTAT
from export.public.efficientat import add_efficientat, is_efficientat
from export.public.essentia import add_published
from export.public.front_ends import MelRecipe
from export.public.sota import add_sota, find_network
from export.public.torch_file import read_torch_file
from export.public.vocabulary import read_vocabulary
from tagger.errors import InputError, ModelError
from tagger.model.spec_file import spec_in

Say = Callable[[str], None]

_TO_ONNX = "take the .onnx that is published beside it, or convert it with tf2onnx"
_ELSEWHERE = {
    ".pb": f"a graph of TensorFlow, which is not read here; {_TO_ONNX}",
    ".tflite": f"a model of TensorFlow Lite, which is not read here; {_TO_ONNX}",
}

_SOTA_VOCABULARIES = ("msd", "mtat", "jamendo")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    """What a file of weights turned out to be.

    Attributes:
        title: the family's name and page.
        network: its name in the family.
        recipe: how its features are computed.
        vocabularies: those that it may have.
        licence: of the code, and of the weights as they were published.
        add: adds front end and network.
    """

    title: str
    network: str
    recipe: MelRecipe
    vocabularies: tuple[str, ...]
    licence: str
    add: Network


def add_file(path: Path, options: AddOptions, *, say: Say) -> Path:
    """Make a model file of a file that the user has.

    Args:
        path: weights of EfficientAT (`.pt`) or of sota-music-tagging-models (`.pth`), a
            published network (`.onnx` with its `.json`), or an `.onnx` of our contract, which
            is only put into its place.
        options: name, vocabulary, threshold.
        say: told what was recognised, a line at a time.

    Raises:
        InputError: the file, its kind or its vocabulary is not known.
        ModelError: its weights are damaged, or the model breaks the contract.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; check the path.")
    name = options.name or re.sub(r"[\s_]+", "-", path.stem.lower())
    refuse_taken(name, force=options.force)
    if path.suffix.lower() == ".onnx":
        if options.metadata or options.backbone or path.with_suffix(".json").exists():
            return add_published(path, name, options, say=say)
        return store(_ours(path), name, say=say)
    if path.suffix.lower() in _ELSEWHERE:
        raise InputError(f"{path}: {_ELSEWHERE[path.suffix.lower()]}.")
    weights = read_torch_file(path)
    family = _family_of(weights, path)
    vocabulary = read_vocabulary(_vocabulary(path, family.vocabularies, options.vocabulary))
    say(f"{path}: {family.network} of {family.title}, tags of {vocabulary.name}")
    about = Described(
        name=name,
        licence=family.licence,
        training={
            "source": family.title,
            "weights_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "vocabulary": vocabulary.name,
        },
        threshold=options.threshold,
    )
    made = assemble(family.add, family.recipe, vocabulary, about)
    say(
        f"{name}: not compared with the original, of which no answers are stored; its graph is"
        " held to the published network by tests."
    )
    return store(made, name, say=say)


def _ours(path: Path) -> ModelProto:
    """A model of our contract.

    Raises:
        ModelError: it is none.
    """
    try:
        spec_in(path)
    except ModelError as error:
        raise ModelError(
            f"{error} Of a network that others have published, the .json with its classes is"
            " needed, too: put it beside the file, or name it with --metadata."
        ) from error
    return onnx.load(path)


def _family_of(weights: dict[str, NDArray[Any]], path: Path) -> _Family:
    if is_efficientat(weights):
        return _Family(
            title="EfficientAT (https://github.com/fschmid56/EfficientAT)",
            network="MobileNet",
            recipe=EFFICIENTAT,
            vocabularies=("audioset",),
            licence="MIT (EfficientAT)",
            add=lambda builder: add_efficientat(builder, weights),
        )
    network = find_network(weights)
    if network is None:
        raise InputError(
            f"{path}: weights of a network that is not known here; known are EfficientAT's"
            " mn.._as and the fcn, musicnn, crnn, short-chunk and harmonic networks of"
            " sota-music-tagging-models."
        )

    def add(builder: Builder) -> tuple[str, int | None]:
        return add_sota(builder, network, weights)

    return _Family(
        title="sota-music-tagging-models (https://github.com/minzwon/sota-music-tagging-models)",
        network=network.name,
        recipe=network.recipe,
        vocabularies=_SOTA_VOCABULARIES,
        licence="MIT (sota-music-tagging-models)",
        add=add,
    )


def _vocabulary(path: Path, possible: Sequence[str], given: str | None) -> str:
    """The one that was named, the only one, or the one that a folder of the path names.

    Raises:
        InputError: it cannot be told, or is none of this network.
    """
    if given is not None:
        if given not in possible:
            raise InputError(f"--vocabulary {given}: choose one of {', '.join(possible)}.")
        return given
    if len(possible) == 1:
        return possible[0]
    parts = [part.lower() for part in path.resolve().parts]
    named = [name for name in possible if name in parts]
    if len(named) == 1:
        return named[0]
    raise InputError(
        f"{path}: weights do not tell which tags they were trained on; name them with"
        f" --vocabulary {'|'.join(possible)}."
    )
