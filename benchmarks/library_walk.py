"""An owner's way through scan, report, edited CSV, apply, audit and undo, written down.

    python benchmarks/library_walk.py LIBRARY [--out docs/library.md]

Works on a copy of LIBRARY in a temporary folder and writes the page with what the commands
really print. Run it again after a change of the model or of an output. The last line is JSON.
"""

import argparse
import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
RUN = [sys.executable, "-c", "from tagger.cli.app import main; main()"]
SHOWN = 24

SETTINGS = """\
max_genres = 2
letter_case = "title"
protected = ["Oldies"]
read_as_several = ["/"]

[aliases]
"General Rock" = "Rock"

[tree]
"Metal" = ["Rock"]
"Surf" = ["Rock"]
"Synthpop" = ["Pop"]
"Punk" = ["Rock"]
"""


def main() -> None:
    """Walk, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "library.md")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(options.library, Path(folder) / "library")
        for path in Path(folder).rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        walk = Walk(Path(folder))
        text = "\n".join(part for step in STEPS for part in step(walk))
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(text + "\n", encoding="utf-8")
    figures = {"page": str(options.out), "seconds": round(time.monotonic() - started, 1)}
    print(json.dumps(figures | {"exit_codes": walk.codes}))


class Walk:
    """A copy of the library and the commands that were run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.codes: dict[str, int] = {}
        self.before = digests(folder / "library")

    def run(self, *args: str, shown: int = SHOWN) -> list[str]:
        """Run a command; the lines of the page that show it and what it printed."""
        environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100",
            "TAGGER_CONFIG": str(self.folder / "config.toml"),
            "XDG_STATE_HOME": str(self.folder / "state"),  # the owner's journal is not ours
            "XDG_DATA_HOME": str(self.folder / "data"),
        }  # fmt: skip
        done = subprocess.run(
            [*RUN, *args],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        command = " ".join(f"'{arg}'" if " " in arg else arg for arg in args)
        self.codes[command] = done.returncode
        lines = [line.rstrip() for line in done.stdout.splitlines() if not is_noise(line)]
        lines = [line.replace(str(self.folder) + "/", "") for line in lines]
        while lines and not lines[-1]:
            lines.pop()
        if len(lines) > shown:
            half = shown // 2
            lines = [*lines[:half], f"... {len(lines) - 2 * half} lines ...", *lines[-half:]]
        return ["```console", f"$ tagger {command}", *lines, "```", ""]

    def rows(self, name: str) -> list[dict[str, str]]:
        """The rows of a report."""
        with (self.folder / name).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def save(self, name: str, rows: list[dict[str, str]]) -> None:
        """Write rows as a spreadsheet would."""
        with (self.folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def is_noise(line: str) -> bool:
    """Progress, and what depends on the machine only."""
    return line.startswith("Running on the CPU") or (" files, " in line and "/s" in line)


def intro(walk: Walk) -> list[str]:
    """What the page is."""
    n_files = sum(path.is_file() for path in (walk.folder / "library").rglob("*"))
    return [
        "# A walk through a library",
        "",
        f"What the owner of a small library ({n_files} mp3 files as they were found, with the",
        "genres that they had) does with `tagger`, with what it really prints. The page is",
        "made by `python benchmarks/library_walk.py LIBRARY`; what is heard depends on the",
        "model.",
        "",
    ]


def settings(walk: Walk) -> list[str]:
    """Make the settings one's own."""
    shown = walk.run("config", "init")
    (walk.folder / "config.toml").write_text(SETTINGS, encoding="utf-8")
    return [
        "## 1. Say what genres are called",
        "",
        "`config init` writes a file in which everything is explained and nothing is set.",
        "",
        *shown,
        "After some editing it says:",
        "",
        "```toml",
        *SETTINGS.splitlines(),
        "```",
        "",
        *walk.run("config", "show"),
    ]


def look(walk: Walk) -> list[str]:
    """Scan and report."""
    shown = walk.run("scan", "library", "--report", "report.csv")
    walk.run("scan", "library", "--score-all", "--report", "report.html")
    size_kb = (walk.folder / "report.html").stat().st_size // 1000
    return [
        "## 2. Look",
        "",
        "Nothing is changed. Files that have a genre keep it and are not even decoded.",
        "",
        *shown,
        f"`--report report.html` makes a page instead ({size_kb} kB here) that works offline,",
        "can be searched and sorted, and shows what would change by genre and by folder:",
        "here with synthetic rows.",
        "",
        "![The report on a desk](img/report.png)",
        "",
    ]


def correct(walk: Walk) -> list[str]:
    """Edit the table, apply it."""
    rows = walk.rows("report.csv")
    to_write = [row for row in rows if row["status"] in {"proposed", "abstained"}]
    for row in to_write:
        artist = Path(row["path"]).parts[1]
        row["genres"] = MINE.get(artist, row["genres"])
    walk.save("report.csv", [row for row in to_write if row["genres"]])
    edited = [f"{Path(row['path']).name}: {row['genres']}" for row in to_write if row["genres"]]
    return [
        "## 3. Correct, and apply",
        "",
        "In a spreadsheet, rows that shall stay as they are were deleted and genres were",
        "corrected. `genres` is what a file will hold, `previous` what it holds. Now the table",
        "says",
        "",
        "```text",
        *edited,
        "```",
        "",
        *walk.run("apply", "report.csv", "--dry-run"),
        *walk.run("apply", "report.csv"),
        "Applied again, nothing is left to do:",
        "",
        *walk.run("apply", "report.csv", "--quiet"),
        "",
    ]


MINE = {
    "Korn": "Nu Metal; Metal",
    "Manowar": "Heavy Metal",
    "Anthrax": "Thrash Metal; Hip-Hop",
    "Trivium": "Metalcore",
    "Rise Against": "Punk",
}


def audit(walk: Walk) -> list[str]:
    """Look at what was there before."""
    shown = walk.run("audit", "library", "--report", "audit.csv", shown=60)
    rows = walk.rows("audit.csv")[:1]
    walk.save("audit.csv", rows)
    return [
        "## 4. Audit the genres that were there",
        "",
        "Files whose genre disagrees with the model, the most certain first; spellings;",
        "empty, numeric and meaningless genres. Whether the model or the tag is right is for",
        "the owner to say.",
        "",
        *shown,
        "Its CSV is applied like that of a scan. All rows but the first were deleted:",
        "",
        *walk.run("apply", "audit.csv"),
    ]


def timeline(walk: Walk) -> list[str]:
    """One track over time."""
    track = max(walk.folder.rglob("*.mp3"), key=lambda path: (path.stat().st_size, path))
    return [
        "## 5. Look into one track",
        "",
        "`--plot FILE.png` draws the same with the waveform.",
        "",
        *walk.run(
            "predict", str(track.relative_to(walk.folder)), "--timeline", "--top", "1", shown=40
        ),
    ]


def undo(walk: Walk) -> list[str]:
    """Take it back, and see whether it is what it was."""
    shown = [*walk.run("runs"), *walk.run("undo", "--dry-run"), *walk.run("undo")]
    shown += walk.run("undo", "1")
    now = digests(walk.folder / "library")
    changed = sorted(
        path for path in now | walk.before if now.get(path) != walk.before.get(path)
    )
    verdict = f"byte for byte what they were: {len(now)} of {len(now)}"
    if changed:
        verdict = f"not what they were: {', '.join(changed)}"
    return [
        "## 6. Take it back",
        "",
        "What was written stands in a journal with the bytes that were there before.",
        "",
        *shown,
        f"The files are {verdict}.",
    ]


def digests(folder: Path) -> dict[str, str]:
    """Path to SHA-256 of every file."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


STEPS: tuple[Callable[[Walk], list[str]], ...] = (
    intro, settings, look, correct, audit, timeline, undo,
)  # fmt: skip

if __name__ == "__main__":
    main()
