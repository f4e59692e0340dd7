"""The first tables."""

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


def _meta() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )


def _object() -> None:
    op.create_table(
        "object",
        sa.Column("key", KEY, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("touched_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_object"),
    )
    op.create_index("ix_object_touched_at", "object", ["touched_at"])


def _run() -> None:
    op.create_table(
        "run",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("undoes", NUMBER, nullable=True),
        sa.Column("began_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["undoes"], ["run.id"], name="fk_run_undoes_run", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )


def _track() -> None:
    op.create_table(
        "track",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("raw_path", sa.LargeBinary(), nullable=True),
        sa.Column("object_key", KEY, nullable=True),
        sa.Column("original_key", KEY, nullable=True),
        sa.Column("content", KEY, nullable=True),
        sa.Column("folder", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("artist", sa.Text(), nullable=False),
        sa.Column("album", sa.Text(), nullable=False),
        sa.Column("name_key", KEY, nullable=False),
        sa.Column("title_key", KEY, nullable=False),
        sa.Column("artist_key", KEY, nullable=False),
        sa.Column("album_key", KEY, nullable=False),
        sa.Column("search", KEY, nullable=False),
        sa.Column("container", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=True),
        sa.Column("has_cover", sa.Boolean(), nullable=False),
        sa.Column("status", KEY, nullable=False),
        sa.Column("decision", KEY, nullable=False),
        sa.Column("is_edited", sa.Boolean(), nullable=False),
        sa.Column("genres", JSON, nullable=False),
        sa.Column("proposed", JSON, nullable=False),
        sa.Column("suggested", JSON, nullable=False),
        sa.Column("scores", JSON, nullable=True),
        sa.Column("others", JSON, nullable=True),
        sa.Column("top_label", sa.Text(), nullable=False),
        sa.Column("top_score", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("added_at", sa.Double(), nullable=False),
        sa.Column("scanned_at", sa.Double(), nullable=True),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_track"),
        sa.UniqueConstraint("content", name="uq_track_content"),
        sa.UniqueConstraint("raw_path", name="uq_track_raw_path"),
    )
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
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_upload_session"),
    )


def _worker() -> None:
    op.create_table(
        "worker",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("heartbeat_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_worker"),
    )


def _change() -> None:
    op.create_table(
        "change",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("run_id", NUMBER, nullable=False),
        sa.Column("track_id", NUMBER, nullable=False),
        sa.Column("before", JSON, nullable=False),
        sa.Column("after", JSON, nullable=False),
        sa.Column("before_key", KEY, nullable=True),
        sa.Column("after_key", KEY, nullable=True),
        sa.Column("is_undone", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
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
        sa.Column("track_id", NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=1), nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["track_id"], ["track.id"], name="fk_facet_track_id_track", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("track_id", "kind", "name", name="pk_facet"),
    )
    op.create_index("ix_facet_name", "facet", ["kind", "name", "score", "track_id"])


def _job() -> None:
    op.create_table(
        "job",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("options", JSON, nullable=False),
        sa.Column("needs_library", sa.Boolean(), nullable=False),
        sa.Column("needs_journal", sa.Boolean(), nullable=False),
        sa.Column("n_total", sa.Integer(), nullable=False),
        sa.Column("n_done", sa.Integer(), nullable=False),
        sa.Column("n_failed", sa.Integer(), nullable=False),
        sa.Column("current", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=40), nullable=True),
        sa.Column("is_cancelled", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("run_id", NUMBER, nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_job_run_id_run", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
    )
    op.create_index("ix_job_state", "job", ["state", "id"])


def _timeline() -> None:
    op.create_table(
        "timeline",
        sa.Column("track_id", NUMBER, nullable=False),
        sa.Column("state_key", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["track_id"], ["track.id"], name="fk_timeline_track_id_track", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("track_id", name="pk_timeline"),
    )


def _job_item() -> None:
    op.create_table(
        "job_item",
        sa.Column("job_id", NUMBER, nullable=False),
        sa.Column("track_id", NUMBER, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("worker", sa.String(length=40), nullable=True),
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
