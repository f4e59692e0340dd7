"""Thousands of damaged files against every promise: `mutate.py [-n 5000] [--first SEED]`.

Each mutant (bit flips, truncations, splices, lengths that lie, inserted zeros, repeated bytes)
is read, heard, written three times and undone in a worker process (tests/mutants.py says what
must be true). A worker that dies or hangs is replaced, and the mutant's seed is named;
`--first SEED -n 1 --keep FOLDER` makes that mutant again and leaves it there. The last line is
one JSON object; the exit code is 1 if anything was wrong.

The originals are synthesised in every container, and the files of `tagged-files` under
--data (or TAGGER_DATA), if there.
"""

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.mutants import judge, mutant, originals

SLOW_S = 5.0
GIVE_UP_S = 60.0


def work(files: list[Path], folder: Path, keep: Path | None) -> None:
    """The worker: a seed a line in, a verdict a line out."""
    for line in sys.stdin:
        seed = int(line)
        original, data = mutant(files, seed)
        path = folder / f"mutant{original.suffix}"
        if keep is not None:
            (keep / f"{seed}-{original.name}").write_bytes(data)
        try:
            verdict = asdict(judge(path, data, seed))
        except Exception:  # noqa: BLE001, a verdict as well
            verdict = {"faults": [traceback.format_exc()]}
        print(json.dumps({"seed": seed, "original": original.name, **verdict}), flush=True)
        for left in folder.iterdir():
            left.unlink()


@dataclass
class Counts:
    """What all mutants have come to."""

    n_mutants: int = 0
    n_heard: int = 0
    n_changes: int = 0
    slowest_s: float = 0.0
    faults: list[dict[str, object]] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)

    def fault(self, seed: int, original: str, what: str, kind: str) -> None:
        """Note, and say at once, what is wrong with a mutant."""
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.faults.append({"seed": seed, "original": original, "fault": what})
        print(f"seed {seed} ({original}): {what}", file=sys.stderr, flush=True)

    def add(self, verdict: dict[str, object]) -> None:
        """Count one verdict."""
        self.n_mutants += 1
        self.n_heard += bool(verdict.get("is_heard"))
        self.n_changes += int(verdict.get("n_changes", 0))  # type: ignore[call-overload]
        seed, original = verdict["seed"], verdict["original"]
        for fault in verdict["faults"]:  # type: ignore[attr-defined]
            self.fault(seed, original, fault, "wrong")  # type: ignore[arg-type]
        for step, took_s in verdict.get("steps_s", {}).items():  # type: ignore[attr-defined]
            self.slowest_s = max(self.slowest_s, took_s)
            if took_s > SLOW_S:
                self.fault(seed, original, f"{step} took {took_s:.1f} s", "slow")  # type: ignore[arg-type]


class Worker:
    """One process that judges mutants."""

    def __init__(self, arguments: list[str]) -> None:
        command = [sys.executable, __file__, "--worker", *arguments]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def judge(self, seed: int) -> dict[str, object] | str:
        """The verdict on a mutant, or how the process died."""
        assert self.process.stdin
        assert self.process.stdout
        timer = threading.Timer(GIVE_UP_S, self.process.kill)
        timer.start()
        started = time.monotonic()
        try:
            self.process.stdin.write(f"{seed}\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except OSError:
            line = ""
        finally:
            timer.cancel()
        if line:
            verdict: dict[str, object] = json.loads(line)
            return verdict
        code = self.process.wait()
        if time.monotonic() - started >= GIVE_UP_S:
            return f"it hangs for more than {GIVE_UP_S:.0f} s"
        return f"the process died with {code}"


def slowest_s(verdict: dict[str, object]) -> float:
    """The seconds of the slowest step."""
    return max(verdict.get("steps_s", {}).values(), default=0.0)  # type: ignore[attr-defined]


def run(seeds: "queue.Queue[int]", arguments: list[str], counts: Counts) -> None:
    """Have one worker after another judge seeds until there are none left."""
    worker = Worker(arguments)
    while True:
        try:
            seed = seeds.get_nowait()
        except queue.Empty:
            break
        verdict = worker.judge(seed)
        if not isinstance(verdict, str) and slowest_s(verdict) > SLOW_S:
            verdict = worker.judge(seed)  # was it the file, or another program on this machine?
        if isinstance(verdict, str):
            counts.n_mutants += 1
            counts.fault(seed, "", verdict, "died")
            worker = Worker(arguments)
        else:
            counts.add(verdict)
    worker.process.kill()


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("-n", type=int, default=5000, help="how many mutants")
    parser.add_argument("--first", type=int, default=0, help="seed of the first")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes")
    parser.add_argument("--data", type=Path, default=os.environ.get("TAGGER_DATA"))
    parser.add_argument("--keep", type=Path, help="leave the mutants in this folder")
    parser.add_argument("--worker", nargs=2, type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Make, judge, count, print."""
    given = parse()
    if given.worker:
        files, folder = given.worker
        with tempfile.TemporaryDirectory(dir=folder) as own:
            work(sorted(files.iterdir()), Path(own), given.keep)
        return
    with tempfile.TemporaryDirectory() as top:
        files, folder = Path(top, "originals"), Path(top, "work")
        files.mkdir()
        folder.mkdir()
        collections = [given.data / "tagged-files"] if given.data else []
        made = Path(top, "made")
        made.mkdir()
        for number, path in enumerate(originals(made, collections)):
            shutil.copyfile(path, files / f"{number:03d}-{path.name}")
        arguments = [str(files), str(folder)]
        arguments += ["--keep", str(given.keep)] if given.keep else []
        seeds: queue.Queue[int] = queue.Queue()
        for seed in range(given.first, given.first + given.n):
            seeds.put(seed)
        counts, started = Counts(), time.monotonic()
        threads = [
            threading.Thread(target=run, args=(seeds, arguments, counts))
            for _ in range(given.jobs)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        result = {
            "date": time.strftime("%Y-%m-%d"),
            "n_originals": len(list(files.iterdir())),
            **asdict(counts),
            "elapsed_s": round(time.monotonic() - started, 1),
        }
    print(json.dumps(result))
    raise SystemExit(1 if counts.faults else 0)


if __name__ == "__main__":
    main()
