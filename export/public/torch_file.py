"""torch's files of weights -> arrays, without torch, and without running what they hold.

A file of `torch.save` is a zip archive with a pickle of names and shapes and one file for each
storage (torch 1.6 and later), or these one after another (before). Only what a dictionary of
tensors needs is unpickled; anything else is refused.
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError, ModelError

Array = NDArray[Any]

_STORAGES: Mapping[str, type[np.generic]] = {
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "HalfStorage": np.float16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "BoolStorage": np.bool_,
    "ByteStorage": np.uint8,
}
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_WRAPPERS = ("state_dict", "model", "model_state_dict")
"""Keys under which training scripts put the dictionary."""


class _Storage:
    """A storage that is named before its values are read."""

    def __init__(self, key: str, dtype: type[np.generic], n_values: int) -> None:
        self.key, self.dtype, self.n_values = key, dtype, n_values


class _Tensor:
    """A tensor as the pickle has it: a view into a storage."""

    def __init__(
        self, storage: _Storage, start: int, shape: tuple[int, ...], strides: tuple[int, ...]
    ) -> None:
        self.storage, self.start, self.shape, self.strides = storage, start, shape, strides


def read_torch_file(path: Path) -> dict[str, Array]:
    """The tensors of a file of weights, by name.

    Raises:
        InputError: the file cannot be read.
        ModelError: it holds something else than weights, or is cut off.
    """
    try:
        if zipfile.is_zipfile(path):
            tree, read = _from_archive(path)
        else:
            tree, read = _from_stream(path)
        weights = _weights(tree)
        return {name: _array(weight, read) for name, weight in weights.items()}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except (pickle.UnpicklingError, zipfile.BadZipFile, *_CUT_OFF) as error:
        raise ModelError(
            f"{path}: not a file of weights as torch saves them ({error}); save the model's"
            " state_dict."
        ) from error


_CUT_OFF = (EOFError, KeyError, ValueError, TypeError, AttributeError, IndexError)
"""What reading a damaged file runs into."""

_Read = Callable[[_Storage], Array]


def _from_archive(path: Path) -> tuple[Any, _Read]:
    archive = zipfile.ZipFile(path)
    (name,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    folder = name.removesuffix("data.pkl")

    def read(storage: _Storage) -> Array:
        return np.frombuffer(archive.read(f"{folder}data/{storage.key}"), storage.dtype)

    return _Weights(io.BytesIO(archive.read(name))).load(), read


def _from_stream(path: Path) -> tuple[Any, _Read]:
    with path.open("rb") as file:
        if _Weights(file).load() != _LEGACY_MAGIC:
            raise ValueError("it begins otherwise")
        _Weights(file).load()  # version
        _Weights(file).load()  # of the machine
        unpickler = _Weights(file)
        tree = unpickler.load()
        values: dict[str, Array] = {}
        for key in _Weights(file).load():
            values[key] = _values(file, unpickler.storages[key])
    return tree, lambda storage: values[storage.key]


def _values(file: BinaryIO, storage: _Storage) -> Array:
    n_values = int.from_bytes(file.read(8), "little")
    if n_values != storage.n_values:
        raise ValueError("a storage has another size than was said")
    return np.frombuffer(file.read(n_values * np.dtype(storage.dtype).itemsize), storage.dtype)


class _Weights(pickle.Unpickler):
    """Unpickles dictionaries of tensors, numbers and text."""

    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """The few names that weights need.

        Raises:
            UnpicklingError: another one; it is not looked up.
        """
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuilt
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda data, *_: data
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is no weight")

    def persistent_load(self, pid: Any) -> _Storage:
        """A storage: its type, key and number of values."""
        _, dtype, key, _, n_values = pid[:5]
        return self.storages.setdefault(key, _Storage(key, dtype, n_values))


def _rebuilt(
    storage: _Storage, start: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> _Tensor:
    return _Tensor(storage, start, tuple(shape), tuple(strides))


def _weights(tree: Any) -> dict[str, _Tensor]:
    """The dictionary of tensors, also where it stands inside another one."""
    if not isinstance(tree, dict):
        raise ValueError("it is no dictionary")  # noqa: TRY004 - of the file
    for key in _WRAPPERS:
        if isinstance(tree.get(key), dict):
            tree = tree[key]
    tensors = {str(name): value for name, value in tree.items() if isinstance(value, _Tensor)}
    if not tensors:
        raise ValueError("there is no tensor in it")
    return tensors


def _array(tensor: _Tensor, read: _Read) -> Array:
    values = read(tensor.storage)
    if not tensor.shape:
        scalar: Array = np.array(values[tensor.start])
        return scalar
    last = tensor.start + sum(
        (n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True)
    )
    if min(tensor.shape) > 0 and not 0 <= last < len(values):
        raise ValueError("a tensor reaches beyond its storage")
    strides = [step * values.itemsize for step in tensor.strides]
    view = np.lib.stride_tricks.as_strided(values[tensor.start :], tensor.shape, strides)
    return np.array(view)
