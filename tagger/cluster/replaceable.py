"""One object replaced on the condition that it is still the one that was read: in any store.

What all stores share is here, and how a folder and those behind obstore (Google's, Azure's) do
it; `tagger.cluster.s3_objects` is S3.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import obstore

from tagger.cluster.listing import etag_of
from tagger.cluster.stores import Place
from tagger.errors import ChangedError, WriteError
from tagger.writing.replace import PreparedWrite

if TYPE_CHECKING:
    from obstore import PutMode

CHUNK_LEN = 1 << 20
"""Bytes that are moved at once."""

MAX_IN_MEMORY = 1 << 30
"""Bytes of an object that obstore may hold: on a condition it stores in one piece only."""


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """What tells one version of an object from all others.

    Attributes:
        etag: with its quotation marks, as the store gives it.
        size: bytes.
        number: Google's generation; None in other stores, and in a listing.
    """

    etag: str
    size: int
    number: str | None = None


class RemoteObjects(Protocol):
    """The objects of a store, to be replaced one at a time.

    Its methods raise what the store's client raises; `tagger.cluster.problems` names it.
    """

    place: Place

    def version(self, key: str) -> ObjectVersion:
        """What is there by that name."""

    def kept(self, key: str, version: ObjectVersion) -> dict[str, Any]:
        """All that the object has besides its bytes, in the words of `put`."""

    def put(
        self, key: str, source: Path, was: ObjectVersion | None, kept: dict[str, Any]
    ) -> ObjectVersion:
        """Replace an object by a file, if `was` is there still; None for whatever is there."""


@dataclass(slots=True)
class StoredObjects:
    """The objects of a store that obstore opens, to be replaced."""

    place: Place

    def version(self, key: str) -> ObjectVersion:
        """What is there by that name."""
        meta = obstore.head(self.place.store, key)
        return ObjectVersion(meta["e_tag"] or "", meta["size"], meta["version"])

    def kept(self, key: str, version: ObjectVersion) -> dict[str, Any]:
        """Its attributes: content type, user metadata and the like."""
        answer = obstore.get(
            self.place.store, key, options={"if_match": version.etag, "head": True}
        )
        return dict(answer.attributes)

    def put(
        self, key: str, source: Path, was: ObjectVersion | None, kept: dict[str, Any]
    ) -> ObjectVersion:
        """Replace an object; on a condition all of it is held in memory.

        Raises:
            WriteError: that would be too much.
        """
        size = source.stat().st_size
        mode: PutMode = "overwrite"
        if was is not None and size > MAX_IN_MEMORY:
            raise WriteError(
                f"{url_of(self.place, key)}: an object of more than 1 GiB cannot be replaced in"
                " this store on the condition that it is unchanged; it is left as it is."
                " --unsafe-overwrite allows it without."
            )
        if was is not None:
            mode = {"e_tag": was.etag}
            if was.number is not None:
                mode["version"] = was.number
        answer = obstore.put(self.place.store, key, source, mode=mode, attributes=kept)
        return ObjectVersion(answer["e_tag"] or "", size, answer["version"])


@dataclass(slots=True)
class FolderObjects:
    """The files of a folder: they are changed where they lie, by the writer of local files.

    It compares a file's state right before a copy takes its place, and keeps owner, mode, ACLs
    and extended attributes; obstore can do neither in a folder.
    """

    place: Place

    def version(self, key: str) -> ObjectVersion:
        """What is there by that name, as the listing of a folder tells it."""
        state = Path(url_of(self.place, key)).stat()
        return ObjectVersion(etag_of(state), state.st_size)

    def checked(self, key: str, was: ObjectVersion) -> Path:
        """Where a file lies that is still the one that was read.

        Raises:
            ChangedError: it is another one by now.
        """
        path = Path(url_of(self.place, key))
        if self.version(key).etag != was.etag:
            raise ChangedError(
                f"{path}: it was changed since it was read, and is left as it is. Scan it"
                " again."
            )
        return path

    def kept(self, key: str, version: ObjectVersion) -> dict[str, Any]:  # noqa: ARG002
        """Nothing: the writer keeps what a file has."""
        return {}

    def commit(self, key: str, planned: PreparedWrite) -> ObjectVersion:
        """Put a copy in the place of a file.

        Raises:
            WriteError: the file has changed since it was planned, or cannot be replaced.
        """
        planned.commit()
        return self.version(key)


Replaceable = RemoteObjects | FolderObjects
"""The objects of any place."""


def fetch(place: Place, key: str, version: ObjectVersion, to: Path) -> ObjectVersion:
    """Copy exactly one version of an object into a file.

    Returns:
        The version with its number, where the store has such.

    Raises:
        BaseError, OSError: of the store, if it is another one by now; of the disk.
        WriteError: what came has another length.
    """
    answer = obstore.get(place.store, key, options={"if_match": version.etag})
    with to.open("wb") as file:
        for piece in answer.stream(min_chunk_size=CHUNK_LEN):
            file.write(piece)
        n_bytes = file.tell()
    if n_bytes != version.size:
        raise WriteError(
            f"{url_of(place, key)}: {n_bytes} bytes came where {version.size} were expected; it"
            " is left as it is. Scan it again."
        )
    return replace(version, number=answer.meta["version"])


def url_of(place: Place, key: str) -> str:
    """An object as messages call it: without the query of the place."""
    if place.folder is not None:
        return str(place.folder / key)
    parts = urlsplit(place.url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{key}", "", ""))
