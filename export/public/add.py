"""A public model's name -> a file of our contract in the user's folder of models."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto

from export.public.builder import Builder
from export.public.contract import (
    THRESHOLD,
    TOLERANCE,
    Described,
    assemble,
    describe,
    scores_of,
)
from export.public.musicnn import RECIPE, Variables, add_musicnn, add_vgg
from export.public.registry import PublicModel, find_public
from export.public.vocabulary import Vocabulary, read_vocabulary
from export.public.weights import checkpoint_of, find_origin
from tagger.errors import InputError, ModelError
from tagger.model.new_file import new_model_file, put_model
from tagger.model.self_test import golden_windows
from tagger.model.spec import METADATA_KEY, ModelSpec, parse_spec

Say = Callable[[str], None]

REFERENCES = Path(__file__).with_name("references")
_NETWORKS = {"musicnn": add_musicnn, "vgg": add_vgg}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions:
    """How a model is added.

    Attributes:
        origin: the user's copy of the weights; None to look for it.
        download: whether they may be fetched from their published address.
        name: what a file becomes; None for the file's own name.
        vocabulary: which tags a file of weights was trained on; None to find out.
        threshold: of every label, in (0, 1].
        force: whether a model of that name is replaced.
        metadata: the `.json` of a published network; None for the one beside it.
        backbone: the network whose embedding a head takes.
        accepts_licence: whether the user has accepted one that forbids commercial use.
    """

    origin: Path | None = None
    download: bool = False
    name: str | None = None
    vocabulary: str | None = None
    threshold: float = THRESHOLD
    force: bool = False
    metadata: Path | None = None
    backbone: Path | None = None
    accepts_licence: bool = False


def add_public(name: str, options: AddOptions, *, say: Say) -> list[Path]:
    """Make the model files of a name of the registry.

    Args:
        name: of a source (all its models) or of a model.
        options: where the weights are, and what the file says.
        say: told what was checked, a line at a time.

    Returns:
        The files, in the user's folder of models.

    Raises:
        InputError: the name, or the weights, are not there, or a model of the name is.
        ModelError: the weights are others than the published, or the answers are.
    """
    models = find_public(name)
    for model in models:
        refuse_taken(model.name, force=options.force)
    origin = find_origin(models[0].source, options.origin, download=options.download)
    say(f"{models[0].source.title}: weights from {origin.path}; {models[0].source.licence}")
    return [
        _add(
            model, Variables(checkpoint_of(model, origin), where=str(origin.path)), options, say
        )
        for model in models
    ]


def _add(model: PublicModel, variables: Variables, options: AddOptions, say: Say) -> Path:
    vocabulary = read_vocabulary(model.vocabulary)

    def network(builder: Builder) -> tuple[str, int | None]:
        return _NETWORKS[model.network](builder, variables)

    about = Described(
        name=model.name,
        licence=model.source.licence,
        training={
            "source": model.source.title,
            "page": model.source.page,
            "weights_sha256": model.values_sha256,
            "vocabulary": model.vocabulary,
        },
        threshold=options.threshold,
    )
    made = assemble(network, RECIPE, vocabulary, about)
    show_parity(made, model.name, vocabulary, say=say)
    return store(made, model.name, say=say)


def show_parity(model: ModelProto, name: str, vocabulary: Vocabulary, *, say: Say) -> None:
    """Hold a model to the stored answers of the original; the figure goes into its spec.

    Raises:
        ModelError: the scores differ by more than `TOLERANCE`.
    """
    spec = spec_in(model)
    record = json.loads((REFERENCES / f"{name}.json").read_text(encoding="utf-8"))
    tags = np.array(record["tags"])
    expected = np.stack(
        [tags[:, list(label.columns)].max(axis=1) for label in vocabulary.labels], axis=1
    )
    scores = scores_of(model)(golden_windows(spec))
    difference = float(np.abs(scores - expected).max())
    if not difference <= TOLERANCE:  # NaN must not pass
        raise ModelError(
            f"{name}: its scores differ by {difference:.2g} from those of the original"
            f" (allowed: {TOLERANCE}), so it is not added."
        )
    figure = f"{difference:.1e} on {len(tags)} windows ({record['made_by']})"
    say(f"{name}: largest difference of a score from the original's: {figure}")
    describe(model, replace(spec, metrics={"difference from the original": figure}))


def spec_in(model: ModelProto) -> ModelSpec:
    """The spec in a model's metadata."""
    entries: dict[str, Any] = {prop.key: prop.value for prop in model.metadata_props}
    return parse_spec(entries.get(METADATA_KEY))


def refuse_taken(name: str, *, force: bool) -> None:
    """Refuse a name that another model has.

    Raises:
        InputError: it cannot be a name, is that of a packaged model, or there is a file and no
            `force`.
    """
    target = new_model_file(name)
    if target.exists() and not force:
        raise InputError(f"{target}: it is there already; add --force to replace it.")


def store(model: ModelProto, name: str, *, say: Say) -> Path:
    """Put a model into the user's folder, whole or not at all.

    Raises:
        InputError: the folder cannot be written.
    """
    target = new_model_file(name)
    put_model(target, model.SerializeToString(deterministic=True))
    n_labels = len(spec_in(model).labels)
    size = target.stat().st_size / 1e6
    say(f"{target}: {n_labels} labels, {size:.1f} MB; use it with --model {name}")
    return target
