"""Requests made from the service's own OpenAPI: whatever comes, never an error of ours."""

import contextlib
import threading

import httpx
import hypothesis
import pytest

schemathesis = pytest.importorskip("schemathesis")

import uvicorn  # noqa: E402
from schemathesis.generation import GenerationMode  # noqa: E402

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


def test_no_request_is_a_server_error(tmp_path):
    """Values of the schema, and values that break it, for all addresses that end."""
    chords(tmp_path / "music" / "song.flac")
    options = make_options(tmp_path, folder=tmp_path / "music", requests_per_s=1e6)
    n_operations = 0
    with listening(options) as url:
        song = chords(tmp_path / "up.flac").read_bytes()
        httpx.post(f"{url}/api/v1/uploads?name=up.flac", content=song).raise_for_status()
        schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
        for found in schema.exclude(path_regex="/events").get_all_operations():
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                ask_many_times(found.ok(), mode)
            n_operations += 1
    assert n_operations > 30


def ask_many_times(operation, mode):
    """Make requests to one address; some have nothing that could be wrong."""

    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    @hypothesis.settings(
        max_examples=10,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    def ask(case):
        response = case.call(timeout=60)
        assert response.status_code < 500, (case.as_curl_command(), response.text)

    with contextlib.suppress(hypothesis.errors.Unsatisfiable):
        ask()
