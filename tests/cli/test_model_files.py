"""Which files the commands take for models, and what is said of others."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tagger.cli.app import app
from tagger.errors import InputError, ModelError
from tagger.model.catalogue import DEFAULT, find_model


def answer(*words):
    """Run a command in this process; what the user can mend is raised."""
    return CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)


@pytest.mark.parametrize("name", ["x.bin", "x", "x.onnx.tmp"])
def test_an_export_is_named_like_a_model_before_anything_is_read(tmp_path, name):
    """Else nothing would take what it made; the checkpoint need not even be there."""
    said = re.escape(f"--output {tmp_path / name}: a model file ends in .onnx")
    with pytest.raises(InputError, match=said):
        answer("export", tmp_path / "best.pt", "-o", tmp_path / name)
    with pytest.raises(InputError, match="no such checkpoint"):
        answer("export", tmp_path / "best.pt", "-o", tmp_path / "X.ONNX")


@pytest.mark.parametrize("command", ["scan", "predict"])
def test_who_scans_with_a_checkpoint_is_told_how_to_make_a_model_of_it(
    tmp_path, monkeypatch, command
):
    """Wherever it lies, and whatever is in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    for name in ("best.pt", "mine/best.pt"):
        (tmp_path / name).write_bytes(b"PK")
        with pytest.raises(ModelError, match=f"`tagger export {name} -o MODEL.onnx`"):
            answer(command, tmp_path, "--model", name)


def test_what_is_measured_may_be_a_models_name(tmp_path, monkeypatch):
    """As in `--model`; a file or a folder goes before, and a name that is none is said."""
    measured = []

    def evaluate(path, *_, **__):
        measured.append(path)
        raise InputError("enough")

    monkeypatch.setattr("train.evaluation.evaluate.evaluate_model", evaluate)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    for given in (DEFAULT, "run", "best.pt", "x.onnx", "runs/mine"):
        with pytest.raises(InputError, match="enough"):
            answer("evaluate", given)
    paths = ["run", "best.pt", "x.onnx", "runs/mine"]
    assert measured == [find_model(DEFAULT), *map(Path, paths)]
    with pytest.raises(ModelError, match="no model has that name"):
        answer("evaluate", "polka")
