"""Which of ONNX Runtime's providers can really run here, and what is missing otherwise."""

import contextlib
import ctypes
import io
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import onnxruntime

from tagger.model import nvidia_driver
from tagger.model.device_options import PROVIDERS

TENSORRT_MAJOR = 10
"""What ONNX Runtime's provider links; the newest pip package is another one."""

# Without this the failure to load a provider's library is printed by C++ before we can say,
# in one sentence, what is missing.
_SILENT = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a device can be tried here.

    Attributes:
        device: 'cpu', 'cuda' or 'tensorrt'.
        missing: None if nothing is known to be missing, else a sentence with the remedy.
    """

    device: str
    missing: str | None


@cache
def find_device(device: str, index: int = 0) -> Finding:
    """Look for the driver, the GPU and the libraries that a device needs; loads no model.

    A device without a finding can still refuse: only a session proves it.
    """
    # Before anything is looked for: a failing load prints from native code.
    onnxruntime.set_default_logger_severity(_SILENT)
    if device == "cpu":
        return Finding(device, None)
    if PROVIDERS[device] not in onnxruntime.get_available_providers():
        return Finding(
            device,
            f"this build of ONNX Runtime has no {PROVIDERS[device]}; install onnxruntime-gpu"
            " (x86-64 Linux or Windows) instead of onnxruntime",
        )
    problem = _driver_problem(index)
    if problem:
        return Finding(device, problem)
    preload_cuda()
    if device == "tensorrt":
        preload_tensorrt()
    return Finding(device, _provider_problem(device))


def _driver_problem(index: int) -> str | None:
    """What NVIDIA's driver says: it is there, new enough, and sees the GPU."""
    nvidia_driver.number_gpus_as_nvidia_smi_does()
    if not nvidia_driver.is_installed():
        return f"no NVIDIA driver was found ({nvidia_driver.NAME} cannot be loaded)"
    try:
        if nvidia_driver.library() is None:  # the session will say what it lacks
            return None
        n_gpus, speaks = nvidia_driver.n_gpus(), nvidia_driver.cuda_version()
    except nvidia_driver.DriverError as error:
        return f"the driver does not start: {error}; see whether nvidia-smi lists a GPU"
    return _gpu_problem(index, n_gpus) or _version_problem(speaks)


def _gpu_problem(index: int, n_gpus: int) -> str | None:
    if not n_gpus:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        because = f" (CUDA_VISIBLE_DEVICES is {hidden!r})" if hidden is not None else ""
        return f"the driver sees no GPU{because}; see whether nvidia-smi lists one"
    if index >= n_gpus:
        return f"there is no GPU number {index}: nvidia-smi lists {n_gpus}, counted from 0"
    return None


def _version_problem(speaks: tuple[int, int]) -> str | None:
    built_for = str(getattr(onnxruntime, "cuda_version", "") or "")
    # Within a major version any driver runs any CUDA.
    if built_for and speaks[0] < int(built_for.partition(".")[0]):
        return (
            f"the NVIDIA driver is too old: it speaks CUDA {speaks[0]}.{speaks[1]}, this ONNX"
            f" Runtime needs CUDA {built_for}; update the driver, or install an"
            f" onnxruntime-gpu that was built for CUDA {speaks[0]}"
        )
    return None


@cache
def preload_cuda() -> None:
    """Load CUDA and cuDNN of the pip packages, if they are installed, before any session."""
    if hasattr(onnxruntime, "preload_dlls"):
        # It prints what it does not find; the finding that follows says it better.
        with contextlib.redirect_stdout(io.StringIO()):
            onnxruntime.preload_dlls()


@cache
def preload_tensorrt() -> None:
    """Load TensorRT of the pip packages, which ONNX Runtime does not look for itself."""
    for folder in _package_folders("tensorrt_libs"):
        for stem in ("nvinfer", "nvinfer_plugin", "nvonnxparser"):
            path = folder / f"lib{stem}.so.{TENSORRT_MAJOR}"
            if path.is_file():
                with contextlib.suppress(OSError):  # what is missing for it is said afterwards
                    ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)


def _provider_problem(device: str) -> str | None:
    """What the dynamic linker says is missing for a provider's library."""
    stem = f"onnxruntime_providers_{device}"
    name = f"{stem}.dll" if sys.platform == "win32" else f"lib{stem}.so"
    path = Path(onnxruntime.__file__).parent / "capi" / name
    if not path.is_file():
        return f"{name} is not part of this ONNX Runtime; install onnxruntime-gpu again"
    problem = _load_problem(str(path))
    if problem is None or "cannot open shared object file" not in problem:
        return None  # what is unresolved without ONNX Runtime around it is not missing
    library = problem.split(":", 1)[0]
    return f"{library} was not found{_other_version(library)}; {_remedy(library)}"


def _other_version(library: str) -> str:
    """Says that another major version of a library is there: a common mistake."""
    # Only a major version: `libnvinfer.so.10`.
    named = re.fullmatch(r"(lib\w+\.so)\.(\d+)", library)
    if named is None:
        return ""
    versions_there = {
        int(library.name.rpartition(".")[2])
        for folder in _library_folders()
        for library in folder.glob(f"{named[1]}.*")
        if library.name.rpartition(".")[2].isdigit()
    } - {int(named[2])}
    if not versions_there:
        return ""
    versions = ", ".join(str(version) for version in sorted(versions_there))
    return f", but version {versions} of it: this ONNX Runtime needs version {named[2]}"


def _library_folders() -> Iterator[Path]:
    """Where CUDA's and TensorRT's libraries usually lie."""
    yield from _package_folders("tensorrt_libs")
    for folder in _package_folders("nvidia"):
        yield from folder.glob("*/lib")
    named = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    yield from (Path(path) for path in named if path)
    yield from Path("/usr/local").glob("cuda*/lib64")
    yield from Path("/usr/lib").glob("*-linux-gnu")


def _package_folders(name: str) -> list[Path]:
    """Folders of that name beside the installed packages."""
    folder = Path(onnxruntime.__file__).parent.parent / name
    return [folder] if folder.is_dir() else []


def _remedy(library: str) -> str:
    if "nvinfer" in library or "nvonnxparser" in library:
        return (
            f"install TensorRT {TENSORRT_MAJOR} (pip install"
            f" 'tensorrt-cu13-libs<{TENSORRT_MAJOR + 1}') or use --device cuda"
        )
    return "pip install 'tagger-music[cuda]' brings CUDA and cuDNN"


def _load_problem(name: str) -> str | None:
    try:
        ctypes.CDLL(name)
    except OSError as error:
        return str(error)
    return None
