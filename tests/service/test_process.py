"""The service as a process: started, killed, started again; what it says when it cannot."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from tagger.service.db.engine import open_database
from tagger.service.db.models import Job, JobItem, Track, Worker
from tests.processes import is_running
from tests.service.browser import bound
from tests.service.conftest import chords, make_options, wait_for

ROOT = Path(__file__).parents[2]
MAIN = "from tagger.cli.app import main; main()"

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def serving(options, *, code=MAIN):
    """`tagger serve` as a process; yields it and its address."""
    command = [
        sys.executable, "-c", code, "serve", "--port", "0", "--data", str(options.data),
        "--state", str(options.state), "--database", options.database,
        "--objects", options.objects, "--device", "cpu",
        *([str(options.folder)] if options.folder else []),
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            url = next(
                found[0]
                for line in process.stderr
                if (found := re.search(r"http://127\.0\.0\.1:\d+", line))
            )
            drain = threading.Thread(target=process.stderr.read, daemon=True)
            drain.start()
            yield process, url
        finally:
            process.terminate()
            process.wait(240)
            drain.join()


@contextlib.contextmanager
def reading(options):
    """The rows of a service, beside it."""
    database = open_database(options.database)
    with contextlib.closing(database), database.reading() as session:
        yield session


def workers_of(options):
    """The process numbers of workers that say that they live."""
    with reading(options) as session:
        abouts = session.scalars(select(Worker.about)).all()
    return [int(one.rpartition(":")[2]) for one in abouts]


def processor_s(pid):
    """The processor time of a process: the wall clock of a busy machine proves nothing."""
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def send(url, files, accepted):
    """Upload files until the service is gone; note those that it has accepted."""
    for name, data in files:
        try:
            answer = httpx.post(
                f"{url}/api/v1/uploads", params={"name": name}, content=data, timeout=60
            )
        except httpx.HTTPError:
            return
        if answer.status_code in {200, 201}:
            accepted[name] = answer.json()["track"]["id"]


def test_killed_while_files_come_and_are_scanned_it_loses_nothing(tmp_path, storage):
    """Kill -9 of service and worker: each accepted file is there once, with a result."""
    options = make_options(tmp_path, **storage)
    songs = [chords(tmp_path / "in" / f"{i:02d}.flac", seconds=1) for i in range(50)]
    files = [(one.name, one.read_bytes()) for one in songs]
    accepted = {}
    with serving(options) as (process, url):
        sender = threading.Thread(target=send, args=(url, files, accepted))
        sender.start()
        wait_for(lambda: len(accepted) >= 15)
        for pid in workers_of(options):
            os.kill(pid, signal.SIGKILL)
        process.kill()
        sender.join()
    first = dict(accepted)
    with serving(options) as (process, url):
        send(url, files, accepted)
        assert len(accepted) == 50
        assert {name: accepted[name] for name in first} == first
        wait_for(lambda: _is_done(options))
        listed = httpx.get(f"{url}/api/v1/tracks", params={"limit": 500}).json()
        assert listed["total"] == 50
        for name, data in files[::10]:
            audio = httpx.get(f"{url}/api/v1/tracks/{accepted[name]}/audio")
            assert audio.content == data
        workers = wait_for(lambda: workers_of(options))
    wait_for(lambda: not any(map(is_running, workers)))
    with reading(options) as session:
        assert all(one.status != "new" for one in session.scalars(select(Track)))
        for job in session.scalars(select(Job)):
            items = session.scalars(select(JobItem).where(JobItem.job_id == job.id)).all()
            assert job.n_done + job.n_failed == job.n_total == len(items)
    assert list((options.data / "spool").glob("*")) == []


def _is_done(options):
    with reading(options) as session:
        return all(one.state == "done" for one in session.scalars(select(Job)))


def test_it_starts_ends_and_leaves_no_process_behind(tmp_path):
    """A signal ends the service and its workers; the page and the documents were there."""
    options = make_options(tmp_path, folder=_music(tmp_path))
    with serving(options) as (process, url):
        assert processor_s(process.pid) < 2.5, "a quiet machine shows the first page in 2 s"
        assert httpx.get(f"{url}/healthz").json()["status"] == "ok"
        assert httpx.get(f"{url}/", follow_redirects=True).status_code == 200
        for page in ("docs", "redoc"):
            text = httpx.get(f"{url}/{page}").text
            for place in re.findall(r'(?:src|href)="([^"]+)"', text):
                assert place.startswith("/assets/vendor/")
                assert httpx.get(url + place).status_code == 200
        workers = wait_for(lambda: workers_of(options))
        assert len(workers) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(240) == 130, "interrupted, as every command says it"
    assert not any(map(is_running, workers))


def test_an_answer_does_not_wait_for_the_client_s_acknowledgement(tmp_path):
    """Nagle's algorithm would hold the body back until then, which takes 40 ms at least."""
    with serving(make_options(tmp_path)) as (_, url), httpx.Client(base_url=url) as client:
        times_s = [client.get("/healthz").elapsed.total_seconds() for _ in range(200)]
    assert min(times_s) < 0.03


def test_a_killed_worker_is_replaced(tmp_path):
    """The service goes on, and so does its work."""
    options = make_options(tmp_path, folder=_music(tmp_path))
    with serving(options) as (_, url):
        (first,) = wait_for(lambda: workers_of(options))
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: set(workers_of(options)) - {first})
        assert httpx.get(f"{url}/healthz").status_code == 200
        wait_for(lambda: _is_done(options))


def _music(tmp_path):
    chords(tmp_path / "music" / "song.flac")
    return tmp_path / "music"


def serve(*arguments, code=MAIN, pass_fds=()):
    """`tagger serve` that ends by itself."""
    command = [sys.executable, "-c", code, "serve", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=240, check=False,
        pass_fds=pass_fds,
    )  # fmt: skip


def test_without_the_extra_one_sentence_says_what_to_install():
    """And nothing of it is needed for anything else."""
    hidden = "import sys; sys.modules['fastapi'] = sys.modules['sqlalchemy'] = None\n"
    found = serve(code=hidden + MAIN)
    assert found.returncode == 2
    assert "pip install 'tagger-music[service]'" in found.stderr
    assert found.stderr.count("\n") == 1
    helped = subprocess.run(
        [sys.executable, "-c", hidden + MAIN, "scan", "--help"], cwd=ROOT, check=True,
        capture_output=True,
    )  # fmt: skip
    assert b"--write-tags" in helped.stdout


def test_a_port_that_is_taken_is_told(tmp_path):
    """With what to do."""
    options = make_options(tmp_path)
    with serving(options) as (_, url):
        found = serve("--port", url.rpartition(":")[2], "--data", tmp_path / "other")
    assert found.returncode == 2
    assert "another --port" in found.stderr


def test_a_port_that_another_takes_while_it_starts_is_told_and_nothing_goes_on(tmp_path):
    """Two that start at once can both have it until one listens; the other's workers end."""
    with bound() as other:
        port = other.getsockname()[1]
        takes = (
            "import socket, tagger.service.serving as serving\n"
            "create = serving.create_app\n"
            "def create_app(options):\n"
            f"    socket.socket(fileno={other.fileno()}).listen()\n"
            "    return create(options)\n"
            "serving.create_app = create_app\n"
        )
        found = serve(
            "--port", port, "--data", tmp_path, code=takes + MAIN, pass_fds=[other.fileno()]
        )
    assert found.returncode == 2
    assert "another --port" in found.stderr
