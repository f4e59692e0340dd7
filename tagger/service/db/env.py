"""Alembic's entry: it runs in the transaction that `tagger.service.db.migrate` has begun.

For a new migration, `alembic revision --autogenerate` uses this too, with `-x url=...`.
"""

from alembic import context
from sqlalchemy import Connection

from tagger.service.db.engine import open_database
from tagger.service.db.models import Base


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=False
    )
    with context.begin_transaction():
        context.run_migrations()


_given = context.config.attributes.get("connection")
if _given is not None:
    _run(_given)
else:
    with open_database(context.get_x_argument(as_dictionary=True)["url"]).writing() as _session:
        _run(_session.connection())
