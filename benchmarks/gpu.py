"""Everything that needs a GPU, in one run: `gpu.py [MUSIC] [--out FILE.json] [--quick]`.

The tests that are marked `gpu`; parity of every precision on CUDA and TensorRT; which provider
has which nodes and which share of the time; windows a second by batch against the CPU and
against PyTorch on the same GPU, eager and compiled; peak memory; a memory limit; a scan against
decoding alone. Every part is in the JSON object that is printed last: with its figures, with
what failed, or with the reason why it was not run. Without a GPU that is all there is to say,
and what needs none (readiness, the options for the providers) is still shown.

Exit code 0: nothing failed, 1: something did.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime

sys.path.insert(0, str(Path(__file__).parent))
import gpu_parts as parts
import gpu_runs as runs

from tagger.model import nvidia_driver
from tagger.model.catalogue import DEFAULT, find_model, whole_of
from tagger.model.devices import find_device
from tagger.system.cores import usable_cores
from tagger.system.quiet import silence_native_stderr


class Report:
    """The parts of a run, each with figures, a problem, or the reason why it was not run."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {}
        self.failed: list[str] = []

    def add(self, name: str, job: Callable[[], Any], *, missing: str | None = None) -> None:
        """Run one part, unless something is missing for it."""
        if missing is not None:
            self.parts[name] = {"not_run": missing}
            return
        print(f"{name} ...", file=sys.stderr, flush=True)
        started = time.perf_counter()
        try:
            found = job()
        except Exception as error:  # noqa: BLE001 - one part that fails must not hide the others
            traceback.print_exc()
            found = {"problem": f"{type(error).__name__}: {error}", "passed": False}
        self.parts[name] = found
        if found.get("passed") is False:
            self.failed.append(name)
        print(f"{name}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)

    def to_record(self) -> dict[str, Any]:
        """The whole run."""
        not_run = [name for name, one in self.parts.items() if "not_run" in one]
        return {
            "date": time.strftime("%Y-%m-%d"),
            "machine": machine(),
            "passed": not self.failed,
            "failed": self.failed,
            "not_run": not_run,
            **self.parts,
        }


def machine() -> dict[str, Any]:
    """What this ran on."""
    found = nvidia_driver.gpu(0)
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": usable_cores(),
        "gpu": found.name if found else None,
        "compute_capability": found.capability if found else None,
        "driver_cuda": ".".join(map(str, nvidia_driver.cuda_version())) if found else None,
        "onnxruntime": onnxruntime.__version__,
        "onnxruntime_cuda": getattr(onnxruntime, "cuda_version", None) or None,
        "python": platform.python_version(),
    }


def measure(music: Path | None) -> Report:
    """All parts, in an order that shows what is basic first."""
    report, model = Report(), whole_of(find_model(DEFAULT))
    cuda, tensorrt = find_device("cuda").missing, find_device("tensorrt").missing
    torch_missing = cuda or runs.torch_missing()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = parts.variants(model, folder)
        report.add("readiness", lambda: parts.readiness(files))
        report.add("provider_options", lambda: parts.provider_options(model))
        report.add("tests", parts.gpu_tests)
        report.add("parity_cuda", lambda: parts.parity(files, "cuda"), missing=cuda)
        report.add("nodes_cuda", lambda: parts.nodes(files, "cuda"), missing=cuda)
        report.add("speed_cpu", lambda: parts.speed(files, "cpu"))
        report.add("speed_cuda", lambda: parts.speed(files, "cuda"), missing=cuda)
        report.add("speed_pytorch", lambda: runs.pytorch(folder), missing=torch_missing)
        report.add("peak_memory", lambda: runs.peak_memory(files), missing=cuda)
        report.add("memory_limit", lambda: runs.memory_limit(model), missing=cuda)
        report.add("scan", lambda: runs.scan(model, music, folder), missing=cuda)
        report.add("tensorrt", lambda: parts.tensorrt(files, folder), missing=tensorrt)
    return report


def main() -> None:
    """Measure, print, and say by the exit code whether anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("music", nargs="?", type=Path, help="for the scan; else it is made")
    parser.add_argument("--out", type=Path, help="write the JSON there, too")
    parser.add_argument("--quick", action="store_true", help="see that it runs; no figures")
    given = parser.parse_args()
    if given.quick:
        parts.be_quick()
    silence_native_stderr()
    report = measure(given.music)
    text = json.dumps(report.to_record())
    if given.out is not None:
        given.out.write_text(text, encoding="utf-8")
    print(text)
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
