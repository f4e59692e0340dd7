"""Every speed goal in one run, as `make bench` does it: `goals.py [--only SCRIPT...]`.

Each row comes from a script of its own, which can be run alone and with larger numbers; all of
them compare two things on this machine, in turn, and take medians. The last line is one JSON
object with the output of every script.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import emit

HERE = Path(__file__).parent
Figures = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """One row: what is measured, which figure it is, and what it should be."""

    what: str
    script: str
    figure: Callable[[Figures], float]
    limit: float
    is_most: bool  # the limit is the most that it may be; otherwise the least

    def is_met(self, value: float) -> bool:
        """Whether a measured value is good enough."""
        return value <= self.limit if self.is_most else value >= self.limit

    def row(self, value: float) -> str:
        """The row as people read it."""
        sign = "<=" if self.is_most else ">="
        mark = "met" if self.is_met(value) else "MISSED"
        return f"{self.what:<62} {value:>8.3f}  {sign} {self.limit:<6g} {mark}"


SCRIPTS = {
    "scan": ["--rounds", "3"],
    "usual_way": ["--files", "40", "--rounds", "3"],
    "spread": ["--windows", "6"],
    "start_up": [],
    "scaling": ["--files", "20", "--rounds", "3"],
    "fill": [],
    "memory": ["--files", "40", "1000"],
    "library": ["--files", "1000", "10000", "--rounds", "3"],
}

GOALS = (
    Goal("default scan over decoding alone", "scan",
         lambda f: f["default"]["ratio"], 1.15, True),
    Goal("scan --full over decoding alone", "scan", lambda f: f["full"]["ratio"], 1.20, True),
    Goal("fill: share of listing and reading tags alone", "fill",
         lambda f: f["share_of_reading_alone"], 0.8, False),
    Goal("times faster than librosa and PyTorch, default", "usual_way",
         lambda f: f["times_faster_default"], 10, False),
    Goal("times faster than librosa and PyTorch, --full", "usual_way",
         lambda f: f["times_faster_full"], 4, False),
    Goal("same first label, default windows and --full", "spread",
         lambda f: f["6_windows"]["same_first_label"], 0.97, False),
    Goal("tagger --help, seconds", "start_up", lambda f: f["help_s"], 0.3, True),
    Goal("tagger predict of a 3-minute mp3, seconds", "start_up",
         lambda f: f["predict_s"], 1.2, True),
    Goal("memory, many files over 40, one of ten hours", "memory",
         lambda f: f["ratio"], 1.1, True),
    Goal("memory, MiB", "memory", lambda f: max(f["peak_mib"].values()), 600, True),
    Goal("speed-up from cores over that of decoding alone", "scaling",
         lambda f: min(figures["share"] for figures in f["cores"].values()), 0.9, False),
    Goal("unchanged library of 10,000 over `find`, without the start", "library",
         lambda f: f["sizes"][-1]["settled"]["pass_ratio_s"], 2.0, True),
    Goal("the same with the start of the program", "library",
         lambda f: f["sizes"][-1]["settled"]["ratio_s"], 2.0, True),
    Goal("first scan, seconds a file, 10,000 over 1,000", "library",
         lambda f: (f["sizes"][-1]["first"]["s"] / f["sizes"][-1]["n_files"])
         / (f["sizes"][0]["first"]["s"] / f["sizes"][0]["n_files"]), 1.1, True),
)  # fmt: skip


def run(script: str, words: list[str]) -> Figures:
    """The last line of a script's output."""
    started = time.perf_counter()
    print(f"{script} {' '.join(words)} ...", file=sys.stderr, end=" ", flush=True)
    done = subprocess.run(
        [sys.executable, str(HERE / f"{script}.py"), *words],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", nargs="+", choices=list(SCRIPTS), default=list(SCRIPTS))
    given = parser.parse_args()
    figures = {script: run(script, SCRIPTS[script]) for script in given.only}
    for goal in GOALS:
        if goal.script in figures:
            print(goal.row(goal.figure(figures[goal.script])))
    emit(figures)


if __name__ == "__main__":
    main()
