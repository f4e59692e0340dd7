"""Is one checkout slower than another? `two_trees.py BEFORE AFTER MUSIC [--rounds N]`.

Runs the commands of both in turn, over the same music: `fill` (nothing is decoded: name a
folder of files that have a genre), `unchanged` (the second scan of it), `told` (the same with a
line of JSON a file), `default` and `full` (decoded and scored). For each the medians, and the
median of the paired ratios, of processor time (with the decoding processes) and of the wall
clock. The last line is one JSON object.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import emit

RUN = [sys.executable, "-c", "from tagger.cli.app import main; main()"]
JOBS = {
    "fill": ("--no-state",),
    "unchanged": (),
    "told": ("--json",),
    "default": ("--no-state", "--score-all"),
    "full": ("--no-state", "--score-all", "--full"),
}


def run(tree: Path, words: list[str], state: Path) -> tuple[float, float]:
    """Processor and wall seconds of one command of a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "TAGGER_STATE": str(state)}
    started = time.perf_counter()
    process = subprocess.Popen(
        [*RUN, "scan", "--device", "cpu", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=tree,  # in front of PYTHONPATH, for -c
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 1}:
        raise SystemExit(f"{tree}: {' '.join(words)}: exit code {process.returncode}")
    return used.ru_utime + used.ru_stime, time.perf_counter() - started


def compare(
    trees: tuple[Path, Path], words: list[str], states: Path, *, n_rounds: int
) -> dict[str, float]:
    """Both trees in turn, after one run of each that warms caches and state."""
    places = [(tree, states / f"{i}.db") for i, tree in enumerate(trees)]
    for tree, state in places:
        run(tree, words, state)
    runs = [[run(tree, words, state) for tree, state in places] for _ in range(n_rounds)]
    result = {}
    for i, kind in enumerate(("processor", "wall")):
        before, after = ([figures[k][i] for figures in runs] for k in (0, 1))
        result[f"before_{kind}_s"] = round(statistics.median(before), 3)
        result[f"after_{kind}_s"] = round(statistics.median(after), 3)
        ratios = [b / a for a, b in zip(before, after, strict=True)]
        result[f"{kind}_ratio"] = round(statistics.median(ratios), 3)
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("music", type=Path)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    trees, music = (given.before.resolve(), given.after.resolve()), given.music.resolve()
    result: dict[str, object] = {}
    for name in given.jobs:
        with tempfile.TemporaryDirectory() as states:
            words = [*JOBS[name], str(music)]
            result[name] = compare(trees, words, Path(states), n_rounds=given.rounds)
        print(f"{name}: {result[name]}", file=sys.stderr, flush=True)
    emit(result)


if __name__ == "__main__":
    main()
