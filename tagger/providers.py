"""What each provider is told: options in ONNX Runtime's own form, one function a device."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagger.devices import PROVIDERS
from tagger.engines import engine_folder, key_of
from tagger.spec import ModelSpec

ProviderList = list[str | tuple[str, dict[str, Any]]]

CPU_BATCH = 16
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
    """

    index: int = 0
    batch_size: int | None = None
    auto_batch: bool = False
    memory_limit_mb: int | None = None
    exclude_ops: tuple[str, ...] = ()

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


def provider_list(
    device: str, options: DeviceOptions, *, path: Path, spec: ModelSpec | None
) -> ProviderList:
    """The providers of a session, the asked one first.

    Args:
        device: 'cpu', 'cuda' or 'tensorrt'.
        options: how it is used.
        path: the model file, whose digest names its TensorRT engine.
        spec: of the model; TensorRT needs its window length.
    """
    cpu = PROVIDERS["cpu"]
    if device == "cuda":
        return [(PROVIDERS["cuda"], cuda_options(options)), cpu]
    if device == "tensorrt":
        assert spec is not None
        return [
            (PROVIDERS["tensorrt"], tensorrt_options(options, path=path, spec=spec)),
            (PROVIDERS["cuda"], cuda_options(options)),
            cpu,
        ]
    return [cpu]


def cuda_options(options: DeviceOptions) -> dict[str, Any]:
    """Options of the CUDA provider."""
    chosen: dict[str, Any] = {
        "device_id": options.index,
        # An exhaustive search costs 0.6 s for every new shape (634 against 1.9 ms).
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
        "do_copy_in_default_stream": True,
    }
    if options.memory_limit_mb is not None:
        chosen["gpu_mem_limit"] = options.memory_limit_mb << 20
    return chosen


def tensorrt_options(options: DeviceOptions, *, path: Path, spec: ModelSpec) -> dict[str, Any]:
    """Options of the TensorRT provider: a cache of its own and one explicit profile.

    Precision is in the graph, and stays what it says: without a builder flag for half precision
    or eight bits, ONNX Runtime has TensorRT build a strongly typed network. With one, TensorRT
    would be free to compute the features in half precision, and newer versions have no flag.
    """
    folder = str(folder_of(options, path=path, spec=spec))
    shapes = [f"waveform:{size}x{spec.window_len}" for size in options.profile]
    chosen: dict[str, Any] = {
        "device_id": options.index,
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": folder,
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": folder,
        "trt_profile_min_shapes": shapes[0],
        "trt_profile_opt_shapes": shapes[1],
        "trt_profile_max_shapes": shapes[2],
    }
    if options.exclude_ops:
        chosen["trt_op_types_to_exclude"] = ",".join(options.exclude_ops)
    return chosen


def folder_of(options: DeviceOptions, *, path: Path, spec: ModelSpec) -> Path:
    """The folder of a model's TensorRT engine; it is made.

    Raises:
        DeviceError: it cannot be made or written to.
    """
    key = key_of(
        path,
        precision=spec.precision,
        profile=options.profile,
        device_index=options.index,
        excluded=options.exclude_ops,
    )
    return engine_folder(key)
