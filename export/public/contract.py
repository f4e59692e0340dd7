"""A network's nodes -> one file of our contract: labels, spec, golden vectors, checks."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto

from export.check import check_model
from export.public.builder import Builder
from export.public.front_ends import MelRecipe
from export.public.vocabulary import Vocabulary
from tagger.errors import ModelError
from tagger.model.new_file import set_metadata
from tagger.model.self_test import METADATA_KEY as GOLDEN_KEY
from tagger.model.self_test import golden_entry, golden_windows
from tagger.model.session import INPUT, OUTPUT
from tagger.model.spec import METADATA_KEY, ModelSpec

Array = NDArray[np.float32]
Network = Callable[[Builder], tuple[str, int | None]]
"""Adds front end and network; returns the name of the logits, shape (batch, n_tags), and the
width of the output `embedding` or None for none."""

THRESHOLD = 0.3
"""From which score a label is believed, where the user names no other: public models publish
no thresholds, and their scores are far lower than ours (the 95th of a hundred recordings has
0.05 to 0.45 of a musicnn's 50 tags)."""

SILENCE_DBFS = -60.0
TOLERANCE = 1e-4
"""Largest difference of a score from the original's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a file says of a public model beside its labels.

    Attributes:
        name: of the model.
        licence: of the weights, and whose it is.
        training: source, page, digest and what else is known.
        threshold: of every label.
    """

    name: str
    licence: str
    training: dict[str, Any]
    threshold: float = THRESHOLD


def assemble(
    network: Network,
    recipe: MelRecipe,
    vocabulary: Vocabulary,
    about: Described,
    *,
    activation: str = "Sigmoid",
) -> ModelProto:
    """Put a public network into a model of our contract.

    Args:
        network: adds front end and network.
        recipe: of the front end.
        vocabulary: the network's tags, and the labels that they become.
        about: what the file says of it.
        activation: what makes scores of what the network gives; 'Identity' of scores.

    Raises:
        ModelError: the graph breaks the contract, or its scores are no numbers.
    """
    builder = Builder()
    logits, embedding = network(builder)
    tags = builder.node(activation, logits, output="tags")
    _add_labels(builder, tags, vocabulary)
    model = builder.model(
        window_len=recipe.window_len, n_labels=len(vocabulary.labels), embedding=embedding
    )
    broken = [finding for finding in check_model(model) if finding.target == "contract"]
    if broken:
        raise ModelError(f"{about.name}: {broken[0].where} {broken[0].what}.")
    describe(model, _spec(model, recipe, vocabulary, about, embedding))
    return model


def _spec(
    model: ModelProto,
    recipe: MelRecipe,
    vocabulary: Vocabulary,
    about: Described,
    embedding: int | None,
) -> ModelSpec:
    """What the file says of itself."""
    graph = model.graph.SerializeToString(deterministic=True)
    labels = [label.name for label in vocabulary.labels]
    return ModelSpec(
        name=about.name,
        sample_rate=recipe.sample_rate,
        window_len=recipe.window_len,
        n_fft=recipe.n_fft,
        hop_len=recipe.hop_len,
        n_mels=recipe.n_mels,
        labels=tuple(labels),
        kind="multi",
        thresholds=dict.fromkeys(labels, about.threshold),
        silence_dbfs=SILENCE_DBFS,
        # Said, so that nobody takes these scores for probabilities.
        calibration={"method": "none: the scores are those of the published model"},
        training=about.training,
        weights_licence=about.licence,
        revision=hashlib.sha256(graph).hexdigest()[:12],
        parents=vocabulary.parents,
        kinds=vocabulary.kinds,
        embedding=embedding,
    )


def _add_labels(builder: Builder, tags: str, vocabulary: Vocabulary) -> None:
    """Scores of tags -> scores of labels: of several tags of a label the largest.

    Columns are gathered as (batch, n_labels, most), labels of fewer tags with repetitions.
    """
    most = max(len(label.columns) for label in vocabulary.labels)
    columns = [(label.columns * most)[:most] for label in vocabulary.labels]
    chosen = builder.node("Gather", tags, builder.constant(np.array(columns)), axis=1)
    axis = builder.constant(np.array([2]))
    builder.node("ReduceMax", chosen, axis, keepdims=0, output=OUTPUT)


def describe(model: ModelProto, spec: ModelSpec) -> None:
    """Put spec and golden vectors into the metadata, in place of what was there."""
    answers = scores_of(model)
    if not np.isfinite(answers(golden_windows(spec))).all():
        raise ModelError(f"{spec.name}: its scores are no numbers; the weights are damaged.")
    golden = golden_entry(spec, answers)
    set_metadata(model, {METADATA_KEY: spec.to_json(), GOLDEN_KEY: golden})
    model.producer_name = "tagger"


def scores_of(model: ModelProto) -> Callable[[Array], Array]:
    """Windows (batch, window_len) -> what ONNX Runtime says on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda windows: np.asarray(session.run([OUTPUT], {INPUT: windows})[0])
