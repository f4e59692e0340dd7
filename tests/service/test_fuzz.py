"""Requests made from the service's own OpenAPI: whatever comes, never an error of ours."""

import contextlib
import threading

import httpx
import hypothesis
import pytest

schemathesis = pytest.importorskip("schemathesis")

import uvicorn  # noqa: E402
from schemathesis.checks import not_a_server_error  # noqa: E402

from tagger.service.app import create_app  # noqa: E402
from tests.service.conftest import chords, make_options, wait_for  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.service]


@contextlib.contextmanager
def listening(options):
    """The address of an app on a port."""
    config = uvicorn.Config(create_app(options), port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def api_schema(tmp_path_factory):
    """The schema of a service with a library, an upload, and jobs that nobody does."""
    folder = tmp_path_factory.mktemp("fuzz")
    chords(folder / "music" / "song.flac")
    options = make_options(folder, folder=folder / "music", requests_per_s=1e6)
    with listening(options) as url:
        song = chords(folder / "up.flac").read_bytes()
        httpx.post(f"{url}/api/v1/uploads?name=up.flac", content=song).raise_for_status()
        yield schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")


schema = schemathesis.pytest.from_fixture("api_schema").exclude(path_regex="/events")


@schema.parametrize()
@hypothesis.settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_no_request_is_a_server_error(case):
    """Values of the schema, and values that break it."""
    response = case.call(timeout=60)
    case.validate_response(response, checks=[not_a_server_error])
