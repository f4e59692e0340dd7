"""A teacher's ONNX file, held to what its card says; and its answers to a recording.

Processes that listen load this module: nothing here imports torch.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tagger.audio.windows import Waveform
from tagger.errors import InputError, ModelError
from tagger.model.spec import METADATA_KEY, parse_spec
from train.teachers.cards import FREE_S, Card, card_of_spec, read_card

SCORES, EMBEDDING = ("scores", "tags"), "embedding"
WINDOWS_AT_ONCE = 8
UNHEARD = 0.25
"""So much of a target, at most, may be left out: a window costs more than it would tell."""

COVERAGE = 1.0
"""By default a recording is covered, up to what `UNHEARD` allows."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """A model that was looked at.

    Attributes:
        path: the ONNX file.
        name: of the file, without its suffix.
        sha256: of the file.
        card: what it takes and gives; `window_len` is what it is given.
        scores: name of the output of scores.
        has_embedding: whether its embedding is asked for.
        coverage: about the share of a recording that its windows cover.
    """

    path: Path
    name: str
    sha256: str
    card: Card
    scores: str
    has_embedding: bool
    coverage: float = COVERAGE

    @property
    def n_out(self) -> int:
        """Numbers of an answer: scores, then embedding."""
        return len(self.card.labels) + (self.card.embedding if self.has_embedding else 0)


def open_session(path: Path) -> Any:
    """A session of one thread: several processes share the cores.

    Raises:
        InputError: the file is no model.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Without blocked layouts: they save a tenth of a small network, but on some processors
    # they take five times as long for the wide maps of a long window (29 s: 1.3 s, not 0.25).
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime has no base class for what it raises
        reason = str(error).strip().split("\n", 1)[0]
        raise InputError(f"{path}: not a model that can be run ({reason}).") from error


def read_teacher(
    path: Path, card_at: Path | None = None, *, coverage: float = COVERAGE
) -> Teacher:
    """Look at a model and its card.

    Raises:
        InputError: the file is missing or no model, there is no card, or they contradict.
    """
    if not path.is_file():
        raise InputError(f"teachers: {path} is not there; `model` names an ONNX file.")
    session = open_session(path)
    outputs = {output.name: output.shape for output in session.get_outputs()}
    card = _card_for(path, card_at, session, outputs)
    scores = next((name for name in SCORES if name in outputs), None)
    if scores is None:
        raise InputError(f"{path}: its outputs are {', '.join(outputs)}; `scores` is needed.")
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 2 or inputs[0].type != "tensor(float)":
        raise InputError(f"{path}: a teacher takes one waveform, float32 (batch, n_samples).")
    has_embedding = card.embedding > 0 and EMBEDDING in outputs
    _check_width(path, scores, outputs[scores], len(card.labels))
    if card.embedding > 0:
        _check_width(path, EMBEDDING, outputs.get(EMBEDDING, []), card.embedding)
    return Teacher(
        path=path,
        name=path.stem,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        card=_with_window(path, card, inputs[0].shape[1]),
        scores=scores,
        has_embedding=has_embedding,
        coverage=coverage,
    )


def _card_for(path: Path, card_at: Path | None, session: Any, outputs: Any) -> Card:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if card_at is not None or text is None:
        return read_card(path, card_at)
    try:
        spec = parse_spec(text)
    except ModelError as error:
        raise InputError(f"{path}: {error}.") from error
    width = outputs.get(EMBEDDING, [0])[-1]
    return card_of_spec(spec, embedding=width if isinstance(width, int) else 0)


def _check_width(path: Path, name: str, shape: Sequence[Any], width: int) -> None:
    """A graph may leave a width open; one that it states must be the card's."""
    if len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != width):
        raise InputError(
            f"{path}: its output {name!r} has the shape {list(shape)}, and its card says"
            f" (batch, {width}); correct the card."
        )


def _with_window(path: Path, card: Card, fixed: Any) -> Card:
    """The card with the window that the graph takes."""
    if isinstance(fixed, int):
        if card.window_len not in (0, fixed):
            raise InputError(
                f"{path}: takes windows of {fixed} samples, its card says {card.window_len}."
            )
        window_len = fixed
    else:
        window_len = card.window_len or round(FREE_S * card.sample_rate)
    names = card.__dataclass_fields__
    return Card(**{name: getattr(card, name) for name in names} | {"window_len": window_len})


def answers(
    teacher: Teacher, session: Any, pieces: Sequence[Waveform], *, n_each: int
) -> Array:
    """What a teacher says of a recording.

    Each piece is covered with the teacher's own windows, a shorter piece is repeated; a target
    gets the mean of the windows that overlap it, by how much they do.

    Args:
        teacher: the model.
        session: an open one of it.
        pieces: of the recording, at the teacher's rate, each (n_samples,).
        n_each: targets a piece, equally long.

    Returns:
        Scores, then the embedding if there is one, shape (n_pieces * n_each, n_out).
    """
    card = teacher.card
    lead = np.zeros(card.lead_len, np.float32)
    rows = []
    for piece in pieces:
        starts = window_starts(
            len(piece),
            window_len=card.window_len,
            n_targets=n_each,
            coverage=teacher.coverage,
        )
        led = np.concatenate([lead, piece]) if card.lead_len else piece
        windows = [_window(led, start, card.window_len) for start in starts]
        outputs = _run(teacher, session, windows)
        shares = overlaps(starts, len(piece), window_len=card.window_len, n_targets=n_each)
        rows.append(shares @ outputs)
    return np.concatenate(rows).astype(np.float32)


def window_starts(
    n_samples: int, *, window_len: int, n_targets: int, coverage: float = COVERAGE
) -> list[int]:
    """Evenly spread windows, as few as leave out at most a quarter of a target.

    Or the share that `coverage` lets them leave out; each target overlaps one at least.
    """
    spare = n_samples - window_len
    if spare <= 0:
        return [0]
    left_out = max(UNHEARD / n_targets, 1 - coverage) * n_samples
    n_windows = max(1, math.ceil((n_samples - left_out) / window_len))
    if coverage < 1 and window_len < n_samples / n_targets:
        n_windows = max(n_windows, n_targets)
    if n_windows == 1:
        return [spare // 2]
    return [round(start) for start in np.linspace(0, spare, n_windows)]


def overlaps(
    starts: Sequence[int], n_samples: int, *, window_len: int, n_targets: int
) -> NDArray[np.float32]:
    """How much of each target's mean each window is, rows of sum 1, (n_targets, n_windows)."""
    bounds = np.linspace(0, n_samples, n_targets + 1)
    begin = np.array(starts)
    end = np.minimum(begin + window_len, n_samples)
    shared = np.minimum(bounds[1:, None], end) - np.maximum(bounds[:-1, None], begin)
    shared = shared.clip(min=0)
    shares: NDArray[np.float32] = shared / shared.sum(axis=1, keepdims=True)
    return shares.astype(np.float32)


def _window(piece: Waveform, start: int, window_len: int) -> Waveform:
    cut = piece[start : start + window_len]
    return cut if len(cut) == window_len else np.resize(cut, window_len)


def _run(teacher: Teacher, session: Any, windows: Sequence[Waveform]) -> Array:
    names = [teacher.scores, *([EMBEDDING] if teacher.has_embedding else [])]
    given = session.get_inputs()[0].name
    parts = []
    for first in range(0, len(windows), WINDOWS_AT_ONCE):
        batch = np.stack(windows[first : first + WINDOWS_AT_ONCE]).astype(np.float32)
        parts.append(np.concatenate(session.run(names, {given: batch}), axis=1))
    return np.concatenate(parts)
