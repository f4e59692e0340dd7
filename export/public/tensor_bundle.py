"""TensorFlow's checkpoints -> arrays, without TensorFlow.

A checkpoint is two files: `PREFIX.index`, a sorted table of names and places in LevelDB's
format, and `PREFIX.data-00000-of-00001`, the values as they stood in memory. Formats:
LevelDB's doc/table_format.md; tensorflow/core/protobuf/tensor_bundle.proto.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.errors import ModelError

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER_LEN = 48
_TYPES: Mapping[int, type[np.generic]] = {
    1: np.float32,
    2: np.float64,
    3: np.int32,
    9: np.int64,
}
"""TensorFlow's numbers of the types that weights have (DataType in types.proto)."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor stands in the file of values; lengths in bytes."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    start: int
    length: int


def read_bundle(index: bytes, values: bytes, *, where: str) -> dict[str, NDArray[np.generic]]:
    """All tensors of a checkpoint that has one file of values.

    Args:
        index: content of the file `.index`.
        values: content of the file `.data-00000-of-00001`.
        where: names the checkpoint in messages.

    Raises:
        ModelError: it is no checkpoint, is cut off, or is spread over several files.
    """
    try:
        places = {
            name.decode(): _place(entry) for name, entry in _table(index) if name
        }  # the empty name holds the header
    except (ValueError, IndexError) as error:
        raise ModelError(
            f"{where}: not an index of a TensorFlow checkpoint ({error}); get it again."
        ) from error
    tensors: dict[str, NDArray[np.generic]] = {}
    for name, place in places.items():
        if place.dtype not in _TYPES:
            continue  # text and the like: nothing that computes
        dtype = np.dtype(_TYPES[place.dtype]).newbyteorder("<")
        size = int(np.prod(place.shape, dtype=np.int64)) * dtype.itemsize
        end = place.start + place.length
        if place.shard or size != place.length or end > len(values):
            raise ModelError(
                f"{where}: {name} does not stand where the index says; the checkpoint is cut"
                " off or in several parts. Get it again."
            )
        array = np.frombuffer(values, dtype, count=size // dtype.itemsize, offset=place.start)
        tensors[name] = array.reshape(place.shape)
    return tensors


def _table(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a sorted table, in order."""
    footer = content[-_FOOTER_LEN:]
    if len(footer) < _FOOTER_LEN or not footer.endswith(_MAGIC):
        raise ValueError("its end is another one")
    _, at = _handle(footer, 0)  # of the table about the table, which is empty
    place, _ = _handle(footer, at)
    for _, handle in _block(content, *place):
        yield from _block(content, *_handle(handle, 0)[0])


def _block(content: bytes, start: int, length: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of one block; each key says how much of the one before it keeps."""
    block = content[start : start + length]
    if len(block) < max(length, 4) or content[start + length] != 0:
        raise ValueError("a block is cut off or compressed")
    n_restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 - 4 * n_restarts
    at, key = 0, b""
    while at < end:
        n_shared, at = _varint(block, at)
        n_own, at = _varint(block, at)
        n_value, at = _varint(block, at)
        key = key[:n_shared] + block[at : at + n_own]
        at += n_own
        yield key, block[at : at + n_value]
        at += n_value


def _handle(content: bytes, at: int) -> tuple[tuple[int, int], int]:
    """Start and length of a block, and where reading goes on."""
    start, at = _varint(content, at)
    length, at = _varint(content, at)
    return (start, length), at


def _place(entry: bytes) -> _Place:
    """A BundleEntryProto: dtype 1, shape 2, shard 3, offset 4, size 5."""
    fields = dict(_message(entry))
    dims = [
        dict(_message(dim)).get(1, 0)
        for number, dim in _message(_bytes(fields.get(2, b"")))
        if number == 2 and isinstance(dim, bytes)
    ]
    return _Place(
        dtype=_int(fields.get(1, 0)),
        shape=tuple(_int(dim) for dim in dims),
        shard=_int(fields.get(3, 0)),
        start=_int(fields.get(4, 0)),
        length=_int(fields.get(5, 0)),
    )


def _message(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of a protobuf message, in order."""
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        number, kind = divmod(tag, 8)
        if kind == 0:
            value, at = _varint(content, at)
            yield number, value
            continue
        if kind == 2:
            length, at = _varint(content, at)
        else:
            length = {1: 8, 5: 4}[kind]
        if at + length > len(content):
            raise ValueError("a field is cut off")
        yield number, content[at : at + length]
        at += length


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits to the byte, the lowest first, and where reading goes on."""
    value = 0
    for shift in range(0, 70, 7):
        digit = content[at]
        at += 1
        value |= (digit & 0x7F) << shift
        if digit < 0x80:
            return value, at
    raise ValueError("a number has no end")


def _int(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise ValueError("a number is missing")  # noqa: TRY004 - of the file, not of the caller
    return value


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a message is missing")  # noqa: TRY004 - of the file, not of the caller
    return value
