"""Pages of tracks, by a cursor that says where the last one ended."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from tagger.service.db.models import Track
from tagger.service.problems import wrong
from tagger.service.queries.filters import conditions
from tagger.service.schemas.tracks import Sort, TrackFilter

_ORDERS: dict[str, tuple[tuple[InstrumentedAttribute[Any], ...], bool]] = {
    "folder": ((Track.folder, Track.name_key, Track.id), False),
    "artist": ((Track.artist_key, Track.album_key, Track.name_key, Track.id), False),
    "title": ((Track.title_key, Track.id), False),
    "score": ((Track.top_score, Track.id), True),
    "added": ((Track.id,), True),
}
"""The columns of an order, each with an index of its own, and whether it runs downwards."""

_FEW = 1000

ROW_COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    Track.id, Track.source, Track.folder, Track.name, Track.title, Track.artist, Track.album,
    Track.duration_s, Track.status, Track.decision, Track.is_edited, Track.genres,
    Track.proposed, Track.top_label, Track.top_score, Track.has_cover, Track.version,
    Track.name_key, Track.title_key, Track.artist_key, Track.album_key,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Which page is asked for.

    Attributes:
        sort: the order.
        cursor: where the page before ended; None for the first.
        offset: rows to pass over, for a scroll bar; not together with a cursor.
        limit: rows at most.
    """

    sort: Sort = "folder"
    cursor: str | None = None
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of `ROW_COLUMNS` in order, the next page's cursor, and how many there are in all."""

    tracks: Sequence[Row[Any]]
    next_cursor: str | None
    total: int | None


def page_of(session: Session, asked: TrackFilter, paging: Paging, *, is_sqlite: bool) -> Page:
    """One page of the tracks that match.

    Raises:
        ProblemError: the cursor is not one of ours, or the filter contradicts itself.
    """
    terms = conditions(asked, is_sqlite=is_sqlite)
    total = None
    if paging.cursor is None:
        few = _few(session, terms) if asked.q else None
        if few is not None:
            total, terms = len(few), [Track.id.in_(few)]
        else:
            total = session.scalar(select(func.count()).select_from(Track).where(*terms))
    if paging.offset:  # what is passed over is read from the index alone
        place = page_query(terms, paging).with_only_columns(Track.id)
        terms = [Track.id.in_(session.scalars(place).all())]
    rows = session.execute(page_query(terms, replace(paging, offset=0))).all()
    tracks, more = rows[: paging.limit], rows[paging.limit :]
    return Page(tracks, _cursor(tracks[-1], paging.sort) if more else None, total)


def _few(session: Session, terms: Sequence[ColumnElement[bool]]) -> list[int] | None:
    """The tracks that match, if they are few; None for many.

    Words that few have are looked for in all rows: once for count and page together. Of words
    that many have, a page is full before long, in the order of its index.
    """
    ids = session.scalars(select(Track.id).where(*terms).limit(_FEW + 1)).all()
    return list(ids) if len(ids) <= _FEW else None


def page_query(terms: Sequence[ColumnElement[bool]], paging: Paging) -> Select[Any]:
    """The query of a page, with a row more than it holds.

    Plain rows: objects of the session take half as long again to make.
    """
    columns, is_down = _ORDERS[paging.sort]
    query = select(*ROW_COLUMNS).where(*terms)
    if paging.cursor is not None:
        place, values = tuple_(*columns), tuple_(*_values(paging.cursor, paging.sort))
        query = query.where(place < values if is_down else place > values)
    query = query.order_by(*(column.desc() if is_down else column for column in columns))
    return query.limit(paging.limit + 1).offset(paging.offset or None)


def _cursor(track: Row[Any], sort: Sort) -> str:
    values = [getattr(track, order.key) for order in _ORDERS[sort][0]]
    text = json.dumps([sort, *values], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _values(cursor: str, sort: Sort) -> list[Any]:
    """The values that a cursor stands for, of the types of their columns."""
    columns, _ = _ORDERS[sort]
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        order, *values = json.loads(text)
        is_ours = order == sort and len(values) == len(columns) and "\0" not in text
        types = [
            float if column is Track.top_score else column.type.python_type
            for column in columns
        ]
        is_ours = is_ours and all(
            isinstance(value, (int, float) if kind is float else kind)
            and not isinstance(value, bool)
            for value, kind in zip(values, types, strict=True)
        )
        is_ours = is_ours and 0 <= values[-1] < 1 << 53 and "\\u0000" not in text
        json.dumps(values, ensure_ascii=False).encode()  # no half of a surrogate pair
    except (binascii.Error, ValueError, TypeError):
        is_ours = False
    if not is_ours:
        raise wrong(
            "The cursor is none of this list in this order.",
            remedy="Take `next_cursor` of the page before, with the same `sort`.",
        )
    return list(values)
