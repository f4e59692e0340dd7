"""Which devices there are, and how one is used; in no runtime's form yet."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from tagger.errors import InputError

Device = Literal["auto", "cpu", "cuda", "tensorrt"]
DEVICES: tuple[Device, ...] = ("auto", "cpu", "cuda", "tensorrt")

PROVIDERS: Mapping[str, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}

CPU_BATCH = 8
"""Windows a batch on a CPU: more gain nothing."""

GPU_BATCH = 32
"""Windows a batch on a GPU: every batch is padded to it, so that no other shape is seen."""

MAX_BATCH = 64
"""The largest batch that `auto` tries, and that an export is compared at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceOptions:
    """How a device is used.

    Attributes:
        index: which GPU, as nvidia-smi numbers them.
        batch_size: windows a batch, the only size that a GPU sees; None for the device's usual.
        auto_batch: measure which size is fastest here, instead.
        memory_limit_mb: most memory ONNX Runtime's arena takes on the GPU; None for no limit.
        exclude_ops: operator types that TensorRT must leave to CUDA.
        n_threads: threads that compute a batch on a CPU; None for what is fastest alone.
    """

    index: int = 0
    batch_size: int | None = None
    auto_batch: bool = False
    memory_limit_mb: int | None = None
    exclude_ops: tuple[str, ...] = ()
    n_threads: int | None = None

    def batch_on(self, device: str) -> int:
        """Windows a batch on a device, before anything is measured."""
        return self.batch_size or (CPU_BATCH if device == "cpu" else GPU_BATCH)

    @property
    def profile(self) -> tuple[int, int, int]:
        """Smallest, optimal and largest batch of a TensorRT engine.

        One engine serves all sizes that `auto` may choose, so that none has to be rebuilt.
        """
        size = MAX_BATCH if self.auto_batch else self.batch_on("tensorrt")
        return 1, size, size


def parse_device(text: str, options: DeviceOptions) -> tuple[Device, DeviceOptions]:
    """The device that `auto`, `cpu`, `cuda`, `cuda:1` and the like name.

    Args:
        text: a device, with the number of a GPU behind a colon.
        options: what is used if the text names no GPU.

    Raises:
        InputError: it is none of them.
    """
    name, colon, number = text.partition(":")
    devices = [device for device in DEVICES if device == name]
    if not devices:
        raise InputError(f"--device {name}: choose one of {', '.join(DEVICES)}.")
    if colon and (name not in {"cuda", "tensorrt"} or not number.isdecimal()):
        raise InputError(f"--device {text}: write cuda:N or tensorrt:N, counted from 0.")
    return devices[0], replace(options, index=int(number)) if number else options
