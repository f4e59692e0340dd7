"""NVIDIA's driver: which CUDA it speaks and which GPUs this process may use.

Asked through NVIDIA's own Python binding of its management library (`nvidia-ml-py`), which is
a part of every driver and starts no context on a GPU.
"""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

NAME = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
"""The library that CUDA programs load: without it no GPU can be used, whatever is asked."""

_PCI_DEVICES = Path("/sys/bus/pci/devices")


class DriverError(Exception):
    """The driver gave no answer; the message has its own reason."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU.

    Attributes:
        name: as nvidia-smi prints it.
        capability: compute capability, as in '9.0'.
    """

    name: str
    capability: str


def is_installed() -> bool:
    """Tell whether the library is there that CUDA programs load."""
    try:
        ctypes.CDLL(NAME)
    except OSError:
        return False
    return True


@cache
def library() -> Any | None:
    """NVIDIA's management library, started; None where there is none to ask.

    A container can be given CUDA without it, and a system other than Linux and Windows has
    none.

    Raises:
        DriverError: the driver does not start; the message has its own words.
    """
    try:
        import pynvml  # noqa: PLC0415 - 80 ms that a machine without a driver does not need
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        return None
    except pynvml.NVMLError as error:
        raise DriverError(str(error)) from error
    return pynvml


@contextlib.contextmanager
def _translated() -> Iterator[Any]:
    nvml = library()
    if nvml is None:
        raise DriverError("NVIDIA's management library is not there")
    try:
        yield nvml
    except nvml.NVMLError as error:
        raise DriverError(str(error)) from error


def is_gpu_there() -> bool:
    """Tell whether this machine has an NVIDIA GPU, whether or not it can be used.

    Where no driver answers, Linux' list of PCI devices does; other systems have none that
    could be read as easily, and there the answer is no.
    """
    if is_installed():
        with contextlib.suppress(DriverError), _translated() as nvml:
            if nvml.nvmlDeviceGetCount():
                return True
    with contextlib.suppress(OSError):
        for device in _PCI_DEVICES.iterdir():
            with contextlib.suppress(OSError):
                vendor, kind = (device / name for name in ("vendor", "class"))
                # 10de: NVIDIA; 03: a display controller, not the sound or USB beside it.
                if vendor.read_text().strip() == "0x10de" and kind.read_text()[:4] == "0x03":
                    return True
    return False


def cuda_version() -> tuple[int, int]:
    """The newest CUDA that the driver speaks, as (major, minor).

    Raises:
        DriverError: the driver gave no answer.
    """
    with _translated() as nvml:
        number = nvml.nvmlSystemGetCudaDriverVersion_v2()
    # 12080 is CUDA 12.8.
    return number // 1000, number % 1000 // 10


def n_gpus() -> int:
    """How many GPUs this process may use.

    Raises:
        DriverError: the driver gave no answer.
    """
    with _translated() as nvml:
        return len(_handles(nvml))


def gpu(index: int) -> Gpu | None:
    """What a GPU is, or None if there is no such GPU or no driver that tells."""
    try:
        with _translated() as nvml:
            handles = _handles(nvml)
            if not 0 <= index < len(handles):
                return None
            capability = nvml.nvmlDeviceGetCudaComputeCapability(handles[index])
            return Gpu(nvml.nvmlDeviceGetName(handles[index]), ".".join(map(str, capability)))
    except DriverError:
        return None


def _handles(nvml: Any) -> list[Any]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves to this process, in its order."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is None:
        names = [str(index) for index in range(nvml.nvmlDeviceGetCount())]
    else:
        names = [name.strip() for name in given.split(",")]
    handles: list[Any] = []
    for name in names:
        try:
            if name.isdecimal():
                handles.append(nvml.nvmlDeviceGetHandleByIndex(int(name)))
            else:
                handles.append(nvml.nvmlDeviceGetHandleByUUID(name))
        except nvml.NVMLError:
            break  # CUDA, too, takes none from the first name on that it does not know
    return handles


def number_gpus_as_nvidia_smi_does() -> None:
    """Let `cuda:1` be number 1 of nvidia-smi's list; to be called before CUDA is loaded.

    CUDA numbers the fastest GPU first unless it is told otherwise, the management library by
    slot: without this a name and a compute capability could be those of another GPU.
    """
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
