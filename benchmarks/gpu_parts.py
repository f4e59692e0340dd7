"""The parts of `gpu.py`: each returns a record of JSON types; `passed` where it is a check."""

import os
import statistics
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

sys.path.insert(0, str(Path(__file__).parent))
from demo_music import main as make_library

from export.check import check_file
from export.describe import describe, spec_of
from export.graph import to_graph
from export.lean import add_lean_front_end
from export.parity import BATCHES as PARITY_BATCHES_OF_EXPORT
from export.parity import compare, of_graph, sounds
from export.precision import to_half, to_int8
from export.run import read_source
from tagger import bench
from tagger.bench import bench_device
from tagger.devices import Device
from tagger.driver import Context
from tagger.golden import golden_windows
from tagger.library import find_tracks
from tagger.pipeline import ListenOptions, analyse
from tagger.profiling import profile_model
from tagger.providers import DeviceOptions, cuda_options, tensorrt_options
from tagger.runtime import load_engine
from tagger.session import read_spec
from train.checkpoint import Checkpoint
from train.config import load_config
from train.datasets import gtzan
from train.models.network import TaggerNet

ROOT = Path(__file__).parent.parent
BATCHES = [1, 4, 16, 32, 64]
PARITY_BATCHES = [*PARITY_BATCHES_OF_EXPORT]
ROUNDS = 20
BOUND = 1.15
"""A scan that takes less than this times decoding alone is bound by decoding."""


def be_quick() -> None:
    """Measure so shortly that the figures mean nothing."""
    BATCHES[:] = [1, 2]
    PARITY_BATCHES[:] = [3]
    bench.SECONDS_EACH = 0.01


def variants(model: Path, folder: Path) -> dict[str, Path]:
    """The model in every precision; eight bits calibrated on synthetic sounds."""
    source = read_source(model)
    heard = sounds(source.spec.window_len, sample_rate=source.spec.sample_rate)
    made = {
        "fp32": source.graph,
        "fp16": to_half(source.graph),
        "int8": to_int8(source.graph, list(heard.values())),
    }
    files = {}
    for precision, graph in made.items():
        describe(graph, source.spec, precision=precision)  # type: ignore[arg-type]
        files[precision] = folder / f"model.{precision}.onnx"
        onnx.save(graph, files[precision])
    return files


def readiness(files: Mapping[str, Path]) -> dict[str, Any]:
    """What `tagger export --check` finds in each precision."""
    findings = {name: [asdict(one) for one in check_file(path)] for name, path in files.items()}
    return {"passed": not any(findings.values()), "findings": findings}


def provider_options(model: Path) -> dict[str, Any]:
    """What CUDA and TensorRT are told, without the folder's place on this machine."""
    spec, options = read_spec(model), DeviceOptions()
    told = tensorrt_options(options, path=model, spec=spec)
    named = {key: Path(one).name if "path" in key else one for key, one in told.items()}
    return {"cuda": cuda_options(options), "tensorrt": named}


def gpu_tests() -> dict[str, Any]:
    """The tests that are marked `gpu`: how many passed, failed, and were skipped and why."""
    report = Path(os.environ.get("TMPDIR", "/tmp")) / f"gpu-tests-{os.getpid()}.xml"  # noqa: S108
    command = ["-m", "pytest", "-q", "-m", "gpu", "tests/test_gpu.py", f"--junitxml={report}"]
    subprocess.run([sys.executable, *command], cwd=ROOT, stdout=sys.stderr, check=False)
    try:
        cases = list(ET.parse(report).getroot().iter("testcase"))  # noqa: S314 - our own file
    finally:
        report.unlink(missing_ok=True)
    skipped = [one.find("skipped") for one in cases]
    reasons = sorted({one.get("message", "") for one in skipped if one is not None})
    failed = [
        one.get("name")
        for one in cases
        if one.find("failure") is not None or one.find("error") is not None
    ]
    n_skipped = sum(one is not None for one in skipped)
    return {
        "passed": bool(cases) and not failed,
        "n_passed": len(cases) - len(failed) - n_skipped,
        "failed": failed,
        "n_skipped": n_skipped,
        "skipped_because": reasons,
    }


def parity(files: Mapping[str, Path], device: Device) -> dict[str, Any]:
    """Every precision on a device against float32 on the CPU, on every kind of sound."""
    reference, spec = of_graph(onnx.load(files["fp32"])), read_spec(files["fp32"])
    found: dict[str, Any] = {"passed": True}
    for precision, path in files.items():
        engine = load_engine(path, device=device)
        rows = compare(
            reference,
            engine.run,
            window_len=spec.window_len,
            sample_rate=spec.sample_rate,
            precision=precision,  # type: ignore[arg-type]
            device=device,
            batches=PARITY_BATCHES,
        )
        worst = max(rows, key=lambda row: row.max_difference)
        found[precision] = {
            "n_rows": len(rows),
            "n_failed": sum(not row.passed for row in rows),
            "worst": asdict(worst),
            "same_first_label": round(float(np.mean([row.same_first for row in rows])), 4),
            "golden": engine.golden,
        }
        found["passed"] &= all(row.passed for row in rows)
    return found


def nodes(files: Mapping[str, Path], device: Device) -> dict[str, Any]:
    """Shares of nodes and of time by provider; most must be the device's."""
    shares = {name: profile_model(path, device) for name, path in files.items()}
    own = [one for found in shares.values() for one in found if one.device == device]
    return {
        "passed": len(own) == len(files) and all(one.nodes > 0.5 for one in own),
        **{name: [asdict(one) for one in found] for name, found in shares.items()},
    }


def speed(files: Mapping[str, Path], device: Device) -> dict[str, Any]:
    """Windows a second by batch, latency and load time of each precision."""
    found = {
        name: bench_device(path, device, batches=BATCHES).to_record()
        for name, path in files.items()
    }
    return {"passed": all(one["problem"] is None for one in found.values()), **found}


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
    add_lean_front_end(graph, net, window_len=spec.window_len)
    describe(graph, spec, precision="fp32")
    onnx.save(graph, folder / "random.onnx")
    exported = bench_device(folder / "random.onnx", "cuda", batches=BATCHES)
    net = net.cuda()
    eager = torch_speed(net, spec.window_len)
    compiled = torch_speed(torch.compile(net), spec.window_len)
    ours = {one.batch: one.windows_per_s for one in exported.speeds}
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


def pinned_copies(model: Path) -> dict[str, Any]:
    """Whether two batches are under way at a time, and what that gains."""
    engine = load_engine(model, device="cuda")
    with_lanes = pipelined(engine)
    lanes, engine.lanes = engine.lanes, None
    without = pipelined(engine)
    return {
        "passed": lanes is not None,
        "notes": engine.notes,
        "windows_per_s": with_lanes,
        "windows_per_s_without": without,
    }


def pipelined(engine: Any, *, n_batches: int = 40) -> float:
    """Windows a second with one batch ahead, as the pipeline runs it."""
    size = engine.batch_size
    windows = np.ascontiguousarray(
        np.resize(golden_windows(engine.spec), (size, engine.spec.window_len))
    )
    engine.run(windows)
    started, waiting = time.perf_counter(), []
    for _ in range(n_batches):
        waiting.append(engine.submit(windows))
        while len(waiting) > engine.n_ahead:
            waiting.pop(0)()
    for result in waiting:
        result()
    return round(n_batches * size / (time.perf_counter() - started), 1)


@contextmanager
def watched_memory() -> Iterator[dict[str, int]]:
    """The least free memory of the GPU while the block runs, in MiB below what was free."""
    context, found, done = Context(0), {"peak_mb": 0}, threading.Event()
    before = context.free_memory_mb()[0]

    def watch() -> None:
        while not done.wait(0.005):
            used = before - context.free_memory_mb()[0]
            found["peak_mb"] = max(found["peak_mb"], used)

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
                pipelined(engine, n_batches=5)
            found[f"{name} batch {batch}"] = peak["peak_mb"]
            if engine.lanes is not None:
                engine.lanes.close()
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
        batch_size, n_ahead = engine.batch_size, 0

        def __init__(self) -> None:
            self.spec, self.path, self.device = spec, engine.path, "cpu"

        def submit(self, windows: Any) -> Any:
            return lambda: np.zeros((len(windows), len(spec.labels)), np.float32)

    return scan_s(paths, Idle())


def tensorrt(files: Mapping[str, Path], folder: Path) -> dict[str, Any]:
    """Engines built and loaded again from a cache of their own: time, answers, speed."""
    os.environ["TAGGER_CACHE"] = str(folder / "cache")
    found: dict[str, Any] = {"passed": True}
    for name, path in files.items():
        started = time.perf_counter()
        first = load_engine(path, device="tensorrt")
        built = time.perf_counter() - started
        started = time.perf_counter()
        second = load_engine(path, device="tensorrt")
        found[name] = {
            "build_s": round(built, 1),
            "load_s": round(time.perf_counter() - started, 2),
            "built_twice": second.build_s is not None,
            "golden": first.golden,
        }
        found["passed"] &= second.build_s is None
    found["parity"] = parity(files, "tensorrt")
    found["passed"] &= found["parity"]["passed"]
    found["nodes"] = nodes(files, "tensorrt")
    found["speed"] = speed(files, "tensorrt")
    return found
