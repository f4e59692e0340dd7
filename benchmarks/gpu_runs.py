"""The parts of `gpu.py` that run batches, scans and PyTorch; records as in `gpu_parts`."""

import statistics
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

sys.path.insert(0, str(Path(__file__).parent))
from demo_music import main as make_library
from gpu_parts import BATCHES, ROOT

from export.describe import describe, spec_of
from export.graph import to_graph
from export.trimmed_front_end import add_trimmed_front_end
from tagger.diagnostics.bench import bench_device
from tagger.library.walk import find_tracks
from tagger.model import nvidia_driver
from tagger.model.device_options import DeviceOptions
from tagger.model.load import load_engine
from tagger.model.self_test import golden_windows
from tagger.scan.pipeline import ListenOptions, analyse
from train.config.config import load_config
from train.datasets import gtzan
from train.models.checkpoint import Checkpoint
from train.models.network import TaggerNet

ROUNDS = 20
BOUND = 1.15
"""A scan that takes less than this times decoding alone is bound by decoding."""


def torch_missing() -> str | None:
    """Why PyTorch cannot be timed on the GPU, or None."""
    if torch.cuda.is_available():
        return None
    return f"PyTorch {torch.__version__} sees no GPU"


def pytorch(folder: Path) -> dict[str, Any]:
    """The default network with random weights: PyTorch eager, compiled, and as exported."""
    config = load_config(ROOT / "train" / "configs" / "default.yaml", {})
    torch.manual_seed(0)
    net = TaggerNet(config.network(), n_labels=len(gtzan.LABELS)).eval()
    facts = {"thresholds": dict.fromkeys(gtzan.LABELS, 0.5)}
    spec = spec_of(Checkpoint(net, config, gtzan.LABELS, facts))
    graph = to_graph(net, window_len=spec.window_len)
    add_trimmed_front_end(graph, net, window_len=spec.window_len)
    describe(graph, spec, precision="fp32")
    onnx.save(graph, folder / "random.onnx")
    exported = bench_device(folder / "random.onnx", "cuda", batches=BATCHES)
    net = net.cuda()
    eager = torch_speed(net, spec.window_len)
    compiled = torch_speed(torch.compile(net), spec.window_len)
    ours = {speed.batch: speed.windows_per_s for speed in exported.speeds}
    return {
        "exported": ours,
        "eager": eager,
        "compiled": compiled,
        "times_as_fast_as_eager": {n: round(ours[n] / eager[n], 2) for n in ours},
        "times_as_fast_as_compiled": {n: round(ours[n] / compiled[n], 2) for n in ours},
    }


def torch_speed(net: Any, window_len: int) -> dict[int, float]:
    """Windows a second by batch, copies to and from the GPU included as in a scan."""
    found = {}
    with torch.inference_mode():
        for batch in BATCHES:
            windows = (0.1 * torch.randn(batch, window_len)).pin_memory()
            times = []
            for _ in range(ROUNDS + 3):
                started = time.perf_counter()
                net(windows.cuda(non_blocking=True)).cpu()
                times.append(time.perf_counter() - started)
            found[batch] = round(batch / statistics.median(times[3:]), 1)
    return found


@contextmanager
def watched_memory() -> Iterator[dict[str, int]]:
    """The most of the first GPU's memory that is taken while the block runs, in MiB."""
    nvml, found, done = nvidia_driver.library(), {"peak_mb": 0}, threading.Event()
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    before = nvml.nvmlDeviceGetMemoryInfo(handle).used

    def watch() -> None:
        while not done.wait(0.005):
            used = nvml.nvmlDeviceGetMemoryInfo(handle).used - before
            found["peak_mb"] = max(found["peak_mb"], used >> 20)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()


def peak_memory(files: Mapping[str, Path]) -> dict[str, Any]:
    """Most memory that loading and running take, by precision and batch."""
    found: dict[str, Any] = {}
    for name, path in files.items():
        for batch in (1, 32, 64):
            with watched_memory() as peak:
                engine = load_engine(
                    path, device="cuda", options=DeviceOptions(batch_size=batch)
                )
                for _ in range(5):
                    engine.run(np.zeros((batch, engine.spec.window_len), np.float32))
            found[f"{name} batch {batch}"] = peak["peak_mb"]
            del engine
    return {"unit": "MiB", **found}


def memory_limit(model: Path) -> dict[str, Any]:
    """A batch that does not fit into the limit is halved, and the scores are the same."""
    whole = load_engine(model, device="cpu")
    windows = np.resize(golden_windows(whole.spec), (64, whole.spec.window_len))
    options = DeviceOptions(batch_size=64, memory_limit_mb=256)
    engine = load_engine(model, device="cuda", options=options)
    difference = float(np.abs(engine.run(windows) - whole.run(windows)).max())
    return {
        "passed": difference < 1e-3,
        "batch_asked": 64,
        "batch_in_the_end": engine.fixed_batch,
        "max_difference": difference,
    }


def scan(model: Path, music: Path | None, folder: Path) -> dict[str, Any]:
    """A scan on the GPU and on the CPU, against decoding the same windows alone."""
    if music is None:
        music = folder / "music"
        make_library(music)
    paths = list(find_tracks([music]))
    engines = {name: load_engine(model, device=name) for name in ("cuda", "cpu")}  # type: ignore[arg-type]
    decode = min(decoding_s(paths, engines["cpu"]) for _ in range(3))
    scans = {
        name: min(scan_s(paths, engine) for _ in range(3)) for name, engine in engines.items()
    }
    ratio = scans["cuda"] / decode
    return {
        "n_files": len(paths),
        "decode_s": round(decode, 2),
        "scan_cuda_s": round(scans["cuda"], 2),
        "scan_cpu_s": round(scans["cpu"], 2),
        "ratio": round(ratio, 3),
        "passed": ratio < BOUND,
        "bound_by_decoding": ratio < BOUND,
    }


def scan_s(paths: Sequence[Path], engine: Any) -> float:
    """Seconds of a scan, without tags."""
    started = time.perf_counter()
    for _ in analyse(list(paths), engine, ListenOptions()):
        pass
    return time.perf_counter() - started


def decoding_s(paths: Sequence[Path], engine: Any) -> float:
    """Seconds of the same pipeline with a network that costs nothing."""
    spec = engine.spec

    class Idle:
        batch_size = engine.batch_size

        def __init__(self) -> None:
            self.spec, self.path, self.device = spec, engine.path, "cpu"

        def prepare(self) -> None:
            """It is ready."""

        def run(self, windows: Any) -> Any:
            return np.zeros((len(windows), len(spec.labels)), np.float32)

    return scan_s(paths, Idle())
