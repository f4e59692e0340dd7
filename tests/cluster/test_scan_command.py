"""`tagger scan` of objects as a user types it: what is refused, and what is shown."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from rich.console import Console
from typer.testing import CliRunner

pytest.importorskip("ray")
pytest.importorskip("pyarrow")
pytest.importorskip("boto3")

from tagger.cli import scan_objects
from tagger.cli.app import app
from tagger.cli.console import results_console, stdout_console
from tagger.cluster.actor import Done
from tagger.cluster.ray_cluster import check_versions, connected
from tagger.cluster.records import ObjectResult
from tagger.cluster.run import Lost, RunningScan
from tagger.errors import InputError
from tests.cli.test_cli import ROOT
from tests.cluster.scans import KEYS, rows_at, scan_here, tone_model, tones

BLOCKED = (
    "import sys; sys.modules[sys.argv.pop(1)] = None; from tagger.cli.app import main; main()"
)


def refused(*words):
    """The sentence with which `tagger scan` refuses to start."""
    with pytest.raises(InputError) as caught:
        CliRunner().invoke(app, ["scan", *map(str, words)], catch_exceptions=False)
    return str(caught.value)


def follow(run, progress, source, out=None):
    """What is shown of a run while its batches come in."""
    out = out or stdout_console()
    scan_objects._follow(run, progress, lambda: None, source=source, out=out)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["s3://bucket/x"], "say where the results go"),
        (["s3://bucket/x", "/other", "--results", "/r"], "one URL or folder at a time"),
        (["s3://bucket/x", "--results", "/r", "--no-state"], "--no-state and --report"),
        (["s3://bucket/x", "--results", "/r", "--device", "cuda"], "scored on CPUs"),
        (["/music", "--resume"], "--resume is of a scan of objects: say where the results go"),
        (["/music", "--resume"], "or leave it out for a scan of files, which remembers"),
        (["/music", "--actors", "2"], "--actors is of a scan of objects"),
        (["/music", "--cluster", "auto"], "--cluster is of a scan of objects"),
        (["/music", "--unsafe-overwrite"], "--unsafe-overwrite is of a scan of objects"),
        (["s3://key:secret@bucket/x", "--results", "/r"], "must not hold a key"),
        (["s3://b/x", "--results", "postgresql://u:secret@h/d"], "must not hold a password"),
    ],
)
def test_what_cannot_be_asked(words, says):
    """A sentence with the remedy, before anything is opened; nothing secret in it."""
    found = refused(*words)
    assert says in found
    assert "secret" not in found


@pytest.mark.parametrize("missing", ["obstore", "pyarrow", "ray"])
def test_without_the_extra_one_sentence_says_what_to_install(tmp_path, missing):
    """Exit code 2, and the remedy."""
    music = tones(tmp_path / "music", KEYS[:1])
    words = ["scan", music, "--results", tmp_path / "r", "--model", tone_model(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, missing, *map(str, words)],
        capture_output=True, text=True, cwd=ROOT, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert f"({missing}" in done.stderr
    assert "is missing" in done.stderr
    assert "pip install 'tagger-music[cluster]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "r" / "_runs").exists()


def test_nodes_of_other_versions_are_refused_with_both_named():
    """Python counts by its minor version, tagger by all of it."""
    check_versions(("3.11.7", "0.2.0"), ("3.11.9", "0.2.0"), node="a")
    with pytest.raises(InputError, match=r"b runs Python 3\.12\.1, this machine 3\.11\.7"):
        check_versions(("3.11.7", "0.2.0"), ("3.12.1", "0.2.0"), node="b")
    with pytest.raises(InputError, match=r"c has tagger 0\.1\.0, this machine 0\.2\.0"):
        check_versions(("3.11.7", "0.2.0"), ("3.11.7", "0.1.0"), node="c")
    with pytest.raises(InputError, match=r"d has no tagger, this machine 0\.2\.0"):
        check_versions(("3.11.7", "0.2.0"), ("3.11.7", ""), node="d")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConnectionError("nobody there"), "no Ray answers there .nobody there."),
        (RuntimeError("Version mismatch: Python: 3.12 and 3.11"), "Version mismatch"),
    ],
)
def test_a_cluster_that_cannot_be_used(monkeypatch, error, says):
    """What Ray says becomes a sentence that names the option."""

    def fails(**_):
        raise error

    monkeypatch.setattr("ray.init", fails)
    with pytest.raises(InputError, match=says) as caught, connected("ray://there:10001"):
        pass
    assert str(caught.value).startswith("--cluster ray://there:10001: ")


@pytest.mark.service
def test_results_in_postgresql(postgres_database, tmp_path):
    """The same rows as in Parquet; what has one is passed, what changed is heard again."""
    url = postgres_database.replace("+psycopg", "")
    music, model = tones(tmp_path / "music"), tone_model(tmp_path)
    scan_here(music, url, model, n_batches=2)
    passed, _ = scan_here(music, url, model, resume=True)
    assert passed == 4
    scan_here(music, tmp_path / "parquet", model)
    stored, parquet = rows_at(url)[1], rows_at(tmp_path / "parquet")[1]
    assert set(stored) == set(parquet) == set(KEYS)
    for key, row in stored.items():
        assert row.scores == pytest.approx(parquet[key].scores)
        assert (row.status, row.genres, row.etag) == (
            parquet[key].status, parquet[key].genres, parquet[key].etag
        )  # fmt: skip
    tones(music, KEYS[-1:])
    assert scan_here(music, url, model, resume=True)[0] == len(KEYS) - 1


def test_what_is_shown_counts_nodes_reasons_and_what_was_lost():
    """Tracks a second, a rate for each node, failures by reason: in memory that stays small."""
    run = RunningScan(1)
    run.passed["proposed"] = 7
    done = Done(number=0, node="host/abc", audio_s=10.0, n_read=5)
    done.statuses.update({"proposed": 3, "failed": 40})
    done.reasons.update({f"reason {i}": 1 for i in range(40)})
    run.batches = iter([done, Lost([None] * 4, "the cluster is gone")])
    progress = scan_objects.Progress(run.passed)
    follow(run, progress, "s3://bucket/x")
    line = progress.line()
    assert line.startswith("43 tracks, ")
    assert "7 passed" in line
    assert "40 failed" in line
    assert "host/abc" in line
    assert progress.n_lost == 4
    assert len(progress.reasons) <= 22
    assert progress.reasons["other reasons"] >= 20


def one_row():
    """A run that has one object, with its row."""
    row = ObjectResult(
        key="x/ü.mp3", etag='"1"', etag_read='"1"', size=3, modified=datetime.now(UTC),
        status="proposed", genres=("Jazz",), scores={"Jazz": 0.9}, model="m", conditions="c",
        n_read=3, node="n", finished_at=datetime.now(UTC), version="1",
    )  # fmt: skip
    run = RunningScan(1)
    run.batches = iter([Done(number=0, node="n", rows=[row])])
    return run


def test_a_line_of_json_has_the_fields_of_a_scan_and_the_object(capsys):
    """`path` is the URL of the object, without the query."""
    run = one_row()
    follow(run, scan_objects.Progress(run.passed), "s3://bucket/x?endpoint=http://e")
    found = json.loads(capsys.readouterr().out)
    assert found["path"] == "s3://bucket/x/ü.mp3"
    assert (found["status"], found["genres"], found["size"]) == ("proposed", ["Jazz"], 3)


def test_lines_of_json_reach_a_pipe_past_the_terminal(capsys):
    """With stderr on a terminal and stdout in a pipe, the moving line takes no row in."""
    run, terminal = one_row(), Console(stderr=True, force_terminal=True)
    progress = scan_objects.Progress(run.passed)
    with scan_objects._shown(terminal, progress, quiet=False):
        follow(run, progress, "s3://bucket/x", out=results_console(terminal, quiet=False))
    shown = capsys.readouterr()
    assert json.loads(shown.out)["key"] == "x/ü.mp3"
    assert "ü.mp3" not in shown.err
