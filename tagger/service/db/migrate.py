"""The tables as this version needs them: made, or changed, when the service starts."""

import logging
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from tagger.errors import StartError
from tagger.service.db.engine import Database

log = logging.getLogger(__name__)

HEAD = "0003"
"""The last of `versions/`; a test holds it to them."""

_LOCK = 0x7A67_6572
"""PostgreSQL's advisory lock for the time of a change: several processes may start at once."""


def migrate(database: Database) -> str | None:
    """Bring the tables to this version.

    Returns:
        A sentence on what was done, or None if they were so already.

    Raises:
        StartError: a newer version has changed them.
    """
    with database.engine.connect() as connection:
        if version_of(connection) == HEAD:
            return None
    writing = database.engine.execution_options(tagger_writes=True)
    with writing.begin() as connection:
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        before = version_of(connection)
        if before == HEAD:
            return None
        if before is not None and before > HEAD:
            raise StartError(
                f"--database: its tables are of version {before}, this program knows {HEAD};"
                " install the newer version of tagger again."
            )
        upgrade(connection)
    return f"The database's tables are now of version {HEAD} (before: {before or 'none'})."


def version_of(connection: Connection) -> str | None:
    """The version of the tables; None if there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return str(row[0]) if row is not None else None


def upgrade(connection: Connection, *, target: str = "head") -> None:
    """Run the migrations up to one, in the connection's transaction."""
    from alembic import command  # noqa: PLC0415 - most starts change nothing
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, target)
