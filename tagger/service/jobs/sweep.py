"""Objects that no track has are deleted, and only these."""

import logging

from sqlalchemy import ColumnElement, exists, or_, select

from tagger.service.db.engine import Database, clock_s, put_row
from tagger.service.db.models import Change, StoredObject, Track
from tagger.service.objects import Objects

log = logging.getLogger(__name__)

_AT_ONCE = 200


def announce(database: Database, key: str, size: int) -> None:
    """Say that an object is about to be stored, before it is.

    The row waits for a sweep that has the same key in hand, so that what is stored afterwards
    stays.
    """
    with database.writing() as session:
        row = {"key": key, "size": size, "touched_at": clock_s(session)}
        put_row(session, StoredObject, row, replaces=True)


def sweep(database: Database, objects: Objects, *, older_than_s: float) -> int:
    """Delete objects that no track has, and that nobody has announced lately.

    Each is deleted while its row is locked: who announces the same object waits, and stores it
    after that.

    Returns:
        How many were deleted.

    Raises:
        BaseError: the store does not answer; what is left is deleted by a later sweep.
    """
    with database.reading() as session:
        before = clock_s(session) - older_than_s
        query = select(StoredObject.key).where(StoredObject.touched_at < before, ~_is_used())
        keys = session.scalars(query.limit(_AT_ONCE)).all()
    n_deleted = 0
    for key in keys:
        with database.writing() as session:
            row = session.scalar(
                select(StoredObject)
                .where(StoredObject.key == key, StoredObject.touched_at < before, ~_is_used())
                .with_for_update(skip_locked=True)
            )
            if row is not None:
                objects.delete(key)
                session.delete(row)
                n_deleted += 1
    if n_deleted:
        log.info("%d objects that no track has were deleted", n_deleted)
    return n_deleted


def _is_used() -> ColumnElement[bool]:
    by_track = exists().where(
        or_(
            Track.object_key == StoredObject.key,
            Track.original_key == StoredObject.key,
        )
    )
    by_undo = exists().where(Change.before_key == StoredObject.key, Change.is_undone.is_(False))
    return or_(by_track, by_undo)
