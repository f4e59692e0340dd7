"""What a model file says of itself: the spec and the golden vectors in its metadata."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from onnx import ModelProto

from export.graph import embedding_width
from export.parity import of_graph
from tagger.model.new_file import set_metadata
from tagger.model.self_test import METADATA_KEY as GOLDEN_KEY
from tagger.model.self_test import golden_entry
from tagger.model.spec import METADATA_KEY, ModelSpec, Precision, parse_spec
from train.data.batches import SILENCE_DBFS
from train.datasets.registry import licence_of_weights
from train.models.checkpoint import Checkpoint

NOT_QUANTISED: Mapping[str, Any] = MappingProxyType({})


def describe(
    model: ModelProto,
    spec: ModelSpec,
    *,
    precision: Precision,
    quantisation: Mapping[str, Any] = NOT_QUANTISED,
) -> None:
    """Put the spec and the answers to the golden vectors into the model's metadata.

    What else is there stays: the trimmed front end travels in the metadata, too.

    Args:
        model: changed in place.
        spec: what is said of it, but for revision and precision.
        precision: of its weights.
        quantisation: of eight bits, as `ModelSpec` has it.
    """
    spec = replace(
        spec,
        revision=revision_of(model),
        precision=precision,
        quantisation=dict(quantisation),
    )
    golden = golden_entry(spec, of_graph(model))
    set_metadata(model, {METADATA_KEY: spec.to_json(), GOLDEN_KEY: golden})
    model.producer_name = "tagger"


def spec_in(model: ModelProto) -> ModelSpec:
    """The spec of a model file that was read.

    Raises:
        ModelError: it has none, or a wrong one.
    """
    entries = {one.key: one.value for one in model.metadata_props}
    return parse_spec(entries.get(METADATA_KEY))


def revision_of(model: ModelProto) -> str:
    """Twelve digits that change whenever the graph or its weights do."""
    return hashlib.sha256(model.graph.SerializeToString(deterministic=True)).hexdigest()[:12]


def spec_of(checkpoint: Checkpoint, *, name: str | None = None) -> ModelSpec:
    """What a checkpoint becomes.

    Raises:
        ModelError: the configuration's tree, kinds or names contradict each other.
    """
    recipe, facts = checkpoint.config.features_options, checkpoint.facts
    written = checkpoint.config.written
    labels, parents, kinds = checkpoint.config.label_tree(checkpoint.labels)
    return ModelSpec(
        name=name or checkpoint.config.name,
        sample_rate=recipe.sample_rate,
        window_len=recipe.window_len,
        n_fft=recipe.n_fft,
        hop_len=recipe.hop_len,
        n_mels=recipe.n_mels,
        labels=labels,
        kind="single" if checkpoint.config.kind == "single" else "multi",
        thresholds={written(label): one for label, one in facts["thresholds"].items()},
        silence_dbfs=SILENCE_DBFS,
        calibration=facts.get("calibration", {}),
        training=_training(checkpoint),
        metrics=facts.get("metrics", {}),
        weights_licence=licence_of_weights(
            _learned_from(checkpoint), checkpoint.facts.get("data", {}).get("teachers", [])
        ),
        parents=parents,
        kinds=kinds,
        embedding=embedding_width(checkpoint.net),
    )


def _learned_from(checkpoint: Checkpoint) -> list[str]:
    """All datasets, those of earlier runs that it began from too."""
    before = checkpoint.facts.get("data", {}).get("learned_before", [])
    return [*before, *checkpoint.config.datasets]


def _training(checkpoint: Checkpoint) -> dict[str, Any]:
    config, data = checkpoint.config, checkpoint.facts.get("data", {})
    names = {label: config.names[label] for label in checkpoint.labels if label in config.names}
    return {
        **data,
        "body": config.body,
        "features": config.features,
        "epochs": config.fit.epochs,
        "seed": config.seed,
        # With these `tagger evaluate` measures the model as it measured the checkpoint.
        "split_seed": config.split_seed,
        "n_windows": config.calibration.n_windows,
        "longest_s": config.longest_s,
        **({"names": names} if names else {}),
        "compression": getattr(config.features_options, "compression", "db"),
        "versions": checkpoint.facts.get("versions", {}),
    }
