"""Model file and device -> engine; batches of windows -> scores."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tagger.devices import PROVIDERS, Device, find_device
from tagger.errors import DeviceError, ModelError
from tagger.golden import METADATA_KEY as GOLDEN_KEY
from tagger.golden import check_golden
from tagger.lean import lean_bytes
from tagger.providers import DeviceOptions, ProviderList, provider_list
from tagger.spec import METADATA_KEY, ModelSpec, parse_spec

INPUT, OUTPUT = "waveform", "scores"

_OUT_OF_MEMORY = ("out of memory", "failed to allocate", "cudaerrormemoryallocation")


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
    """

    path: Path
    spec: ModelSpec
    device: str
    fallback: str | None
    session: Any
    fixed_batch: int | None = None
    golden: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
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

    def _run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = self.session.run([OUTPUT], {INPUT: windows})[0]
        return scores

    def _run_fixed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run in batches of one size; out of memory halves it and tries again."""
        parts: list[NDArray[np.float32]] = []
        done = 0
        while done < len(windows):
            size = self.fixed_batch or 1
            part = windows[done : done + size]
            try:
                scores = self._run(padded(part, size))
            except Exception as error:
                if not _is_out_of_memory(error):
                    raise
                self.fixed_batch = _halved(size, self.path, error)
                continue
            parts.append(scores[: len(part)])
            done += len(part)
        return np.concatenate(parts)


def padded(windows: NDArray[np.float32], size: int) -> NDArray[np.float32]:
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
    n_threads: int | None = None,
    options: DeviceOptions = DeviceOptions(),
) -> Engine:
    """Load a model onto a device and make sure that it is the one that was asked for.

    Args:
        path: an `.onnx` file with a `tagger.spec`.
        device: only `auto` may settle for less than the best.
        n_threads: threads of the CPU provider; None for one a core.
        options: how a GPU is used.

    Raises:
        ModelError: the file is missing, corrupt or not one of ours.
        DeviceError: the device cannot be used, or does not give the answers that the model
            gave at export; the message names the missing piece.
    """
    if device != "auto":
        return _load(path, device, n_threads=n_threads, options=options, fallback=None)
    try:
        # TensorRT is never chosen by itself: building its engine takes minutes.
        return _load(path, "cuda", n_threads=n_threads, options=options, fallback=None)
    except DeviceError as error:
        reason = str(error).removeprefix("--device cuda: ").rstrip(".")
        return _load(path, "cpu", n_threads=n_threads, options=options, fallback=reason)


def _load(
    path: Path,
    device: str,
    *,
    n_threads: int | None,
    options: DeviceOptions,
    fallback: str | None,
) -> Engine:
    missing = find_device(device).missing
    if missing:
        raise DeviceError(f"--device {device}: {missing}.")
    # TensorRT's options depend on the spec, which is read without a GPU first.
    spec = read_spec(path) if device == "tensorrt" else None
    providers = provider_list(device, options, path=path, spec=spec)
    session = _session(path, providers, n_threads=n_threads)
    _check_provider(session, device)
    spec = _spec_of(session, path)
    fixed = None if device == "cpu" else options.batch_size
    engine = Engine(path, spec, device, fallback, session, fixed_batch=fixed)
    entry = session.get_modelmeta().custom_metadata_map.get(GOLDEN_KEY)
    where = f"{path} on {device}"
    engine.golden = check_golden(entry, spec, engine.run, where=where)
    return engine


def read_spec(path: Path) -> ModelSpec:
    """What a model file says of itself; the graph is loaded but not optimised.

    Raises:
        ModelError: as for `load_engine`.
    """
    return _spec_of(_session(path, [PROVIDERS["cpu"]], n_threads=1, optimise=False), path)


def _check_provider(session: Any, device: str) -> None:
    """The first provider must be the asked one, and nodes must have been given to it."""
    first = session.get_providers()[0]
    if first != PROVIDERS[device]:
        raise DeviceError(
            f"--device {device}: ONNX Runtime could not start {PROVIDERS[device]} and would"
            f" have used {first}; run `tagger doctor`, or use --device auto to accept that."
        )
    counts = node_counts(session)
    if counts and not counts.get(PROVIDERS[device]):
        raise DeviceError(
            f"--device {device}: none of the model's nodes was given to {PROVIDERS[device]}"
            f" ({counts}); run `tagger export --check` on the model."
        )


def node_counts(session: Any) -> dict[str, int]:
    """Nodes of the optimised graph by provider; empty where ONNX Runtime cannot tell."""
    try:
        groups = session.get_provider_graph_assignment_info()
    except (AttributeError, RuntimeError):  # older, or not recorded
        return {}
    counts: dict[str, int] = {}
    for group in groups:
        counts[group.ep_name] = counts.get(group.ep_name, 0) + len(group.get_nodes())
    return counts


def _session(
    path: Path, providers: ProviderList, *, n_threads: int | None, optimise: bool = True
) -> Any:
    if not path.is_file():
        raise ModelError(f"{path}: there is no such model file; check the path.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = n_threads or usable_cores()
    # The decoders need the cores while a batch is being collected: idle threads must sleep.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if not optimise:
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.graph_optimization_level = level
    model = (lean_bytes(path) if optimise else None) or path
    try:
        return onnxruntime.InferenceSession(model, sess_options=options, providers=providers)
    except Exception as error:  # ONNX Runtime's errors share no base but Exception
        first_line = str(error).strip().split("\n", 1)[0]
        if _is_out_of_memory(error) and providers[0] != PROVIDERS["cpu"]:
            raise DeviceError(f"no memory on the device for {path} ({first_line})") from error
        raise ModelError(f"{path}: not a model that can be run ({first_line})") from error


def _spec_of(session: Any, path: Path) -> ModelSpec:
    """Read the spec and hold the graph to it."""
    try:
        spec = parse_spec(session.get_modelmeta().custom_metadata_map.get(METADATA_KEY))
    except ModelError as error:
        raise ModelError(f"{path}: not a model of tagger: {error}.") from error
    inputs = {one.name: one.shape for one in session.get_inputs()}
    outputs = {one.name: one.shape for one in session.get_outputs()}
    if list(inputs) != [INPUT] or inputs[INPUT][1:] != [spec.window_len]:
        raise ModelError(
            f"{path}: its input is {inputs}, not '{INPUT}' (batch, {spec.window_len}) as its"
            f" {METADATA_KEY} says; export it again."
        )
    if OUTPUT not in outputs or outputs[OUTPUT][1:] != [len(spec.labels)]:
        raise ModelError(
            f"{path}: its output is {outputs}, not '{OUTPUT}' (batch, {len(spec.labels)}) as"
            f" its {METADATA_KEY} says; export it again."
        )
    return spec


def _is_out_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    return any(sign in text for sign in _OUT_OF_MEMORY)


def _halved(size: int, path: Path, error: Exception) -> int:
    if size == 1:
        raise DeviceError(
            f"{path}: the GPU has no memory for a single window; close what else uses it, or"
            " use --device cpu."
        ) from error
    return size // 2


def usable_cores() -> int:
    """Cores that this process may use (containers and batch systems grant fewer)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
