"""The service under load on loopback: lists of 100,000 tracks, uploads, readers, jobs.

    python benchmarks/service.py lists             # SQLite; --database URL for PostgreSQL
    python benchmarks/service.py uploads --number 200
    python benchmarks/service.py readers --seconds 20
    python benchmarks/service.py jobs --number 200
    python benchmarks/service.py start --number 10
    python benchmarks/service.py all                # each of these, small: about four minutes

The service runs as a process of its own, as `tagger serve` starts it. The last line is JSON.
"""

import argparse
import contextlib
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
from service_rows import fill

MAIN = "from tagger.cli.app import main; main()"
QUERIES = {
    "first page": {},
    "page by artist": {"sort": "artist"},
    "best scores": {"sort": "score", "min_score": 0.9},
    "a word that many have": {"q": "song"},
    "a word that few have": {"q": "zanzibar"},
    "two words": {"q": "artist 0042 album 3"},
    "a folder": {"folder": "Artist 0042/"},
    "a genre": {"genre": "Jazz"},
    "a label's scores": {"label": "Techno", "min_score": 0.5, "max_score": 0.6},
    "a status": {"status": "failed"},
    "open proposals": {"status": "proposed", "decision": "open"},
    "far down": {"offset": 90_000},
}


@contextlib.contextmanager
def served(
    data: Path, *more: str, first: str = "/api/v1/info"
) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A service as a process; yields it and a client."""
    command = [sys.executable, "-c", MAIN, "serve", "--port", "0", "--data", str(data),
               "--state", str(data / "state.db"), *more]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        lines = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in process.stderr)
        url = next(match[0] for match in lines if match)
        threading.Thread(target=process.stderr.read, daemon=True).start()
        try:
            with httpx.Client(base_url=url, timeout=120) as client:
                client.get(first).raise_for_status()
                yield process, client
        finally:
            process.terminate()
            process.wait(60)


def quantiles(times_s: list[float]) -> dict[str, float]:
    """Median and 99th percentile in milliseconds."""
    cuts = statistics.quantiles(times_s, n=100, method="inclusive")
    return {"p50_ms": round(1000 * cuts[49], 1), "p99_ms": round(1000 * cuts[98], 1)}


def timed(client: httpx.Client, path: str, **parameters: Any) -> float:
    """How long one request takes."""
    started = time.perf_counter()
    client.get(path, params=parameters).raise_for_status()
    return time.perf_counter() - started


def lists(arguments: argparse.Namespace, folder: Path) -> dict:
    """Each query of the page, many times in a row."""
    url = arguments.database or f"sqlite:///{folder / 'tagger.db'}"
    fill(url, arguments.tracks)
    figures = {}
    asked = [(name, "/api/v1/tracks", parameters) for name, parameters in QUERIES.items()]
    asked += [(path, path, {}) for path in ("/api/v1/folders", "/api/v1/statistics")]
    with served(folder, "--database", url, "--workers", "0") as (process, client):
        for name, path, parameters in asked:
            timed(client, path, **parameters)
            before_s = processor_s(process)
            times = [timed(client, path, **parameters) for _ in range(arguments.number)]
            spent_s = (processor_s(process) - before_s) / arguments.number
            figures[name] = {**quantiles(times), "cpu_ms": round(1000 * spent_s, 1)}
            print(f"{name:<24} {figures[name]}", flush=True)
    worst = max(value["p99_ms"] for name, value in figures.items() if not name.startswith("/"))
    return {"tracks": arguments.tracks, "worst_p99_ms": worst, "queries": figures}


def song(index: int, n_bytes: int) -> bytes:
    """A WAV file of noise that no other file has."""
    import io  # noqa: PLC0415

    samples = np.random.default_rng(index).integers(-9_000, 9_000, n_bytes // 2, dtype=np.int16)
    file = io.BytesIO()
    soundfile.write(file, samples, 44_100, format="WAV", subtype="PCM_16")
    return file.getvalue()


def processor_s(process: subprocess.Popen) -> float:
    """Processor time of a process: what a busy machine does not falsify."""
    text = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2]
    return sum(map(int, text.split()[11:13])) / os.sysconf("SC_CLK_TCK")


def rss_mb(process: subprocess.Popen) -> float:
    """Memory of a process."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024


def uploads(arguments: argparse.Namespace, folder: Path) -> dict:
    """Files of `--bytes` one after another; memory at the start and ten times on the way."""
    spent, memory = 0.0, []
    with served(folder, "--workers", "0") as (process, client):
        for index in range(arguments.number + 1):
            data = song(index, arguments.bytes)
            started = time.perf_counter()
            client.post("/api/v1/uploads", params={"name": f"{index}.wav", "scan": False},
                        content=data).raise_for_status()  # fmt: skip
            spent += time.perf_counter() - started if index else 0.0
            if index % max(1, arguments.number // 10) == 0:
                memory.append(round(rss_mb(process), 1))
        cpu_s = processor_s(process)
    return {
        "files": arguments.number, "bytes": arguments.bytes,
        "uploads_per_s": round(arguments.number / spent, 1),
        "cpu_ms": round(1000 * cpu_s / arguments.number, 1), "rss_mb": memory,
    }  # fmt: skip


def music(folder: Path, number: int, *, seconds: float = 30.0) -> Path:
    """A library of noise."""
    for index in range(number):
        path = folder / f"Album {index // 12}" / f"{index:04d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(song(index, int(seconds * 88_200)))
    return folder


READ = (
    *[("/api/v1/tracks", {"limit": 50})] * 8,
    *[("/api/v1/tracks", {"limit": 50, "folder": "Artist 0042/"})] * 6,
    *[("/api/v1/tracks/4711", {})] * 3,
    *[("/api/v1/jobs", {})] * 2,
    ("/api/v1/tracks", {"limit": 50, "q": "zanzibar"}),
)
"""What a reader asks for, one after another: mostly pages of a list."""


def readers(arguments: argparse.Namespace, folder: Path) -> dict:
    """50 clients that read twice a second, in 100,000 rows, while a library is scanned."""
    library = music(folder / "music", 400)
    url = f"sqlite:///{folder / 'data' / 'tagger.db'}"
    (folder / "data").mkdir()
    fill(url, arguments.tracks, source="upload")
    times: list[float] = []
    with served(folder / "data", str(library)) as (process, client):
        while not _scanned(client):
            time.sleep(0.2)
        until, before_s = time.monotonic() + arguments.seconds, processor_s(process)

        def read(first: int) -> None:
            time.sleep(first / 100)  # nobody opens a page at the same time as all others
            with httpx.Client(base_url=client.base_url, timeout=60) as own:
                for path, parameters in itertools.islice(itertools.cycle(READ), first, None):
                    if time.monotonic() > until:
                        return
                    times.append(timed(own, path, **parameters))
                    time.sleep(0.5)

        threads = [threading.Thread(target=read, args=(number,)) for number in range(50)]
        for thread in threads:
            thread.start()
        for one in threads:
            one.join()
        cpu_ms = 1000 * (processor_s(process) - before_s) / len(times)
        scanned = _scanned(client)
    return {
        "clients": 50, "requests": len(times), "scanned": scanned, **quantiles(times),
        "cpu_ms": round(cpu_ms, 1),
    }  # fmt: skip


def _scanned(client: httpx.Client) -> int:
    """Files that scans have done."""
    jobs = client.get("/api/v1/jobs").json()["items"]
    return sum(job["n_done"] for job in jobs if job["kind"] == "scan")


def jobs(arguments: argparse.Namespace, folder: Path) -> dict:
    """A scan by a job against `tagger scan` on the same files, after both have started."""
    library = music(folder / "music", arguments.number)
    with served(folder / "data", str(library)) as (_, client):
        while True:
            rows = client.get("/api/v1/jobs").json()["items"]
            if len(rows) == 2 and all(row["finished_at"] for row in rows):
                break
            time.sleep(0.2)
        scan = next(row for row in rows if row["kind"] == "scan")
    by_job = _seconds(scan["finished_at"]) - _seconds(scan["started_at"])
    from tagger import ScanOptions, Tagger  # noqa: PLC0415

    with Tagger(state=folder / "other.db") as tagger:
        options = ScanOptions()
        started = time.perf_counter()
        n_results = sum(1 for _ in tagger.scan([library], options))
        alone = time.perf_counter() - started
    return {
        "files": n_results, "job_s": round(by_job, 2), "scan_s": round(alone, 2),
        "share": round(alone / by_job, 3),
    }  # fmt: skip


def start(arguments: argparse.Namespace, folder: Path) -> dict:
    """From the command to the first page, with a new library of ten files; then to its list."""
    pages, lists_of, spent = [], [], []
    for index in range(arguments.number):
        place = folder / str(index)
        library = music(place / "music", 10, seconds=5)
        began = time.perf_counter()
        with served(place / "data", str(library), first="/") as (process, client):
            pages.append(time.perf_counter() - began)
            spent.append(processor_s(process))
            for path in ("/api/v1/info", "/api/v1/tracks"):
                client.get(path).raise_for_status()
            lists_of.append(time.perf_counter() - began)
    return {
        "starts": arguments.number, **quantiles(pages), "most_ms": round(1000 * max(pages)),
        "with_list": quantiles(lists_of), "cpu_s": round(statistics.median(spent), 2),
    }  # fmt: skip


def everything(arguments: argparse.Namespace, folder: Path) -> dict:
    """All parts in numbers that fit into a few minutes; the lists on PostgreSQL, too."""
    sys.path.insert(0, str(Path(__file__).parents[1]))  # tests/ is no package
    from tests.service import servers  # noqa: PLC0415

    figures = {}
    numbers = {"start": 5, "lists": 15, "readers": 0, "jobs": 150, "uploads": 100}
    for name, number in numbers.items():
        arguments.number = number
        (folder / name).mkdir()
        figures[name] = PARTS[name](arguments, folder / name)
        print(json.dumps({name: figures[name]}), flush=True)
    if servers.postgres_programs() is not None:
        with servers.postgres() as (_, _, url):
            arguments.database, arguments.number = url, 15
            (folder / "postgres").mkdir()
            figures["lists on PostgreSQL"] = lists(arguments, folder / "postgres")
    return figures


def _seconds(text: str) -> float:
    from datetime import datetime  # noqa: PLC0415

    return datetime.fromisoformat(text).timestamp()


PARTS = {
    "lists": lists, "uploads": uploads, "readers": readers, "jobs": jobs, "start": start,
    "all": everything,
}  # fmt: skip


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--database", help="of the lists; SQLite without it")
    parser.add_argument("--tracks", type=int, default=100_000)
    parser.add_argument("--number", type=int, default=50)
    parser.add_argument("--bytes", type=int, default=4_000_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = PARTS[arguments.part](arguments, Path(folder))
    print(json.dumps({"benchmark": f"service {arguments.part}", **figures}))


if __name__ == "__main__":
    main()
