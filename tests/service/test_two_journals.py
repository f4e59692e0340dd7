"""Two services on one database, each with a journal of its own."""

import socket

from tests.service.conftest import all_ended, chords, ended, make_options, running, working


def written(client):
    """The job that has written a genre into the first track."""
    all_ended(client)
    edit = {"action": "edit", "genres": ["Jazz"]}
    client.patch("/api/v1/tracks/1/proposal", json=edit)
    return ended(client, client.post("/api/v1/writes", json={}).json()["job"]["id"])


def test_what_another_service_wrote_is_told_with_the_journal_that_has_it(tmp_path):
    """A worker that has another journal cannot take it back; it says whose can."""
    music = tmp_path / "music"
    song = chords(music / "song.flac")
    before = song.read_bytes()
    wrote = make_options(tmp_path, folder=music)
    other = make_options(tmp_path, folder=music, state=tmp_path / "other.db")
    with running(wrote) as client:
        with working(wrote):
            job = written(client)
        undo = f"/api/v1/runs/{job['run_id']}/undo"
        with working(other):
            tried = ended(client, client.post(undo).json()["id"])
        assert (tried["n_done"], tried["n_failed"]) == (0, 1)
        assert f"({socket.gethostname()}:{wrote.state})" in tried["error"]
        assert "with another journal" in client.get("/api/v1/tracks/1").json()["reason"]
        with working(wrote):
            assert ended(client, client.post(undo).json()["id"])["n_done"] == 1
        assert song.read_bytes() == before


def test_a_journal_that_was_lost_is_not_another_service_s(tmp_path):
    """Its file was deleted, say: nobody is to be looked for."""
    music = tmp_path / "music"
    chords(music / "song.flac")
    options = make_options(tmp_path, folder=music)
    with running(options) as client:
        with working(options):
            job = written(client)
        for part in tmp_path.glob("state.db*"):
            part.unlink()
        with working(options):
            undo = client.post(f"/api/v1/runs/{job['run_id']}/undo").json()
            assert "nothing to take back" in ended(client, undo["id"])["error"]
