"""A model as a scan sees it, loaded when the first file is to be decoded and not before.

ONNX Runtime and the model take longer to be there than an unchanged library of 10,000 files
takes to be passed. What the model says of itself is read without them
(`tagger.model.spec_file`).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tagger.model.spec import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from tagger.model.load import Engine


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

    @property
    def n_ahead(self) -> int:
        """Batches that may be submitted before the first one's scores are asked for."""

    def prepare(self) -> None:
        """Be ready; the first call may take a moment."""

    def submit(self, windows: "NDArray[np.float32]") -> "Callable[[], NDArray[np.float32]]":
        """Begin with a batch; what is returned waits for its scores."""


class DeferredEngine:
    """A `Scorer` whose engine is loaded when it is prepared; for one thread.

    Attributes:
        path: the model file.
        spec: what it says of itself, with the owner's thresholds.
    """

    def __init__(self, path: Path, spec: ModelSpec, load: "Callable[[], Engine]") -> None:
        """Load nothing yet.

        Args:
            path: the model file.
            spec: of that file.
            load: loads it; its errors are those of `prepare`.
        """
        self.path, self.spec = path, spec
        self._load = load
        self._engine: Engine | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether the engine was needed."""
        return self._engine is not None

    @property
    def batch_size(self) -> int:
        """That of the engine."""
        return self._loaded().batch_size

    @property
    def n_ahead(self) -> int:
        """That of the engine."""
        return self._loaded().n_ahead

    def prepare(self) -> None:
        """Load the engine, unless that has been done.

        Raises:
            ModelError: the model cannot be run.
            DeviceError: the device cannot be used.
        """
        self._loaded()

    def submit(self, windows: "NDArray[np.float32]") -> "Callable[[], NDArray[np.float32]]":
        """As the engine's."""
        return self._loaded().submit(windows)

    def _loaded(self) -> "Engine":
        if self._engine is None:
            self._engine = self._load()
        return self._engine
