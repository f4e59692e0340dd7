import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tagger.cli.predict import IN_TURN, in_turn
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import load_engine
from tagger.writing.safe_write import write_genres
from tests.tones import write_chords

ROOT = Path(__file__).parents[2]
RUN = [sys.executable, "-c", "from tagger.cli.app import main; main()"]


def tagger(*args, cwd=None, timeout=120, **kwargs):
    """Run the command in a process of its own, as a user does."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    return subprocess.run(
        [*RUN, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=cwd or ROOT,
        env=environment,
        check=False,
        **kwargs,
    )


def shipped_labels():
    """The labels of the model that ships."""
    return load_engine(find_model(DEFAULT), device="cpu").spec.labels


@pytest.fixture
def folder(tmp_path):
    """Two files, one of them broken."""
    write_chords(tmp_path / "music" / "good.flac", 440, seconds=4)
    (tmp_path / "music" / "bad.mp3").write_bytes(b"no music at all" * 20)
    return tmp_path / "music"


def test_json_prints_one_object_a_track_and_nothing_else(folder):
    """Every line of stdout is an object with the promised fields."""
    done = tagger("scan", folder, "--json", "--threshold", "0.01")
    records = {
        Path(splitline["path"]).name: splitline
        for splitline in map(json.loads, done.stdout.splitlines())
    }
    assert set(records) == {"good.flac", "bad.mp3"}
    good, bad = records["good.flac"], records["bad.mp3"]
    assert good["status"] == "proposed"
    spec = load_engine(find_model(DEFAULT), device="cpu").spec
    assert set(good["scores"]) == set(spec.labels_of("genre"))
    assert sum(len(item) for item in good["others"].values()) == len(spec.labels) - len(
        good["scores"]
    )
    assert good["duration_s"] == pytest.approx(4.0, abs=0.01)
    assert (bad["status"], bad["scores"]) == ("failed", None)
    assert bad["reason"]
    assert "bad.mp3" not in bad["reason"]
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_good_folder_exits_with_0(folder):
    """All done is 0."""
    (folder / "bad.mp3").unlink()
    done = tagger("scan", folder)
    assert done.returncode == 0
    assert "Summary" in done.stderr


def test_predict_shows_bars_and_what_the_file_has(folder):
    """A listener sees the labels, what would be written and what is there.

    A genre that is there would only be replaced by --policy replace.
    """
    done = tagger("predict", folder / "good.flac", "--threshold", "0.01")
    assert done.returncode == 0
    assert "would write" in done.stdout
    assert "the file has: no genre" in done.stdout
    written = done.stdout.split("would write:")[1].splitlines()[0].strip().split(", ")
    assert written
    assert set(written) <= set(shipped_labels())
    write_genres(folder / "good.flac", ["Mine"])
    done = tagger("predict", folder / "good.flac", "--threshold", "0.01")
    shown = done.stdout.splitlines()
    assert f"--policy replace would write: {', '.join(written)}" in shown
    assert "the file has: Mine" in shown


def test_predict_as_json_has_the_fields_of_scan(folder):
    """Programs read both commands alike."""
    done = tagger("predict", folder / "good.flac", "--json")
    assert set(json.loads(done.stdout)) == {
        "path", "status", "genres", "previous", "scores", "duration_s", "reason", "field",
            "second", "others",
    }  # fmt: skip


def test_predict_shows_files_in_the_order_in_which_they_were_named(folder):
    """A broken one, which is done first, waits for its turn."""
    write_chords(folder / "other.flac", 330, seconds=4)
    names = ["other.flac", "good.flac", "bad.mp3"]
    done = tagger("predict", *names, "--json", "--device", "cpu", cwd=folder)
    assert [json.loads(line)["path"] for line in done.stdout.splitlines()] == names


def test_results_wait_for_their_turn_only_where_they_are_few():
    """None is lost, nor one that nobody expected; of many, each comes when it is done."""
    few = [Path(name) for name in "abcde"]
    done = [SimpleNamespace(path=Path(name)) for name in "exdba"]
    assert [one.path.name for one in in_turn(done, few)] == ["a", "b", "d", "e", "x"]
    assert list(in_turn(done, few * IN_TURN)) == done
    shown = in_turn(iter([done[-1], None]), few)
    assert next(shown) is done[-1]  # before the second is asked for


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["scan", "no/such/path"], "no/such/path"),
        (["scan", "."], "no audio file"),
        (["scan", "good.flac", "--policy", "fil"], "fill, append, replace"),
        (["scan", "good.flac", "--device", "gpu"], "auto, cpu, cuda, tensorrt"),
        (["scan", "good.flac", "--model", "nobody"], "nobody"),
        (["scan", "good.flac", "--model", "missing.onnx"], "missing.onnx"),
        (["scan", "good.flac", "--model", "text.onnx"], "text.onnx"),
        (["scan", "good.flac", "--report", "report.xls"], "report.xls"),
        (["scan"], "PATH"),
    ],
)
def test_what_cannot_start_exits_with_2_and_a_sentence(tmp_path, args, said):
    """A mistake is told before any file is read, without a traceback."""
    (tmp_path / "text.onnx").write_text("no model")
    if "good.flac" in args:
        write_chords(tmp_path / "good.flac", 440)
    done = tagger(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_device_that_is_not_there_is_an_error(folder):
    """`--device cuda` never runs slowly on the CPU instead."""
    done = tagger("scan", folder, "--device", "cuda")
    if done.returncode == 2:
        assert "--device cuda" in done.stderr
        assert "NVIDIA" in done.stderr or "pip install" in done.stderr
    else:
        assert done.returncode == 1  # a machine with a GPU: the broken file is what fails


@pytest.mark.parametrize(
    "command",
    ["scan", "predict", "models", "doctor", "train", "prepare", "evaluate", "study", "export"],
)
def test_every_command_has_help(command):
    """Help says what the command is for."""
    done = tagger(command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


@pytest.mark.parametrize("command", [("config", "show"), ("models", "compare"), ("evaluate",)])
def test_json_that_is_no_list_of_tracks_is_not_called_one(command):
    """These print one object in all."""
    assert "One JSON object on stdout." in tagger(*command, "--help").stdout


def test_models_shows_the_default_model_and_its_card():
    """The shipped model names its labels and its licence."""
    records = [json.loads(line) for line in tagger("models", "--json").stdout.splitlines()]
    (default,) = [record for record in records if Path(record["path"]).stem == "default"]
    assert default["problem"] is None
    assert "Hip-Hop" in default["labels"]
    assert default["weights_licence"] != "unknown"
    assert "default" in tagger("models").stdout


def test_doctor_says_what_auto_would_use():
    """Providers, codecs and models are told, and why not more."""
    record = json.loads(tagger("doctor", "--json").stdout)
    assert set(record) == {"program", "packages", "devices", "codecs", "models"}
    (auto,) = [item for item in record["devices"] if item["name"] == "auto"]
    assert "would use" in auto["note"]


def test_an_interrupt_finishes_the_file_and_exits_with_130(tmp_path):
    """After Ctrl-C no file is half written and no copy is left behind."""
    for i in range(400):
        write_chords(tmp_path / "m" / f"{i:03d}.flac", 440, seconds=0.5)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(
        [*RUN, "scan", str(tmp_path / "m"), "--write-tags", "--json", "--threshold", "0.01"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    run.stdout.readline()
    run.send_signal(signal.SIGINT)
    told, said = run.communicate(timeout=60)
    assert run.returncode == 130
    assert told.count("\n") < 399
    assert "Traceback" not in said
    assert not list((tmp_path / "m").glob(".*"))
