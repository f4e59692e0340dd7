"""A loaded model: batches of windows -> scores, and embeddings where they are asked for."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import DeviceError, ModelError
from tagger.model.device_options import CPU_BATCH
from tagger.model.session import EMBEDDING, INPUT, OUTPUT, is_out_of_memory
from tagger.model.spec import ModelSpec

Array = NDArray[np.float32]

SCORES, BOTH = [OUTPUT], [OUTPUT, EMBEDDING]


@dataclass(slots=True)
class Engine:
    """A model that is ready to run; `run` may be called from several threads.

    Attributes:
        path: the model file.
        spec: what the model says of itself.
        device: 'cpu', 'cuda' or 'tensorrt': what really runs.
        fallback: why `auto` took no better device; None if it did, or was not asked.
        session: ONNX Runtime's session.
        fixed_batch: every batch is padded or cut to this size; None for any size. It shrinks
            when a GPU has no memory for it.
        golden: largest difference from the golden vectors; None if the model has none.
        batch_size: windows a batch that the caller should collect.
        notes: sentences for the user: what is not as it should be, and changes no answer.
        build_s: how long TensorRT built, in seconds; None if nothing was built.
    """

    path: Path
    spec: ModelSpec
    device: str
    fallback: str | None
    session: Any
    fixed_batch: int | None = None
    golden: float | None = None
    batch_size: int = CPU_BATCH
    notes: list[str] = field(default_factory=list)
    build_s: float | None = None
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def prepare(self) -> None:
        """Do nothing: it is ready. A `tagger.model.lazy.DeferredEngine` is not."""

    def run(self, windows: Array) -> Array:
        """Scores of a batch of windows.

        Args:
            windows: finite samples in about [-1, 1], shape (batch, window_len).

        Returns:
            Scores in [0, 1], shape (batch, n_labels).

        Raises:
            DeviceError: the GPU has no memory even for a single window.
        """
        if self.fixed_batch is None:
            return self._outputs(windows, SCORES)[0]
        with self.lock:  # out of memory changes the batch size, for all threads at once
            return self._run_fixed(windows, SCORES)[0]

    def run_embedding(self, windows: Array) -> tuple[Array, Array]:
        """Scores and embeddings of a batch of windows, in one run of the graph.

        Args:
            windows: as for `run`.

        Returns:
            Scores in [0, 1], shape (batch, n_labels), and what the network knows of each
            window before it names it, shape (batch, spec.embedding).

        Raises:
            ModelError: the model gives no embedding.
            DeviceError: the GPU has no memory even for a single window.
        """
        if self.spec.embedding is None:
            raise ModelError(
                f"{self.path}: the model gives no embedding; use one whose spec names it, such"
                " as one that this version of `tagger export` made."
            )
        if self.fixed_batch is None:
            scores, embedding = self._outputs(windows, BOTH)
            return scores, embedding
        with self.lock:
            scores, embedding = self._run_fixed(windows, BOTH)
        return scores, embedding

    def _outputs(self, windows: Array, names: list[str]) -> list[Array]:
        outputs: list[Array] = self.session.run(names, {INPUT: windows})
        return outputs

    def _run_fixed(self, windows: Array, names: list[str]) -> list[Array]:
        """Run in batches of one size; out of memory halves it and tries again."""
        parts: list[list[Array]] = []
        done = 0
        while done < len(windows):
            size = self.fixed_batch or 1
            part = windows[done : done + size]
            try:
                answers = self._outputs(padded(part, size), names)
            except Exception as error:  # noqa: BLE001 - raised again unless it is memory
                self._shrink(size, error)
                continue
            # What was padded in is cut off again.
            parts.append([answer[: len(part)] for answer in answers])
            done += len(part)
        return [np.concatenate(rows) for rows in zip(*parts, strict=True)]

    def _shrink(self, size: int, error: Exception) -> None:
        """Halve the batch size at which memory ran out; any other error is raised again."""
        if not is_out_of_memory(error):
            raise error
        if self.fixed_batch is not None and self.fixed_batch < size:
            return  # another batch that was under way has done it
        if size == 1:
            raise DeviceError(
                f"{self.path}: the GPU has no memory for a single window; close what else uses"
                " it, or use --device cpu."
            ) from error
        self.fixed_batch = size // 2


def padded(windows: Array, size: int) -> Array:
    """A batch of exactly `size` windows; what is added is silence whose scores are dropped."""
    if len(windows) == size:
        return windows
    return np.concatenate(
        [windows, np.zeros((size - len(windows), windows.shape[1]), np.float32)]
    )
