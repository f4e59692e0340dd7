"""NVIDIA's driver, asked directly: which CUDA it speaks, which GPUs there are, pinned memory.

Through the driver's C interface, since it is the one library that is there whenever a GPU is:
no CUDA toolkit, no other Python package.
"""

import contextlib
import ctypes
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NAME = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"

_NO_DEVICE = 100
_PCI_DEVICES = Path("/sys/bus/pci/devices")
_CC_MAJOR, _CC_MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*
_PORTABLE = 1  # CU_MEMHOSTALLOC_PORTABLE: pinned for every context
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: does not wait for the default stream


class DriverError(Exception):
    """A call of the driver failed; the message names it and the driver's own reason."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU.

    Attributes:
        name: as nvidia-smi prints it.
        capability: compute capability, as in '9.0'.
    """

    name: str
    capability: str


@cache
def library() -> Any | None:
    """The driver's library, or None where there is none."""
    try:
        return ctypes.CDLL(NAME)
    except OSError:
        return None


def call(name: str, *arguments: Any) -> None:
    """Call a function of the driver.

    Raises:
        DriverError: there is no driver, it lacks the function, or the call failed.
    """
    driver = library()
    if driver is None:
        raise DriverError(f"{NAME} cannot be loaded")
    try:
        code = getattr(driver, name)(*arguments)
    except AttributeError as error:
        raise DriverError(f"the driver has no {name}") from error
    if code:
        raise DriverError(f"{name}: {_error_text(driver, code)}")


def _error_text(driver: Any, code: int) -> str:
    text = ctypes.c_char_p()
    try:
        driver.cuGetErrorString(code, ctypes.byref(text))
    except AttributeError:
        return f"error {code}"
    return f"{text.value.decode()} (error {code})" if text.value else f"error {code}"


def start_problem() -> str | None:
    """Why no GPU can be used, in the driver's words; None if it starts."""
    driver = library()
    if driver is None:
        return f"{NAME} cannot be loaded"
    code = driver.cuInit(0)
    if code == _NO_DEVICE:
        return "the driver sees no GPU"
    return f"the driver does not start: {_error_text(driver, code)}" if code else None


def is_gpu_there() -> bool:
    """Tell whether this machine has an NVIDIA GPU, whether or not it can be used.

    Where no driver answers, Linux' list of PCI devices does; other systems have none that
    could be read as easily, and there the answer is no.
    """
    driver = library()
    if driver is not None and driver.cuInit(0) != _NO_DEVICE:
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
    """The newest CUDA that the driver speaks, as (major, minor)."""
    number = ctypes.c_int()
    call("cuDriverGetVersion", ctypes.byref(number))
    return number.value // 1000, number.value % 1000 // 10


def n_gpus() -> int:
    """How many GPUs this process may use."""
    count = ctypes.c_int()
    call("cuInit", 0)
    call("cuDeviceGetCount", ctypes.byref(count))
    return count.value


def gpu(index: int) -> Gpu | None:
    """What a GPU is, or None if there is no such GPU."""
    device, value, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(128)
    try:
        call("cuInit", 0)
        call("cuDeviceGet", ctypes.byref(device), index)
        call("cuDeviceGetName", name, len(name), device)
        parts = []
        for attribute in (_CC_MAJOR, _CC_MINOR):
            call("cuDeviceGetAttribute", ctypes.byref(value), attribute, device)
            parts.append(str(value.value))
    except DriverError:
        return None
    return Gpu(name.value.decode(errors="replace"), ".".join(parts))


class Context:
    """The context of a GPU that CUDA's runtime, and so ONNX Runtime, works in."""

    def __init__(self, index: int) -> None:
        self.device, self.handle = ctypes.c_int(), ctypes.c_void_p()
        call("cuInit", 0)
        call("cuDeviceGet", ctypes.byref(self.device), index)
        call("cuDevicePrimaryCtxRetain", ctypes.byref(self.handle), self.device)

    def enter(self) -> None:
        """Make it the calling thread's own; every call below needs that."""
        call("cuCtxSetCurrent", self.handle)

    def pinned(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Zeros in memory that the GPU reads without the processor's help."""
        self.enter()
        n_bytes = int(np.prod(shape)) * 4
        address = ctypes.c_void_p()
        call("cuMemHostAlloc", ctypes.byref(address), ctypes.c_size_t(n_bytes), _PORTABLE)
        kept = (ctypes.c_float * (n_bytes // 4)).from_address(address.value or 0)
        array: NDArray[np.float32] = np.ctypeslib.as_array(kept).reshape(shape)
        array[...] = 0
        return array

    def free_pinned(self, array: NDArray[np.float32]) -> None:
        """Give back what `pinned` made; nothing may look at it afterwards."""
        self.enter()
        call("cuMemFreeHost", ctypes.c_void_p(array.ctypes.data))

    def stream(self) -> ctypes.c_void_p:
        """A queue of copies of its own."""
        self.enter()
        made = ctypes.c_void_p()
        call("cuStreamCreate", ctypes.byref(made), _NON_BLOCKING)
        return made

    def upload(self, source: NDArray[np.float32], target: int, on: ctypes.c_void_p) -> None:
        """Begin to copy a pinned array to an address on the GPU; returns at once."""
        self.enter()
        call(
            "cuMemcpyHtoDAsync_v2",
            ctypes.c_uint64(target),
            ctypes.c_void_p(source.ctypes.data),
            ctypes.c_size_t(source.nbytes),
            on,
        )

    def wait(self, on: ctypes.c_void_p) -> None:
        """Return when the stream's copies have arrived."""
        self.enter()
        call("cuStreamSynchronize", on)

    def free_stream(self, stream: ctypes.c_void_p) -> None:
        """Give back what `stream` made."""
        self.enter()
        call("cuStreamDestroy_v2", stream)

    def free_memory_mb(self) -> tuple[int, int]:
        """Memory of the GPU that is free, and all of it, in MiB."""
        self.enter()
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        return free.value >> 20, total.value >> 20
