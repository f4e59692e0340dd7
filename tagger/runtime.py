"""Model file and device -> engine; batches of windows -> scores."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.batches import choose_batch
from tagger.binding import CudaMemory, Lanes
from tagger.cores import usable_cores
from tagger.device_options import CPU_BATCH, Device, DeviceOptions
from tagger.devices import find_device
from tagger.driver import DriverError
from tagger.engines import check_engine, keep_engine
from tagger.errors import DeviceError
from tagger.golden import METADATA_KEY as GOLDEN_KEY
from tagger.golden import check_golden
from tagger.providers import folder_of, provider_list
from tagger.session import (
    INPUT,
    OUTPUT,
    CpuSettings,
    check_provider,
    is_out_of_memory,
    node_counts,
    open_session,
    read_spec,
    spec_of,
)
from tagger.spec import ModelSpec

__all__ = ["Engine", "load_engine", "node_counts", "padded", "read_spec", "usable_cores"]

Array = NDArray[np.float32]

LIGHT_MS = 3.0
"""Processor time of a window, in ms, up to which half of the cores compute the model.

Decoding takes as long even for uncompressed audio, so it stays what is waited for, and a batch
on fewer threads takes less processor time from the decoders.
"""

Building = Callable[[Path], AbstractContextManager[object]]
"""Entered with the engine's folder while TensorRT builds, which takes minutes."""


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
        lanes: pinned buffers of a GPU, two batches under way at a time; None without.
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
    lanes: Lanes | None = None
    notes: list[str] = field(default_factory=list)
    build_s: float | None = None
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def n_ahead(self) -> int:
        """Batches that may be submitted before the first one's scores are asked for."""
        return 0 if self.lanes is None else 1

    def prepare(self) -> None:
        """Do nothing: it is ready. A `tagger.deferred.DeferredEngine` is not."""

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
            return self._run(windows)
        with self.lock:
            return self._run_fixed(windows)

    def submit(self, windows: Array) -> Callable[[], Array]:
        """Begin with a batch; what is returned waits for its scores.

        On a GPU it returns while the batch is still computed, so that the caller can put
        together and copy the next one. Elsewhere the batch is done on return.
        """
        lanes, size = self.lanes, self.fixed_batch
        if lanes is None or size is None or len(windows) > size:
            scores = self.run(windows)
            return lambda: scores
        pending = lanes.submit(windows)

        def result() -> Array:
            try:
                return pending.result()
            except Exception as error:  # noqa: BLE001 - raised again unless it is memory
                with self.lock:
                    self._shrink(size, error)
                return self.run(windows)

        return result

    def resize(self, size: int) -> None:
        """Let every batch on a GPU have another size from now on."""
        self.fixed_batch = size
        if self.lanes is not None and self.lanes.batch != size:
            self.lanes = self.lanes.resized(size)

    def _run(self, windows: Array) -> Array:
        scores: Array = self.session.run([OUTPUT], {INPUT: windows})[0]
        return scores

    def _run_fixed(self, windows: Array) -> Array:
        """Run in batches of one size; out of memory halves it and tries again."""
        parts: list[Array] = []
        done = 0
        while done < len(windows):
            size = self.fixed_batch or 1
            part = windows[done : done + size]
            try:
                if self.lanes is not None:
                    scores = self.lanes.submit(part).result()
                else:
                    scores = self._run(padded(part, size))[: len(part)]
            except Exception as error:  # noqa: BLE001 - raised again unless it is memory
                self._shrink(size, error)
                continue
            parts.append(scores)
            done += len(part)
        return np.concatenate(parts)

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
        self.resize(size // 2)


def padded(windows: Array, size: int) -> Array:
    """A batch of exactly `size` windows; what is added is silence whose scores are dropped."""
    if len(windows) == size:
        return windows
    return np.concatenate(
        [windows, np.zeros((size - len(windows), windows.shape[1]), np.float32)]
    )


def load_engine(
    path: Path,
    *,
    device: Device = "auto",
    cpu: CpuSettings = CpuSettings(),
    options: DeviceOptions = DeviceOptions(),
    building: Building = nullcontext,
) -> Engine:
    """Load a model onto a device and make sure that it is the one that was asked for.

    Args:
        path: an `.onnx` file with a `tagger.spec`.
        device: only `auto` may settle for less than the best.
        cpu: how the processor is used.
        options: how a device is used.
        building: entered while TensorRT builds an engine, not while it loads one.

    Raises:
        ModelError: the file is missing, corrupt or not one of ours.
        DeviceError: the device cannot be used, or does not give the answers that the model
            gave at export; the message names the missing piece.
    """
    if device == "tensorrt":
        return _load_tensorrt(path, cpu=cpu, options=options, building=building)
    if device != "auto":
        return _load(path, device, cpu=cpu, options=options)
    try:
        # TensorRT is never chosen by itself: building its engine takes minutes.
        return _load(path, "cuda", cpu=cpu, options=options)
    except DeviceError as error:
        engine = _load(path, "cpu", cpu=cpu, options=options)
        engine.fallback = str(error).removeprefix("--device cuda: ").rstrip(".")
        return engine


def _load_tensorrt(
    path: Path, *, cpu: CpuSettings, options: DeviceOptions, building: Building
) -> Engine:
    """Load the kept engine of a model, or build it and keep it once its answers are right."""
    _require("tensorrt", options)
    spec = read_spec(path)  # the engine's profile and folder depend on it
    folder = folder_of(options, path=path, spec=spec)
    if check_engine(folder):
        return _load(path, "tensorrt", cpu=cpu, options=options, spec=spec)
    started = time.monotonic()
    with building(folder):
        engine = _load(path, "tensorrt", cpu=cpu, options=options, spec=spec)
    engine.build_s = time.monotonic() - started
    keep_engine(folder, model=path.name, build_s=engine.build_s)
    return engine


def _load(
    path: Path,
    device: str,
    *,
    cpu: CpuSettings,
    options: DeviceOptions,
    spec: ModelSpec | None = None,
) -> Engine:
    _require(device, options)
    providers = provider_list(device, options, path=path, spec=spec)
    is_ours_to_choose = device == "cpu" and cpu.n_threads is None
    half = replace(cpu, n_threads=max(1, usable_cores() // 2))
    session = open_session(path, providers, cpu=half if is_ours_to_choose else cpu)
    check_provider(session, device)
    spec = spec_of(session, path)
    size = options.batch_on(device)
    engine = Engine(path, spec, device, None, session, batch_size=size)
    if device != "cpu":
        engine.fixed_batch = options.profile[1] if device == "tensorrt" else size
        engine.lanes = _lanes(engine, options.index)
    entry = session.get_modelmeta().custom_metadata_map.get(GOLDEN_KEY)
    engine.golden = check_golden(entry, spec, engine.run, where=f"{path} on {device}")
    if is_ours_to_choose and ms_a_window(engine) > LIGHT_MS:
        engine.session = open_session(path, providers, cpu=cpu)
    if options.auto_batch:
        engine.notes += choose_batch(engine, options.index)
    return engine


def ms_a_window(engine: Engine) -> float:
    """Processor time that the network takes, in ms a window, all threads together."""
    windows = np.zeros((4, engine.spec.window_len), np.float32)
    engine.run(windows)  # the first run allocates
    started = time.process_time()
    engine.run(windows)
    return (time.process_time() - started) * 1e3 / len(windows)


def _require(device: str, options: DeviceOptions) -> None:
    missing = find_device(device, options.index).missing
    if missing:
        raise DeviceError(f"--device {device}: {missing}.")


def _lanes(engine: Engine, index: int) -> Lanes | None:
    """Pinned buffers, or None and a note that says why copies are slower than they could be."""
    try:
        return Lanes(
            engine.session,
            CudaMemory(index),
            batch=engine.fixed_batch or 1,
            window_len=engine.spec.window_len,
            n_labels=len(engine.spec.labels),
        )
    except (DriverError, RuntimeError, AttributeError) as error:
        said = str(error).strip().split("\n", 1)[0]
        engine.notes.append(f"batches are copied to the GPU without pinned memory ({said})")
        return None
