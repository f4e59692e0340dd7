"""A service for tests: its options, a client, a worker in a thread; both kinds of storage."""

import contextlib
import inspect
import itertools
import threading
import time

import pytest

sqlalchemy = pytest.importorskip("sqlalchemy")
pytest.importorskip("fastapi")

from fastapi.testclient import TestClient  # noqa: E402

from tagger.service.app import create_app  # noqa: E402
from tagger.service.db.engine import open_database  # noqa: E402
from tagger.service.db.migrate import migrate  # noqa: E402
from tagger.service.jobs.worker import work  # noqa: E402
from tagger.service.options import serve_options  # noqa: E402
from tests.tones import write_chords  # noqa: E402

URL = "http://127.0.0.1:8000"


STORAGES = ["local", pytest.param("servers", marks=pytest.mark.service)]
DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.service)]


@pytest.fixture(params=STORAGES)
def storage(request):
    """`--database` and `--objects`: a file and a folder, or PostgreSQL and S3."""
    if request.param == "local":
        return {}
    return {
        "database": request.getfixturevalue("postgres_database"),
        "objects": request.getfixturevalue("s3_url"),
    }


@pytest.fixture(params=DATABASES)
def database_url(request, tmp_path):
    """A database of each kind, without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    return request.getfixturevalue("postgres_database")


@pytest.fixture
def database(database_url):
    """The same with tables."""
    with contextlib.closing(open_database(database_url)) as database:
        migrate(database)
        yield database


def make_options(place, **changes):
    """Options of a service whose data lie in `place`; no worker of its own."""
    given = {
        "data": place / "data",
        "state": place / "state.db",
        "workers": 0,
        "model": "default",
        "device": "cpu",
    }
    return serve_options({**given, **changes}, configured={}, environment={})


@contextlib.contextmanager
def running(options, **headers):
    """A client of an app with these options."""
    with TestClient(create_app(options), base_url=URL, headers=headers) as client:
        yield client


@contextlib.contextmanager
def working(options, *, slot=0):
    """A worker in a thread."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(options, stop), kwargs={"slot": slot})
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def wait_for(check, *, at_most_s=120.0, about=None):
    """What `check` gives once it is true; `about` says what is there instead if it is late."""
    until = time.monotonic() + at_most_s
    while time.monotonic() < until:
        if found := check():
            return found
        time.sleep(0.05)
    instead = about() if about else f"{inspect.getsource(check).strip()} is not true"
    raise TimeoutError(f"after {at_most_s:g} s {instead}")


def ended(client, job_id):
    """A job, once it has ended."""

    def check():
        job = client.get(f"/api/v1/jobs/{job_id}").json()
        return job if job["finished_at"] else None

    return wait_for(check)


def all_ended(client):
    """All jobs, once none is under way."""

    def check():
        jobs = client.get("/api/v1/jobs").json()["items"]
        return jobs if all(one["finished_at"] for one in jobs) else None

    return wait_for(check)


_pitches = itertools.count()


def chords(path, *, seconds=2.0):
    """A new file of music that no other file has."""
    return write_chords(path, 250 + 7.0 * next(_pitches), seconds=seconds)
