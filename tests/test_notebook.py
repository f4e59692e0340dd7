import json
from pathlib import Path

import pytest

from tagger.model.load import load_engine

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "first-session.ipynb"


@pytest.mark.slow
def test_the_first_session_runs_from_music_to_a_model(tmp_path, monkeypatch):
    """Every cell runs in order on generated music, and a model is there at the end."""
    monkeypatch.setenv("TAGGER_WORK", str(tmp_path))
    monkeypatch.setenv("EPOCHS", "1")
    names = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), names)
    assert load_engine(tmp_path / "mine.onnx", device="cpu").spec.labels == ("bass", "treble")
