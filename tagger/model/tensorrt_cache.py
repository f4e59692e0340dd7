"""Where TensorRT engines live: one folder per everything that an engine depends on.

ONNX Runtime has handed out another model's engine from a shared folder (its issues 6455 and
32254), so a folder is never shared, and every load is held to the model's golden vectors.
"""

import ctypes
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime

from tagger.errors import DeviceError
from tagger.model import nvidia_driver
from tagger.model.one_builder import is_being_built
from tagger.system.digest import file_sha256
from tagger.system.folders import user_folder
from tagger.system.whole_file import whole_file

MANIFEST = "tagger.json"
_TIMING = ".timing"  # TensorRT's own notes for the next build: they may change at any time


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
        excluded: operator types that were left to CUDA.
    """

    model: str
    runtime: str
    tensorrt: str
    capability: str
    precision: str
    profile: tuple[int, int, int]
    excluded: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """The name of the engine's folder."""
        batches = "-".join(str(size) for size in self.profile)
        without = f"-without-{'-'.join(sorted(self.excluded))}" if self.excluded else ""
        return "_".join(
            (
                self.model,
                f"ort{self.runtime}",
                f"trt{self.tensorrt}",
                f"cc{self.capability}",
                self.precision,
                f"b{batches}{without}",
            )
        )


def cache_root() -> Path:
    """The folder of everything that can be made again; it need not exist."""
    if given := os.environ.get("TAGGER_CACHE"):
        return Path(given)
    return user_folder("cache")


def cache_folder() -> Path:
    """The folder of all engines; it need not exist."""
    return cache_root() / "engines"


def key_of(
    model: Path,
    *,
    precision: str,
    profile: tuple[int, int, int],
    device_index: int = 0,
    excluded: tuple[str, ...] = (),
) -> EngineKey:
    """The key of an engine of a model file on this machine."""
    return EngineKey(
        model=file_sha256(model)[:16],
        runtime=onnxruntime.__version__,
        tensorrt=tensorrt_version() or "unknown",
        capability=compute_capability(device_index) or "unknown",
        precision=precision,
        profile=profile,
        excluded=excluded,
    )


def engine_folder(key: EngineKey) -> Path:
    """Make the folder of one engine.

    Raises:
        DeviceError: it cannot be made or written to.
    """
    folder = cache_folder() / key.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # By trying: rights do not say whether a share or a full disk takes a file.
        probe = folder / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)  # another process tries at the same time
    except OSError as error:
        raise DeviceError(
            f"{folder}: engines cannot be kept there ({error.strerror}); set TAGGER_CACHE to a"
            " folder that can be written to."
        ) from error
    return folder


def check_engine(folder: Path) -> bool:
    """Whether a whole engine lies in a folder, exactly as it was kept.

    Files without a manifest are what an interrupted build left: they are removed. So it is
    asked, and an engine built and kept, by `one_builder` at a time.

    Raises:
        DeviceError: a file of the engine was changed or is gone.
    """
    manifest = folder / MANIFEST
    try:
        kept = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    except FileNotFoundError:
        kept = {}
    except (OSError, ValueError, KeyError) as error:
        raise _corrupt(manifest) from error
    if not kept:  # earlier versions kept that where two built at once
        for file in _engine_files(folder):
            file.unlink(missing_ok=True)
        return False
    for name, digest in kept.items():
        path = folder / name
        if not path.is_file() or file_sha256(path) != digest:
            raise _corrupt(path)
    return True


def _corrupt(path: Path) -> DeviceError:
    return DeviceError(
        f"{path}: the cached TensorRT engine is corrupt; `tagger engine clear` removes it, and"
        " the next start builds it again."
    )


def keep_engine(folder: Path, *, model: str, build_s: float) -> None:
    """Say which files make up an engine whose answers were right, and how long it took.

    Nothing is kept of one that left no file: the next start builds, and says so.
    """
    files = {file.name: file_sha256(file) for file in _engine_files(folder)}
    if not files:
        return
    record = {"model": model, "build_s": round(build_s, 1), "files": files}
    # Last and at once: a folder with a manifest is whole.
    with whole_file(folder / MANIFEST) as part:
        part.write_text(json.dumps(record, indent=1), encoding="utf-8")


def build_seconds(folder: Path) -> float | None:
    """How long the building of an engine took; None if it is not known."""
    try:
        record: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return float(record["build_s"])
    except (OSError, ValueError, KeyError):
        return None


def _engine_files(folder: Path) -> list[Path]:
    """What TensorRT has built; hidden are the lock and what is written or tried beside."""
    return [
        entry
        for entry in sorted(folder.iterdir())
        if entry.is_file()
        and entry.name != MANIFEST
        and entry.suffix != _TIMING
        and not entry.name.startswith(".")
    ]


def list_engines() -> Iterator[tuple[Path, int]]:
    """Folder and size in bytes of every engine."""
    root = cache_folder()
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        if folder.is_dir():
            yield folder, _n_bytes(folder)


def _n_bytes(folder: Path) -> int:
    """Of all files; one that another process takes away meanwhile has none."""
    n_bytes = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                n_bytes += Path(parent, name).stat().st_size
    return n_bytes


def clear_engines() -> int:
    """Remove all engines but those that are being built; returns how many there were."""
    folders = [folder for folder, _ in list_engines() if not is_being_built(folder)]
    for folder in folders:
        with suppress(FileNotFoundError):  # another process was quicker
            shutil.rmtree(folder)
    return len(folders)


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
    gpu = nvidia_driver.gpu(device_index)
    return None if gpu is None else gpu.capability
