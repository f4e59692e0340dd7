"""Real servers that go away and come back: the service answers, and goes on by itself."""

import threading
import time

import pytest

from tests.service import servers
from tests.service.conftest import all_ended, chords, make_options, running, wait_for, working

pytestmark = [pytest.mark.slow, pytest.mark.service]


@pytest.fixture
def own_postgres():
    """A PostgreSQL that a test may stop."""
    if servers.postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with servers.postgres() as found:
        yield found


def test_a_database_that_goes_away_and_comes_back_costs_time_and_nothing_else(
    tmp_path, own_postgres
):
    """Requests get a problem meanwhile; a scan goes on; no upload that was accepted is lost."""
    start, stop, url = own_postgres
    options = make_options(tmp_path, database=url, lease_s=5.0)
    songs = [chords(tmp_path / f"{i:02d}.flac").read_bytes() for i in range(12)]
    with running(options) as client:
        for index, song in enumerate(songs):
            answer = client.post(
                "/api/v1/uploads", params={"name": f"{index:02d}.flac"}, content=song
            )
            assert answer.status_code == 201
        with working(options):
            wait_for(lambda: client.get("/api/v1/jobs").json()["items"][-1]["started_at"])
            stop()
            try:
                answers = [client.get("/api/v1/tracks") for _ in range(3)]
                answers.append(
                    client.post("/api/v1/uploads", params={"name": "x.flac"}, content=songs[0])
                )
                assert {one.status_code for one in answers} == {503}
                assert answers[0].headers["Retry-After"]
                assert "database" in answers[0].json()["type"]
                ready = client.get("/readyz")
                assert ready.status_code == 503
                assert ready.json()["checks"]["database"] != "ok"
                assert client.get("/healthz").status_code == 200
                time.sleep(2)  # a heart that cannot beat, and a worker that waits
            finally:
                start()
            wait_for(lambda: client.get("/readyz").status_code == 200)
            jobs = all_ended(client)
        assert [(one["state"], one["n_done"]) for one in jobs] == [("done", 12)]
        tracks = client.get("/api/v1/tracks").json()["items"]
        assert len(tracks) == 12
        assert all(one["status"] != "new" for one in tracks)


def test_the_event_stream_tells_each_step_of_a_job_and_ends_with_it(tmp_path):
    """What a page listens to."""
    options = make_options(tmp_path)
    song = chords(tmp_path / "song.flac").read_bytes()
    with running(options) as client:
        client.post("/api/v1/uploads", params={"name": "s.flac"}, content=song)
        (job,) = client.get("/api/v1/jobs").json()["items"]
        worker = threading.Thread(target=_work_for_a_while, args=(options, client))
        worker.start()
        with client.stream("GET", f"/api/v1/jobs/{job['id']}/events") as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            lines = [one for one in answer.iter_lines() if one.startswith("data:")]
        worker.join()
    assert '"state":"queued"' in lines[0]
    assert '"state":"done"' in lines[-1]


def _work_for_a_while(options, client):
    with working(options):
        all_ended(client)
