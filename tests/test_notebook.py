"""The notebooks run from top to bottom, on music that they make themselves."""

import json
from pathlib import Path

import pytest

from tagger.model.load import load_engine

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Returns a function that runs a notebook in a folder of its own and gives its names."""
    monkeypatch.setenv("TAGGER_WORK", str(tmp_path))
    monkeypatch.setenv("EPOCHS", "1")

    def run_cells(name):
        names = {}
        for cell in json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                assert cell["outputs"] == []
                exec(compile("".join(cell["source"]), name, "exec"), names)
        return names

    return run_cells


@pytest.mark.slow
def test_the_first_session_runs_from_music_to_a_model(run, tmp_path):
    """Every cell runs in order on generated music, and a model is there at the end."""
    run("first-session.ipynb")
    assert load_engine(tmp_path / "mine.onnx", device="cpu").spec.labels == ("bass", "treble")


def test_the_interface_is_shown_from_scan_to_undo(run, tmp_path):
    """What is written is read back and undone, and the state is the notebook's own."""
    names = run("from-python.ipynb")
    assert [name.status for name in names["results"]] == ["proposed", "proposed"]
    assert names["written"].genres == ("Jazz", "Blues")
    assert names["first"].read_bytes() == names["before"]
    assert (tmp_path / "state.db").exists()
