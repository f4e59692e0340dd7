"""A model file -> its spec, without a runtime: 0.4 s of every start that need not be.

An .onnx file is a protobuf message; its metadata are read here by walking over the outermost
fields. Whether the graph can be run is found out when it is loaded (`tagger.model.session`).
Format: https://protobuf.dev/programming-guides/encoding, onnx.proto (ModelProto).
"""

import os
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from tagger.errors import ModelError
from tagger.model.spec import METADATA_KEY, ModelSpec, parse_spec

_GRAPH, _METADATA = 7, 14
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_MAX_ENTRY_LEN = 64 << 20


def spec_in(path: Path) -> ModelSpec:
    """What a model file says of itself.

    Raises:
        ModelError: it is missing, cut off, no model, or not one of ours.
    """
    try:
        with path.open("rb") as file:
            text = _metadata(file).get(METADATA_KEY)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: there is no such model file; check the path.") from error
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path}: not a model that can be run ({error}); export it again, or use another."
        ) from error
    try:
        return parse_spec(text)
    except ModelError as error:
        raise ModelError(f"{path}: not a model of tagger: {error}.") from error


def _metadata(file: BinaryIO) -> dict[str, str]:
    """The entries `metadata_props` of a whole model.

    Raises:
        ValueError: it is no such message, is cut off, or holds no graph.
    """
    size = os.fstat(file.fileno()).st_size
    entries: dict[str, str] = {}
    has_graph = False
    while file.tell() < size:
        # The graph, megabytes of it, is one field: it is stepped over.
        number, kind = divmod(_varint(file), 8)
        if kind == _VARINT:
            _varint(file)
            continue
        if kind not in (_BYTES, _FIXED_32, _FIXED_64):
            raise ValueError("it is not an ONNX file")
        length = _varint(file) if kind == _BYTES else 8 if kind == _FIXED_64 else 4
        if file.tell() + length > size:
            raise ValueError("it is cut off, or not an ONNX file")
        has_graph |= number == _GRAPH
        if number == _METADATA and length <= _MAX_ENTRY_LEN:
            key, value = _strings(file.read(length))
            entries[key] = value
        else:
            file.seek(length, os.SEEK_CUR)
    if not has_graph:
        raise ValueError("it has no graph")
    return entries


def _strings(entry: bytes) -> tuple[str, str]:
    """The two strings of a StringStringEntryProto: fields 1 and 2."""
    strings = {1: "", 2: ""}
    file = BytesIO(entry)
    while file.tell() < len(entry):
        number, kind = divmod(_varint(file), 8)
        if kind != _BYTES or number not in strings:
            raise ValueError("its metadata are damaged")
        strings[number] = file.read(_varint(file)).decode()
    return strings[1], strings[2]


def _varint(file: BinaryIO) -> int:
    """A number of seven bits to the byte, the lowest first."""
    value = 0
    for shift in range(0, 70, 7):
        digit = file.read(1)
        if not digit:
            break
        value |= (digit[0] & 0x7F) << shift
        if digit[0] < 0x80:
            return value
    raise ValueError("it is cut off, or not an ONNX file")
