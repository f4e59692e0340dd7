"""Files of the library that go while somebody asks for them: told as what is not there."""

from pathlib import Path

import pytest

from tagger.service.jobs import scan
from tagger.service.places import library_file
from tests.service.conftest import all_ended, chords, make_options, running, working

PICTURE = b"\xff\xd8\xff a picture"


@pytest.mark.parametrize(
    ("method", "what"), [("GET", "audio"), ("HEAD", "audio"), ("GET", "download")]
)
def test_a_file_that_goes_while_it_is_asked_for_is_not_there(
    tmp_path, monkeypatch, method, what
):
    """Nothing went wrong in the service: there is nothing to report."""
    music = tmp_path / "music"
    chords(music / "song.flac")

    def goes(root, track):
        path = library_file(root, track)
        path.unlink()
        return path

    options = make_options(tmp_path, folder=music)
    with running(options) as client:
        with working(options):
            all_ended(client)
        place = f"/api/v1/tracks/1/{what}"
        assert client.request(method, place).status_code == 200
        monkeypatch.setattr("tagger.service.routes.audio.library_file", goes)
        answer = client.request(method, place)
        assert answer.status_code == 404
        assert method == "HEAD" or "file song.flac any more" in answer.json()["detail"]


@pytest.mark.parametrize("before", ["is_symlink", "read_bytes"])
def test_a_picture_that_goes_while_it_is_read_is_none(tmp_path, monkeypatch, before):
    """The next one that its folder has is the cover, or there is none."""
    music = tmp_path / "music"
    chords(music / "song.flac")
    (music / "folder.jpg").write_bytes(PICTURE)
    real = getattr(Path, before)

    def goes(path):
        if path.parent == music and path.name.endswith(".png"):
            path.unlink()
        return real(path)

    options = make_options(tmp_path, folder=music)
    with running(options) as client:
        with working(options):
            all_ended(client)
        monkeypatch.setattr(Path, before, goes)
        (music / "cover.png").write_bytes(PICTURE)
        answer = client.get("/api/v1/tracks/1/cover")
        assert (answer.status_code, answer.content) == (200, PICTURE)
        assert not (music / "cover.png").exists()
        (music / "cover.png").write_bytes(PICTURE)
        (music / "folder.jpg").unlink()
        assert client.get("/api/v1/tracks/1/cover").status_code == 404


@pytest.mark.parametrize(("n_times", "state"), [(1, "done"), (3, "done"), (99, "failed")])
def test_a_file_that_is_written_anew_while_it_is_scanned_is_scanned(
    tmp_path, monkeypatch, n_times, state
):
    """As tag editors do it; one that is away again and again ends the job, not the worker."""
    music = tmp_path / "music"
    songs = [chords(music / name) for name in ("a.flac", "b.flac")]
    scan_files, times = scan._scan_files, []

    def edited(*given):
        times.append(1)
        if len(times) > n_times:
            scan_files(*given)
            return
        data = songs[0].read_bytes()
        songs[0].unlink()
        try:
            scan_files(*given)
        finally:
            songs[0].write_bytes(data)

    monkeypatch.setattr(scan, "_scan_files", edited)
    with (
        running(make_options(tmp_path, folder=music)) as client,
        working(client.app.state.service.options),
    ):
        (job,) = [one for one in all_ended(client) if one["kind"] == "scan"]
    assert (job["state"], job["n_failed"]) == (state, 0)
    assert len(times) == min(n_times + 1, 4)
    if state == "failed":
        assert "a.flac" in job["error"]
    else:
        assert job["n_done"] == 2
