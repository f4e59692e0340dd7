"""Weights of the same names and shapes as public ones, made of noise, in their file formats."""

import hashlib
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from export.public.registry import Publication, PublicModel

TIMBRAL, TEMPORAL, MIDDLE, DENSE, TAGS = 204, 51, 64, 200, 50
FRONT = 2 * TIMBRAL + 3 * TEMPORAL


def musicnn_variables(seed=0):
    """Every variable of a musicnn checkpoint, with values that keep signals alive."""
    rng = np.random.default_rng(seed)
    found = {}

    def kernel(name, shape):
        fan_in = np.prod(shape[:-1])
        found[f"{name}/kernel"] = rng.normal(0, fan_in**-0.5, shape)
        found[f"{name}/bias"] = rng.normal(0, 0.1, shape[-1:])

    kernel("conv2d", (7, 38, 1, TIMBRAL))
    kernel("conv2d_1", (7, 67, 1, TIMBRAL))
    for i, length in enumerate((128, 64, 32)):
        kernel(f"conv2d_{2 + i}", (length, 1, 1, TEMPORAL))
    kernel("conv2d_5", (7, FRONT, 1, MIDDLE))
    kernel("conv2d_6", (7, MIDDLE, 1, MIDDLE))
    kernel("conv2d_7", (7, MIDDLE, 1, MIDDLE))
    pooled = 2 * (FRONT + 3 * MIDDLE)
    kernel("dense", (pooled, DENSE))
    kernel("dense_1", (DENSE, TAGS))
    widths = [1, TIMBRAL, TIMBRAL, *[TEMPORAL] * 3, *[MIDDLE] * 3, pooled, DENSE]
    return {
        name: value.astype(np.float32) for name, value in (found | norms(widths, rng)).items()
    }


def vgg_variables(seed=0):
    """Every variable of a VGG checkpoint of musicnn."""
    rng = np.random.default_rng(seed)
    found = {}
    for i in range(5):
        shape = (3, 3, 128 if i else 1, 128)
        found[f"{i + 1}CNN/kernel"] = rng.normal(0, np.prod(shape[:3]) ** -0.5, shape)
        found[f"{i + 1}CNN/bias"] = rng.normal(0, 0.1, 128)
    found["dense/kernel"] = rng.normal(0, 256**-0.5, (256, TAGS))
    found["dense/bias"] = rng.normal(0, 0.1, TAGS)
    found |= norms([1, *[128] * 5], rng)
    return {name: value.astype(np.float32) for name, value in found.items()}


def norms(widths, rng):
    """Batch normalisations in TensorFlow's numbering; some gammas are negative."""
    found = {}
    for i, width in enumerate(widths):
        layer = "batch_normalization" + (f"_{i}" if i else "")
        found[f"{layer}/gamma"] = rng.normal(1, 0.6, width)
        found[f"{layer}/beta"] = rng.normal(0, 0.2, width)
        found[f"{layer}/moving_mean"] = rng.normal(0.2, 0.2, width)
        found[f"{layer}/moving_variance"] = rng.uniform(0.3, 2, width)
    return found


def bundle(arrays, *, block_of=7):
    """A TensorFlow checkpoint: content of its index and of its values."""
    values, rows = b"", [(b"", field(1, 1))]
    for name, array in sorted(arrays.items()):
        data = np.ascontiguousarray(array, "<f4").tobytes()
        dims = b"".join(message(2, field(1, size)) for size in array.shape)
        entry = field(1, 1) + message(2, dims) + field(4, len(values)) + field(5, len(data))
        rows.append((name.encode(), entry + b"\x35" + bytes(4)))  # a checksum nobody reads
        values += data
    return table(rows, block_of=block_of), values


def table(rows, *, block_of):
    """A sorted table of blocks in LevelDB's format, keys shortened by what they share."""
    content, handles = b"", []
    for start in range(0, len(rows), block_of):
        part = rows[start : start + block_of]
        block = shortened(part)
        handles.append((part[-1][0], varint(len(content)) + varint(len(block))))
        content += block + b"\0" + bytes(4)
    places = []
    for block in (shortened([]), shortened(handles)):
        places.append(varint(len(content)) + varint(len(block)))
        content += block + b"\0" + bytes(4)
    footer = b"".join(places)
    return content + footer.ljust(40, b"\0") + (0xDB4775248B80FB57).to_bytes(8, "little")


def shortened(rows):
    """One block: each key without what it shares with the one before."""
    block, before = b"", b""
    for key, value in rows:
        n = 0
        while n < min(len(key), len(before)) and key[n] == before[n]:
            n += 1
        block += varint(n) + varint(len(key) - n) + varint(len(value)) + key[n:] + value
        before = key
    return block + struct.pack("<II", 0, 1)


def field(number, value):
    return varint(number << 3) + varint(value)


def message(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value):
    digits = b""
    while value > 0x7F:
        digits += bytes([value & 0x7F | 0x80])
        value >>= 7
    return digits + bytes([value])


def write_wheel(path: Path, checkpoints) -> Path:
    """A wheel of a package `musicnn` with checkpoints by their names."""
    with zipfile.ZipFile(path, "w") as wheel:
        for name, arrays in checkpoints.items():
            index, values = bundle(arrays)
            wheel.writestr(f"musicnn/{name}/.index", index)
            wheel.writestr(f"musicnn/{name}/.data-00000-of-00001", values)
    return path


def published(model: PublicModel, wheel: Path, arrays) -> PublicModel:
    """The same model, as if this wheel had been published."""
    source: Publication = replace(
        model.source,
        file=wheel.name,
        address=wheel.as_uri(),
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
    )
    digest = hashlib.sha256(bundle(arrays)[1]).hexdigest()
    return replace(model, source=source, values_sha256=digest)
