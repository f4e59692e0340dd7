"""The tables are those of the models, on both databases, and made when the service starts."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from tagger.errors import StartError
from tagger.service.db import migrate as migrations
from tagger.service.db.engine import check_answers, open_database, shown
from tagger.service.db.migrate import HEAD, migrate
from tagger.service.db.models import Base, Track
from tagger.service.texts import folder_key, key, plain


def test_the_migrations_make_what_the_models_say(database):
    """Nothing is missing, nothing is there besides."""
    with database.engine.connect() as connection:
        # No model names the index of words, which only PostgreSQL can have.
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, *_: name != "ix_track_search"}
        )
        found = [
            one
            for one in compare_metadata(context, Base.metadata)
            if one[0] not in {"add_fk", "remove_fk"} or not database.is_sqlite
        ]
    assert found == []


def test_the_last_migration_is_the_one_that_is_asked_for():
    """Who adds a step says so."""
    place = migrations.__file__.rpartition("/")[0]
    assert ScriptDirectory(place).get_current_head() == HEAD


def test_words_that_few_have_are_found_by_an_index(database):
    """On PostgreSQL, where the extension can be had; SQLite reads all rows fast enough."""
    if database.is_sqlite:
        pytest.skip("of PostgreSQL alone")
    with database.writing() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = session.execute(text("EXPLAIN SELECT id FROM track WHERE search LIKE '%word%'"))
        assert "ix_track_search" in "\n".join(one for (one,) in plan)


def test_processes_that_start_at_once_make_the_tables_once(database_url):
    """Each waits for the others."""
    said, failed = [], []

    def start():
        database = open_database(database_url)
        try:
            said.append(migrate(database))
        except Exception as error:  # noqa: BLE001 - the test tells it
            failed.append(error)
        database.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failed == []
    assert sorted(one is None for one in said) == [False, True, True, True]


def test_tables_of_a_newer_version_are_left_alone(database):
    """An older program would not know what it does."""
    with database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StartError, match="9999"):
        migrate(database)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://x", "neither PostgreSQL nor SQLite"),
        ("no url at all", "this is no URL"),
        ("postgresql+psycopg://u:top-secret@127.0.0.1:1/x", "does not answer"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_without_its_secret(url, said):
    """And with what to do."""
    with pytest.raises(StartError, match=said) as raised:
        check_answers(open_database(url), url)
    assert "top-secret" not in str(raised.value)


def test_a_url_is_shown_without_its_secret():
    """Wherever it is shown."""
    assert "top-secret" not in shown("postgresql+psycopg://u:top-secret@host/x")


def test_whatever_a_name_holds_can_be_kept(database):
    """Names without UTF-8 become numbers, NUL its picture."""
    odd = "a\udcff\0b"
    with database.writing() as session:
        session.add(
            Track(
                source="library", raw_path=b"a\xff\x00b", folder=folder_key((odd,)),
                name=plain(odd), title=plain(odd), name_key=key(odd), title_key=key(odd),
                artist_key="", album_key="", search=key(odd), added_at=0.0,
            )
        )  # fmt: skip
    with database.reading() as session:
        assert session.query(Track).one().name == "a\\xff\N{SYMBOL FOR NULL}b"
