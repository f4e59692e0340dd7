"""The functions that one file passes in a scan that writes: `path_of_a_file.py [MUSIC]`.

One real scan of one file is watched. Wherever the file becomes something else (asked for,
found in its folder, handed to the threads, inspected, decoded, scored, decided, to be written,
planned, copied, renamed), the functions of `tagger` that are at work are noted, with all that
called them: what a reader opens from `tagger/cli/scan.py` to the renamed file. Each counts
once, where it is passed first; a step back leads into a module that was passed and left before.
Functions that are called on the way and answer are not opened. The last line is JSON.

Without MUSIC, a tone is synthesised; a copy of the file is written, never itself.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tagger.cli.app import app  # noqa: E402
from tests.synth_audio import make_audio  # noqa: E402

FIRST = "tagger/cli/scan.py"
"""Where the path begins; what calls it belongs to no command."""

RECORDS = {
    "FileEntry": "found",
    "Inspected": "inspected",
    "TrackResult": "decided",
    "WriteRequest": "to be written",
    "PreparedWrite": "planned",
}
"""Records, by what has become of the file when one is made."""

CALLS = {
    "Tagger.scan": "asked for",
    "Pipeline.put": "handed over",
    "DecodeProcess.listen": "decoded",
    "Pipeline._score": "scored",
    "PreparedWrite.make": "copied",
}
"""What becomes of the file in functions that make no such record."""


class Step(NamedTuple):
    """One function on the path.

    Attributes:
        module: its file below the repository.
        function: its qualified name.
        station: what has become of the file when it was noted.
    """

    module: str
    function: str
    station: str


class Watch:
    """Notes who is at work at each station, in all threads of this process."""

    def __init__(self) -> None:
        self.stations: dict[str, list[list[Step]]] = {}
        self._lock = threading.Lock()

    def profile(self, frame: FrameType, event: str, _argument: Any) -> None:
        """For `sys.setprofile`."""
        if event != "call":
            return
        code = frame.f_code
        if (station := CALLS.get(code.co_qualname)) is not None:
            self._note(station, frame)
        elif code.co_filename == "<string>":  # what dataclasses and named tuples generate
            station = RECORDS.get(_made(frame))
            if station is not None:
                self._note(station, frame.f_back)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """For `sys.addaudithook`."""
        if event == "os.rename" and ".tagger-" in os.fspath(arguments[0]):
            self._note("renamed", sys._getframe(1))  # noqa: SLF001

    def _note(self, station: str, frame: FrameType | None) -> None:
        steps: list[Step] = []
        while frame is not None:
            if (module := _module(frame.f_code)) is not None:
                steps.append(Step(module, frame.f_code.co_qualname, station))
            frame = frame.f_back
        with self._lock:
            if "renamed" not in self.stations:  # what becomes of the result is another path
                self.stations.setdefault(station, []).append(steps[::-1])


def _made(frame: FrameType) -> str:
    """The name of the class whose record is made, if the frame makes one."""
    first = frame.f_locals.get("self", frame.f_locals.get("_cls"))
    return first.__name__ if isinstance(first, type) else type(first).__name__


def _module(code: CodeType) -> str | None:
    path = Path(code.co_filename)
    is_ours = path.is_relative_to(ROOT / "tagger") and not code.co_name.startswith("<")
    return path.relative_to(ROOT).as_posix() if is_ours else None


def path_of(watch: Watch) -> list[Step]:
    """The functions in the order in which the file passes them."""
    passed: dict[tuple[str, str], Step] = {}
    for *_, steps in watch.stations.values():  # where a record is made whole: the last time
        names = [step.module for step in steps]
        start = names.index(FIRST) if FIRST in names else 0
        for step in steps[start:]:
            passed.setdefault(step[:2], step)
    return list(passed.values())


def steps_back(path: Sequence[Step]) -> Iterator[Step]:
    """Those that lead into a module that was passed and left before."""
    left: set[str] = set()
    for before, step in pairwise(path):
        if step.module != before.module:
            left.add(before.module)
            if step.module in left:
                yield step


def scan_one(music: Path | None) -> list[Step]:
    """Watch a scan of one file that writes."""
    watch = Watch()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "music"
        folder.mkdir()
        file = (
            make_audio(folder, "mp3", duration_s=20.0) if music is None else folder / music.name
        )
        if music is not None:
            shutil.copy(music, file)
        before = file.read_bytes()
        state = ["--state", f"{name}/state.db", "--jobs", "1"]
        command = ["scan", str(folder), "--write-tags", "--policy", "replace", *state]
        threading.setprofile(watch.profile)
        sys.addaudithook(watch.audit)
        sys.setprofile(watch.profile)
        try:
            done = CliRunner().invoke(
                app, [*command, "--threshold", "0"], catch_exceptions=False
            )
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]
        if file.read_bytes() == before:
            raise SystemExit(f"nothing was written: {done.output}")
    return path_of(watch)


def main() -> None:
    """Print the path and count it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("music", type=Path, nargs="?")
    path = scan_one(parser.parse_args().music)
    back = set(steps_back(path))
    for number, step in enumerate(path, 1):
        sign = "<-" if step in back else "  "
        print(f"{number:3} {sign} {step.module:38} {step.function:44} {step.station}")
    print(json.dumps({"functions": len(path), "steps_back": len(back)}))


if __name__ == "__main__":
    main()
