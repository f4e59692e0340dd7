"""One object of S3 replaced, its other metadata kept, if it is still the one that was read.

boto3 does this and not obstore, which neither shows the tags of an object nor can complete an
upload of several parts on a condition.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tagger.cluster.replaceable import ObjectVersion, url_of
from tagger.cluster.s3_client import s3_client
from tagger.cluster.stores import Place
from tagger.errors import UnsupportedTagError, WriteError
from tagger.text import sanitise

PART_LEN = 16 << 20
"""Bytes of a part, and all that is held in memory of a large object."""

MULTIPART_LEN = 4 * PART_LEN
"""Objects from this length on are stored in parts."""

_MAX_PARTS = 9_000  # of 10,000
_SINGLE_LEN = 5 << 30
"""Bytes that S3 takes in one piece."""

_KEPT = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType",
    "Expires", "Metadata", "ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled",
    "StorageClass", "WebsiteRedirectLocation",
)  # fmt: skip
"""What `head_object` tells and `put_object` takes, by the same name."""

_NO_TAGGING = {"NotImplemented", "MethodNotAllowed", "NotSupported"}


@dataclass(slots=True)
class S3Objects:
    """The objects of a bucket, to be replaced.

    Attributes:
        place: the bucket.
        has_multipart: an upload of several parts is completed only if a condition holds.
        client: of boto3.
        bucket: its name.
    """

    place: Place
    has_multipart: bool = True
    client: Any = field(init=False, repr=False)
    bucket: str = field(init=False)

    def __post_init__(self) -> None:
        self.bucket, self.client = (
            urlsplit(self.place.url).netloc,
            s3_client(self.place.url),
        )

    def version(self, key: str) -> ObjectVersion:
        """What is there by that name."""
        head = self.client.head_object(Bucket=self.bucket, Key=key)
        return ObjectVersion(head["ETag"], head["ContentLength"], None)

    def kept(self, key: str, version: ObjectVersion) -> dict[str, Any]:
        """All that the object has besides its bytes, in the arguments of `put_object`.

        Raises:
            UnsupportedTagError: it is locked.
            WriteError: some of it cannot be given back.
        """
        url = url_of(self.place, key)
        head = self.client.head_object(Bucket=self.bucket, Key=key, IfMatch=version.etag)
        if head.get("ObjectLockMode") or head.get("ObjectLockLegalHoldStatus") == "ON":
            raise UnsupportedTagError(f"{url}: it is under an object lock, and is left alone.")
        lost = [key for key, text in head["Metadata"].items() if not text.isascii()]
        if head.get("ExpiresString") and not head.get("Expires"):  # no date, as headers may be
            lost.append("Expires")
        if lost or head.get("MissingMeta"):
            raise WriteError(
                f"{url}: its metadata ({sanitise(', '.join(lost) or 'not shown')}) cannot"
                " be kept, since headers carry plain letters and dates only; it is left as it"
                " is. Store that metadata encoded."
            )
        headers = {name: head[name] for name in _KEPT if head.get(name)}
        if tags := self._tags(key):
            headers["Tagging"] = urlencode(tags)
        return headers

    def put(
        self, key: str, source: Path, was: ObjectVersion | None, kept: dict[str, Any]
    ) -> ObjectVersion:
        """Replace an object.

        Args:
            key: its name.
            source: a file with what it shall hold.
            was: what must be there still; None if it does not matter.
            kept: what it has besides its bytes.

        Raises:
            WriteError: it is too large to be replaced on a condition.
        """
        size = source.stat().st_size
        condition = {} if was is None else {"IfMatch": was.etag}
        if size >= MULTIPART_LEN and (self.has_multipart or was is None):
            return self._put_parts(key, source, condition, kept)
        if size > _SINGLE_LEN:
            raise WriteError(
                f"{url_of(self.place, key)}: the store cannot replace an object of more than 5"
                " GiB on the condition that it is unchanged; it is left as it is."
                " --unsafe-overwrite allows it without."
            )
        with source.open("rb") as file:
            answer = self.client.put_object(
                Bucket=self.bucket, Key=key, Body=file, **condition, **kept
            )
        return ObjectVersion(answer["ETag"], size, None)

    def _put_parts(
        self, key: str, source: Path, condition: dict[str, str], kept: dict[str, Any]
    ) -> ObjectVersion:
        """Store a large object; what was stored of it is given up if that fails."""
        size = source.stat().st_size
        part_len = max(PART_LEN, -(-size // _MAX_PARTS))
        named = {"Bucket": self.bucket, "Key": key}
        upload = self.client.create_multipart_upload(**named, **kept)["UploadId"]
        try:
            parts: list[dict[str, Any]] = []
            with source.open("rb") as file:
                while data := file.read(part_len):
                    number = len(parts) + 1
                    answer = self.client.upload_part(
                        **named, UploadId=upload, PartNumber=number, Body=data
                    )
                    parts.append({"PartNumber": number, "ETag": answer["ETag"]})
            answer = self.client.complete_multipart_upload(
                **named, UploadId=upload, MultipartUpload={"Parts": parts}, **condition
            )
        except BaseException:
            self._abort(key, upload)
            raise
        return ObjectVersion(answer["ETag"], size, None)

    def _abort(self, key: str, upload: str) -> None:
        """Give up what was stored; if that fails the bucket's life-cycle rule must do it."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (an extra)

        try:
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload)
        except (BotoCoreError, ClientError):
            return

    def _tags(self, key: str) -> list[tuple[str, str]]:
        """The tags of an object; none where the store has no such thing.

        They are always asked for: S3 hides even their number from who may not read them.
        """
        from botocore.exceptions import ClientError  # noqa: PLC0415 (an extra)

        try:
            tags = self.client.get_object_tagging(Bucket=self.bucket, Key=key)["TagSet"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _NO_TAGGING:
                return []
            raise
        return [(tag["Key"], tag["Value"]) for tag in tags]
