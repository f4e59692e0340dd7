"""What a teacher said of recordings, kept in a folder.

    recipe.json    which model, and what it was given; of another recipe nothing is kept
    answers.f16    rows of half-precision numbers, those of one recording after another
    answers.jsonl  one line a recording: its key, where its rows lie, their CRC-32

A recording is there once its line is: what a killed run left behind the last one is cut off.
"""

import io
import json
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from train.data.store import abandon, read_lines, read_recipe, write_recipe
from train.teachers.model import COVERAGE, Teacher

FORMAT = 1
ROWS, LINES = "answers.f16", "answers.jsonl"

Half = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of answers.jsonl; `error` is None for a recording that was answered."""

    key: str
    start: int = 0
    n_rows: int = 0
    crc32: int = 0
    error: str | None = None


def recipe_of(teacher: Teacher) -> dict[str, Any]:
    """What its answers hang on."""
    card = teacher.card
    other = {} if teacher.coverage == COVERAGE else {"coverage": teacher.coverage}
    return {
        "format": FORMAT,
        "model": teacher.name,
        "sha256": teacher.sha256,
        "scores": teacher.scores,
        "n_out": teacher.n_out,
        "sample_rate": card.sample_rate,
        "window_len": card.window_len,
        "lead_len": card.lead_len,
        **other,
    }


class Answers:
    """The store in one folder, open for reading and for adding; a context manager."""

    def __init__(self, folder: Path, teacher: Teacher) -> None:
        """Open or make the store; one of another recipe is made anew."""
        self.folder, self.n_out = folder, teacher.n_out
        recipe = recipe_of(teacher)
        if read_recipe(folder) != recipe:
            folder.mkdir(parents=True, exist_ok=True)
            for name in (LINES, ROWS):
                (folder / name).unlink(missing_ok=True)
            write_recipe(folder, recipe)
        self.lines = {line["key"]: Line(**line) for line in read_lines(folder / LINES)}
        self._end = max((line.start + line.n_rows for line in self.lines.values()), default=0)
        self._drop_damaged()
        self._files: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()
        self._files = []

    def has(self, key: str, n_rows: int) -> bool:
        """Whether a recording was answered, or cannot be."""
        line = self.lines.get(key)
        return line is not None and (line.error is not None or line.n_rows == n_rows)

    def add(self, key: str, answer: NDArray[np.float32] | str) -> None:
        """Append an answer of shape (n_rows, n_out), or why there is none.

        Raises:
            InputError: the disk is full; what was added before stays valid.
        """
        if isinstance(answer, str):
            self._append(Line(key, error=answer), b"")
            return
        content = answer.astype("<f2").tobytes()
        self._append(Line(key, self._end, len(answer), zlib.crc32(content)), content)
        self._end += len(answer)

    def every(self, keys: list[str]) -> list[Half | None]:
        """The answers to many recordings, read at once."""
        if not (self.folder / ROWS).is_file():
            return [None] * len(keys)
        with (self.folder / ROWS).open("rb") as file:
            lines = [self.lines.get(key) for key in keys]
            return [
                None
                if teacher is None or teacher.error is not None
                else self._read(file, teacher)
                for teacher in lines
            ]

    def _read(self, file: Any, line: Line) -> Half:
        file.seek(2 * self.n_out * line.start)
        content = file.read(2 * self.n_out * line.n_rows)
        return np.frombuffer(content, "<f2").reshape(line.n_rows, self.n_out)

    def _append(self, line: Line, content: bytes) -> None:
        if not self._files:
            rows = (self.folder / ROWS).open("ab")
            rows.truncate(2 * self.n_out * self._end)  # an answer whose line was never written
            self._files = [rows, (self.folder / LINES).open("a", encoding="utf-8")]
        rows, lines = self._files
        try:
            rows.write(content)
            rows.flush()
            lines.write(json.dumps(asdict(line)) + "\n")
            lines.flush()
        except OSError as error:
            abandon(*self._files)
            self._files = []
            raise InputError(
                f"{self.folder}: {error.strerror or error} after {len(self.lines)} recordings,"
                " which stay valid; make room and run the same command again."
            ) from error
        self.lines[line.key] = line

    def _drop_damaged(self) -> None:
        """Forget lines whose rows are no longer what was written."""
        path = self.folder / ROWS
        size = path.stat().st_size if path.is_file() else 0
        row = 2 * self.n_out
        for key, line in list(self.lines.items()):
            if line.error is None and row * (line.start + line.n_rows) > size:
                del self.lines[key]
        with path.open("rb") if size else io.BytesIO() as file:
            for key, line in list(self.lines.items()):
                if line.error is None:
                    file.seek(row * line.start)
                    if zlib.crc32(file.read(row * line.n_rows)) != line.crc32:
                        del self.lines[key]
