"""One change to an object, and the rows of the journal's parts that tell of it."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tagger.cluster.replaceable import ObjectVersion
from tagger.errors import StateError
from tagger.tags.payload import Identity
from tagger.text import sanitise, text_of

ChangeStatus = Literal["planned", "done", "failed", "gone"]
"""As in the journal of files: `failed`, it is as it was; `gone`, it is neither old nor new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectChange:
    """One change to an object, and what leads back.

    Attributes:
        id: writer and number.
        key: of the object.
        old: the version that was read.
        was: what it held.
        becomes: what it was to hold.
        before: the field's values; mostly the genres.
        after: those that were written.
        reverse: of `tagger.journal.reverse_patch`.
        temp: the name of the copy beside a file of a folder; empty for stores.
        about: anything that who writes wants to have back after a crash.
        status: what became of it.
        reason: why it was not made.
        new: the version that it made.
    """

    id: str
    key: str
    old: ObjectVersion
    was: Identity
    becomes: Identity
    before: tuple[str, ...]
    after: tuple[str, ...]
    reverse: bytes
    temp: str = ""
    about: str = ""
    status: ChangeStatus = "planned"
    reason: str | None = None
    new: ObjectVersion | None = None


def planned_row(change: ObjectChange) -> dict[str, Any]:
    """A change before it is made."""
    return {
        "id": change.id,
        "status": "planned",
        "key": change.key.encode("utf-8", "surrogateescape"),
        "old_etag": change.old.etag,
        "old_number": change.old.number,
        "container": change.was.container,
        "payload": change.was.payload,
        "old_size": change.was.size,
        "old_metadata": change.was.metadata,
        "new_size": change.becomes.size,
        "new_metadata": change.becomes.metadata,
        "before": [text_of(genre) for genre in change.before],
        "after": [text_of(genre) for genre in change.after],
        "reverse": change.reverse,
        "temp": change.temp,
        "about": change.about,
    }


def settled_row(change: ObjectChange) -> dict[str, Any]:
    """What became of a change."""
    row: dict[str, Any] = {"id": change.id, "status": change.status}
    if change.reason:
        row["reason"] = sanitise(change.reason)
    if change.new is not None:
        row |= {"new_etag": change.new.etag, "new_number": change.new.number}
    return row


def change_of(row: dict[str, Any], settled: dict[str, Any] | None) -> ObjectChange:
    """A change of its row, and of the one that says what became of it."""
    was = Identity(row["container"], row["old_size"], row["payload"], row["old_metadata"])
    planned = ObjectChange(
        id=row["id"],
        key=row["key"].decode("utf-8", "surrogateescape"),
        old=ObjectVersion(row["old_etag"], row["old_size"], row["old_number"]),
        was=was,
        becomes=replace(was, size=row["new_size"], metadata=row["new_metadata"]),
        before=tuple(row["before"]),
        after=tuple(row["after"]),
        reverse=row["reverse"],
        temp=row["temp"],
        about=row["about"],
    )
    if settled is None:
        return planned
    etag = settled["new_etag"]
    return replace(
        planned,
        status=settled["status"],
        reason=settled["reason"],
        new=ObjectVersion(etag, row["new_size"], settled["new_number"]) if etag else None,
    )


def _schema() -> Any:
    import pyarrow as pa  # noqa: PLC0415 (an extra, and slow to import)

    texts = (
        "id", "status", "old_etag", "old_number", "container", "payload",
        "old_metadata", "new_metadata", "temp", "about", "reason", "new_etag", "new_number",
    )  # fmt: skip
    return pa.schema(
        [
            *((name, pa.string()) for name in texts),
            *((name, pa.int64()) for name in ("old_size", "new_size")),
            *((name, pa.list_(pa.string())) for name in ("before", "after")),
            *((name, pa.binary()) for name in ("key", "reverse")),  # names may be no UTF-8
        ]
    )


def parquet_of(rows: Sequence[dict[str, Any]]) -> bytes:
    """A part of the journal."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), _schema()), out, compression="zstd")
    return out.getvalue()


def rows_of(data: bytes, name: str) -> list[dict[str, Any]]:
    """The rows of a part.

    Args:
        data: its content.
        name: of the part, for the message.

    Raises:
        StateError: it is damaged.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        return list(pq.read_table(pa.BufferReader(data)).to_pylist())
    except pa.ArrowException as error:
        raise StateError(
            f"{name}: this part of the journal is damaged ({error}), and its run cannot be"
            " undone as a whole. Put it back from a copy, or move it away: the others are then"
            " undone."
        ) from error
