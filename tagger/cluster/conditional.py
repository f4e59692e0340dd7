"""Whether a store replaces objects on a condition: tried, since some ignore it silently."""

import contextlib
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import obstore

from tagger.cluster.problems import cause_of, objects_asked
from tagger.cluster.replaceable import (
    FolderObjects,
    RemoteObjects,
    Replaceable,
    StoredObjects,
    url_of,
)
from tagger.cluster.s3_objects import S3Objects
from tagger.cluster.stores import Place
from tagger.errors import InputError

_REFUSALS = {"changed"}


def open_replaceable(place: Place, *, has_multipart: bool = True) -> Replaceable:
    """The objects of a place, to be replaced.

    Args:
        place: where they lie.
        has_multipart: whether `check_conditional` found that large uploads know conditions.

    Raises:
        MissingExtraError: a library for that is not installed.
    """
    if place.folder is not None:
        return FolderObjects(place)
    if place.url.startswith(("s3://", "s3a://")):
        return S3Objects(place, has_multipart)
    return StoredObjects(place)


def check_conditional(place: Place, *, unsafe_overwrite: bool = False) -> bool:
    """Make sure that nobody else's change can be lost: with two small objects of our own.

    They are named `.tagger-SOMETHING` below the prefix and removed again.

    Args:
        place: where objects are to be changed.
        unsafe_overwrite: the user allows to go without.

    Returns:
        Whether uploads of several parts know conditions, too.

    Raises:
        InputError: the store ignores conditions, or nothing may be written there.
    """
    target = open_replaceable(place)
    if isinstance(target, FolderObjects) or unsafe_overwrite:
        return True
    key = place.key(f".tagger-{secrets.token_hex(8)}")
    with objects_asked(url_of(place, key), InputError), _scratch(target, key) as file:
        if not _is_refused(target, key, file):
            raise InputError(
                f"{url_of(place, key)}: this store replaces an object although its ETag is"
                " another one than asked for (If-Match), so that a change that somebody makes"
                " meanwhile would be lost. Nothing is written there; --unsafe-overwrite allows"
                " it."
            )
        return not isinstance(target, S3Objects) or _parts_are_refused(target, key)


@contextlib.contextmanager
def _scratch(target: RemoteObjects, key: str) -> Iterator[Path]:
    """An object of two bytes while it is used, and a file with another one."""
    with tempfile.TemporaryDirectory(prefix="tagger-") as folder:
        file = Path(folder) / "probe"
        file.write_bytes(b"ok")
        target.put(key, file, None, {})
        try:
            yield file
        finally:
            obstore.delete(target.place.store, key)


def _is_refused(target: RemoteObjects, key: str, file: Path) -> bool:
    """Whether a wrong ETag keeps an object, and the right one replaces it."""
    there = target.version(key)
    try:
        target.put(key, file, replace(there, etag=f'"{"0" * 32}"'), {})
    except Exception as error:
        if cause_of(error) not in _REFUSALS:
            raise
    else:
        return False
    target.put(key, file, there, {})
    return True


def _parts_are_refused(target: S3Objects, key: str) -> bool:
    """The same of an upload of parts; stores that take it in one piece only are slower."""
    client, named = target.client, {"Bucket": target.bucket, "Key": key}
    upload = client.create_multipart_upload(**named)["UploadId"]
    try:
        part = client.upload_part(**named, UploadId=upload, PartNumber=1, Body=b"no")
        client.complete_multipart_upload(
            **named,
            UploadId=upload,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
            IfMatch=f'"{"0" * 32}"',
        )
    except Exception as error:
        client.abort_multipart_upload(**named, UploadId=upload)
        if cause_of(error) not in _REFUSALS:
            raise
        return True
    return False
