"""The owner's desk from end to end, as a user does it, on synthesised files."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.tags import read_tags
from tagger.tags.payload import payload_hash
from tagger.writing.safe_write import write_genres
from tests.tones import write_chords

ROOT = Path(__file__).parents[2]
RUN = [sys.executable, "-c", "from tagger.cli.app import main; main()"]


@pytest.fixture
def desk(tmp_path):
    """A library of four files, settings of its own, and a function that runs the command."""
    music = tmp_path / "music"
    for i, (name, genres) in enumerate(
        [("a.flac", []), ("b.flac", ["Polka"]), ("c.flac", ["17"]), ("d \x1b[31m.flac", [])]
    ):
        path = write_chords(music / name, 200 + 900 * i, seconds=3)
        if genres:
            write_genres(path, genres)
    (music / "broken.mp3").write_bytes(b"no music" * 99)

    def run(*args, **environment):
        found = subprocess.run(
            [*RUN, *map(str, args)],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            check=False,
            env={
                **os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "140",
                "TAGGER_CONFIG": str(tmp_path / "config.toml"), **environment,
            },
        )  # fmt: skip
        assert "Traceback" not in found.stderr
        assert "\x1b[31m" not in found.stdout + found.stderr
        return found

    (tmp_path / "config.toml").write_text("")
    run.folder = tmp_path
    return run


def test_scan_edit_apply_audit(desk):
    """The way of `docs/library.md`: look, correct, apply, and look again."""
    options = ("--threshold", "0.01", "--top", "1", "--set", "letter_case=title")
    done = desk("scan", "music", "--report", "report.csv", *options)
    assert done.returncode == 1  # the broken file
    report = desk.folder / "report.csv"
    with report.open(newline="", encoding="utf-8") as file:
        rows = {Path(row["path"]).name: row for row in csv.DictReader(file)}
    assert rows["a.flac"]["status"] == "proposed"
    assert rows["a.flac"]["genres"].istitle()
    assert b"\x1b" not in report.read_bytes()

    rows["a.flac"]["genres"] = "Field Recording; Drone"
    rows["b.flac"]["genres"] = "Polka; Live"
    with report.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows["a.flac"]))
        writer.writeheader()
        writer.writerows(rows.values())
    before = (desk.folder / "music" / "a.flac").read_bytes()
    dry = desk("apply", "report.csv", "--dry-run")
    assert (dry.returncode, dry.stderr.splitlines()[-1]) == (
        0, "Nothing was changed: this was a dry run."
    )  # fmt: skip
    assert (desk.folder / "music" / "a.flac").read_bytes() == before
    applied = desk("apply", "report.csv", "--json")
    statuses = [json.loads(line)["status"] for line in applied.stdout.splitlines()]
    assert sorted(statuses) == ["unchanged"] * 2 + ["written"] * 3
    music = desk.folder / "music"
    assert read_tags(music / "a.flac").genres == ("Field Recording", "Drone")
    assert read_tags(music / "b.flac").genres == ("Polka", "Live")

    found = desk("audit", "music", "--threshold", "0.01", "--report", "audit.html")
    assert "A number instead of a genre (1)" in found.stdout
    assert "Polka" in found.stdout
    assert "numeric" in (desk.folder / "audit.html").read_text(encoding="utf-8")


def test_every_kind_of_report_has_the_same_files(desk):
    """CSV, JSON lines and the page carry the same rows."""
    n_rows = {}
    for suffix in ("csv", "jsonl", "html"):
        desk("scan", "music", "--report", f"r.{suffix}", "--quiet")
        text = (desk.folder / f"r.{suffix}").read_text(encoding="utf-8")
        n_rows[suffix] = sum(".flac" in line or ".mp3" in line for line in text.splitlines())
    assert n_rows == {"csv": 5, "jsonl": 5, "html": 5}


@pytest.mark.parametrize("command", [["scan"], ["audit"], ["predict"], ["config", "show"]])
def test_broken_settings_stop_every_command_before_a_file_is_read(desk, command):
    """Line, key and the nearest right name, exit code 2, nothing on stdout."""
    (desk.folder / "config.toml").write_text("max = 3\nalias = {}\n")
    done = desk(*command, *([] if command[0] == "config" else ["no/such/path"]))
    assert (done.returncode, done.stdout) == (2, "")
    assert "line 2" in done.stderr
    assert "did you mean 'aliases'" in done.stderr


def test_config_init_path_and_show(desk):
    """A first file is written once, found, and shown with the origin of each value."""
    (desk.folder / "config.toml").unlink()
    assert desk("config", "init").returncode == 0
    assert desk("config", "init").returncode == 2
    assert desk("config", "path").stdout.strip() == str(desk.folder / "config.toml")
    shown = desk("config", "show", "--set", "max_genres=1", TAGGER_WRITE="both").stdout
    assert "--set max_genres=1" in shown
    assert "TAGGER_WRITE" in shown
    record = json.loads(desk("config", "show", "--json").stdout)
    assert record["max_genres"] == 3


def test_a_block_list_makes_a_track_abstain_with_its_reason(desk):
    """What may not be written is not written, and the reason names the settings."""
    labels = json.loads(desk("models", "--json").stdout.splitlines()[0])["labels"]
    blocked = ",".join(labels)
    done = desk("scan", "music/a.flac", "--json", "--threshold", "0.01", TAGGER_BLOCK=blocked)
    record = json.loads(done.stdout)
    assert record["status"] == "abstained"
    assert "`block`" in record["reason"]


def test_timeline_as_json_and_as_bars(desk):
    """Segments for programs, bars for people; without the option nothing is new."""
    record = json.loads(desk("predict", "music/a.flac", "--timeline", "--json").stdout)
    assert record["segments"][0]["start_s"] == 0
    assert record["segments"][-1]["end_s"] == pytest.approx(3, abs=0.01)
    assert "0:00" in desk("predict", "music/a.flac", "--timeline").stdout
    assert desk("predict", "music", "--plot", "x.png").returncode == 2


@pytest.mark.parametrize("command", ["audit", "apply", "config"])
def test_the_commands_of_the_desk_have_help(desk, command):
    """Help says what the command is for."""
    done = desk(command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif(
    not (Path(os.environ.get("TAGGER_DATA", "none")) / "library").is_dir(),
    reason="TAGGER_DATA names no folder with a library",
)
def test_a_real_library_goes_through_report_and_apply(desk):
    """On real files too, applying writes what the report says, and the sound stays the same."""
    library = desk.folder / "library"
    for source in sorted((Path(os.environ["TAGGER_DATA"]) / "library").rglob("*.mp3"))[::12]:
        (library / source.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, library / source.parent.name / source.name)
    payloads = {path: payload_hash(path, "mp3") for path in library.rglob("*.mp3")}
    options = ("--set", "letter_case=title", "--threshold", "0.05", "--report", "r.csv")
    assert desk("scan", "library", "--policy", "append", *options).returncode in {0, 1}
    done = desk("apply", "r.csv", "--json")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    written = [result for result in results if result["status"] == "written"]
    assert len(results) == len(payloads)
    assert written
    for item in written:
        assert list(read_tags(desk.folder / item["path"]).genres) == item["genres"]
    assert {path: payload_hash(path, "mp3") for path in payloads} == payloads
