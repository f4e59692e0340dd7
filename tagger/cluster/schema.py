"""Rows of the results as Arrow: the schema that a reader of the Parquet parts sees."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pyarrow as pa

from tagger.cluster.records import ObjectResult

_TIME = pa.timestamp("us", tz="UTC")
_PAIRS = pa.map_(pa.string(), pa.float32())

SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("etag", pa.string(), nullable=False),
        pa.field("etag_read", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("modified", _TIME, nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("genres", pa.list_(pa.string()), nullable=False),
        pa.field("previous", pa.list_(pa.string()), nullable=False),
        pa.field("field", pa.string(), nullable=False),
        pa.field("scores", _PAIRS),
        pa.field("others", pa.map_(pa.string(), _PAIRS)),
        pa.field("duration_s", pa.float64()),
        pa.field("model", pa.string(), nullable=False),
        pa.field("conditions", pa.string(), nullable=False),
        pa.field("n_read", pa.int64(), nullable=False),
        pa.field("node", pa.string(), nullable=False),
        pa.field("finished_at", _TIME, nullable=False),
        pa.field("version", pa.string(), nullable=False),
    ]
)
"""The fields of `ObjectResult`, in their order."""

NAMES = tuple(field.name for field in fields(ObjectResult))


def table_of(rows: Sequence[ObjectResult]) -> pa.Table:
    """Rows as a table."""
    return pa.Table.from_pylist([_record(row) for row in rows], schema=SCHEMA)


def rows_of(table: pa.Table) -> list[ObjectResult]:
    """A table as rows."""
    return [_row(row) for row in table.to_pylist(maps_as_pydicts="strict")]


def _record(row: ObjectResult) -> dict[str, Any]:
    record: dict[str, Any] = {name: getattr(row, name) for name in NAMES}
    if row.scores is not None:
        record["scores"] = list(row.scores.items())
    if row.others is not None:
        record["others"] = [(kind, list(of.items())) for kind, of in row.others.items()]
    return record


def _row(record: dict[str, Any]) -> ObjectResult:
    record["genres"], record["previous"] = tuple(record["genres"]), tuple(record["previous"])
    return ObjectResult(**record)
