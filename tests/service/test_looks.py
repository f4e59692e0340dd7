"""Looks through the library: one at a time, and what one of them sees is there."""

import threading
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from tagger.service.db.models import Job, Track
from tagger.service.jobs.look import _end, _look_at, _turn, look_job
from tagger.service.queries.jobs import (
    Able,
    NewWork,
    add_job,
    finish_if_done,
    retry_job,
    take_job,
)
from tests.service.conftest import make_options, running
from tests.service.test_jobs import live

LOOK = NewWork(kind="look", options={"scan": False}, needs_library=True)


@pytest.fixture
def music(tmp_path):
    """A library of three files, which need not be music to be looked at."""
    folder = tmp_path / "music"
    folder.mkdir()
    for name in ("a.mp3", "b.mp3", "c.mp3"):
        (folder / name).write_bytes(b"no music")
    return folder


def worker(database, music, name):
    """What a worker has at hand for a look."""
    return SimpleNamespace(
        id=name, database=database, stop=threading.Event(), patiently=lambda work: work(),
        options=SimpleNamespace(folder=music),
        tagger=SimpleNamespace(tracks=lambda *_: sorted(music.iterdir())),
    )  # fmt: skip


def look_of(database, name):
    """A look that a worker has begun."""
    with database.writing() as session:
        job = add_job(session, LOOK, None)
        job.state, job.worker = "running", name
        return job


def statuses(database):
    """What is said of each file."""
    with database.reading() as session:
        return {track.name: track.status for track in session.scalars(select(Track))}


def test_of_two_looks_the_second_waits_for_the_first(database):
    """Whoever asks: each would call missing what only the other one saw."""
    live(database, "a", "b")
    with database.writing() as session:
        first, second = (add_job(session, LOOK, None).id for _ in range(2))

    def taken(name):
        with database.writing() as session:
            job = take_job(session, name, Able())
            return job.id if job is not None else None

    assert taken("a") == first
    assert taken("b") is None
    assert taken("a") == first, "its own worker goes on with it"
    with database.writing() as session:
        finish_if_done(session, first)
    assert taken("b") == second
    with database.writing() as session:
        retry_job(session, session.get(Job, first))
    assert taken("a") is None, "what runs is not disturbed by an older one that is tried again"
    with database.writing() as session:
        session.get(Job, second).worker = None  # its worker is dead
    assert taken("a") == second, "and neither waits for the other for ever"


@pytest.mark.parametrize("first_to_end", [0, 1])
def test_what_two_looks_at_once_have_seen_is_not_missing(database, music, first_to_end):
    """Workers of the version before, perhaps; one goes right behind the other."""
    looks = []
    for name in ("a", "b"):
        context = worker(database, music, name)
        looks.append((context, look_of(database, name), _turn(context)))
        _look_at(*looks[-1], music, sorted(music.iterdir()))
    for context, job, turn in (looks[first_to_end], looks[1 - first_to_end]):
        _end(context, job, turn, [], [])
    assert statuses(database) == {"a.mp3": "new", "b.mp3": "new", "c.mp3": "new"}


def test_what_a_later_look_has_seen_an_earlier_one_leaves_as_it_is(database, music):
    """One that was held up comes to a file that the other one has been at."""
    slow, fast = worker(database, music, "slow"), worker(database, music, "fast")
    files = sorted(music.iterdir())
    old, old_turn = look_of(database, "slow"), _turn(slow)
    _look_at(slow, old, old_turn, music, files[:1])
    new, new_turn = look_of(database, "fast"), _turn(fast)
    _look_at(fast, new, new_turn, music, files)
    _look_at(slow, old, old_turn, music, files[1:])
    _end(fast, new, new_turn, [], [])
    assert set(statuses(database).values()) == {"new"}


def test_a_look_that_is_tried_again_sees_what_has_gone_since(database, music):
    """It has the same number, and what it saw the first time is not what it sees now."""
    context = worker(database, music, "a")
    first, second = look_of(database, "a"), look_of(database, "a")
    for job in (first, second):
        look_job(context, job)
    (music / "b.mp3").unlink()
    with database.writing() as session:
        session.get(Job, second.id).state = "running"
    look_job(context, second)
    (music / "c.mp3").unlink()
    with database.writing() as session:
        session.get(Job, first.id).state = "running"
    look_job(context, first)
    assert statuses(database) == {"a.mp3": "new", "b.mp3": "missing", "c.mp3": "missing"}


def test_a_second_look_is_refused_while_one_is_under_way(tmp_path, music):
    """A button that is pressed twice; what is asked for at the start counts as well."""
    options = make_options(tmp_path, folder=music)
    with running(options) as client:
        (begun,) = client.get("/api/v1/jobs").json()["items"]
        refused = client.post("/api/v1/jobs", json={"kind": "look"})
        assert refused.status_code == 409
        assert f"Job {begun['id']} looks" in refused.json()["detail"]
        assert refused.json()["remedy"].startswith("Wait until it has ended")
        client.post(f"/api/v1/jobs/{begun['id']}/cancel")
        assert client.post("/api/v1/jobs", json={"kind": "look"}).status_code == 202
