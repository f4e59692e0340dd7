"""A folder of decoded recordings that is read through a memory map.

    recipe.json   how they were decoded; another recipe is another store
    samples.i16   16-bit samples of all clips, one after the other
    clips.jsonl   one line a clip: which file, where its samples lie, their CRC-32

A clip is there once its line is: whatever a killed run left behind the last line is cut off.
"""

import contextlib
import errno
import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from tagger.system.whole_file import whole_file

FORMAT = 3
"""Another number wherever the same recording gives other samples than before."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_SCALE = 32_767
RECIPE, SAMPLES, CLIPS = "recipe.json", "samples.i16", "clips.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How recordings are decoded.

    `longest_s` bounds what is kept of a recording, in seconds: `n_pieces` equally long pieces
    of it, each in the middle of an equal share, so that as many windows of a scan lie in their
    middles.
    """

    sample_rate: int = 22_050
    longest_s: float = 120.0
    n_pieces: int = 1
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.sample_rate < 1000 or self.longest_s <= 0 or self.n_pieces < 1:
            raise InputError("prepare: sample_rate must be 1000 Hz or more, longest_s positive")

    @property
    def piece_len(self) -> int:
        """Samples in a piece of a recording that is longer than `longest_s`."""
        return int(self.longest_s * self.sample_rate) // self.n_pieces


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of clips.jsonl; `error` is None for a clip that could be decoded."""

    key: str
    start: int = 0
    n_samples: int = 0
    scale: float = 1.0
    crc32: int = 0
    error: str | None = None
    n_pieces: int = 1


@dataclass(frozen=True, slots=True)
class Packed:
    """A waveform as it is kept: 16-bit samples, what one step of them is, their CRC-32."""

    content: bytes
    scale: float
    crc32: int
    n_pieces: int = 1


def pack(waveform: NDArray[np.float32], *, n_pieces: int = 1) -> Packed:
    """Quantise a waveform; louder than full scale is kept by a larger step."""
    peak = max(float(np.abs(waveform).max(initial=0)), 1.0)
    scale = peak / FULL_SCALE
    content = np.rint(waveform * np.float32(1 / scale)).astype("<i2").tobytes()
    return Packed(content, scale, zlib.crc32(content), n_pieces)


class PreparedStore:
    """The store in one folder, open for reading and for adding clips; a context manager."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        """Open or make the store.

        Raises:
            InputError: the folder holds a store of another recipe, or cannot be written.
        """
        self.folder, self.recipe = folder, recipe
        stored = read_recipe(folder)
        if stored is not None and stored != asdict(recipe):
            raise InputError(
                f"{folder}: was prepared otherwise ({_difference(stored, asdict(recipe))});"
                " run `tagger prepare` again or use another --prepared."
            )
        if stored is None:
            folder.mkdir(parents=True, exist_ok=True)
            write_recipe(folder, asdict(recipe))
        self.entries = {line["key"]: Entry(**line) for line in read_lines(folder / CLIPS)}
        self._end = max(
            (entry.start + entry.n_samples for entry in self.entries.values()), default=0
        )
        self._samples: Any = None
        self._lines: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; what a power failure takes of them, the CRCs tell the next time."""
        for file in (self._samples, self._lines):
            if file is not None:
                file.close()
        self._samples = self._lines = None

    def add(self, key: str, clip: Packed) -> None:
        """Append a clip.

        Raises:
            InputError: the disk is full; what was added before stays valid.
        """
        n_samples = len(clip.content) // 2
        entry = Entry(key, self._end, n_samples, clip.scale, clip.crc32, n_pieces=clip.n_pieces)
        self._append(entry, clip.content)
        self._end += n_samples

    def add_failure(self, key: str, reason: str) -> None:
        """Remember that a file cannot be decoded, so that it is not tried again."""
        self._append(Entry(key, error=reason), b"")

    def _append(self, entry: Entry, content: bytes) -> None:
        if self._samples is None:
            self._open()
        try:
            self._samples.write(content)
            self._samples.flush()
            self._lines.write(json.dumps(asdict(entry)) + "\n")
            self._lines.flush()
        except OSError as error:
            abandon(self._samples, self._lines)
            self._samples = self._lines = None
            why = "the disk is full" if error.errno in _FULL else error.strerror or str(error)
            raise InputError(
                f"{self.folder}: {why} after {len(self.entries)} clips, which stay valid; make"
                " room and run the same command again."
            ) from error
        self.entries[entry.key] = entry

    def _open(self) -> None:
        self._samples = (self.folder / SAMPLES).open("ab")
        self._samples.truncate(2 * self._end)  # a clip whose line was never written
        self._lines = (self.folder / CLIPS).open("a", encoding="utf-8")

    def waveforms(self, keys: list[str]) -> list[NDArray[np.int16]]:
        """Samples of clips, mapped from the disk, each of shape (1, n_samples)."""
        path = self.folder / SAMPLES
        if not path.is_file() or path.stat().st_size < 2 * self._end:
            raise InputError(f"{path}: is shorter than it was; run `tagger prepare` again.")
        mapped = np.memmap(path, dtype="<i2", mode="r")
        stretches = [self.entries[key] for key in keys]
        return [
            mapped[None, stretch.start : stretch.start + stretch.n_samples]
            for stretch in stretches
        ]

    def damaged(self) -> list[str]:
        """Keys of the clips whose samples are no longer what was written."""
        path = self.folder / SAMPLES
        lost = []
        with path.open("rb") if path.is_file() else open(os.devnull, "rb") as file:  # noqa: PTH123 - nothing to read
            for entry in self.entries.values():
                if entry.error is None:
                    file.seek(2 * entry.start)
                    if zlib.crc32(file.read(2 * entry.n_samples)) != entry.crc32:
                        lost.append(entry.key)
        return lost


def opened_anew(folder: Path, recipe: Recipe) -> PreparedStore:
    """Open or make the store of a recipe; what another recipe has left there is removed."""
    if read_recipe(folder) not in (None, asdict(recipe)):
        discard(folder)
    return PreparedStore(folder, recipe)


def abandon(*files: IO[Any]) -> None:
    """Close files without what could not be written, which would be tried once more."""
    for file in files:
        with contextlib.suppress(OSError):
            file.close()


def key_of(path: Path) -> str:
    """What a file is known by: its place, size and time of change."""
    status = path.stat()
    return f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"


def key_if_there(path: Path) -> str:
    """What a prepared file is known by; '' if it cannot be looked at any more."""
    try:
        return key_of(path)
    except OSError:
        return ""  # an owner's files may go at any time; what was prepared of it is still there


def read_recipe(folder: Path) -> dict[str, Any] | None:
    """The recipe of a store, or None if there is no store."""
    path = folder / RECIPE
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); remove the folder.") from error
    return dict(tree)


def write_recipe(folder: Path, recipe: Mapping[str, Any]) -> None:
    """Write the recipe of a store, at once: other runs read it before it is their turn."""
    with whole_file(folder / RECIPE) as part:
        part.write_text(json.dumps(recipe, indent=1), encoding="utf-8")


def discard(folder: Path) -> None:
    """Remove a store's own files."""
    for name in (CLIPS, SAMPLES, RECIPE):
        (folder / name).unlink(missing_ok=True)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Lines of JSON; a last one that was cut short is cut off, and a missing file has none."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        path.write_text("".join(whole), encoding="utf-8")
    return [json.loads(line) for line in whole]


def _difference(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    names = [name for name in asked if stored.get(name) != asked[name]]
    return ", ".join(f"{name} {stored.get(name)}, not {asked[name]}" for name in names)
