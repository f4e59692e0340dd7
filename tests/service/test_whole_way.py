"""From an upload, or a library, to written files and back, on both kinds of storage."""

import errno
import io
import os

import mutagen

from tagger import Tagger
from tagger.library import listing
from tests.library.test_lost_share import failing
from tests.service.conftest import (
    all_ended,
    chords,
    ended,
    make_options,
    running,
    wait_for,
    working,
)
from tests.service.sure_model import save_sure_model


def test_an_upload_goes_the_whole_way(tmp_path, storage):
    """Upload, scan, correct, accept, write, download, undo: the file has it, and then not."""
    options = make_options(tmp_path, model=save_sure_model(tmp_path / "sure.onnx"), **storage)
    song = chords(tmp_path / "in" / "song.flac", seconds=6)
    with running(options) as client, working(options):
        up = client.post("/api/v1/uploads", params={"name": "a/../song.flac", "folder": "Mine"},
                         content=song.read_bytes())  # fmt: skip
        assert up.status_code == 201
        row = up.json()["track"]
        assert (row["folder"], row["name"], row["source"]) == ("Mine/", "song.flac", "upload")
        again = client.post("/api/v1/uploads", params={"name": "other.flac"},
                            content=song.read_bytes())  # fmt: skip
        assert again.status_code == 200
        assert again.json()["track"]["id"] == row["id"]
        track = f"/api/v1/tracks/{row['id']}"
        all_ended(client)
        scanned = client.get(track).json()
        assert (scanned["status"], scanned["proposed"]) == ("proposed", ["Rock"])
        assert [one["label"] for one in scanned["scores"]] == ["Rock", "Techno"]

        edit = {"action": "edit", "genres": ["Ambient", "Trip-Hop"]}
        assert client.patch(f"{track}/proposal", json=edit).json()["decision"] == "accepted"
        preview = client.post("/api/v1/writes", json={"dry_run": True}).json()["preview"]
        assert preview["n_uploads"] == preview["n_files"] == 1
        assert preview["examples"][0]["after"] == ["Ambient", "Trip-Hop"]
        job = ended(client, client.post("/api/v1/writes", json={}).json()["job"]["id"])
        assert (job["state"], job["n_done"], job["n_failed"]) == ("done", 1, 0)
        assert client.get(track).json()["genres"] == ["Ambient", "Trip-Hop"]
        written = client.get(f"{track}/download")
        assert "song.flac" in written.headers["Content-Disposition"]
        assert mutagen.File(io.BytesIO(written.content))["genre"] == ["Ambient", "Trip-Hop"]
        link = client.get(f"{track}/download-link").json()
        assert link["is_presigned"] is bool(storage)

        undo = client.post(f"/api/v1/runs/{job['run_id']}/undo")
        assert ended(client, undo.json()["id"])["n_done"] == 1
        assert client.get(f"{track}/audio").content == song.read_bytes()
        after = client.get(track).json()
        assert (after["genres"], after["status"]) == ([], "proposed")
        run = client.get(f"/api/v1/runs/{job['run_id']}").json()
        assert (run["n_written"], run["n_undone"], run["can_undo"]) == (1, 1, False)


def test_a_library_is_written_in_place_and_given_back(tmp_path, storage):
    """Nothing is copied; files change only by a write, and an undo brings each byte back."""
    music = tmp_path / "music"
    songs = [chords(music / f"Artist {i % 2}" / f"{i} song.flac", seconds=4) for i in range(4)]
    before = [one.read_bytes() for one in songs]
    options = make_options(
        tmp_path, folder=music, model=save_sure_model(tmp_path / "sure.onnx"), **storage
    )
    with running(options) as client, working(options):
        jobs = all_ended(client)
        assert sorted(one["kind"] for one in jobs) == ["look", "scan"]
        listed = client.get("/api/v1/tracks").json()
        assert [one["name"] for one in listed["items"]] == [
            "0 song.flac", "2 song.flac", "1 song.flac", "3 song.flac",
        ]  # fmt: skip
        assert listed["total"] == 4
        folders = client.get("/api/v1/folders").json()["items"]
        assert [(one["path"], one["n_tracks"]) for one in folders] == [
            ("Artist 0/", 2), ("Artist 1/", 2),
        ]  # fmt: skip
        every = {"score_all": True, "policy": "replace"}
        job = client.post("/api/v1/jobs", json={"kind": "scan", "options": every}).json()
        assert ended(client, job["id"])["n_done"] == 4
        assert [one.read_bytes() for one in songs] == before

        where = {"folder": "Artist 0/", "status": ["proposed"]}
        asked = {"filter": where, "action": "accept", "dry_run": True}
        count = client.post("/api/v1/proposals", json=asked)
        assert count.json() == {"n_matched": 2, "n_changed": 2, "dry_run": True}
        client.post("/api/v1/proposals", json={"filter": where, "action": "accept"})
        job = ended(client, client.post("/api/v1/writes", json={}).json()["job"]["id"])
        assert (job["n_done"], job["n_failed"]) == (2, 0)
        assert mutagen.File(songs[0])["genre"] == ["Rock"]
        assert [one.read_bytes() for one in songs[1::2]] == before[1::2]
        look = client.post("/api/v1/jobs", json={"kind": "look"}).json()
        ended(client, look["id"])
        kinds = [one["kind"] for one in all_ended(client)]
        assert kinds.count("scan") == 2, "our own write is nothing new to a look"

        undo = client.post(f"/api/v1/runs/{job['run_id']}/undo")
        assert ended(client, undo.json()["id"])["n_done"] == 2
        assert [one.read_bytes() for one in songs] == before


def test_what_could_not_be_undone_is_told_and_can_be_undone_later(tmp_path):
    """A share that was away for a moment does not make a write one that is for ever."""
    music, away = tmp_path / "music", tmp_path / "away.flac"
    song = chords(music / "song.flac")
    before = song.read_bytes()
    options = make_options(tmp_path, folder=music)
    with running(options) as client, working(options):
        all_ended(client)
        edit = {"action": "edit", "genres": ["Jazz"]}
        client.patch("/api/v1/tracks/1/proposal", json=edit)
        job = ended(client, client.post("/api/v1/writes", json={}).json()["job"]["id"])
        undo = f"/api/v1/runs/{job['run_id']}/undo"
        song.rename(away)
        tried = ended(client, client.post(undo).json()["id"])
        assert (tried["n_done"], tried["n_failed"]) == (0, 1)
        assert "song.flac" in tried["error"]
        assert "song.flac" in client.get("/api/v1/tracks/1").json()["reason"]
        (run,) = client.get("/api/v1/runs").json()["items"]
        assert (run["n_written"], run["n_undone"], run["can_undo"]) == (1, 0, True)
        away.rename(song)
        assert ended(client, client.post(undo).json()["id"])["n_done"] == 1
    assert song.read_bytes() == before


def test_a_look_finds_what_is_new_changed_and_gone(tmp_path):
    """A second look scans what is new, and marks what is not there any more."""
    music = tmp_path / "music"
    chords(tmp_path / "in" / "other.flac")
    gone, stays = (chords(music / name) for name in ("gone.flac", "stays.flac"))
    options = make_options(tmp_path, folder=music)
    with running(options) as client, working(options):
        all_ended(client)
        gone.unlink()
        (music / "elsewhere").symlink_to(tmp_path / "in")  # is left out, and hides nothing
        chords(music / "new.flac")
        ended(client, client.post("/api/v1/jobs", json={"kind": "look"}).json()["id"])
        all_ended(client)
        rows = {one["name"]: one for one in client.get("/api/v1/tracks").json()["items"]}
        assert rows["gone.flac"]["status"] == "missing"
        assert rows["new.flac"]["status"] not in {"new", "missing"}
        assert stays.exists()
        accept = client.patch(f"/api/v1/tracks/{rows['gone.flac']['id']}/proposal",
                              json={"action": "edit", "genres": ["Jazz"]})  # fmt: skip
        assert accept.status_code == 409
        assert client.delete(f"/api/v1/tracks/{rows['stays.flac']['id']}").status_code == 409
        assert client.delete(f"/api/v1/tracks/{rows['gone.flac']['id']}").status_code == 204


def test_taggram_cover_prediction_and_statistics_are_there(tmp_path):
    """What the page draws: a timeline with its waveform, a picture, figures."""
    options = make_options(tmp_path)
    song = chords(tmp_path / "song.flac", seconds=12)
    with running(options) as client, working(options):
        row = client.post("/api/v1/uploads", params={"name": "s.flac"},
                          content=song.read_bytes()).json()["track"]  # fmt: skip
        taggram = client.get(f"/api/v1/tracks/{row['id']}/taggram")
        body = taggram.json()
        assert len(body["scores"]) == len(body["starts_s"]) > 0
        assert len(body["waveform"]["low"]) > 100
        assert body["segments"][-1]["end_s"] == body["duration_s"]
        known = {"If-None-Match": taggram.headers["ETag"]}
        assert client.get(f"/api/v1/tracks/{row['id']}/taggram",
                          headers=known).status_code == 304  # fmt: skip
        picture = client.get(f"/api/v1/tracks/{row['id']}/taggram.png")
        assert picture.content.startswith(b"\x89PNG")
        assert client.get(f"/api/v1/tracks/{row['id']}/cover").status_code == 404
        predicted = client.post("/api/v1/predict", params={"name": "x.flac"},
                                content=song.read_bytes()).json()  # fmt: skip
        assert predicted["scores"][0]["score"] >= predicted["scores"][-1]["score"]
        all_ended(client)
        figures = client.get("/api/v1/statistics").json()
        assert (figures["n_tracks"], figures["n_uploads"]) == (1, 1)
        assert (
            client.get("/api/v1/vocabulary", params={"prefix": "ja"}).json()["items"][0][
                "genre"
            ]
            == "Jazz"
        )
        models = client.get("/api/v1/models").json()["items"]
        assert [one["is_used"] for one in models].count(True) == 1
        metrics = client.get("/metrics").text
        assert 'tagger_requests_total{method="POST",route="/api/v1/uploads",status="201"}' in (
            metrics
        )
        assert client.get("/readyz").json()["status"] == "ok"


def test_while_another_process_holds_the_journal_a_write_waits_and_says_so(tmp_path):
    """Nothing is written that could not be undone; then it is."""
    music = tmp_path / "music"
    song = chords(music / "song.flac")
    options = make_options(tmp_path, folder=music)
    before = song.read_bytes()
    with running(options) as client:
        with Tagger(state=options.state) as tagger:
            list(tagger.scan([music]))  # takes the state
            with working(options):
                all_ended(client)
                edit = {"action": "edit", "genres": ["Jazz"]}
                client.patch("/api/v1/tracks/1/proposal", json=edit)
                job = client.post("/api/v1/writes", json={}).json()["job"]
                place = f"/api/v1/jobs/{job['id']}"
                wait_for(lambda: client.get(place).json()["error"])
                assert "journal" in client.get(place).json()["error"]
                assert song.read_bytes() == before
        with working(options):
            assert ended(client, job["id"])["error"] is None
    assert mutagen.File(song)["genre"] == ["Jazz"]


def test_a_folder_that_cannot_be_listed_is_named_and_hides_nothing(tmp_path, monkeypatch):
    """A share that is away for a look: its tracks are not called missing."""
    music = tmp_path / "music"
    chords(music / "away" / "song.flac")
    chords(music / "stays.flac")
    options = make_options(tmp_path, folder=music)
    with running(options) as client, working(options):
        all_ended(client)
        refused = failing(os.scandir, music / "away", errno.EIO)
        monkeypatch.setattr(listing.os, "scandir", refused)
        look = ended(client, client.post("/api/v1/jobs", json={"kind": "look"}).json()["id"])
        assert look["n_failed"] == 1
        assert f"{music / 'away'}: the folder cannot be listed" in look["error"]
        rows = {one["name"]: one for one in client.get("/api/v1/tracks").json()["items"]}
        assert "missing" not in {row["status"] for row in rows.values()}
