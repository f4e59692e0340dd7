"""The files of a form, one after another, as they come: none is whole in memory."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from tagger.service.problems import wrong
from tagger.service.receive import too_large, truncated
from tagger.service.service import Service
from tagger.service.spool import passing

MOST_FILES = 1000


@dataclass(slots=True)
class _Form:
    """What a parser has met so far.

    Attributes:
        spool: where files go.
        most: bytes of the longest file.
        ready: files that are complete: name and path.
        n_files: files that were begun.
        too_large: a file is longer than it may be.
    """

    spool: Path
    most: int
    ready: list[tuple[str, Path]] = field(default_factory=list)
    n_files: int = 0
    too_large: bool = False
    _name: bytes = b""
    _value: bytes = b""
    _disposition: bytes = b""
    _file: BinaryIO | None = None
    _path: Path = Path()
    _size: int = 0
    _shown: str = ""

    def on_part_begin(self) -> None:
        self._name = self._value = self._disposition = b""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"filename")
        if name is not None:
            self.n_files += 1
            self._shown, self._size = name.decode("utf-8", "replace"), 0
            self._path = passing(self.spool, "form")
            self._file = self._path.open("wb")

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            return  # a field that is no file
        self._size += end - start
        self.too_large |= self._size > self.most
        if not self.too_large:
            self._file.write(data[start:end])

    def on_part_end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            if self.too_large:  # of this one, or of one before it, not all was written
                self._path.unlink(missing_ok=True)
                return
            self.ready.append((self._shown, self._path))

    def drop(self) -> None:
        """Delete what is left."""
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)
        for _, path in self.ready:
            path.unlink(missing_ok=True)


async def form_files(
    request: Request, service: Service
) -> AsyncGenerator[tuple[str, Path], None]:
    """The files of a `multipart/form-data` body: name and path, each gone when the next comes.

    Raises:
        ProblemError: it is no such body, it was cut off, or a file is too large.
        OSError: the disk is full.
    """
    kind, options = parse_options_header(request.headers.get("Content-Type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise wrong(
            "The body is no multipart/form-data.",
            remedy="Send a form, or one file to POST /api/v1/uploads.",
        )
    form = _Form(service.options.spool, service.options.max_upload_bytes)
    names = (
        "on_part_begin", "on_header_field", "on_header_value", "on_header_end",
        "on_headers_finished", "on_part_data", "on_part_end",
    )  # fmt: skip
    callbacks = {name: getattr(form, name) for name in names}
    try:
        parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        async for piece in request.stream():
            parser.write(piece)
            while form.ready:
                name, path = form.ready[0]
                yield name, path
                form.ready.pop(0)
                path.unlink(missing_ok=True)
            if form.too_large:
                raise too_large(form.most)
            if form.n_files > MOST_FILES:
                raise wrong(
                    f"More than {MOST_FILES} files.", remedy="Send them in several forms."
                )
        parser.finalize()
    except FormParserError as error:
        raise wrong(f"The form cannot be read: {error}.", remedy="Send it again.") from error
    except ClientDisconnect:
        raise truncated(0, 1) from None
    finally:
        form.drop()
