"""Where objects and results lie: a URL or a folder -> a store, opened anew in each process."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore

from tagger.errors import InputError
from tagger.system.stores import folder_of, remote_store

if TYPE_CHECKING:
    from obstore.store import ObjectStore

RETRY: Any = {
    "max_retries": 10,
    "retry_timeout": timedelta(minutes=3),
    "backoff": {
        "base": 2,
        "init_backoff": timedelta(milliseconds=200),
        "max_backoff": timedelta(seconds=15),
    },
}
"""Nobody waits in front of a screen: a store that is busy for a minute stops nothing."""

CLIENT: Any = {"timeout": "10m", "connect_timeout": "10s"}


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket with a prefix, or a folder.

    Attributes:
        url: as it was named, without anything secret: a URL that holds a password is refused.
        store: of obstore; its keys begin at the bucket, or at the folder.
        prefix: what all keys of the place begin with, without a slash at its end; empty for a
            folder.
        folder: where its objects lie as files; None if it is on the network.
    """

    url: str
    store: "ObjectStore"
    prefix: str
    folder: Path | None

    def key(self, name: str) -> str:
        """The key of something that lies in this place."""
        return f"{self.prefix}/{name}" if self.prefix else name


def is_remote(place: object) -> bool:
    """Whether a path of the command line is the URL of a store."""
    return "://" in str(place)


def open_place(place: str, *, option: str, make: bool = False, retry: Any = RETRY) -> Place:
    """Open a place; nothing is asked of the network yet.

    Args:
        place: `s3://bucket/prefix?endpoint=URL&region=NAME`, `gs://`, `az://`, `file://` or a
            folder.
        option: what it was named by, for messages.
        make: make a folder that is not there.
        retry: of obstore: how often and how long a request is repeated.

    Raises:
        InputError: it cannot be opened, or holds a password.
    """
    folder = folder_of(place)
    if folder is not None:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        if not folder.is_dir():
            raise InputError(f"{option} {place}: there is no such folder.")
        return Place(place, LocalStore(folder), "", folder)
    parts = urlsplit(place)
    is_secret = "@" in parts.netloc and parts.scheme in {"s3", "s3a", "gs"}
    if is_secret or "@" in unquote(parts.query):
        raise InputError(
            f"{option}: a URL must not hold a key or a password; use the environment"
            " (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), a profile or the machine's own role."
        )
    bucket = urlunsplit((parts.scheme, parts.netloc, "", parts.query, ""))
    try:
        store = remote_store(bucket, retry=retry, client=CLIENT)
    except (BaseError, ValueError, TypeError) as error:
        raise InputError(
            f"{option} {place}: it cannot be opened ({str(error).splitlines()[0]}); write"
            " s3://BUCKET/PREFIX?endpoint=URL, gs://BUCKET, az://CONTAINER or a folder."
        ) from error
    return Place(place, store, parts.path.strip("/"), None)
