"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True), "postgresql"
)

TABLES = (
    "meta",
    "object",
    "run",
    "track",
    "upload_session",
    "worker",
    "change",
    "facet",
    "job",
    "timeline",
    "job_item",
)
"""In the order in which they are made: each refers to earlier ones."""


def upgrade() -> None:
    """Make all tables and their indexes."""
    _meta()
    _object()
    _run()
    _track()
    _upload_session()
    _worker()
    _change()
    _facet()
    _job()
    _timeline()
    _job_item()


def downgrade() -> None:
    """Drop them."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _needed(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    """A column that every row fills in."""
    return sa.Column(name, kind, nullable=False)


def _meta() -> None:
    op.create_table(
        "meta",
        _needed("key", sa.String(length=40)),
        _needed("value", sa.Text()),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )


def _object() -> None:
    op.create_table(
        "object",
        _needed("key", KEY),
        _needed("size", sa.BigInteger()),
        _needed("touched_at", sa.Double()),
        sa.PrimaryKeyConstraint("key", name="pk_object"),
    )
    op.create_index("ix_object_touched_at", "object", ["touched_at"])


def _run() -> None:
    op.create_table(
        "run",
        _needed("id", NUMBER),
        _needed("kind", sa.String(length=8)),
        _needed("about", sa.Text()),
        _needed("model", sa.Text()),
        sa.Column("undoes", NUMBER),
        _needed("began_at", sa.Double()),
        sa.Column("ended_at", sa.Double()),
        sa.ForeignKeyConstraint(
            ["undoes"], ["run.id"], name="fk_run_undoes_run", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )


def _track() -> None:
    op.create_table(
        "track",
        _needed("id", NUMBER),
        _needed("source", sa.String(length=8)),
        sa.Column("raw_path", sa.LargeBinary()),
        sa.Column("object_key", KEY),
        sa.Column("original_key", KEY),
        sa.Column("content", KEY),
        _needed("folder", KEY),
        _needed("name", sa.Text()),
        _needed("title", sa.Text()),
        _needed("artist", sa.Text()),
        _needed("album", sa.Text()),
        _needed("name_key", KEY),
        _needed("title_key", KEY),
        _needed("artist_key", KEY),
        _needed("album_key", KEY),
        _needed("search", KEY),
        _needed("container", sa.String(length=32)),
        _needed("size", sa.BigInteger()),
        _needed("mtime_ns", sa.BigInteger()),
        sa.Column("duration_s", sa.Double()),
        _needed("has_cover", sa.Boolean()),
        _needed("status", KEY),
        _needed("decision", KEY),
        _needed("is_edited", sa.Boolean()),
        _needed("genres", JSON),
        _needed("proposed", JSON),
        _needed("suggested", JSON),
        sa.Column("scores", JSON),
        sa.Column("others", JSON),
        _needed("top_label", sa.Text()),
        _needed("top_score", sa.Double()),
        sa.Column("reason", sa.Text()),
        _needed("model", sa.Text()),
        _needed("added_at", sa.Double()),
        sa.Column("scanned_at", sa.Double()),
        _needed("seen", sa.BigInteger()),
        _needed("version", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_track"),
        sa.UniqueConstraint("content", name="uq_track_content"),
        sa.UniqueConstraint("raw_path", name="uq_track_raw_path"),
    )
    _track_indexes()


def _track_indexes() -> None:
    op.create_index("ix_track_artist", "track", ["artist_key", "album_key", "name_key", "id"])
    op.create_index("ix_track_best", "track", ["top_score", "id"])
    op.create_index(
        "ix_track_decision", "track", ["decision", "status", "folder", "name_key", "id"]
    )
    op.create_index("ix_track_object_key", "track", ["object_key"])
    op.create_index("ix_track_original_key", "track", ["original_key"])
    op.create_index("ix_track_place", "track", ["folder", "name_key", "id"])
    op.create_index("ix_track_status", "track", ["status", "folder", "name_key", "id"])
    op.create_index("ix_track_title", "track", ["title_key", "id"])


def _upload_session() -> None:
    op.create_table(
        "upload_session",
        _needed("id", sa.String(length=40)),
        _needed("name", sa.Text()),
        _needed("folder", sa.Text()),
        _needed("size", sa.BigInteger()),
        _needed("asked_by", sa.Text()),
        _needed("created_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_upload_session"),
    )


def _worker() -> None:
    op.create_table(
        "worker",
        _needed("id", sa.String(length=40)),
        _needed("about", sa.Text()),
        _needed("started_at", sa.Double()),
        _needed("heartbeat_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_worker"),
    )


def _change() -> None:
    op.create_table(
        "change",
        _needed("id", NUMBER),
        _needed("run_id", NUMBER),
        _needed("track_id", NUMBER),
        _needed("before", JSON),
        _needed("after", JSON),
        sa.Column("before_key", KEY),
        sa.Column("after_key", KEY),
        _needed("is_undone", sa.Boolean()),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_change_run_id_run", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["track_id"], ["track.id"], name="fk_change_track_id_track", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_change"),
        sa.UniqueConstraint("run_id", "track_id", name="uq_change_run_id_track_id"),
    )
    op.create_index("ix_change_track_id", "change", ["track_id"])


def _facet() -> None:
    op.create_table(
        "facet",
        _needed("track_id", NUMBER),
        _needed("kind", sa.String(length=1)),
        _needed("name", KEY),
        _needed("label", sa.Text()),
        _needed("score", sa.Double()),
        sa.ForeignKeyConstraint(
            ["track_id"], ["track.id"], name="fk_facet_track_id_track", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("track_id", "kind", "name", name="pk_facet"),
    )
    op.create_index("ix_facet_name", "facet", ["kind", "name", "score", "track_id"])


def _job() -> None:
    op.create_table(
        "job",
        _needed("id", NUMBER),
        _needed("kind", sa.String(length=16)),
        _needed("state", KEY),
        _needed("about", sa.Text()),
        _needed("options", JSON),
        _needed("needs_library", sa.Boolean()),
        _needed("needs_journal", sa.Boolean()),
        _needed("n_total", sa.Integer()),
        _needed("n_done", sa.Integer()),
        _needed("n_failed", sa.Integer()),
        _needed("current", sa.Text()),
        _needed("attempts", sa.Integer()),
        sa.Column("worker", sa.String(length=40)),
        _needed("is_cancelled", sa.Boolean()),
        sa.Column("error", sa.Text()),
        _needed("asked_by", sa.Text()),
        sa.Column("run_id", NUMBER),
        _needed("created_at", sa.Double()),
        sa.Column("started_at", sa.Double()),
        sa.Column("finished_at", sa.Double()),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_job_run_id_run", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
    )
    op.create_index("ix_job_state", "job", ["state", "id"])


def _timeline() -> None:
    op.create_table(
        "timeline",
        _needed("track_id", NUMBER),
        _needed("state_key", sa.Text()),
        _needed("data", sa.LargeBinary()),
        sa.ForeignKeyConstraint(
            ["track_id"], ["track.id"], name="fk_timeline_track_id_track", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("track_id", name="pk_timeline"),
    )


def _job_item() -> None:
    op.create_table(
        "job_item",
        _needed("job_id", NUMBER),
        _needed("track_id", NUMBER),
        _needed("position", sa.Integer()),
        _needed("state", sa.SmallInteger()),
        sa.Column("worker", sa.String(length=40)),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name="fk_job_item_job_id_job", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["track_id"], ["track.id"], name="fk_job_item_track_id_track", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "track_id", name="pk_job_item"),
    )
    op.create_index("ix_job_item_state", "job_item", ["job_id", "state", "position"])
    op.create_index("ix_job_item_track_id", "job_item", ["track_id"])
    op.create_index("ix_job_item_worker", "job_item", ["worker"])
