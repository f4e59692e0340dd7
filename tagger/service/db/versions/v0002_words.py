"""An index by which PostgreSQL finds words that few tracks have."""

import logging

from alembic import op
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

revision = "0002"
down_revision = "0001"

log = logging.getLogger(__name__)

_INDEX = "CREATE INDEX ix_track_search ON track USING gin (search gin_trgm_ops)"


def upgrade() -> None:
    """Make it, where the extension that it needs may be made: it comes with PostgreSQL.

    Without it a search reads all rows, which takes a few times as long.
    """
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    try:
        with connection.begin_nested():
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
            connection.execute(text(_INDEX))
    except DBAPIError as error:
        log.warning("searches will read all rows, since pg_trgm cannot be had: %s", error.orig)


def downgrade() -> None:
    """Drop it; the extension may be somebody else's."""
    op.execute("DROP INDEX IF EXISTS ix_track_search")
