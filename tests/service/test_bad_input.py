"""What bad input gets: a problem with its remedy, nothing lost, and the service lives on."""

import asyncio
import json
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import obstore.exceptions
import pytest

from tagger.service.places import folder_parts, upload_name
from tagger.service.problems import ProblemError
from tagger.service.service import N_LISTENERS, N_WAITING
from tests.service.conftest import all_ended, chords, make_options, running, wait_for, working


@pytest.fixture
def client(tmp_path):
    """A client of a service that takes files up to 200 kB."""
    options = make_options(tmp_path, max_upload_bytes=200_000)
    with running(options) as client:
        client.options_of_test = options
        yield client


def problem(answer, status):
    """The problem that an answer is."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["remedy"].endswith(".")
    return body


def spooled(client):
    """What lies in the spool folder."""
    return [one.name for one in client.options_of_test.spool.iterdir()]


def upload(client, data, name="song.flac", **parameters):
    """An upload of bytes."""
    return client.post("/api/v1/uploads", params={"name": name, **parameters}, content=data)


def test_a_text_named_mp3_is_no_audio(client):
    """Its name does not count."""
    assert problem(upload(client, b"hello" * 100, "song.mp3"), 415)["type"].endswith(
        "not-audio"
    )
    assert client.get("/api/v1/tracks").json()["total"] == 0
    assert spooled(client) == []


def test_a_file_that_is_too_large_is_stopped_before_it_is_there(client):
    """Whether it says so, or only comes and comes."""
    problem(upload(client, bytes(300_000)), 413)

    def pieces():
        for _ in range(1000):
            yield bytes(1000)

    problem(upload(client, pieces()), 413)
    assert spooled(client) == []
    begin = {"name": "long.flac", "size": 2 << 30}
    problem(client.post("/api/v1/uploads/sessions", json=begin), 413)


@pytest.mark.parametrize("path", ["writes", "session", "uploads/sessions"])
def test_a_json_body_that_is_too_large_is_refused(client, path):
    """Only audio may be long: a body of JSON is read before anybody asks for a token."""
    body = b'{"ids": [' + b"1," * 700_000 + b"1]}"
    headers = {"Content-Type": "application/json"}
    problem(client.post(f"/api/v1/{path}", content=body, headers=headers), 413)
    problem(client.post(f"/api/v1/{path}", content=iter([body]), headers=headers), 413)


@pytest.mark.parametrize("host", ["localhost/api/v1/predict?", "localhost/api/v1/predict#"])
def test_a_host_with_a_path_in_it_lets_no_long_body_in(client, host):
    """Some versions of Starlette take such a path for that of the request."""
    body = b'{"ids": [' + b"1," * 700_000 + b"1]}"
    headers = {"Content-Type": "application/json", "Host": host}
    problem(client.post("/api/v1/writes", content=body, headers=headers), 413)


@pytest.mark.parametrize("name", ["..", "/", "\\", "", ".", " ", "a/.."])
def test_a_name_that_is_none_is_refused(client, tmp_path, name):
    """Nothing is kept under no name."""
    song = chords(tmp_path / "x.flac")
    problem(upload(client, song.read_bytes(), name), 422)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.mp3", "passwd.mp3"),
        ("C:\\Music\\song.mp3", "song.mp3"),
        ("<img src=x>.mp3", "<img src=x>.mp3"),
        ("a\r\nSet-Cookie: x.mp3", "a__Set-Cookie: x.mp3"),
        ("x" * 400 + ".flac", "x" * 184 + ".flac"),
    ],
)
def test_a_name_is_its_last_part_without_what_steers(name, kept):
    """What is left of a name is shown, and never a path."""
    assert upload_name(name) == kept


@pytest.mark.parametrize("folder", ["../x", "a/../../b", "a\0b", "a\\..\\b"])
def test_a_folder_that_leads_upwards_is_refused(folder):
    """A folder is below the top."""
    with pytest.raises(ProblemError):
        folder_parts(folder)


def test_nul_and_halves_of_surrogates_are_refused_wherever_text_is(client):
    """Neither database could hold them."""
    problem(client.get("/api/v1/tracks", params={"q": "a\0b"}), 422)
    problem(client.get("/api/v1/folders", params={"parent": "\0"}), 422)
    body = b'{"filter": {"q": "\\ud800"}, "action": "accept"}'
    headers = {"Content-Type": "application/json"}
    problem(client.post("/api/v1/proposals", content=body, headers=headers), 422)


def test_an_upload_that_is_cut_off_leaves_nothing(client, tmp_path):
    """Half a file is no file; an empty body is none either."""
    song = chords(tmp_path / "x.flac", seconds=4).read_bytes()
    problem(upload(client, b""), 422)
    sent = iter([{"type": "http.request", "body": song[:5000], "more_body": True},
                 {"type": "http.disconnect"}])  # fmt: skip
    answers = []

    async def receive():
        return next(sent)

    async def send(message):
        answers.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/api/v1/uploads", "raw_path": b"/",
        "query_string": b"name=x.flac", "root_path": "", "scheme": "http", "client": None,
        "headers": [(b"host", b"127.0.0.1"), (b"content-length", b"%d" % len(song))],
    }  # fmt: skip
    asyncio.run(client.app(scope, receive, send))
    assert answers[0]["status"] == 400
    assert f"5,000 of {len(song):,} bytes came" in json.loads(answers[1]["body"])["detail"]
    assert spooled(client) == []
    assert client.get("/api/v1/tracks").json()["total"] == 0


def test_a_large_file_is_sent_in_pieces_and_goes_on_where_it_stopped(client, tmp_path):
    """What came stays; a piece from another place is refused."""
    song = chords(tmp_path / "x.flac", seconds=4).read_bytes()
    begin = {"name": "long.flac", "size": len(song), "folder": "Mixes"}
    state = client.post("/api/v1/uploads/sessions", json=begin).json()
    place = f"/api/v1/uploads/sessions/{state['id']}"

    def send(data, offset):
        return client.patch(place, content=data, headers={"Upload-Offset": str(offset)})

    assert send(song[:1000], 0).json()["offset"] == 1000
    assert "1000 bytes are here" in problem(send(song[:1000], 0), 409)["detail"]
    assert client.get(place).json()["offset"] == 1000
    problem(send(song[1000:] + b"more", 1000), 413)
    done = send(song[client.get(place).json()["offset"] :], client.get(place).json()["offset"])
    track = done.json()["upload"]["track"]
    assert (track["folder"], track["name"]) == ("Mixes/", "long.flac")
    assert client.get(f"/api/v1/tracks/{track['id']}/audio").content == song
    problem(client.get(place), 404)
    assert spooled(client) == []


def test_an_upload_in_pieces_that_cannot_be_kept_now_is_kept_later(
    client, tmp_path, monkeypatch
):
    """The last piece is answered by a problem; what came need not be sent again."""
    song = chords(tmp_path / "x.flac").read_bytes()
    begin = {"name": "x.flac", "size": len(song)}
    state = client.post("/api/v1/uploads/sessions", json=begin).json()
    place = f"/api/v1/uploads/sessions/{state['id']}"

    def is_away(*_, **__):
        raise obstore.exceptions.GenericError("503")

    with monkeypatch.context() as patched:
        patched.setattr("tagger.service.objects.obstore.put", is_away)
        problem(client.patch(place, content=song, headers={"Upload-Offset": "0"}), 503)
    offset = client.get(place).json()["offset"]
    assert offset == len(song)
    done = client.patch(place, headers={"Upload-Offset": str(offset)}).json()
    track = done["upload"]["track"]
    assert client.get(f"/api/v1/tracks/{track['id']}/audio").content == song
    problem(client.get(place), 404)
    assert spooled(client) == []


def test_an_upload_in_pieces_that_is_no_audio_is_forgotten(client):
    """To send it again would not make it any."""
    state = client.post("/api/v1/uploads/sessions", json={"name": "x.mp3", "size": 4}).json()
    place = f"/api/v1/uploads/sessions/{state['id']}"
    problem(client.patch(place, content=b"text", headers={"Upload-Offset": "0"}), 415)
    problem(client.get(place), 404)
    assert spooled(client) == []


def test_a_form_that_ends_early_tells_what_it_has_kept(client, tmp_path):
    """What came after a file that is too large is not read; what came before it is there."""
    song = chords(tmp_path / "x.flac")
    good, long = ("files", ("x.flac", song.read_bytes())), ("files", ("long", b"x" * 300_000))
    answer = client.post("/api/v1/uploads/form", files=[good, long])
    assert answer.status_code == 200
    assert [one["track"]["name"] for one in answer.json()["uploads"]] == ["x.flac"]
    assert [one["status"] for one in answer.json()["problems"]] == [413]
    problem(client.post("/api/v1/uploads/form", files=[long, good]), 413)
    assert spooled(client) == []


def test_a_form_keeps_the_good_files_and_tells_of_the_bad_ones(client, tmp_path):
    """One bad file stops no other."""
    songs = [chords(tmp_path / f"{i}.flac") for i in range(3)]
    files = [("files", (one.name, one.read_bytes())) for one in songs]
    files.insert(1, ("files", ("bad.mp3", b"no audio")))
    answer = client.post("/api/v1/uploads/form", files=files, params={"folder": "New"}).json()
    assert [one["track"]["name"] for one in answer["uploads"]] == ["0.flac", "1.flac", "2.flac"]
    assert [(one["name"], one["status"]) for one in answer["problems"]] == [("bad.mp3", 415)]
    assert spooled(client) == []
    problem(client.post("/api/v1/uploads/form", content=b"x"), 422)
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    problem(client.post("/api/v1/uploads/form", content=b"no form", headers=headers), 422)


def test_markup_in_names_and_tags_stays_text(client, tmp_path):
    """It goes out as JSON, with a policy that lets no script of it run."""
    song = chords(tmp_path / "x.flac").read_bytes()
    answer = upload(client, song, "<script>alert(1)</script>.flac")
    assert answer.json()["track"]["name"] == "script>.flac"
    listed = client.get("/api/v1/tracks")
    assert listed.headers["Content-Type"] == "application/json"
    assert listed.headers["X-Content-Type-Options"] == "nosniff"
    policy = listed.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_a_flac_that_claims_days_of_silence_holds_nobody_up(client, tmp_path):
    """A few bytes that decode to hours are refused for a picture, and scanned by windows."""
    data = bytearray(chords(tmp_path / "x.flac").read_bytes())
    samples = 8_000 * 3600 * 24 * 5  # STREAMINFO's 36 bits of samples begin in byte 21
    data[21] = (data[21] & 0xF0) | (samples >> 32)
    data[22:26] = struct.pack(">I", samples & 0xFFFFFFFF)
    row = upload(client, bytes(data)).json()["track"]
    answer = client.get(f"/api/v1/tracks/{row['id']}/taggram")
    assert "hours" in problem(answer, 422)["detail"]
    with working(client.options_of_test):
        assert all_ended(client)[0]["state"] == "done"
    assert client.get("/healthz").status_code == 200


def test_a_link_out_of_the_library_leads_nowhere(tmp_path):
    """Neither a file nor a folder outside can be named, nor written."""
    outside = chords(tmp_path / "outside" / "secret.flac")
    music = tmp_path / "music"
    chords(music / "inside.flac")
    (music / "link.flac").symlink_to(outside)
    (music / "folder").symlink_to(outside.parent)
    options = make_options(tmp_path, folder=music)
    with running(options) as client, working(options):
        jobs = all_ended(client)
        assert [one["name"] for one in client.get("/api/v1/tracks").json()["items"]] == [
            "inside.flac"
        ]
        assert "leads out" in next(one["error"] for one in jobs if one["kind"] == "look")
        (track,) = client.get("/api/v1/tracks").json()["items"]
        (music / "inside.flac").unlink()
        (music / "inside.flac").symlink_to(outside)
        for what in ("audio", "download", "cover", "taggram"):
            problem(client.get(f"/api/v1/tracks/{track['id']}/{what}"), 403)


def test_a_crowd_at_the_model_is_told_and_holds_nobody_else_up(client, tmp_path, monkeypatch):
    """Only so many requests wait for it: each that does holds a thread."""
    song = chords(tmp_path / "x.flac").read_bytes()
    service, release = client.app.state.service, threading.Event()
    monkeypatch.setattr(type(service), "tagger", lambda _: release.wait(60) and None)
    most = N_LISTENERS + N_WAITING

    def predict():
        return client.post("/api/v1/predict", content=song)

    with ThreadPoolExecutor(most) as threads:
        crowd = [threads.submit(predict) for _ in range(most)]
        try:
            wait_for(lambda: service._queue._value == 0)
            assert "wait" in problem(predict(), 503)["detail"]
            assert client.get("/api/v1/tracks").status_code == 200
        finally:
            release.set()
        for one in crowd:
            one.exception()
    assert service._queue._value == most


def test_a_model_that_is_not_there_fails_what_needs_it_and_nothing_else(tmp_path):
    """The library can still be listened to."""
    options = make_options(tmp_path, model=str(tmp_path / "gone.onnx"))
    with running(options) as client:
        assert client.get("/api/v1/tracks").status_code == 200
        assert "gone.onnx" in problem(client.get("/api/v1/models"), 503)["detail"]
        assert client.get("/healthz").status_code == 200
