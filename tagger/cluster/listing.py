"""A place -> its audio objects, page by page: no listing is ever held whole."""

import os
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import obstore
from obstore.exceptions import InvalidPathError

from tagger.cluster.problems import objects_asked
from tagger.cluster.records import ObjectEntry
from tagger.cluster.s3_client import list_s3
from tagger.cluster.stores import Place
from tagger.errors import InputError
from tagger.library.ignored import KEPT_BY_SYSTEMS, Rules, composed, own_rules, verdict
from tagger.library.listing import is_audio_name

PAGE_LEN = 1_000
"""Keys that a store gives at once."""


def list_objects(place: Place, *, exclude: Sequence[str] = ()) -> Iterator[ObjectEntry]:
    """The audio objects of a place, in the order of the store.

    Taken is what has an audio suffix (in any case), as in a folder: no hidden names, nothing of
    what systems keep for themselves, and no markers of folders.

    Args:
        place: where they lie.
        exclude: patterns of keys that are left out, as for a scan of files.

    Raises:
        InputError: the place cannot be listed.
    """
    rules = own_rules(exclude, Path("/"))
    listed = _of_folder(place.folder) if place.folder else _of_store(place)
    return (entry for entry in listed if _is_taken(entry.key, place.prefix, rules))


def _is_taken(key: str, prefix: str, rules: Rules) -> bool:
    parts = key.split("/")
    if not is_audio_name(parts[-1]):
        return False
    below = key.removeprefix(prefix).split("/")
    if any(part.startswith(".") or part.casefold() in KEPT_BY_SYSTEMS for part in below):
        return False
    if not rules:
        return True
    whole = ("/", *map(composed, parts))
    folders = (verdict(rules, whole[:n], is_folder=True) for n in range(2, len(whole)))
    return not any(folders) and not verdict(rules, whole, is_folder=False)


def _of_store(place: Place) -> Iterator[ObjectEntry]:
    """Through the store's own listing; a prefix that is an object is that object."""
    last = ""
    with objects_asked(place.url.partition("?")[0], InputError):
        try:
            for page in obstore.list(place.store, place.prefix or None, chunk_size=PAGE_LEN):
                for entry in page:
                    last = entry["path"]
                    yield ObjectEntry(
                        last, entry["size"], entry["e_tag"] or "", entry["last_modified"]
                    )
        except InvalidPathError:
            # One key with a control character, and obstore gives nothing of its page.
            if not place.url.startswith(("s3://", "s3a://")):
                raise
            yield from list_s3(place, after=last)
            return
        if not last and place.prefix:
            yield _single(place)


def _single(place: Place) -> ObjectEntry:
    head = obstore.head(place.store, place.prefix)
    return ObjectEntry(head["path"], head["size"], head["e_tag"] or "", head["last_modified"])


def _of_folder(top: Path, below: str = "") -> Iterator[ObjectEntry]:
    """The files of a folder and those below it, each folder by name: one at a time is held."""
    try:
        with os.scandir(top / below) as opened:
            entries = sorted(
                opened, key=lambda entry: entry.name.encode("utf-8", "surrogateescape")
            )
    except OSError as error:
        if below:
            return
        raise InputError(f"{top}: it cannot be listed ({error.strerror}).") from error
    for entry in entries:
        key = f"{below}/{entry.name}" if below else entry.name
        if _is_folder(entry):
            yield from _of_folder(top, key)
        elif (found := _file(entry, key)) is not None:
            yield found


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:  # some file systems must be asked; the question about a file comes next
        return False


def _file(entry: "os.DirEntry[str]", key: str) -> ObjectEntry | None:
    """A file; None of what is none, or is gone since its folder was listed."""
    try:
        status = entry.stat()
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not entry.is_symlink():
            return None
        # As in a scan of files: who opens it says why it cannot be; it is not just left out.
        return ObjectEntry(key, 0, "", datetime.fromtimestamp(0, UTC))
    if not stat.S_ISREG(status.st_mode):
        return None
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return ObjectEntry(key, status.st_size, etag_of(status), modified)


def etag_of(status: os.stat_result) -> str:
    """What obstore gives as the ETag of a file."""
    micros = status.st_mtime_ns // 1_000
    return f'"{status.st_ino:x}-{micros:x}-{status.st_size:x}"'
