"""Uploads as objects, by the hash of what they hold: a folder, S3, GCS or Azure by URL."""

import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from tagger.errors import StartError
from tagger.system.stores import folder_of, remote_store

if TYPE_CHECKING:
    from obstore.store import ObjectStore

CHUNK_LEN = 1 << 20
"""Bytes that are moved at once."""


@dataclass(frozen=True, slots=True)
class Objects:
    """A store of objects.

    Attributes:
        store: of obstore.
        folder: where its objects lie as files; None if it is on the network.
    """

    store: "ObjectStore"
    folder: Path | None

    @property
    def can_sign(self) -> bool:
        """Whether it gives links that lead to objects without a token."""
        return isinstance(self.store, S3Store | GCSStore | AzureStore)

    def put(self, key: str, path: Path) -> None:
        """Store a file. A large one goes in parts, and nothing is there until all are.

        Raises:
            BaseError: the store cannot be asked.
            OSError: there is no room for it in the folder.
        """
        try:
            obstore.put(self.store, key, path, max_concurrency=2)
        except BaseError as error:
            if self.folder is None or shutil.disk_usage(self.folder).free > path.stat().st_size:
                raise
            full = os.strerror(errno.ENOSPC)
            raise OSError(errno.ENOSPC, full, str(self.folder)) from error

    def stream(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes of an object from `start` up to `end`, in pieces.

        Raises:
            FileNotFoundError: there is no such object.
        """
        if end is None:
            result = obstore.get(self.store, key, options={"range": {"offset": start}})
            yield from (bytes(chunk) for chunk in result.stream(min_chunk_size=CHUNK_LEN))
            return
        while start < end:
            data = bytes(
                obstore.get_range(self.store, key, start=start, end=min(start + CHUNK_LEN, end))
            )
            if not data:
                return
            yield data
            start += len(data)

    def size(self, key: str) -> int:
        """Bytes of an object.

        Raises:
            FileNotFoundError: there is no such object.
        """
        return int(obstore.head(self.store, key)["size"])

    def delete(self, key: str) -> None:
        """Delete an object, if it is there."""
        try:
            obstore.delete(self.store, key)
        except FileNotFoundError:
            return

    def fetch(self, key: str, to: Path) -> Path:
        """Copy an object into a file.

        Raises:
            FileNotFoundError: there is no such object.
        """
        if self.folder is not None:
            shutil.copyfile(self.folder / key, to)
            return to
        with to.open("wb") as file:
            for piece in self.stream(key):
                file.write(piece)
        return to

    def link_of(self, key: str, *, expires_s: int) -> str | None:
        """A signed URL that leads to an object for a while; None where there are none."""
        if not isinstance(self.store, S3Store | GCSStore | AzureStore):
            return None
        return obstore.sign(self.store, "GET", key, timedelta(seconds=expires_s))

    def check_answers(self) -> None:
        """See that the store can be asked.

        Raises:
            BaseError, OSError: it cannot.
        """
        try:
            obstore.head(self.store, "tagger-is-there")
        except FileNotFoundError:
            return


def open_objects(place: str) -> Objects:
    """The store of a URL or a folder.

    `s3://bucket/prefix?endpoint=http://127.0.0.1:9000&region=us-east-1` is S3 or what speaks
    like it; `gs://` and `az://` likewise. Credentials come from the usual variables
    (`AWS_ACCESS_KEY_ID`, ...), never from the URL.

    Raises:
        StartError: it is none that can be opened.
    """
    if (folder := folder_of(place)) is not None:
        folder.mkdir(parents=True, exist_ok=True)
        return Objects(LocalStore(folder), folder)
    try:
        return Objects(remote_store(place), None)
    except (BaseError, ValueError, TypeError) as error:
        raise StartError(
            f"--objects {place}: it cannot be opened ({str(error).splitlines()[0]}); write"
            " s3://BUCKET?endpoint=URL, gs://BUCKET, az://CONTAINER or a folder."
        ) from error


def key_of(digest: str, suffix: str) -> str:
    """The key of a file with this SHA-256, in one of 256 folders."""
    return f"audio/{digest[:2]}/{digest}{suffix}"
