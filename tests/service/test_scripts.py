"""start_services.sh, start_api.sh and stop_services.sh, as somebody calls them."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import sqlalchemy

from tests.service import servers
from tests.service.conftest import chords

ROOT = Path(__file__).parents[2]
SCRIPTS = ("services.sh", "start_services.sh", "start_api.sh", "stop_services.sh")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.service,
    pytest.mark.skipif(
        servers.postgres_programs() is None or servers.weed() is None,
        reason="PostgreSQL or SeaweedFS is not installed",
    ),
]


@pytest.fixture
def clone(tmp_path):
    """A folder with the scripts; what they have started ends with the test."""
    for name in SCRIPTS:
        shutil.copy(ROOT / name, tmp_path)
    command = tmp_path / "tagger"
    command.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -c'
        ' "from tagger.cli.app import main; main()" "$@"\n'
    )
    command.chmod(0o755)
    n_ports = {"PG": 1, "S3": 5, "SERVE": 1}
    ports = {f"TAGGER_{name}_PORT": str(servers.free_port(n)) for name, n in n_ports.items()}
    path = f"{Path(servers.weed()).parent}:{os.environ['PATH']}"
    clean = {key: one for key, one in os.environ.items() if not key.startswith("AWS_")}
    environment = {**clean, **ports, "PATH": path, "DOCKER_HOST": "unix:///nowhere",
                   "TAGGER": str(command)}  # fmt: skip

    def run(name, *arguments):
        return subprocess.run(
            [tmp_path / name, *arguments], cwd=tmp_path / "elsewhere", env=environment,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    (tmp_path / "elsewhere").mkdir()
    run.folder, run.ports = tmp_path, ports
    yield run
    run("stop_services.sh")
    shutil.rmtree(_postgres_of(tmp_path), ignore_errors=True)


def _postgres_of(clone):
    """Where the scripts keep PostgreSQL's data for root."""
    code = f'source "{clone}/services.sh"; postgres_place'
    return subprocess.run(
        ["bash", "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_they_start_once_say_where_and_leave_nothing_running(clone):
    """From any folder, as often as they are called; strangers get into neither server."""
    song = chords(clone.folder / "elsewhere" / "music" / "song.flac")
    for _ in range(2):
        started = clone("start_services.sh")
        assert started.returncode == 0, started.stderr
        assert f"127.0.0.1:{clone.ports['TAGGER_PG_PORT']}" in started.stdout
    for _ in range(2):
        served = clone("start_api.sh", "music")
        assert served.returncode == 0, served.stderr
    url = f"http://127.0.0.1:{clone.ports['TAGGER_SERVE_PORT']}"
    assert url in served.stdout
    assert httpx.get(f"{url}/readyz").json()["checks"] == {"database": "ok", "objects": "ok"}
    sent = httpx.post(
        f"{url}/api/v1/uploads", params={"name": "a.flac"}, content=song.read_bytes()
    )
    assert sent.status_code == 201
    stranger = f"postgresql+psycopg://tagger@127.0.0.1:{clone.ports['TAGGER_PG_PORT']}/postgres"
    with pytest.raises(sqlalchemy.exc.OperationalError):
        sqlalchemy.create_engine(stranger).connect()
    secret = clone.folder / "build" / "services" / "secret"
    assert secret.stat().st_mode & 0o77 == 0
    for _ in range(2):
        assert clone("stop_services.sh").returncode == 0
    for port in clone.ports.values():
        with pytest.raises(OSError, match="refused"), socket.socket() as one:
            one.connect(("127.0.0.1", int(port)))


def test_two_clones_run_beside_each_other(clone):
    """Each has ports of its own, those too that an S3 server has for itself."""
    with contextlib.ExitStack() as held:
        for port in (19333, 19340, 18888, 23646):
            one = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):  # another clone has it: as good
                one.bind(("127.0.0.1", port))
                one.listen()
        started = clone("start_services.sh")
    assert started.returncode == 0, started.stderr


def test_another_program_on_a_port_is_not_taken_for_ours(clone):
    """Nothing is sent to it; a process that has an old number by now is left alone."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(clone.ports["TAGGER_SERVE_PORT"])))
        other.listen()
        found = clone("start_api.sh")
    assert found.returncode == 1
    assert "TAGGER_SERVE_PORT" in found.stderr
    with subprocess.Popen(["sleep", "60"]) as bystander:
        (clone.folder / "build" / "services" / "api.pid").write_text(f"{bystander.pid}\n")
        assert "The service has ended" not in clone("stop_services.sh").stdout
        assert bystander.poll() is None
        bystander.kill()


def test_compose_is_told_what_it_asks_for():
    """Each variable is one that the scripts set; both servers say when they are up."""
    compose = (ROOT / "compose.yaml").read_text()
    asked = set(re.findall(r"\$\{(\w+)", compose))
    script = (ROOT / "services.sh").read_text()
    told = re.search(r"^export (.*TAGGER_SECRET.*)$", script, re.MULTILINE)
    assert asked == set(re.findall(r"(\w+)=", told[1]))
    assert compose.count("healthcheck:") == compose.count("image:") == 2
    assert ":latest" not in compose
