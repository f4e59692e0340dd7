"""A large library: memory of the first scan, time of the second, size of the state.

    python benchmarks/library.py [--files 1000 10000 100000] [--rounds 5]

Makes a library of short files (WAV and FLAC of about a second, no two with the same audio, half
of them with a genre, twelve a folder), scans it twice with a state of its own, and compares the
second scan with `find` printing size and time of every file: in turn, medians. `settled` is
a library in which nothing is left to say (each file keeps its genre or none is sure enough),
`told` one where a line is printed for each proposal. The last line is one JSON object.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from mutagen.flac import FLAC
from mutagen.id3 import TCON
from mutagen.wave import WAVE

ROOT = Path(__file__).parent.parent
RUN = [sys.executable, "-c", "from tagger.cli.app import main; main()"]
RATE = 8_000
N_TEMPLATES = 200
PER_FOLDER = 12

SETTLED = ("--threshold", "0.999")
"""Under these options a file without a genre stays without one."""


def make_templates(folder: Path) -> list[bytes]:
    """Different sounds as WAV and FLAC; every other one says that it is jazz."""
    rng = np.random.default_rng(0)
    templates = []
    for i in range(N_TEMPLATES):
        seconds = np.arange(int(RATE * rng.uniform(0.7, 1.3))) / RATE
        tones = rng.uniform(80, 3000, size=3)
        wave = sum(np.sin(2 * np.pi * hz * seconds) for hz in tones) / 8
        wave = wave + rng.normal(scale=rng.uniform(0.001, 0.05), size=len(seconds))
        path = folder / f"template.{'wav' if i % 2 else 'flac'}"
        soundfile.write(path, wave.astype(np.float32), RATE, "PCM_16")
        if i % 4 < 2:
            _give_genre(path)
        templates.append(path.read_bytes())
        path.unlink()
    return templates


def _give_genre(path: Path) -> None:
    if path.suffix == ".flac":
        file = FLAC(path)
        file["genre"] = "jazz"
    else:
        file = WAVE(path)
        file.add_tags()
        file.tags.add(TCON(text=["jazz"]))
    file.save()


def make_library(folder: Path, n_files: int, templates: Sequence[bytes]) -> None:
    """Copies of the templates, each with a number in its audio so that no two are equal."""
    for i in range(n_files):
        album = i // PER_FOLDER
        place = folder / f"artist {album // 10:05d}" / f"album {album % 10}"
        if i % PER_FOLDER == 0:
            place.mkdir(parents=True)
        data = bytearray(templates[i % N_TEMPLATES])
        is_flac = data[:4] == b"fLaC"
        # In FLAC the checksum of the decoded audio, which players ignore; in WAV two samples.
        at = 26 if is_flac else data.index(b"data") + 8
        data[at : at + 4] = i.to_bytes(4, "little")
        name = f"{i % PER_FOLDER + 1:02d} A Title of Usual Length"
        (place / f"{name}.{'flac' if is_flac else 'wav'}").write_bytes(data)


def run(command: Sequence[str], environment: dict[str, str]) -> dict[str, float]:
    """Wall and processor seconds of a command, and its largest resident set in MiB."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )
    assert process.stderr
    output = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.perf_counter() - started
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {process.returncode}: {output.decode()}")
    rss_mib = used.ru_maxrss / 1024
    return {"s": wall_s, "cpu_s": used.ru_utime + used.ru_stime, "rss_mib": rss_mib}


def measure(
    folder: Path, n_files: int, templates: Sequence[bytes], *, rounds: int
) -> dict[str, object]:
    """Everything about a library of one size."""
    library, state = folder / "library", folder / f"{n_files}.db"
    make_library(library, n_files, templates)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TAGGER_STATE": str(state)}
    scan = [*RUN, "scan", "--device", "cpu", "--score-all"]
    result: dict[str, object] = {"n_files": n_files}
    first = run([*scan, str(library), *SETTLED], environment)
    result["first"] = _rounded(first)
    print(f"{n_files} first: {result['first']}", file=sys.stderr, flush=True)
    result["state_mib"] = round(state.stat().st_size / 2**20, 2)
    for name, options in (("settled", SETTLED), ("told", ())):
        result[name] = _compare([*scan, *options], library, environment, rounds)
        print(f"{n_files} {name}: {result[name]}", file=sys.stderr, flush=True)
    shutil.rmtree(library)
    return result


def _compare(
    scan: Sequence[str], library: Path, environment: dict[str, str], rounds: int
) -> dict[str, object]:
    """A scan, `find` and a scan of one known folder in turn, and the ratios of the medians.

    The scan of one folder is what it takes to start; `pass` is the rest of the whole scan.
    """
    commands = {
        "scan": [*scan, str(library)],
        "find": ["find", str(library), "-type", "f", "-printf", "%s %T@ %p\\n"],
        "start": [*scan, _any_folder(library)],
    }
    run(commands["scan"], environment)  # the first one under these options decides anew
    runs = [
        {name: run(command, environment) for name, command in commands.items()}
        for _ in range(rounds)
    ]
    medians = {
        name: {
            key: statistics.median(figures[name][key] for figures in runs)
            for key in ("s", "cpu_s")
        }
        for name in commands
    }
    rss = statistics.median(figures["scan"]["rss_mib"] for figures in runs)
    result: dict[str, object] = {name: _rounded(figures) for name, figures in medians.items()}
    for key in ("s", "cpu_s"):
        whole, start, find = (medians[name][key] for name in ("scan", "start", "find"))
        result[f"ratio_{key}"] = round(whole / find, 2)
        result[f"pass_ratio_{key}"] = round((whole - start) / find, 2)
    return result | {"rss_mib": round(rss, 1)}


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 3) for key, value in figures.items()}


def _any_folder(library: Path) -> str:
    return next(str(path.parent) for path in library.rglob("*.*") if path.is_file())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--files", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of the second scan")
    options = parser.parse_args()
    result: dict[str, object] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "date": time.strftime("%Y-%m-%d"),
        "sizes": [],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        templates = make_templates(folder)
        result["sizes"] = [
            measure(folder, n_files, templates, rounds=options.rounds)
            for n_files in options.files
        ]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
