"""Where TensorRT engines live: one folder per everything that an engine depends on.

ONNX Runtime has handed out another model's engine from a shared folder (its issues 6455 and
32254), so a folder is never shared, and every load is held to the model's golden vectors.
"""

import ctypes
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnxruntime

from tagger.errors import DeviceError

_CC_MAJOR, _CC_MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*


@dataclass(frozen=True, slots=True)
class EngineKey:
    """What an engine was built from and for.

    Attributes:
        model: sha256 of the model file, first 16 digits.
        runtime: ONNX Runtime's version.
        tensorrt: TensorRT's version, or 'unknown'.
        capability: of the GPU, as in '9.0', or 'unknown'.
        precision: of the graph.
        profile: smallest, optimal and largest batch.
    """

    model: str
    runtime: str
    tensorrt: str
    capability: str
    precision: str
    profile: tuple[int, int, int]

    @property
    def folder(self) -> str:
        """The name of the engine's folder."""
        batches = "-".join(str(size) for size in self.profile)
        return "_".join(
            (
                self.model,
                f"ort{self.runtime}",
                f"trt{self.tensorrt}",
                f"cc{self.capability}",
                self.precision,
                f"b{batches}",
            )
        )


def cache_folder() -> Path:
    """The folder of all engines; it need not exist."""
    if given := os.environ.get("TAGGER_CACHE"):
        return Path(given) / "engines"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "tagger" / "engines"


def key_of(
    model: Path, *, precision: str, profile: tuple[int, int, int], device_index: int = 0
) -> EngineKey:
    """The key of an engine of a model file on this machine."""
    return EngineKey(
        model=sha256_of(model)[:16],
        runtime=onnxruntime.__version__,
        tensorrt=tensorrt_version() or "unknown",
        capability=compute_capability(device_index) or "unknown",
        precision=precision,
        profile=profile,
    )


def engine_folder(key: EngineKey) -> Path:
    """Make the folder of one engine.

    Raises:
        DeviceError: it cannot be made or written to.
    """
    folder = cache_folder() / key.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise DeviceError(
            f"{folder}: engines cannot be kept there ({error.strerror}); set TAGGER_CACHE to a"
            " folder that can be written to."
        ) from error
    return folder


def list_engines() -> Iterator[tuple[Path, int]]:
    """Folder and size in bytes of every engine."""
    root = cache_folder()
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        if folder.is_dir():
            yield folder, sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def clear_engines() -> int:
    """Remove all engines; returns how many there were."""
    folders = [folder for folder, _ in list_engines()]
    for folder in folders:
        shutil.rmtree(folder)
    return len(folders)


def sha256_of(path: Path) -> str:
    """The digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tensorrt_version() -> str | None:
    """Version of the TensorRT library that ONNX Runtime's provider links, or None."""
    name = "nvinfer_10.dll" if sys.platform == "win32" else "libnvinfer.so.10"
    try:
        number = int(ctypes.CDLL(name).getInferLibVersion())
    except (OSError, AttributeError):
        return None
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def compute_capability(device_index: int) -> str | None:
    """Compute capability of a GPU as in '9.0', or None without a driver."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return None
    device, value = ctypes.c_int(), ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), device_index):
        return None
    parts = []
    for attribute in (_CC_MAJOR, _CC_MINOR):
        driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
        parts.append(str(value.value))
    return ".".join(parts)
