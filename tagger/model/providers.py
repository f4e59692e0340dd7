"""What each provider is told: options in ONNX Runtime's own form, one function a device."""

from pathlib import Path
from typing import Any

from tagger.model.device_options import PROVIDERS, DeviceOptions
from tagger.model.spec import ModelSpec
from tagger.model.tensorrt_cache import engine_folder, key_of

ProviderList = list[str | tuple[str, dict[str, Any]]]


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
