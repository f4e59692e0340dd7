"""`--batch-size auto`: which batch size is fastest here, measured once and remembered."""

import json
import platform
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from tagger.model import nvidia_driver
from tagger.model.device_options import MAX_BATCH
from tagger.model.self_test import golden_windows
from tagger.model.tensorrt_cache import cache_root
from tagger.system.cores import usable_cores
from tagger.system.digest import file_sha256
from tagger.system.whole_file import whole_file

if TYPE_CHECKING:
    from tagger.model.engine import Engine

FILE = "batch-sizes.json"
GOOD_ENOUGH = 0.95
"""Of the best speed: a smaller batch answers earlier and takes less memory."""

SECONDS_EACH = 0.3


def choose_batch(engine: "Engine", index: int = 0) -> list[str]:
    """Give an engine the batch size that is fastest on this machine.

    It is measured when this model has not run on this device with this ONNX Runtime before.

    Returns:
        Sentences for the user: that the result cannot be kept, if so.
    """
    key = cache_key(engine, index)
    size = _remembered(key)
    notes: list[str] = []
    if size is None:
        size = fastest_size(engine)
        notes = _remember(key, size)
    engine.batch_size = size
    if engine.fixed_batch is not None:
        engine.fixed_batch = size
    return notes


def cache_key(engine: "Engine", index: int = 0) -> str:
    """Everything that a measured size depends on."""
    if engine.device == "cpu":
        name = f"{platform.machine()} {_processor()} {usable_cores()} cores"
    else:
        gpu = nvidia_driver.gpu(index)
        name = gpu.name if gpu else "GPU"
    digest = file_sha256(engine.path)[:16]
    return f"{digest} {engine.device} {name} onnxruntime {onnxruntime.__version__}"


def _processor() -> str:
    """The processor's name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")


def fastest_size(engine: "Engine") -> int:
    """The smallest batch size whose speed is within 5 % of the best."""
    speeds: dict[int, float] = {}
    # A TensorRT engine takes what its profile covers; every other device takes anything.
    limit = engine.fixed_batch or MAX_BATCH if engine.device == "tensorrt" else MAX_BATCH
    size = 1
    while size <= limit:
        speeds[size] = _windows_per_s(engine, size)
        if engine.fixed_batch is not None and engine.fixed_batch < size:
            del speeds[size]  # memory ran out: it is no size for this GPU
            break
        size *= 2
    best = max(speeds.values())
    return min(size for size, speed in speeds.items() if speed >= GOOD_ENOUGH * best)


def _windows_per_s(engine: "Engine", size: int) -> float:
    if engine.fixed_batch is not None:
        engine.fixed_batch = size
    windows = np.ascontiguousarray(
        # Sound and not silence: kernels may be faster for zeros.
        np.resize(golden_windows(engine.spec), (size, engine.spec.window_len))
    )
    engine.run(windows)  # the first run of a shape allocates
    times: list[float] = []
    until = perf_counter() + SECONDS_EACH
    # The median of at least three: one interruption must not choose the size.
    while len(times) < 3 or perf_counter() < until:
        started = perf_counter()
        engine.run(windows)
        times.append(perf_counter() - started)
    return size / sorted(times)[len(times) // 2]


def _measured() -> dict[str, object]:
    """What was measured before; nothing if the file is not there or no longer whole."""
    try:
        sizes = json.loads((cache_root() / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return sizes if isinstance(sizes, dict) else {}


def _remembered(key: str) -> int | None:
    size = _measured().get(key)
    return size if isinstance(size, int) and 1 <= size <= MAX_BATCH else None


def _remember(key: str, size: int) -> list[str]:
    """Add to the file of measured sizes; one that cannot be written is no reason to stop."""
    path = cache_root() / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_text(json.dumps({**_measured(), key: size}, indent=1), encoding="utf-8")
    except OSError as error:
        note = (
            f"the batch size that was measured ({size}) cannot be kept in {path.parent}"
            f" ({error.strerror}), so every start measures it again; set TAGGER_CACHE to a"
            " folder that can be written to"
        )
        return [note]
    return []
