"""Who may ask for what."""

import pytest

from tagger.errors import InputError
from tagger.service.limits import RateLimit
from tagger.service.tokens import read_tokens
from tests.service.conftest import URL, chords, make_options, running

TOKENS = """# who may ask
reader read reader-secret-0123456789
editor read,edit sha256:5e3a0b1bbd1b2ab7c8b8d1a3a9b6b7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e
writer read,edit,write writer-secret-0123456789
"""


@pytest.fixture
def service(tmp_path):
    """A client of a service that asks for tokens."""
    tokens = tmp_path / "tokens"
    tokens.write_text(TOKENS)
    with running(make_options(tmp_path, token_file=tokens)) as client:
        yield client


def bearer(secret):
    """The header of a token."""
    return {"Authorization": f"Bearer {secret}"}


READER, WRITER = bearer("reader-secret-0123456789"), bearer("writer-secret-0123456789")


def test_every_address_of_the_api_tells_of_its_problems(service):
    """As what they are, in place of what FastAPI would answer by itself."""
    document = service.get("/api/v1/openapi.json").json()
    for path, operations in document["paths"].items():
        for operation in operations.values() if path.startswith("/api/") else ():
            told = operation["responses"]["422"]["content"]["application/problem+json"]
            assert told["schema"]["$ref"].endswith("/Problem")
    assert "remedy" in document["components"]["schemas"]["Problem"]["properties"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_address_of_the_api_asks_for_a_token(service):
    """All but health, the documents and the page itself."""
    paths = service.get("/api/v1/openapi.json").json()["paths"]
    n_asked = 0
    for path, methods in paths.items():
        if path in {"/healthz", "/readyz", "/api/v1/session"}:
            continue
        for method in methods:
            url = (
                path.replace("{track_id}", "1")
                .replace("{job_id}", "1")
                .replace("{run_id}", "1")
            )
            answer = service.request(method, url.replace("{upload_id}", "a"))
            assert answer.status_code == 401, (method, path)
            n_asked += 1
    assert n_asked > 25


@pytest.mark.parametrize(
    "headers",
    [
        bearer("nobody-has-this-one"),
        bearer("reader-secret-0123456789x"),
        bearer("5e3a0b1bbd1b2ab7c8b8d1a3a9b6b7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e"),
        {"Authorization": "Basic cmVhZGVy"},
        {"Authorization": "Bearer"},
        {"Cookie": "tagger_token=nobody"},
    ],
)
def test_a_foreign_token_is_nobody_s(service, headers):
    """A hash in the file is no token either."""
    answer = service.get("/api/v1/tracks", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_goes_as_far_as_its_scopes(service, tmp_path):
    """To look is not to change."""
    assert service.get("/api/v1/tracks", headers=READER).status_code == 200
    song = chords(tmp_path / "x.flac").read_bytes()
    up = {"params": {"name": "x.flac"}, "content": song}
    assert service.post("/api/v1/uploads", headers=READER, **up).status_code == 403
    assert service.post("/api/v1/uploads", headers=WRITER, **up).status_code == 201
    write = service.post("/api/v1/writes", headers=READER, json={"dry_run": True})
    assert write.status_code == 403
    assert "'write'" in write.json()["detail"]
    info = service.get("/api/v1/info", headers=READER).json()
    assert (info["name"], info["scopes"]) == ("reader", ["read"])


def test_a_page_logs_in_with_a_cookie_that_scripts_cannot_read(service):
    """Players and pictures send no headers of their own."""
    wrong = service.post("/api/v1/session", json={"token": "nobody"})
    assert wrong.status_code == 401
    answer = service.post("/api/v1/session", json={"token": "writer-secret-0123456789"})
    cookie = answer.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert service.get("/api/v1/tracks").status_code == 200
    service.delete("/api/v1/session")
    assert service.get("/api/v1/tracks").status_code == 401


@pytest.mark.parametrize(
    ("headers", "method", "status"),
    [
        ({"Host": "evil.example"}, "GET", 403),
        ({"Host": "127.0.0.1.evil.example"}, "GET", 403),
        ({"Host": "localhost:8000"}, "GET", 200),
        ({"Origin": "http://evil.example"}, "POST", 403),
        ({"Origin": "null"}, "POST", 403),
        ({"Origin": URL}, "POST", 200),
    ],
)
def test_another_page_cannot_make_a_browser_ask(tmp_path, headers, method, status):
    """Without tokens neither a foreign name that leads here is answered, nor a foreign page."""
    with running(make_options(tmp_path)) as client:
        if method == "GET":
            answer = client.get("/api/v1/tracks", headers=headers)
        else:
            answer = client.post("/api/v1/writes", json={"dry_run": True}, headers=headers)
        assert answer.status_code == status
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_who_asks_too_often_has_to_wait(tmp_path):
    """Whatever token they make up; those who have one do not."""
    tokens = tmp_path / "tokens"
    tokens.write_text(TOKENS)
    options = make_options(tmp_path, requests_per_s=0.3, token_file=tokens)
    with running(options) as client:
        assert client.get("/healthz").status_code == 200
        answers = [client.get("/healthz", headers=bearer(f"guess-{i}")) for i in range(5)]
        late = next(one for one in answers if one.status_code == 429)
        assert int(late.headers["Retry-After"]) >= 1
        assert late.json()["remedy"]
        assert client.get("/healthz", headers=WRITER).status_code == 200


def test_a_rate_fills_up_again(monkeypatch):
    """Two a second, eight at once."""
    now = [0.0]
    monkeypatch.setattr("tagger.service.limits.time.monotonic", lambda: now[0])
    limit = RateLimit(2.0)
    assert [limit.wait_s("a") for _ in range(9)] == [0] * 8 + [1]
    assert limit.wait_s("b") == 0
    now[0] = 1.0
    assert [limit.wait_s("a") for _ in range(3)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("alice read", "NAME SCOPES SECRET"),
        ("alice read,own a-long-enough-secret", "'own' is no scope"),
        ("alice read short", "shorter than 16"),
        ("# nobody", "holds no token"),
    ],
)
def test_a_wrong_token_file_is_told_with_its_line_and_no_secret(tmp_path, line, said):
    """Before the service starts."""
    path = tmp_path / "tokens"
    path.write_text(line)
    with pytest.raises(InputError, match=said) as raised:
        read_tokens(path)
    assert "a-long-enough-secret" not in str(raised.value)
    assert "short\n" not in str(raised.value)
