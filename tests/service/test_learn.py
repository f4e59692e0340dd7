"""Learning the library's genres over HTTP: the job, its table, and the model in use."""

import shutil

import pytest

from tagger.learning import run
from tests.learning.conftest import GENRES, models, music, write_genre  # noqa: F401, fixtures
from tests.service.conftest import all_ended, ended, make_options, running, wait_for, working

pytestmark = pytest.mark.slow


@pytest.fixture
def options(tmp_path, models, music):  # noqa: F811, the fixtures
    """Of a service over a library that is tagged, with one track whose genre is wrong."""
    wrong = {"tags": ("Schlager",), "seed": 7}
    (odd,) = write_genre(music, "Krautrock", n_artists=1, n_tracks=1, **wrong)
    odd.rename(odd.with_name("odd.flac"))
    write_genre(music, "Krautrock", n_artists=1)  # whose first track it had taken
    return make_options(tmp_path, folder=music, model="base")


def learned(client, **asked):
    """The job of a lesson, once it has ended."""
    answer = client.post("/api/v1/learn", json={"precision": 0.6, **asked})
    assert answer.status_code == 202, answer.text
    return ended(client, answer.json()["id"])


def test_a_library_is_learned_looked_at_and_scanned_with(options):
    """One button: a job, a table, and a model to choose."""
    with running(options) as client, working(options):
        wait_for(lambda: len(client.get("/api/v1/jobs").json()["items"]) == 2)
        all_ended(client)
        job = learned(client)
        assert (job["state"], job["n_done"], job["n_total"]) == ("done", 31, 31), job["error"]
        (row,) = client.get("/api/v1/lessons").json()["items"]
        assert (row["name"], row["is_used"], row["n_labels"]) == ("learned", False, 3)
        assert row["figures"]["macro_average_precision"] > 0.9
        lesson = client.get("/api/v1/lessons/learned").json()
        assert sorted(one["label"] for one in lesson["labels"]) == sorted(GENRES)
        assert all(one["average_precision"] > 0.9 > one["prior"] for one in lesson["labels"])
        (doubted,) = lesson["doubted"]
        assert (doubted["name"], doubted["suggested"]) == ("odd.flac", "Krautrock")
        track = client.get(f"/api/v1/tracks/{doubted['track_id']}").json()
        assert (track["name"], track["model"]) == ("odd.flac", "")  # `fill` leaves it alone

        assert client.put("/api/v1/models/used", json={"name": "learned"}).status_code == 204
        assert client.get("/api/v1/info").json()["model"].startswith("learned ")
        assert client.get("/api/v1/lessons/learned").json()["is_used"]
        scan = {"kind": "scan", "options": {"score_all": True}}
        job = ended(client, client.post("/api/v1/jobs", json=scan).json()["id"])
        assert job["state"] == "done"
        track = client.get(f"/api/v1/tracks/{doubted['track_id']}").json()
        assert track["model"].startswith("learned ")
        assert track["top_label"] in GENRES
        assert track["scores"][0]["threshold"] is not None
        # Learned again, it is another model of the same name, and based on the same one.
        assert learned(client, keep_labels=True, exclude=["Schlager"])["state"] == "done"
        used = client.get("/api/v1/models").json()["items"]
        (labels,) = [one["labels"] for one in used if one["is_used"]]
        assert {"Krautrock", "high"} < set(labels)


def test_a_choice_lasts_until_another_model_is_named_or_its_file_is_gone(options, models):  # noqa: F811
    """A service goes on with the model that it was started with."""
    shutil.copy(models / "base.onnx", models / "mine.onnx")
    mine = {"name": "mine"}

    def used(client):
        return [
            one["labels"]
            for one in client.get("/api/v1/models").json()["items"]
            if one["is_used"]
        ]

    with running(options) as client:
        path = str(models / "mine.onnx")
        for name in ("nobody", path, "../models/mine"):
            answer = client.put("/api/v1/models/used", json={"name": name})
            assert answer.status_code == 409
            assert "GET /models" in answer.json()["remedy"]
        assert client.put("/api/v1/models/used", json=mine).status_code == 204
    with running(options) as client:
        assert client.app.state.service.tagger().path == models / "mine.onnx"
        (models / "mine.onnx").unlink()
        assert client.app.state.service.tagger().path == models / "base.onnx"
        assert len(used(client)) == 1


def test_what_cannot_be_learned_is_told(options, tmp_path):
    """A name that is taken, a lesson under way, a library of one genre; nothing is lost."""
    with running(options) as client:
        for name in ("default", "base"):
            answer = client.post("/api/v1/learn", json={"name": name})
            assert answer.status_code == 409
            assert "another name" in answer.json()["remedy"]
        assert client.post("/api/v1/learn", json={"name": "../x"}).status_code == 422
        assert client.get("/api/v1/lessons/learned").status_code == 404
        first = client.post("/api/v1/learn", json={"min_tracks": 100}).json()
        assert client.post("/api/v1/learn", json={}).status_code == 409
        with working(options):
            job = ended(client, first["id"])
        assert job["state"] == "failed"
        assert "only 11 tracks have it, and 100 are needed" in job["error"]
        assert client.get("/api/v1/lessons").json()["items"] == []
    with running(make_options(tmp_path / "uploads")) as client:
        answer = client.post("/api/v1/learn", json={})
        assert (answer.status_code, answer.json()["type"]) == (
            409,
            "urn:tagger:problem:conflict",
        )


def test_a_lesson_can_be_cancelled(options):
    """It ends at the next file, and its worker goes on with what is next."""
    with running(options) as client:
        job = client.post("/api/v1/learn", json={}).json()
        client.post(f"/api/v1/jobs/{job['id']}/cancel")
        with working(options):
            wait_for(
                lambda: all(
                    one["state"] in {"done", "cancelled"}
                    for one in client.get("/api/v1/jobs").json()["items"]
                )
            )
        assert client.get(f"/api/v1/jobs/{job['id']}").json()["state"] == "cancelled"
        assert client.get("/api/v1/lessons").json()["items"] == []


def test_a_lesson_that_is_cancelled_while_it_fits_writes_no_model(options, models, monkeypatch):  # noqa: F811
    """A model without its lesson would keep the name from ever being learned again."""
    fit = run._learned

    with running(options) as client:
        job = client.post("/api/v1/learn", json={"precision": 0.6}).json()

        def cancelled(*given):
            client.post(f"/api/v1/jobs/{job['id']}/cancel")
            return fit(*given)

        with monkeypatch.context() as patched, working(options):
            patched.setattr(run, "_learned", cancelled)
            all_ended(client)
        assert client.get(f"/api/v1/jobs/{job['id']}").json()["state"] == "cancelled"
        assert not (models / "learned.onnx").exists()
        assert client.get("/api/v1/lessons").json()["items"] == []
        assert client.post("/api/v1/learn", json={}).status_code == 202
