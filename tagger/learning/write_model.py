"""What was learned -> one model file, held to its parts before it gets its name."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tagger.errors import ModelError
from tagger.genres.rules import GenreRules, ancestors, spelling_key
from tagger.learning.features import features_of
from tagger.learning.graph import HeadNodes, load_base, tail_of, with_head
from tagger.learning.head import sigmoid
from tagger.learning.learn import Learned
from tagger.model.catalogue import whole_of
from tagger.model.label_tree import GENRE_KIND, pruned, tree_contradictions
from tagger.model.new_file import put_model, set_metadata
from tagger.model.self_test import METADATA_KEY as GOLDEN_KEY
from tagger.model.self_test import golden_entry, golden_windows
from tagger.model.session import EMBEDDING, INPUT, OUTPUT, CpuSettings, session_options
from tagger.model.spec import METADATA_KEY, ModelSpec
from tagger.model.spec_file import spec_in
from tagger.scan.cache_key import embedding_network
from tagger.system.digest import sha256_of

if TYPE_CHECKING:
    from onnx import ModelProto

Array = NDArray[np.float32]

TOLERANCE = 1e-3
"""Largest allowed difference between a written model and its base and head computed apart."""

_DIGITS = 4
_REVISION_LEN = 12


class BaseModel:
    """The model whose embedding is learned on.

    Attributes:
        path: its file.
        spec: what it says of itself.
        graph: the file as a graph.
        has_tail: its scores follow from its embedding, so that they can be learned on too.
    """

    def __init__(self, path: Path, spec: ModelSpec) -> None:
        """Read the graph.

        Raises:
            ModelError: the model gives no embedding, or cannot be read.
        """
        if spec.embedding is None:
            raise ModelError(
                f"{path}: this model gives no embedding, so that nothing can be learned on it;"
                " `tagger models` names those that give one."
            )
        self.path, self.spec = path, spec
        self.graph = load_base(path)
        tail = tail_of(self.graph)
        self.has_tail = tail is not None
        self._tail = None if tail is None else _session(tail)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels whose scores are learned on; none if there is no tail."""
        return self.spec.labels if self.has_tail else ()

    def features(self, embeddings: Array) -> Array:
        """What a head sees of embeddings, shape (n, n_features)."""
        if self._tail is None:
            return features_of(embeddings, None)
        return features_of(embeddings, self.scores(embeddings))

    def scores(self, embeddings: Array) -> Array:
        """What the model makes of embeddings, shape (n, n_labels); only with a tail."""
        assert self._tail is not None
        rows = embeddings.astype(np.float32)
        answers: Array = self._tail.run([OUTPUT], {EMBEDDING: rows})[0]
        return answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What a learned model says of itself beside what it was measured to be.

    Attributes:
        name: of the model.
        rules: the owner's, whose tree stands above the labels.
        kind: what the learned labels tell of: 'genre' or 'mood'.
        keep_labels: the base's own labels stand beside the learned ones.
        about: what it was learned from, in words and numbers that may be shown to anybody.
    """

    name: str
    rules: GenreRules
    kind: str = "genre"
    keep_labels: bool = False
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """A model file that was written.

    Attributes:
        path: the file.
        spec: what it says of itself.
        parity: largest difference of a score from the base and the head computed apart.
    """

    path: Path
    spec: ModelSpec
    parity: float


def write_model(base: BaseModel, learned: Learned, naming: Naming, path: Path) -> Written:
    """Append the head to the base, compare, and put the file in place as a whole.

    On a base of eight bits for processors, with its float32 file beside it, there come to be
    two files as well: GPUs are given `NAME.fp32.onnx`.

    Args:
        base: the model that was learned on.
        learned: the head and what it is worth.
        naming: what the model says of itself.
        path: the file; another one of its name is replaced.

    Raises:
        ModelError: a file's scores are not those of its parts.
        InputError: it cannot be written.
    """
    beside = path.with_name(f"{path.stem}.fp32.onnx")
    whole = _whole_of(base)
    made = _made(base, learned, naming, beside=whole)
    if whole is not None:
        put_model(beside, _made(whole, learned, naming).content)
    put_model(path, made.content)
    if whole is None:
        beside.unlink(missing_ok=True)  # of the model that was replaced
    return Written(path, made.spec, made.parity)


def _whole_of(base: BaseModel) -> BaseModel | None:
    """The float32 file of a base of eight bits; None if there is none, or no need of one."""
    if not base.spec.is_for_processors:
        return None
    try:
        path = whole_of(base.path)
    except ModelError:  # a base that came alone is learned on all the same
        return None
    return BaseModel(path, spec_in(path))


@dataclass(frozen=True, slots=True)
class _Made:
    """A model in memory, and how far it is from its parts."""

    content: bytes
    spec: ModelSpec
    parity: float


def _made(
    base: BaseModel, learned: Learned, naming: Naming, *, beside: BaseModel | None = None
) -> _Made:
    """One file; `beside` is what its float32 file is made on, whose revision it names."""
    kept = _kept(base.spec, learned.labels) if naming.keep_labels else []
    nodes = HeadNodes(learned.head.weight, learned.head.bias, kept)
    model = with_head(base.graph, nodes)
    session = _session(model)
    parity = _parity(session, base, learned, kept)
    if not parity <= TOLERANCE:  # NaN must not pass
        raise ModelError(
            f"{naming.name}: the scores of the learned model differ by {parity:.3g} from those"
            f" of its parts (allowed: {TOLERANCE}); it was not written. Use another base model"
            f" than {base.path}."
        )
    spec = _spec(base, learned, naming, kept)
    if beside is not None:
        of_whole = _revision_of(beside, learned)
        spec = replace(spec, quantisation={**spec.quantisation, "from": of_whole})
    golden = golden_entry(spec, _runner(session))
    set_metadata(model, {METADATA_KEY: spec.to_json(), GOLDEN_KEY: golden})
    return _Made(model.SerializeToString(), spec, parity)


def _revision_of(base: BaseModel, learned: Learned) -> str:
    """Another one wherever the base or the head is another."""
    digest = hashlib.sha256(f"{base.spec.name} {base.spec.revision}".encode())
    digest.update(learned.head.weight.tobytes())
    digest.update(learned.head.bias.tobytes())
    return digest.hexdigest()[:_REVISION_LEN]


def _kept(spec: ModelSpec, learned: Sequence[str]) -> list[int]:
    """The base's labels that none of the learned ones replaces."""
    new = set(map(spelling_key, learned))
    return [i for i, label in enumerate(spec.labels) if spelling_key(label) not in new]


def _spec(base: BaseModel, learned: Learned, naming: Naming, kept: Sequence[int]) -> ModelSpec:
    old = [base.spec.labels[i] for i in kept]
    labels = (*old, *learned.labels)
    kinds = {**base.spec.kinds, **dict.fromkeys(learned.labels, naming.kind)}
    parents, kinds = pruned(labels, _parents(base.spec, learned.labels, naming), kinds)
    thresholds = {label: float(base.spec.thresholds[label]) for label in old}
    thresholds |= {row.label: round(row.threshold, _DIGITS) for row in learned.rows}
    figures = {key: round(value, _DIGITS) for key, value in learned.figures.items()}
    return replace(
        base.spec,
        name=naming.name,
        labels=labels,
        kind="multi",
        thresholds=thresholds,
        parents=parents,
        kinds={label: kind for label, kind in kinds.items() if kind != GENRE_KIND},
        revision=_revision_of(base, learned),
        calibration={
            "method": "Platt scaling of each label, pulled to a common scale",
            "on": "artists that were held out",
        },
        training={
            "learned_on": base.spec.name,
            "base_revision": base.spec.revision,
            # Embeddings that are stored for the base stay good for what is learned on it.
            "embedding_of": embedding_network(base.spec, sha256_of(base.path)),
            **naming.about,
            "base": dict(base.spec.training),
        },
        metrics={"learned labels, cross-validated by artist": figures},
    )


def _parents(spec: ModelSpec, labels: Sequence[str], naming: Naming) -> Mapping[str, str]:
    """The tree above the labels: the owner's, and the base's where the two agree."""
    own: dict[str, str] = {}
    if naming.kind == GENRE_KIND:
        for label in labels:
            own |= dict(pairwise((label, *ancestors(label, naming.rules))))
    both = {**spec.parents, **own}
    names = (*spec.labels, *labels)
    reached = pruned(names, both, {})[0]
    return own if tree_contradictions(names, reached, {}) else both


def _parity(session: Any, base: BaseModel, learned: Learned, kept: Sequence[int]) -> float:
    """The largest difference of a score on music, noise, silence and full scale."""
    spec = base.spec
    rng = np.random.default_rng(0)
    noise = rng.uniform(-1, 1, (2, spec.window_len)).astype(np.float32)
    still = np.stack([np.zeros(spec.window_len), np.ones(spec.window_len)]).astype(np.float32)
    windows = np.concatenate([golden_windows(spec), noise, still])
    own = _session(base.graph)
    scores, embeddings = own.run([OUTPUT, EMBEDDING], {INPUT: windows})
    seen = features_of(embeddings, scores if base.has_tail else None)
    expected = np.hstack([scores[:, kept], sigmoid(learned.head.logits(seen))])
    scores_now, same = session.run([OUTPUT, EMBEDDING], {INPUT: windows})
    # One by one as well: a graph with a fixed batch inside would differ there.
    single = np.concatenate([_runner(session)(window[None]) for window in windows])
    differences = (scores_now - expected, same - embeddings, single - expected)
    return max(float(np.abs(difference).max()) for difference in differences)


def _runner(session: Any) -> Any:
    return lambda windows: session.run([OUTPUT], {INPUT: windows})[0]


def _session(model: "ModelProto") -> Any:
    return onnxruntime.InferenceSession(
        model.SerializeToString(),
        sess_options=session_options(CpuSettings()),
        providers=["CPUExecutionProvider"],
    )
