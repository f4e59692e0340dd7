"""Model and device -> the file that answers there: eight bits on processors, float32 on GPUs.

Eight bits in the form that processors compute fastest (numbers without a sign, biases in whole
numbers) are none that TensorRT takes, and on CUDA they are slower than float32.
"""

from pathlib import Path

from tagger.errors import DeviceError, ModelError
from tagger.model.catalogue import whole_of
from tagger.model.device_options import Device
from tagger.model.nvidia_driver import is_gpu_there
from tagger.model.spec_file import spec_in


def file_on_gpu(path: Path, device: str) -> Path:
    """The file of a model that a GPU is given: float32 in place of eight bits for processors.

    Raises:
        ModelError: the file is missing, or no model.
        DeviceError: there is no such file beside it, or it is that of another model.
    """
    if not spec_in(path).is_for_processors:
        return path
    try:
        return whole_of(path)
    except ModelError as error:
        reason = str(error).rstrip(".")
        raise DeviceError(f"--device {device}: {reason}; or use --device cpu.") from error


def file_on(path: Path, device: Device, index: int = 0) -> Path:
    """The file that will answer, found before anything is loaded.

    What is remembered of tracks is filed under it. `auto` is taken to mean the GPU if its
    libraries load; should it refuse all the same, the processor computes that very file.

    Args:
        path: the model as it was named.
        device: as it was asked for.
        index: which GPU.

    Raises:
        ModelError: the file is missing, or no model.
        DeviceError: a GPU was asked for, and there is no file for it.
    """
    if device == "cpu" or not spec_in(path).is_for_processors:
        return path
    if device != "auto":
        return file_on_gpu(path, device)
    if not is_gpu_there():
        return path
    from tagger.model.devices import find_device  # noqa: PLC0415 (brings ONNX Runtime)

    if find_device("cuda", index).missing:
        return path
    try:
        return file_on_gpu(path, device)
    except DeviceError:
        return path  # `load_engine` says why
