"""ModelSpec: what a model file says of itself, in one JSON document in its metadata."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from tagger.errors import ModelError
from tagger.model.label_tree import GENRE_KIND, tree_contradictions

METADATA_KEY = "tagger.spec"
FORMAT = 1
KINDS = ("single", "multi")

Kind = Literal["single", "multi"]
Precision = Literal["fp32", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
MAX_EMBEDDING = 512
"""Numbers in an embedding at most: a library of a million tracks keeps one each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """Everything about a model that is not its graph.

    Attributes:
        format: version of this document; this program reads 1.
        name: short name, as shown by `tagger models`.
        sample_rate: of the waveform the model takes, in Hz.
        window_len: samples in one window.
        n_fft: frame length of the front end in samples.
        hop_len: distance between frames in samples.
        n_mels: bands of the tensor `features`.
        labels: one name a score, in the order of the scores.
        kind: 'single' (one label a window) or 'multi' (any number).
        calibration: how the scores became probabilities, and how well they are.
        thresholds: label to the score from which it is believed, in (0, 1].
        silence_dbfs: a window below this level has no vote, in dBFS (mean square).
        training: data, split and configuration the model was made from.
        metrics: figures, each naming its split.
        weights_licence: what may be done with the weights.
        revision: changes whenever the weights do.
        precision: of the graph's weights: 'fp32', 'fp16' or 'int8'.
        quantisation: of eight bits: 'for' says what computes them, 'cpu' or 'gpu', and 'from'
            is the revision of the float32 model that they stand for; else empty.
        parents: a label to the more general one above it (a tree); a parent that is no label
            is a name only, and may stand below another one.
        kinds: a label to what it tells of: 'genre' (so are labels that are not named here),
            'mood', 'voice' or 'instrument'.
        embedding: numbers in a row of the output `embedding`; None for a model without one.
    """

    name: str
    sample_rate: int
    window_len: int
    n_fft: int
    hop_len: int
    n_mels: int
    labels: tuple[str, ...]
    kind: Kind
    thresholds: Mapping[str, float]
    silence_dbfs: float
    calibration: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    weights_licence: str = "unknown"
    revision: str = "0"
    precision: Precision = "fp32"
    quantisation: Mapping[str, Any] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    embedding: int | None = None
    format: int = FORMAT

    def __post_init__(self) -> None:
        for reason in _contradictions(self):
            raise ModelError(f"its {METADATA_KEY} is wrong: {reason}")

    @property
    def n_frames(self) -> int:
        """Frames of the tensor `features` in one window."""
        return (self.window_len - self.n_fft) // self.hop_len + 1

    @property
    def is_for_processors(self) -> bool:
        """Whether its eight bits have a form that processors compute and GPUs do not."""
        return self.quantisation.get("for") == "cpu"

    @property
    def window_s(self) -> float:
        """Length of one window in seconds."""
        return self.window_len / self.sample_rate

    def kind_of(self, label: str) -> str:
        """What a label tells of: 'genre' unless the model says otherwise."""
        return self.kinds.get(label, GENRE_KIND)

    def labels_of(self, kind: str) -> tuple[str, ...]:
        """The labels of a kind, in the order of the scores."""
        return tuple(label for label in self.labels if self.kind_of(label) == kind)

    def to_json(self) -> str:
        """The document that goes into the model's metadata."""
        record = asdict(self)
        for name in _OPTIONAL:  # a model that does not use them says what it said before them
            if not record[name]:
                del record[name]
        return json.dumps(record, ensure_ascii=False, sort_keys=True)


def parse_spec(text: str | None) -> ModelSpec:
    """Read the document of a model's metadata.

    Args:
        text: the entry `tagger.spec`, or None when the model has none.

    Raises:
        ModelError: there is no entry, or a field is missing or wrong. The message does not
            name the file, since only the caller knows it.
    """
    if text is None:
        raise ModelError(
            f"its metadata has no entry {METADATA_KEY!r}, so its sample rate, window and labels"
            " are unknown; export it with `tagger export`"
        )
    try:
        tree = json.loads(text)
    except ValueError as error:
        raise ModelError(
            f"its {METADATA_KEY} is not JSON ({error}); export it again"
        ) from error
    if not isinstance(tree, dict):
        raise ModelError(f"its {METADATA_KEY} is not a JSON object; export it again")
    version = tree.get("format")
    if version != FORMAT:
        raise ModelError(
            f"its {METADATA_KEY} has format {version!r}, this program reads {FORMAT}; export it"
            " again or use another version of tagger"
        )
    return _from_tree(tree)


def _from_tree(tree: Mapping[str, Any]) -> ModelSpec:
    """Build the record; unknown fields are kept out, as a newer program may have more."""
    missing = [name for name in _REQUIRED if name not in tree]
    if missing:
        raise ModelError(f"its {METADATA_KEY} lacks {', '.join(missing)}; export it again")
    for name, kind in _TYPES.items():
        value = tree.get(name)
        # True is an int for Python, and no sample rate.
        wrong = not isinstance(value, kind) or isinstance(value, bool)
        is_absent = name not in tree or (value is None and name in _OPTIONAL)
        if wrong and not is_absent:
            raise ModelError(f"its {METADATA_KEY} has {name} = {value!r}; export it again")
    entries = {
        attribute.name: tree[attribute.name]
        for attribute in fields(ModelSpec)
        if attribute.name in tree
        and (tree[attribute.name] is not None or attribute.name not in _OPTIONAL)
    }
    entries["labels"] = tuple(entries["labels"])
    return ModelSpec(**entries)


_REQUIRED = (
    "name",
    "sample_rate",
    "window_len",
    "n_fft",
    "hop_len",
    "n_mels",
    "labels",
    "kind",
    "thresholds",
    "silence_dbfs",
)
_OPTIONAL = ("parents", "kinds", "embedding", "quantisation")
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "name": str,
    "sample_rate": int,
    "window_len": int,
    "n_fft": int,
    "hop_len": int,
    "n_mels": int,
    "labels": list,
    "kind": str,
    "thresholds": dict,
    "silence_dbfs": (int, float),
    "calibration": dict,
    "training": dict,
    "metrics": dict,
    "weights_licence": str,
    "revision": str,
    "precision": str,
    "quantisation": dict,
    "parents": dict,
    "kinds": dict,
    "embedding": int,
}


def _contradictions(spec: ModelSpec) -> list[str]:
    """What cannot be true of a usable model; empty when all is well."""
    contradictions = []
    lengths = (spec.sample_rate, spec.window_len, spec.n_fft, spec.hop_len, spec.n_mels)
    if min(lengths) < 1 or spec.window_len < spec.n_fft:
        contradictions.append(
            "a length or rate is not positive, or the window shorter than n_fft"
        )
    names = [label for label in spec.labels if isinstance(label, str) and label.strip()]
    if not names or len(set(names)) != len(spec.labels):
        contradictions.append("labels must be different, non-empty names")
    if spec.kind not in KINDS:
        contradictions.append(f"kind is {spec.kind!r}, not one of {', '.join(KINDS)}")
    if spec.precision not in PRECISIONS:
        contradictions.append(
            f"precision is {spec.precision!r}, not one of {', '.join(PRECISIONS)}"
        )
    thresholds = dict(spec.thresholds)
    if set(thresholds) != set(spec.labels):
        contradictions.append("thresholds must name each label once")
    elif not all(_is_share(value) for value in thresholds.values()):
        contradictions.append("each threshold must be a number in (0, 1]")
    if spec.embedding is not None and not 1 <= spec.embedding <= MAX_EMBEDDING:
        contradictions.append(
            f"embedding is {spec.embedding}, not a width in 1..{MAX_EMBEDDING}"
        )
    return contradictions + tree_contradictions(names, spec.parents, spec.kinds)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1
