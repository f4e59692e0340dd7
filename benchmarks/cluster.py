"""What a scan of objects costs beside a scan of files: `cluster.py WHAT`.

    python benchmarks/cluster.py overhead [--tracks 2000] [--rounds 3]
    python benchmarks/cluster.py actors [--tracks 600] [--rounds 3]
    python benchmarks/cluster.py growth [--objects 1000 10000 100000]
    python benchmarks/cluster.py paper [--music FOLDER] [--core-s S] [--row-bytes B]

`overhead`: tracks a second of `tagger scan FOLDER --no-state` and of the same folder with
`--results`, `--cluster local`, in turn, on tracks of distinct audio (20 s of tones and noise,
FLAC at 22.05 kHz); start-up, memory and bytes a row beside it. `actors`: one and two actors
beside decoding alone in one and two threads. `growth`: seconds an object and the driver's
memory for more and more small objects, whose model is as small: what the engine itself takes.
`paper`: what 100 million tracks take, from the processor time of a track (of --music, or given)
and the bytes of a row. Every arm is a process of its own. The last line is one JSON object.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
from measure import emit, peak_mib

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # Ray's processes get it too

RATE, SECONDS = 22_050, 20
SMALL_RATE, N_SMALL = 8_000, 50


def make_tracks(folder: Path, n: int) -> Path:
    """Distinct tracks: four tones that come and go, and noise."""
    rng = np.random.default_rng(0)
    t = np.arange(RATE * SECONDS) / RATE
    for i in range(n):
        tones = rng.uniform(80, 3000, size=(4, 1)) * t
        wave = np.sin(2 * np.pi * tones).sum(axis=0) * (1 + np.sin(2 * np.pi * 2 * t)) / 16
        wave += rng.normal(scale=0.02, size=len(t))
        path = folder / f"{i % 40:02d}" / f"{i:06d}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, wave.astype(np.float32), RATE, "PCM_16")
    return folder


def make_small(folder: Path, n: int) -> Path:
    """Many small objects: links to a few files, since only their number counts."""
    folder.mkdir(parents=True, exist_ok=True)
    templates = []
    for i in range(N_SMALL):
        t = np.arange(SMALL_RATE) / SMALL_RATE
        path = folder.with_name(f"template{i}.flac")
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * (200 + 30 * i) * t), SMALL_RATE)
        templates.append(path)
    for i in range(n):
        path = folder / f"{i // 1000:04d}" / f"{i:07d}.flac"
        path.parent.mkdir(exist_ok=True)
        os.link(templates[i % N_SMALL], path)
    return folder


def scan_files(folder: Path) -> dict[str, float]:
    """A scan of files, in this process."""
    from tagger import Tagger  # noqa: PLC0415 (each arm brings what it needs)
    from tagger.scan.options import ScanOptions  # noqa: PLC0415

    started = time.monotonic()
    with Tagger(state=False, device="cpu", settings={}) as tagger:
        n = sum(1 for _ in tagger.scan([folder], ScanOptions(score_all=True)))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(usage.ru_utime + usage.ru_stime for usage in used)
    return {"total_s": time.monotonic() - started, "cpu_s": cpu_s, "n": n}


def scan_cluster(
    folder: Path, *, n_actors: int | None = None, model: str = "default"
) -> dict[str, float]:
    """A scan of objects, in this process and those of Ray."""
    from tagger import Tagger  # noqa: PLC0415
    from tagger.cluster.destination import open_results  # noqa: PLC0415
    from tagger.cluster.run import ObjectScan, scanning  # noqa: PLC0415
    from tagger.cluster.stores import open_place  # noqa: PLC0415
    from tagger.scan.options import ScanOptions  # noqa: PLC0415

    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as dest,
        Tagger(model, state=False, device="cpu", settings={}) as tagger,
    ):
        results = open_results(dest)
        with scanning(
            tagger,
            open_place(str(folder), option="PATH"),
            results,
            options=ScanOptions(),
            asked=ObjectScan(n_actors=n_actors),
            stop=threading.Event(),
        ) as run:
            ready, n = time.monotonic(), 0
            for batch in run.batches:
                n += sum(batch.statuses.values())  # type: ignore[union-attr]
            ended, actors_mib = time.monotonic(), memory_of("ray::ScanActor")
        size = sum(path.stat().st_size for path in Path(dest).rglob("*.parquet"))
        return {
            "startup_s": ready - started,
            "scan_s": ended - ready,
            "total_s": ended - started,
            "n": n,
            "driver_mib": peak_mib(),
            "actor_mib": max(actors_mib, default=0.0),
            "bytes_a_row": size / max(n, 1),
        }


def memory_of(name: str) -> list[float]:
    """Proportional memory in MiB of processes that begin so, with their decoding processes."""
    memory: dict[int, float] = {}
    parents: dict[int, int] = {}
    named = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "smaps_rollup").read_text()
            parents[int(process.name)] = int(
                (process / "stat").read_text().split(")")[1].split()[1]
            )
            command = (process / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue
        pss = next(line for line in text.splitlines() if line.startswith("Pss:"))
        memory[int(process.name)] = int(pss.split()[1]) / 1024
        if command.startswith(name.encode()):
            named.append(int(process.name))
    below = {name: sum(memory[p] for p in memory if parents.get(p) == name) for name in named}
    return [memory[name] + below[name] for name in named]


def decode_alone(folder: Path, n_threads: int) -> dict[str, float]:
    """Decode what a scan would listen to, and nothing else."""
    from scan import decode_only  # noqa: PLC0415

    from tagger.model.catalogue import DEFAULT, find_model  # noqa: PLC0415
    from tagger.model.load import load_engine  # noqa: PLC0415
    from tagger.scan.records import ListenOptions  # noqa: PLC0415

    engine = load_engine(find_model(DEFAULT), device="cpu")
    paths = sorted(folder.rglob("*.flac"))
    started = time.monotonic()
    decode_only(paths, engine, ListenOptions(n_decoders=n_threads))
    return {"total_s": time.monotonic() - started, "n": len(paths)}


def arm(*words: str) -> dict[str, float]:
    """Run one arm in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "arm", *words], check=True, capture_output=True, text=True
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


ARMS: dict[str, Callable[..., dict[str, float]]] = {
    "files": lambda folder: scan_files(Path(folder)),
    "cluster": lambda folder, model="default": scan_cluster(Path(folder), model=model),
    "actors": lambda folder, n: scan_cluster(Path(folder), n_actors=int(n)),
    "decode": lambda folder, n: decode_alone(Path(folder), int(n)),
}


def overhead(given: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Files and objects in turn."""
    music = make_tracks(folder / "music", given.tracks)
    rounds = []
    for _ in range(given.rounds):
        files, objects = arm("files", str(music)), arm("cluster", str(music))
        ratio = files["total_s"] / objects["total_s"]
        running = files["total_s"] / objects["scan_s"]
        print(f"{ratio:.3f} with start-up, {running:.3f} without", objects, flush=True)
        rounds.append((ratio, running, files["n"] / files["total_s"], objects))
    last = rounds[-1][3]
    return {
        "tracks": given.tracks,
        "files_a_second": round(statistics.median(figures[2] for figures in rounds), 2),
        "ratio": round(statistics.median(figures[0] for figures in rounds), 3),
        "ratio_without_start_up": round(statistics.median(figures[1] for figures in rounds), 3),
        **{name: round(last[name], 1) for name in ("startup_s", "driver_mib", "actor_mib")},
        "bytes_a_row": round(last["bytes_a_row"], 1),
    }


def actors(given: argparse.Namespace, folder: Path) -> dict[str, object]:
    """One and two actors, and decoding alone in one and two threads, in turn."""
    music = make_tracks(folder / "music", given.tracks)
    gains = []
    for _ in range(given.rounds):
        scans = [arm("actors", str(music), str(n))["scan_s"] for n in (1, 2)]
        decoding = [arm("decode", str(music), str(n))["total_s"] for n in (1, 2)]
        gains.append((scans[0] / scans[1], decoding[0] / decoding[1]))
        print(f"actors {gains[-1][0]:.2f}, decoding {gains[-1][1]:.2f}", flush=True)
    scan, decode = (statistics.median(gain[i] for gain in gains) for i in (0, 1))
    return {
        "actors_gain": round(scan, 3),
        "decoding_gain": round(decode, 3),
        "share": round(scan / decode, 3),
    }


def growth(given: argparse.Namespace, folder: Path) -> dict[str, object]:
    """More and more objects of the smallest kind."""
    from tests.learning.tone_model import save_tone_model  # noqa: PLC0415

    model = save_tone_model(folder / "tone.onnx")

    def rows() -> Iterator[dict[str, float]]:
        for n in given.objects:
            music = make_small(folder / str(n) / "music", n)
            figures = arm("cluster", str(music), str(model))
            row = {
                "objects": n,
                "ms_an_object": round(1e3 * figures["scan_s"] / n, 3),
                **{key: round(figures[key], 1) for key in ("startup_s", "driver_mib")},
                "actor_mib": round(figures["actor_mib"], 1),
                "bytes_a_row": round(figures["bytes_a_row"], 1),
            }
            print(row, flush=True)
            yield row

    return {"growth": list(rows())}


def paper(given: argparse.Namespace, _folder: Path) -> dict[str, object]:
    """What 100 million tracks take: arithmetic on measured figures."""
    core_s = given.core_s
    if core_s is None:
        figures = arm("files", str(given.music))
        core_s = figures["cpu_s"] / figures["n"]
    n, parts = 100_000_000, 100_000_000 / given.part_len
    return {
        "core_s_a_track": round(core_s, 3),
        "core_hours": round(n * core_s / 3600),
        "hours_on_1000_cores": round(n * core_s / 3600 / 1000, 1),
        "requests_get": n,
        "requests_list": n // 1000,
        "requests_of_parts": round(3 * parts),
        "egress_tb": round(n * given.track_mb / 1e6, 1),
        "gbit_a_second_on_1000_cores": round(1000 / core_s * given.track_mb * 8 / 1e3, 1),
        "parquet_gb": round(n * given.row_bytes / 1e9, 1),
        "parts": round(parts),
        "listing_hours_at_5000_keys_a_second": round(n / 5000 / 3600, 1),
    }


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["arm"]:
        print(json.dumps(ARMS[sys.argv[2]](*sys.argv[3:])))
        return
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("what", choices=["overhead", "actors", "growth", "paper"])
    parser.add_argument("--tracks", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--objects", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--folder", type=Path, help="where the audio is made")
    parser.add_argument("--music", type=Path, help="songs, for the time of a track")
    parser.add_argument("--core-s", type=float, help="processor time of a track, if known")
    parser.add_argument("--row-bytes", type=float, default=558.5)
    parser.add_argument("--track-mb", type=float, default=8.0)
    parser.add_argument("--part-len", type=int, default=256)
    given = parser.parse_args()
    measures = {"overhead": overhead, "actors": actors, "growth": growth, "paper": paper}
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        emit({"what": given.what, **measures[given.what](given, Path(folder))})


if __name__ == "__main__":
    main()
