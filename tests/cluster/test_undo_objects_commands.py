"""`tagger runs --results` and `tagger undo --results`, as a user types them."""

import json

import pytest
from typer.testing import CliRunner

pytest.importorskip("pyarrow")
pytest.importorskip("boto3")

from tagger.cli.app import app
from tagger.cluster.journal import run_named
from tests.cluster.shelf import folder_shelf, s3_shelf


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.service)])
def shelf(request, tmp_path):
    """Two objects that were written."""
    if request.param == "folder":
        shelf = folder_shelf(tmp_path)
    else:
        shelf = s3_shelf(request.getfixturevalue("s3_url"), tmp_path)
    shelf.entries = [shelf.add(), shelf.add("b.flac", "flac")]
    shelf.before = [shelf.bytes_of(entry.key) for entry in shelf.entries]
    shelf.write(*shelf.entries)
    return shelf


def tagger(shelf, *words):
    """The result of a command, with the option that names the results."""
    return CliRunner().invoke(app, [*words, "--results", shelf.parts.shown])


def test_the_last_run_is_undone(shelf):
    """A dry run changes nothing, the run is named, and the list says that it was undone."""
    written = [shelf.bytes_of(entry.key) for entry in shelf.entries]
    dry = tagger(shelf, "undo", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "proposed" in dry.output
    assert "Nothing was changed" in dry.output
    assert [shelf.bytes_of(entry.key) for entry in shelf.entries] == written
    number = run_named(shelf.parts, None).id
    done = tagger(shelf, "undo")
    assert done.exit_code == 0, done.output
    assert f"Run {number} was undone." in done.output
    assert [shelf.bytes_of(entry.key) for entry in shelf.entries] == shelf.before
    listed = [
        json.loads(splitline)
        for splitline in tagger(shelf, "runs", "--json").output.splitlines()
    ]
    assert [item["command"] for item in listed] == ["undo", "scan"]
    assert [item["is_undone"] for item in listed] == [False, True]
    assert "secret" not in json.dumps(listed)
    assert number in tagger(shelf, "runs").output
    assert "were given back before" in tagger(shelf, "undo", number).output


def test_what_fails_is_told_and_the_exit_code_says_so(shelf):
    """1, with the object and the reason on one line; --json for programs."""
    shelf.add(data=b"somebody else's")
    done = tagger(shelf, "undo", "--json", run_named(shelf.parts, None).id)
    assert done.exit_code == 1
    lines = [
        json.loads(splitline)
        for splitline in done.stdout.splitlines()
        if splitline.startswith("{")
    ]
    found = {line["key"]: line for line in lines}
    assert found[shelf.entries[0].key]["status"] == "failed"
    assert found[shelf.entries[0].key]["url"].endswith("a.mp3")
    assert found[shelf.entries[1].key]["status"] == "written"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["undo", "99"], "no run 99 has written"),
        (["undo", "1", "2"], "name one run"),
        (["undo", "--keep-mtime"], "--keep-mtime"),
    ],
)
def test_what_cannot_be_undone_is_no_traceback(tmp_path, words, said):
    """A sentence, and nothing was started."""
    done = tagger(folder_shelf(tmp_path), *words)
    assert said in f"{done.output} {done.exception}"
    assert "Traceback" not in done.output


def test_results_that_are_not_there_are_named(tmp_path):
    """No folder is made by asking."""
    done = CliRunner().invoke(app, ["runs", "--results", str(tmp_path / "none")])
    assert "there is no such folder" in f"{done.output} {done.exception}"
    assert not (tmp_path / "none").exists()
