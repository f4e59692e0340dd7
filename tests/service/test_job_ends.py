"""The end of a job is told: to who listens, and of the run that it belongs to."""

import asyncio
import contextlib
import threading
import time
from types import SimpleNamespace

from tagger.service.db.models import Job, Run, Track
from tagger.service.queries.jobs import NewWork, add_job
from tagger.service.routes.jobs import _changes
from tests.service.conftest import chords, make_options, running
from tests.service.test_jobs import add_tracks, end_workers_of, scan_all


def test_a_stream_of_all_jobs_tells_the_end_of_each_whatever_the_worker_s_clock_says(database):
    """Else a page would show it as running until it is loaded anew."""
    add_tracks(database, 1)
    job = scan_all(database)
    app = SimpleNamespace(state=SimpleNamespace(stopping=threading.Event()))

    async def listen():
        stream = _changes(SimpleNamespace(app=app), SimpleNamespace(database=database), None)
        async with contextlib.aclosing(stream):
            assert "here" in await anext(stream)
            assert '"state":"queued"' in await anext(stream)
            with database.writing() as session:
                row = session.get(Job, job)
                row.state, row.finished_at = "done", time.time() - 60
            return await asyncio.wait_for(anext(stream), 60)

    assert '"state":"done"' in asyncio.run(listen())


def test_a_run_whose_job_is_given_up_has_ended(database):
    """Its last worker cannot say so."""
    add_tracks(database, 1)
    with database.writing() as session:
        session.add(Run(id=1, kind="write", began_at=0.0))
        session.flush()
        work = NewWork(kind="write", options={}, run_id=1)
        job = add_job(session, work, Track.id > 0).id
    end_workers_of(database, job)
    with database.reading() as session:
        assert session.get(Run, 1).ended_at is not None


def test_a_run_that_is_cancelled_before_a_worker_has_it_has_ended(tmp_path):
    """Nobody would say so afterwards."""
    song = chords(tmp_path / "song.flac").read_bytes()
    with running(make_options(tmp_path)) as client:
        kept = client.post("/api/v1/uploads", params={"name": "s.flac"}, content=song).json()
        edit = {"action": "edit", "genres": ["Polka"]}
        client.patch(f"/api/v1/tracks/{kept['track']['id']}/proposal", json=edit)
        job = client.post("/api/v1/writes", json={}).json()["job"]
        assert client.get("/api/v1/runs").json()["items"][0]["ended_at"] is None
        client.post(f"/api/v1/jobs/{job['id']}/cancel")
        assert client.get("/api/v1/runs").json()["items"][0]["ended_at"] is not None
