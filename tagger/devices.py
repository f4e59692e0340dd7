"""Which of ONNX Runtime's providers can really run here, and what is missing otherwise."""

import contextlib
import ctypes
import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import onnxruntime

Device = Literal["auto", "cpu", "cuda", "tensorrt"]
DEVICES: tuple[Device, ...] = ("auto", "cpu", "cuda", "tensorrt")

PROVIDERS: Mapping[str, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}

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
def find_device(device: str) -> Finding:
    """Look for the driver and the libraries that a device needs; loads no model.

    A device without a finding can still refuse: only a session proves it.
    """
    onnxruntime.set_default_logger_severity(_SILENT)
    if device == "cpu":
        return Finding(device, None)
    if PROVIDERS[device] not in onnxruntime.get_available_providers():
        return Finding(
            device,
            f"this build of ONNX Runtime has no {PROVIDERS[device]}; install onnxruntime-gpu"
            " (x86-64 Linux or Windows) instead of onnxruntime",
        )
    driver = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    if _load_problem(driver):
        return Finding(device, f"no NVIDIA driver was found ({driver} cannot be loaded)")
    preload_cuda()
    return Finding(device, _provider_problem(device))


@cache
def preload_cuda() -> None:
    """Load CUDA and cuDNN of the pip packages, if they are installed, before any session."""
    if hasattr(onnxruntime, "preload_dlls"):
        # It prints what it does not find; the finding that follows says it better.
        with contextlib.redirect_stdout(io.StringIO()):
            onnxruntime.preload_dlls()


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
    return f"{library} was not found; {_remedy(library)}"


def _remedy(library: str) -> str:
    if "nvinfer" in library or "nvonnxparser" in library:
        return "install TensorRT 10 (pip install tensorrt-cu13) or use --device cuda"
    return "pip install 'tagger-music[cuda]' brings CUDA and cuDNN"


def _load_problem(name: str) -> str | None:
    try:
        ctypes.CDLL(name)
    except OSError as error:
        return str(error)
    return None
