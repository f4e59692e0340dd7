"""The parts of `gpu.py`: each returns a record of JSON types; `passed` where it is a check."""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from export.check import check_file
from export.describe import describe
from export.parity import BATCHES as PARITY_BATCHES_OF_EXPORT
from export.parity import GraphKind, compare_outputs, of_graph, sounds
from export.precision import to_half, to_int8
from export.run import read_source
from tagger.diagnostics import bench
from tagger.diagnostics.bench import bench_device
from tagger.diagnostics.profile import profile_model
from tagger.model.device_options import Device, DeviceOptions
from tagger.model.load import load_engine
from tagger.model.providers import cuda_options, tensorrt_options
from tagger.model.session import read_spec

ROOT = Path(__file__).parent.parent
BATCHES = [1, 4, 16, 32, 64]
PARITY_BATCHES = [*PARITY_BATCHES_OF_EXPORT]


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
        "int8": to_int8(source.graph, list(heard.values()), made_for="gpu"),
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
    command = [
        "-m",
        "pytest",
        "-q",
        "-m",
        "gpu",
        "tests/model/test_gpu.py",
        f"--junitxml={report}",
    ]
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
        rows = compare_outputs(
            reference,
            engine.run,
            window_len=spec.window_len,
            sample_rate=spec.sample_rate,
            kind=GraphKind(precision=precision, device=device),  # type: ignore[arg-type]
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
