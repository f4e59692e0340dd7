"""Model file and device -> engine; batches of windows -> scores."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tagger.devices import PROVIDERS, Device, find_device, provider_options
from tagger.errors import DeviceError, ModelError
from tagger.spec import METADATA_KEY, ModelSpec, parse_spec

INPUT, OUTPUT = "waveform", "scores"


@dataclass(frozen=True, slots=True)
class Engine:
    """A model that is ready to run.

    Attributes:
        path: the model file.
        spec: what the model says of itself.
        device: 'cpu', 'cuda' or 'tensorrt': what really runs.
        fallback: why `auto` took no better device; None if it did, or was not asked.
        session: ONNX Runtime's session; `run` may be called from several threads.
    """

    path: Path
    spec: ModelSpec
    device: str
    fallback: str | None
    session: Any

    def run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of a batch of windows.

        Args:
            windows: finite samples in about [-1, 1], shape (batch, window_len).

        Returns:
            Scores in [0, 1], shape (batch, n_labels).
        """
        scores: NDArray[np.float32] = self.session.run([OUTPUT], {INPUT: windows})[0]
        return scores


def load_engine(path: Path, *, device: Device = "auto", n_threads: int | None = None) -> Engine:
    """Load a model onto a device and make sure that it is the one that was asked for.

    Args:
        path: an `.onnx` file with a `tagger.spec`.
        device: only `auto` may settle for less than the best.
        n_threads: threads of the CPU provider; None for one a core.

    Raises:
        ModelError: the file is missing, corrupt or not one of ours.
        DeviceError: the device cannot be used, with the missing piece named.
    """
    if device == "auto":
        return _load_auto(path, n_threads=n_threads)
    missing = find_device(device).missing
    if missing:
        raise DeviceError(f"--device {device}: {missing}.")
    session = _session(path, device, n_threads=n_threads)
    first = session.get_providers()[0]
    if first != PROVIDERS[device]:
        raise DeviceError(
            f"--device {device}: ONNX Runtime could not start {PROVIDERS[device]} and would"
            f" have used {first}; run `tagger doctor`, or use --device auto to accept that."
        )
    return Engine(path, _spec_of(session, path), device, None, session)


def _load_auto(path: Path, *, n_threads: int | None) -> Engine:
    """CUDA where it really runs, else the CPU and the reason.

    TensorRT is never chosen by itself: building its engine takes minutes.
    """
    try:
        return load_engine(path, device="cuda", n_threads=n_threads)
    except DeviceError as error:
        session = _session(path, "cpu", n_threads=n_threads)
        reason = str(error).removeprefix("--device cuda: ").rstrip(".")
        return Engine(path, _spec_of(session, path), "cpu", reason, session)


def _session(path: Path, device: str, *, n_threads: int | None) -> Any:
    if not path.is_file():
        raise ModelError(f"{path}: there is no such model file; check the path.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = n_threads or usable_cores()
    # The decoders need the cores while a batch is being collected: idle threads must sleep.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            path, sess_options=options, providers=provider_options(device)
        )
    except Exception as error:  # ONNX Runtime's errors share no base but Exception
        first_line = str(error).strip().split("\n", 1)[0]
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


def usable_cores() -> int:
    """Cores that this process may use (containers and batch systems grant fewer)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
