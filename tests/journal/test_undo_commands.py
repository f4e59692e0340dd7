import json
import os
import re
import shutil
import subprocess

import pytest

from tagger.state import open_store
from tagger.writing.safe_write import write_genres
from tests.cli.test_cli import ROOT, RUN, tagger
from tests.tones import write_chords


@pytest.fixture
def folder(tmp_path):
    """Two tones without a genre."""
    for name in ("a", "b"):
        write_chords(tmp_path / "music" / f"{name}.flac", 440, seconds=2)
    return tmp_path / "music"


def runs():
    return [json.loads(line) for line in tagger("runs", "--json").stdout.splitlines()]


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_scan_is_listed_looked_at_and_undone(folder):
    """What the owner types after a scan that went wrong, with what each command says."""
    before = bytes_of(folder)
    tagger("scan", folder, "--write-tags", "--threshold", "0.01")
    after = bytes_of(folder)
    assert after != before
    (run,) = runs()
    assert (run["command"], run["n_written"], run["n_undone"]) == ("scan", 2, 0)
    assert run["model"]
    assert str(folder) in run["about"]
    dry = tagger("undo", "--dry-run", "--json")
    results = [json.loads(line) for line in dry.stdout.splitlines()]
    assert [(result["status"], result["genres"]) for result in results] == [
        ("proposed", [])
    ] * 2
    assert "no genre" in results[0]["reason"]
    assert bytes_of(folder) == after
    write_genres(folder / "b.flac", ["Mine"])
    mine = bytes_of(folder)["b.flac"]
    done = tagger("undo")
    assert done.returncode == 1
    assert "another program" in done.stdout
    assert "Run 1 was undone in part by run 2: 1 of its 2 changes are" in done.stderr
    assert bytes_of(folder) == {"a.flac": before["a.flac"], "b.flac": mine}
    assert tagger("undo", "2", folder / "a.flac").returncode == 0
    assert bytes_of(folder) == {"a.flac": after["a.flac"], "b.flac": mine}
    assert [run["about"] for run in runs()][:2] == [f"run 2 {folder / 'a.flac'}", "run 1"]
    assert "undo" in tagger("runs").stdout


def test_an_applied_report_is_undone_too(folder, tmp_path):
    """`apply` writes through the journal."""
    before = bytes_of(folder)
    tagger("scan", folder, "--threshold", "0.01", "--report", tmp_path / "r.csv")
    assert runs() == []
    assert tagger("apply", tmp_path / "r.csv").returncode == 0
    assert [(run["command"], run["n_written"]) for run in runs()] == [("apply", 2)]
    assert tagger("undo").returncode == 0
    assert bytes_of(folder) == before


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["undo"], "nothing to undo"),
        (["undo", "7"], "no such run"),
        (["undo", "music"], "still in force"),
        (["undo", "--hardlinks", "both"], "skip, write"),
        (["runs", "--state", "none.db"], "there is no state"),
        (["undo", "--state", "no/dir/here.db", "1"], "no such run"),
    ],
)
def test_what_cannot_be_undone_is_said_in_a_sentence(folder, args, said):
    """Exit code 2, no traceback."""
    done = tagger(*args, cwd=folder.parent)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_undo_says_whether_anything_is_left_of_the_run(folder):
    """Of one file, then of the other one."""
    tagger("scan", folder, "--write-tags", "--threshold", "0.01")
    part, rest = (tagger("undo", "1", folder / name) for name in ("a.flac", "b.flac"))
    assert (
        "Run 1 was undone in part by run 2: 1 of its 2 changes are taken back." in part.stderr
    )
    assert "Run 1 was undone by run 3." in rest.stderr
    again = tagger("undo", "1")
    assert again.returncode == 0
    assert re.search(r"unchanged .* 2 .* were given back before, left as they", again.stderr)
    assert "genres already" not in again.stderr


def test_a_path_where_a_run_wrote_nothing_is_refused(folder):
    """Also beside a good one; a folder that the files were moved to is none of these."""
    before = bytes_of(folder)
    tagger("scan", folder, "--write-tags", "--threshold", "0.01")
    after = bytes_of(folder)
    for paths in (["nowhere"], ["music/a.flac", "nowhere"], ["other"]):
        (folder.parent / "other").mkdir(exist_ok=True)
        done = tagger("undo", "1", *paths, cwd=folder.parent)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{folder.parent / paths[-1]}: nothing there is of run 1" in done.stderr
    assert bytes_of(folder) == after
    moved = folder.rename(folder.with_name("other") / "moved")
    assert tagger("undo", "1", "other", cwd=folder.parent).returncode == 0
    assert bytes_of(moved) == before


def test_nothing_is_written_without_a_state(folder, own_state):
    """Another process holds it, or it cannot be made: no file is touched, exit code 2."""
    before = bytes_of(folder)
    with open_store(own_state, on_notice=print):
        done = tagger("scan", folder, "--write-tags", "--threshold", "0.01")
    assert done.returncode == 2
    assert "another tagger process is using it" in done.stderr
    done = tagger("scan", folder, "--write-tags", "--state", "/proc/none/state.db")
    assert done.returncode == 2
    assert "--state FILE" in done.stderr
    assert bytes_of(folder) == before


@pytest.mark.slow
def test_a_killed_scan_is_cleared_up_by_the_next_one(tmp_path):
    """SIGKILL in the middle of writing; the next scan tells of it, and undo takes all back."""
    original = write_chords(tmp_path / "tone.flac", 440, seconds=2)
    (tmp_path / "music").mkdir()
    for i in range(200):
        shutil.copyfile(original, tmp_path / "music" / f"{i:03}.flac")
    before = bytes_of(tmp_path / "music")
    args = ["scan", str(tmp_path / "music"), "--write-tags", "--threshold", "0.01", "--json"]
    run = subprocess.Popen(
        [*RUN, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    for _ in range(20):
        assert run.stdout.readline()
    run.kill()
    run.communicate()
    assert tagger("scan", tmp_path / "music", "--quiet").returncode == 0
    now = bytes_of(tmp_path / "music")
    assert now.keys() == before.keys()
    (one,) = runs()
    assert one["n_open"] == 0
    assert one["ended_s"] is None
    n_written = sum(now[name] != before[name] for name in before)
    assert one["n_written"] == n_written >= 20
    assert tagger("undo", "--quiet").returncode == 0
    assert bytes_of(tmp_path / "music") == before
