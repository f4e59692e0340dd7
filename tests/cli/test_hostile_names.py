"""Names, tags and models that try to command a terminal, a table, a page or a drawing."""

import csv
import functools
import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from tagger.cli import app
from tagger.model import load
from tagger.system import quiet
from tagger.tags import read_tags
from tagger.text import text_of
from tagger.writing.safe_write import write_genres
from tests.tones import write_chords

ROOT = Path(__file__).parents[2]
NAME = (
    "\x1b]0;owned\x07\x1b[31mA\x9b2J\u202e\n$\\frac{$[bold]b[link=x]:skull:"
    "<img src=x onerror=go()>\\"
)
GENRE = NAME + "[/nope]</script><script>go()</script>\u2028=cmd()"
COMMANDS = {
    "scan": (1, "scan", "music"),
    "scan-verbose": (1, "scan", "music", "--verbose", "--policy", "append", "--score-all"),
    "scan-json": (1, "scan", "music", "--json", "--policy", "append"),
    "scan-nothing": (1, "scan", f"{NAME}.csv"),
    "scan-no-such": (2, "scan", f"no {NAME}"),
    "scan-option": (2, "scan", f"--{NAME}"),
    "scan-model": (2, "scan", "music", "--model", NAME),
    "scan-set": (2, "scan", "music", "--set", f"{NAME}=1"),
    "write": (
        1,
        "scan",
        "music",
        "--write-tags",
        "--threshold",
        "0.01",
        "--policy",
        "append",
        "--state",
        "s.db",
    ),
    "runs": (0, "runs", "--state", "s.db"),
    "undo": (0, "undo", "--state", "s.db"),
    "predict": (1, "predict", "music"),
    "predict-timeline": (1, "predict", "music", "--timeline"),
    "predict-json": (1, "predict", "music", "--json", "--timeline"),
    "predict-plot": (0, "predict", f"music/{NAME}.flac", "--plot", f"{NAME}.svg"),
    "audit": (1, "audit", "music"),
    "audit-json": (1, "audit", "music", "--json"),
    "apply": (1, "apply", "edited.csv"),
    "apply-noise": (1, "apply", f"{NAME}.csv"),
    "models": (0, "models"),
    "models-json": (0, "models", "--json"),
    "doctor": (0, "doctor"),
    "doctor-json": (0, "doctor", "--json"),
    "config": (0, "config", "show"),
    "bench": (2, "bench", f"no {NAME}"),
}
"""Exit code and arguments."""


@pytest.fixture(scope="module")
def load_once():
    """Models load once for all commands."""
    return functools.cache(load.load_engine)


@pytest.fixture
def library(tmp_path, monkeypatch, load_once):
    """Hostile file names, genres, folders, tables and models, and the current folder."""
    for name, genres in ((NAME, []), (f"-{NAME}2", [GENRE, "Jazz"]), (f"{NAME}/deep", ["17"])):
        path = write_chords(tmp_path / "music" / f"{name}.flac", 440, seconds=3)
        if genres:
            write_genres(path, genres)
    broken = tmp_path / "music" / f"{NAME}.mp3"
    broken.write_bytes(b"ID3\x04\0\0\0\0\0\0 no music" * 9)
    os.rename(broken, os.fsencode(broken) + b"\xff.mp3")  # noqa: PTH104, bytes
    (tmp_path / f"{NAME}.csv").write_text(f"path,genres,previous,{NAME}\n{NAME},a,\n,,,\n")
    with (tmp_path / "edited.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "genres", "previous"])
        rows.writerow([f"music/{NAME}.flac", GENRE, ""])
        rows.writerow([f"music/no {NAME}", "Jazz", ""])
    models = tmp_path / "data" / "tagger" / "models"
    models.mkdir(parents=True)
    (models / f"{NAME}.onnx").write_bytes(NAME.encode() * 9)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / f"{NAME}.toml").touch()
    monkeypatch.setenv("TAGGER_CONFIG", str(tmp_path / f"{NAME}.toml"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(quiet, "silence_native_stderr", lambda: None)
    monkeypatch.setattr(load, "load_engine", load_once)
    return tmp_path


@pytest.fixture
def tagger(monkeypatch, capsys):
    """Runs a command here; its exit code, and what it says on both streams."""

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["tagger", *map(str, args)])
        with pytest.raises(SystemExit) as end:
            app.main()
        return end.value.code or 0, capsys.readouterr()

    return run


def assert_harmless(text):
    """Nothing in it but lines that a terminal shows."""
    odd = {item for item in text if unicodedata.category(item) in {"Cc", "Cs", "Zl", "Zp"}}
    assert odd <= {"\n"}
    assert "\u202e" not in text


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_reaches_the_terminal(library, tagger, command):
    """Whatever stands in names, tags, tables and models, every command prints plain lines."""
    if command in {"runs", "undo"}:
        tagger(*COMMANDS["write"][1:])
    expected, *arguments = COMMANDS[command]
    code, said = tagger(*arguments)
    assert code == expected, said.err
    assert_harmless(said.out)
    assert_harmless(said.err)
    assert "Traceback" not in said.err
    assert "💀" not in said.out + said.err  # nobody asked for pictures
    assert said.out + said.err


def test_json_says_the_very_same(library, tagger):
    """A program gets every character of a tag, and of a name all that is text."""
    _, said = tagger("scan", "music", "--json", "--policy", "append")
    records = {
        splitline["path"]: splitline for splitline in map(json.loads, said.out.splitlines())
    }
    assert len(records) == 4
    assert records[f"music/-{NAME}2.flac"]["previous"] == [GENRE, "Jazz"]
    assert records[f"music/{NAME}.flac"]["status"] in {"proposed", "abstained"}
    (failed,) = (record for record in records.values() if record["status"] == "failed")
    assert failed["path"].endswith("\\xff.mp3")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "html"])
def test_reports_are_harmless_in_a_terminal_a_spreadsheet_and_a_browser(
    library, tagger, suffix
):
    """No control character is in the file, no cell is a formula, no tag ends the script."""
    tagger("scan", "music", "--policy", "append", "--score-all", "--report", f"r.{suffix}")
    text = Path(f"r.{suffix}").read_text(encoding="utf-8")
    assert_harmless(text)
    if suffix == "html":
        data = text.partition('<script type="application/json"')[2] or text
        assert "<img src=x" not in data
        assert "<script>go" not in data
        assert text.count("</script>") == re.sub(r"go\(\)", "", text).count("</script>")
    if suffix == "csv":
        with Path("r.csv").open(newline="", encoding="utf-8") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_an_edited_report_finds_its_hostile_files_again(library, tagger):
    """What the CSV shows as numbers leads back to the file, whose other genres stay exact."""
    tagger("scan", "music", "--report", "r.csv", "--threshold", "0.01", "--top", "1")
    tagger("apply", "r.csv", "--state", "s.db")
    assert read_tags(Path(f"music/{NAME}.flac")).genres != ()
    assert read_tags(Path(f"music/-{NAME}2.flac")).genres == (GENRE, "Jazz")


def test_a_terminal_is_told_colours_by_nobody_but_us(library):
    """On a real terminal, where the bar is drawn, no sequence of a file gets through."""
    ours, theirs = pty.openpty()
    code = "from tagger.cli.app import main; main()"
    arguments = ["scan", "music", "--verbose", "--policy", "append", "--score-all"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"},
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            block = os.read(ours, 1 << 16)
        except OSError:  # the terminal is closed from the other side
            break
        if not block:
            break
        said += block
    assert process.wait(240) == 1
    os.close(ours)
    assert b"\x1b[" in said  # our own colours
    for bad in (b"\x1b]", b"\x07", b"\x1b[31mA", b"\xc2\x9b", "\u202e".encode(), b"\xff"):
        assert bad not in said
    assert text_of(Path("Summary")).encode() in said
