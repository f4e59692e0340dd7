"""What was learned from the library: a table for each model."""

import sqlalchemy as sa
from alembic import op

from tagger.service.db.versions.v0001_first import JSON

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "lesson",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("learned_at", sa.Double(), nullable=False),
        sa.Column("record", JSON, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lesson"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("lesson")
