"""Published archives -> folders: joined, checked and unpacked beside where they lie, once.

A file that is there already is not unpacked again, each is moved into place when it is whole,
and a mark stands in the folder until all are: an interrupted unpacking goes on.
"""

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from tagger.errors import InputError
from tagger.system.whole_file import whole_file
from train.datasets.audio import AUDIO_SUFFIXES

BLOCK = 1 << 20
_CUT = (zlib.error, EOFError)

IsTaken = Callable[[PurePosixPath], bool]


class JoinedParts(io.RawIOBase):
    """Several files read as one, one after the other, as `cat` would join them."""

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        self.files = [path.open("rb") for path in paths]
        self.sizes = [path.stat().st_size for path in paths]
        self.place = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """The place in the whole."""
        return self.place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the whole."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.place, os.SEEK_END: sum(self.sizes)}
        self.place = start[whence] + offset
        return self.place

    def readinto(self, buffer: Any) -> int:
        """Read on in the part that holds the place."""
        begin = 0
        for file, size in zip(self.files, self.sizes, strict=True):
            if self.place < begin + size:
                file.seek(self.place - begin)
                n_read = file.readinto(memoryview(buffer)[: begin + size - self.place])
                self.place += n_read
                return n_read
            begin += size
        return 0

    def close(self) -> None:
        """Close every part."""
        for file in self.files:
            file.close()
        super().close()


def is_audio(name: PurePosixPath) -> bool:
    """Whether a member of an archive is a recording that is not hidden."""
    return name.suffix.lower() in AUDIO_SUFFIXES and not name.name.startswith(".")


def unpack(
    parts: Sequence[Path], folder: Path, *, is_taken: IsTaken = is_audio, sha1: str = ""
) -> None:
    """Unpack a zip (perhaps in parts) or a tar into a folder.

    Args:
        parts: the archive, or its parts in order.
        folder: where its members go, under their own names.
        is_taken: which members are unpacked.
        sha1: what the archive's digest must be, or '' if none was published.

    Raises:
        InputError: the archive is damaged, a name in it leads out of the folder, or the disk
            is full; what is unpacked so far stays.
    """
    named = parts[0] if len(parts) == 1 else f"{parts[0]} to {parts[-1].name}"
    try:
        _check(parts, sha1)
        folder.mkdir(parents=True, exist_ok=True)
        _mark(parts[0], folder).touch()
        for name, content in _members(parts, is_taken):
            _put(content, folder, name)
        _mark(parts[0], folder).unlink(missing_ok=True)  # another run has done all of it
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, *_CUT) as error:
        raise InputError(
            f"{named}: damaged or not complete ({error}); get it once more."
        ) from error
    except OSError as error:
        raise InputError(
            f"{named}: cannot be unpacked into {folder}: {error.strerror or error}. What is"
            " there stays; make room or unpack it elsewhere, and point --data there."
        ) from error


def is_half_unpacked(archive: Path, folder: Path) -> bool:
    """Whether an unpacking into a folder was interrupted."""
    return _mark(archive, folder).exists()


def _mark(archive: Path, folder: Path) -> Path:
    """The file that is there while an archive is being unpacked."""
    return folder / f".unpacking-{archive.name}"


def _check(parts: Sequence[Path], sha1: str) -> None:
    if not sha1:
        return
    digest = hashlib.sha1(usedforsecurity=False)
    with JoinedParts(parts) as joined:
        while block := joined.read(BLOCK):
            digest.update(block)
    if digest.hexdigest() != sha1:
        raise zipfile.BadZipFile(f"SHA-1 {digest.hexdigest()}, not {sha1}")


def _members(
    parts: Sequence[Path], is_taken: IsTaken
) -> Iterator[tuple[PurePosixPath, tuple[int, Callable[[], Any]]]]:
    """Name, size and opener of each wanted file of an archive."""
    with _joined(parts) as joined:
        if zipfile.is_zipfile(joined):
            with zipfile.ZipFile(joined) as archive:
                for one in archive.infolist():
                    name = PurePosixPath(one.filename)
                    if not one.is_dir() and is_taken(name):
                        yield name, (one.file_size, partial(archive.open, one))
            return
        joined.seek(0)
        with tarfile.open(fileobj=joined) as tar:
            for member in tar:
                name = PurePosixPath(member.name)
                if member.isfile() and is_taken(name):
                    yield name, (member.size, partial(tar.extractfile, member))


@contextmanager
def _joined(parts: Sequence[Path]) -> Iterator[IO[bytes]]:
    with JoinedParts(parts) as raw, io.BufferedReader(raw, BLOCK) as buffered:
        yield buffered


def _put(content: tuple[int, Callable[[], Any]], folder: Path, name: PurePosixPath) -> None:
    """Write one member, under a temporary name until it is whole."""
    size, opened = content
    if name.is_absolute() or ".." in name.parts:
        raise zipfile.BadZipFile(f"it holds {name}, which leads out of its folder")
    path = folder / name
    if path.is_file() and path.stat().st_size == size:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of two runs that unpack the same archive each writes under a name of its own.
    with whole_file(path) as part, opened() as source, part.open("wb") as target:
        shutil.copyfileobj(source, target, BLOCK)


def parts_of(root: Path, stem: str, *, n_parts: int) -> list[Path]:
    """The numbered parts of an archive (`mp3.zip.001`, ...), [] if there is none.

    Raises:
        InputError: some of them are missing; they are named.
    """
    parts = [root / f"{stem}.{number:03d}" for number in range(1, n_parts + 1)]
    absent = [part.name for part in parts if not part.is_file()]
    if len(absent) == n_parts:
        return []
    if absent:
        raise InputError(f"{root}: {', '.join(absent)} of {stem} is missing; get it as well.")
    return parts
