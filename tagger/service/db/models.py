"""The tables. Times are seconds since 1970; texts that are ordered are folded keys."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

Number = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only where the column is called INTEGER."""

Key = Text().with_variant(Text(collation="C"), "postgresql")
"""Ordered by code points on both, so that a range of it is a prefix and its index serves."""

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Base(DeclarativeBase):
    """All tables of the service."""

    metadata = MetaData(naming_convention=_NAMES)


class Track(Base):
    """A file of the library, or an upload.

    `raw_path` are the bytes of a library file's path below the library's folder; an upload has
    an `object_key` instead, and its `original_key` once another one holds the written tags.
    """

    __tablename__ = "track"
    __table_args__ = (
        UniqueConstraint("raw_path"),
        UniqueConstraint("content"),
        Index("ix_track_place", "folder", "name_key", "id"),
        Index("ix_track_artist", "artist_key", "album_key", "name_key", "id"),
        Index("ix_track_title", "title_key", "id"),
        Index("ix_track_best", "top_score", "id"),
        Index("ix_track_status", "status", "folder", "name_key", "id"),
        Index("ix_track_decision", "decision", "status", "folder", "name_key", "id"),
        Index("ix_track_object_key", "object_key"),
        Index("ix_track_original_key", "original_key"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    source: Mapped[str] = mapped_column(String(8))
    raw_path: Mapped[bytes | None] = mapped_column(LargeBinary)
    object_key: Mapped[str | None] = mapped_column(Key)
    original_key: Mapped[str | None] = mapped_column(Key)
    content: Mapped[str | None] = mapped_column(Key)
    folder: Mapped[str] = mapped_column(Key)
    name: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text, default="")
    artist: Mapped[str] = mapped_column(Text, default="")
    album: Mapped[str] = mapped_column(Text, default="")
    name_key: Mapped[str] = mapped_column(Key)
    title_key: Mapped[str] = mapped_column(Key)
    artist_key: Mapped[str] = mapped_column(Key)
    album_key: Mapped[str] = mapped_column(Key)
    search: Mapped[str] = mapped_column(Key)
    container: Mapped[str] = mapped_column(String(32), default="")
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    mtime_ns: Mapped[int] = mapped_column(BigInteger, default=0)
    duration_s: Mapped[float | None]
    has_cover: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str] = mapped_column(Key, default="new")
    decision: Mapped[str] = mapped_column(Key, default="open")
    is_edited: Mapped[bool] = mapped_column(default=False)
    genres: Mapped[list[str]] = mapped_column(Json, default=list)
    proposed: Mapped[list[str]] = mapped_column(Json, default=list)
    suggested: Mapped[list[str]] = mapped_column(Json, default=list)
    scores: Mapped[dict[str, float] | None] = mapped_column(Json)
    others: Mapped[dict[str, Any] | None] = mapped_column(Json)
    top_label: Mapped[str] = mapped_column(Text, default="")
    top_score: Mapped[float] = mapped_column(default=0.0)
    reason: Mapped[str | None] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text, default="")
    added_at: Mapped[float]
    scanned_at: Mapped[float | None]
    seen: Mapped[int] = mapped_column(BigInteger, default=0)
    version: Mapped[int] = mapped_column(Integer, default=1)


class Facet(Base):
    """A genre that a track has (kind 'n'), would get ('p'), or a label's score ('s')."""

    __tablename__ = "facet"
    __table_args__ = (Index("ix_facet_name", "kind", "name", "score", "track_id"),)

    track_id: Mapped[int] = mapped_column(
        ForeignKey("track.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(1), primary_key=True)
    name: Mapped[str] = mapped_column(Key, primary_key=True)
    label: Mapped[str] = mapped_column(Text)
    score: Mapped[float] = mapped_column(default=1.0)


class StoredObject(Base):
    """An object that is, or is about to be, in the store.

    Its row is there before the object, so that a crash in between leaves a trace: the sweep
    deletes objects that no track has.
    """

    __tablename__ = "object"

    key: Mapped[str] = mapped_column(Key, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    touched_at: Mapped[float] = mapped_column(index=True)


class Job(Base):
    """Work for the workers: look through the library, scan, write, undo, or learn."""

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_state", "state", "id"),)

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(Key, default="queued")
    about: Mapped[str] = mapped_column(Text, default="")
    options: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    needs_library: Mapped[bool] = mapped_column(default=False)
    needs_journal: Mapped[bool] = mapped_column(default=False)
    n_total: Mapped[int] = mapped_column(default=0)
    n_done: Mapped[int] = mapped_column(default=0)
    n_failed: Mapped[int] = mapped_column(default=0)
    current: Mapped[str] = mapped_column(Text, default="")
    attempts: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(String(40))
    is_cancelled: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str | None] = mapped_column(Text)
    asked_by: Mapped[str] = mapped_column(Text, default="")
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id", ondelete="SET NULL"))
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]


class JobItem(Base):
    """One track of a job. State 0: waiting, 1: taken by `worker`, 2: done, 3: failed."""

    __tablename__ = "job_item"
    __table_args__ = (Index("ix_job_item_state", "job_id", "state", "position"),)

    job_id: Mapped[int] = mapped_column(
        ForeignKey("job.id", ondelete="CASCADE"), primary_key=True
    )
    track_id: Mapped[int] = mapped_column(
        ForeignKey("track.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    position: Mapped[int] = mapped_column(Integer)
    state: Mapped[int] = mapped_column(SmallInteger, default=0)
    worker: Mapped[str | None] = mapped_column(String(40), index=True)


class Worker(Base):
    """A worker that lives, as long as its heart beats."""

    __tablename__ = "worker"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    about: Mapped[str] = mapped_column(Text, default="")
    started_at: Mapped[float]
    heartbeat_at: Mapped[float]


class Run(Base):
    """Changes to files that were made, and can be taken back, together."""

    __tablename__ = "run"

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    about: Mapped[str] = mapped_column(Text, default="")
    model: Mapped[str] = mapped_column(Text, default="")
    undoes: Mapped[int | None] = mapped_column(ForeignKey("run.id", ondelete="SET NULL"))
    began_at: Mapped[float]
    ended_at: Mapped[float | None]


class Change(Base):
    """What a run did to one track; of an upload also which object it had and got."""

    __tablename__ = "change"
    __table_args__ = (UniqueConstraint("run_id", "track_id"),)

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    track_id: Mapped[int] = mapped_column(
        ForeignKey("track.id", ondelete="CASCADE"), index=True
    )
    before: Mapped[list[str]] = mapped_column(Json)
    after: Mapped[list[str]] = mapped_column(Json)
    before_key: Mapped[str | None] = mapped_column(Key)
    after_key: Mapped[str | None] = mapped_column(Key)
    is_undone: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str | None] = mapped_column(Text)


class TimelineRow(Base):
    """What a model says of a track over time, compressed JSON; made when it is first asked."""

    __tablename__ = "timeline"

    track_id: Mapped[int] = mapped_column(
        ForeignKey("track.id", ondelete="CASCADE"), primary_key=True
    )
    state_key: Mapped[str] = mapped_column(Text)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class UploadSession(Base):
    """An upload in pieces; what came so far lies in the spool folder."""

    __tablename__ = "upload_session"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    folder: Mapped[str] = mapped_column(Text, default="")
    size: Mapped[int] = mapped_column(BigInteger)
    asked_by: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[float]


class Lesson(Base):
    """What came of learning the library's genres: one row for each model's name."""

    __tablename__ = "lesson"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    revision: Mapped[str] = mapped_column(Text)
    learned_at: Mapped[float]
    record: Mapped[dict[str, Any]] = mapped_column(Json)


class Meta(Base):
    """Single facts: which library this database is of, which model was chosen."""

    __tablename__ = "meta"

    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
