"""A model as a scan sees it, loaded when the first file is to be decoded and not before.

ONNX Runtime and the model take longer to be there than an unchanged library of 10,000 files
takes to be passed. What the model says of itself is read without them
(`tagger.model.spec_file`).
"""

import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tagger.errors import ModelError
from tagger.model.device_options import Device, DeviceOptions
from tagger.model.spec import ModelSpec
from tagger.system.digest import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from tagger.model.load import Engine


def building_unseen(_folder: Path) -> AbstractContextManager[object]:
    """Build TensorRT's engine without a word."""
    return nullcontext()


def replaced(path: Path) -> ModelError:
    """The error for a model file of which one thing was read before and another after."""
    return ModelError(f"{path}: the model was replaced or removed meanwhile; start again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadWatch:
    """Who is told while a model is loaded.

    Attributes:
        on_note: told, in a sentence, why `auto` took no GPU although there is one, and what
            else is not as it should be.
        building: entered with the engine's folder while TensorRT builds, which takes minutes.
    """

    on_note: "Callable[[str], None]"
    building: "Callable[[Path], AbstractContextManager[object]]" = building_unseen


def load_watched(
    path: Path, device: Device, options: DeviceOptions, watch: LoadWatch
) -> "Engine":
    """Load a model and say what came of it.

    Raises:
        ModelError: the model cannot be run.
        DeviceError: the device cannot be used.
    """
    from tagger.model.load import load_engine  # noqa: PLC0415 (brings NumPy and ONNX Runtime)
    from tagger.model.nvidia_driver import is_gpu_there  # noqa: PLC0415 (likewise)

    engine = load_engine(path, device=device, options=options, building=watch.building)
    if engine.fallback and is_gpu_there():  # without a GPU, `tagger doctor` says it
        watch.on_note(f"Running on the CPU: {engine.fallback}.")
    for note in engine.notes:
        watch.on_note(f"Note: {note}.")
    return engine


class Scorer(Protocol):
    """What listening and deciding need of a model; `tagger.model.load.Engine` is one."""

    @property
    def path(self) -> Path:
        """The model file."""

    @property
    def spec(self) -> ModelSpec:
        """What the model says of itself."""

    @property
    def batch_size(self) -> int:
        """Windows a batch that the caller should collect; known after `prepare`."""

    def prepare(self) -> None:
        """Be ready; the first call may take a moment."""

    def run(self, windows: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Scores of a batch of windows, shape (batch, n_labels)."""

    def run_embedding(
        self, windows: "NDArray[np.float32]"
    ) -> "tuple[NDArray[np.float32], NDArray[np.float32]]":
        """Scores and embeddings, (batch, n_embedding), of a batch of windows."""


class DeferredEngine:
    """A `Scorer` whose engine is loaded when it is prepared; for any number of threads.

    Attributes:
        path: the model file.
        spec: what it says of itself, with the owner's thresholds.
        sha256: of the file that says so, in hexadecimal; another one is not loaded.
    """

    def __init__(
        self, path: Path, spec: ModelSpec, load: "Callable[[], Engine]", *, sha256: str
    ) -> None:
        """Load nothing yet.

        Args:
            path: the model file.
            spec: of that file.
            load: loads it; its errors are those of `prepare`.
            sha256: of that file.
        """
        self.path, self.spec, self.sha256 = path, spec, sha256
        self._load = load
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    @property
    def is_loaded(self) -> bool:
        """Whether the engine was needed."""
        return self._engine is not None

    @property
    def batch_size(self) -> int:
        """That of the engine."""
        return self._loaded().batch_size

    def prepare(self) -> None:
        """Load the engine, unless that has been done.

        Raises:
            ModelError: the model cannot be run, or was replaced since its spec was read.
            DeviceError: the device cannot be used.
        """
        self._loaded()

    def run(self, windows: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """As the engine's."""
        return self._loaded().run(windows)

    def run_embedding(
        self, windows: "NDArray[np.float32]"
    ) -> "tuple[NDArray[np.float32], NDArray[np.float32]]":
        """As the engine's: scores and embeddings of a batch of windows."""
        return self._loaded().run_embedding(windows)

    def _loaded(self) -> "Engine":
        # Asked twice: without the lock for every batch, and with it for the first.
        if self._engine is None:
            with self._lock:
                if self._engine is None:
                    self._engine = self._checked(self._load())
        return self._engine

    def _checked(self, engine: "Engine") -> "Engine":
        """What was loaded, if its labels and thresholds are those that were read before."""
        try:
            sha256 = sha256_of(self.path)
        except OSError as error:  # removed since
            raise replaced(self.path) from error
        if sha256 != self.sha256:
            raise replaced(self.path)
        return engine
