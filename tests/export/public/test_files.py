"""A file of weights as a model that can be named."""

import pytest
import torch

from export.public.add import AddOptions
from export.public.add_file import add_file
from tagger.errors import InputError
from tagger.model.load import load_engine
from tests.export.public.efficientat_in_torch import efficientat_state
from tests.export.public.sota_in_torch import Fcn, shaken


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setenv("TAGGER_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def test_a_file_of_weights_becomes_a_model(tmp_path, models):
    """Named like the file, with AudioSet's genres, moods, instruments and voices; and again."""
    torch.save(efficientat_state(), tmp_path / "mn04_as mAP.pt")
    said = []
    made = add_file(tmp_path / "mn04_as mAP.pt", AddOptions(), say=said.append)
    assert made == models / "mn04-as-map.onnx"
    spec = load_engine(made, device="cpu").spec
    assert (spec.sample_rate, spec.window_s) == (32_000, 10.0)
    assert {"Drum & Bass", "Bluegrass"} <= set(spec.labels_of("genre"))
    assert spec.parents["Drum & Bass"] == "Electronic"
    assert {"Violin"} <= set(spec.labels_of("instrument"))
    assert "Dog" not in spec.labels
    assert any("not compared with the original" in line for line in said)
    copied = add_file(made, AddOptions(name="mine"), say=said.append)
    assert copied.read_bytes() == made.read_bytes()
    with pytest.raises(InputError, match="--force"):
        add_file(made, AddOptions(name="mine"), say=said.append)
    for name, why in (("../mine", "cannot be the name"), ("default", "of the package")):
        with pytest.raises(InputError, match=why):
            add_file(made, AddOptions(name=name, force=True), say=said.append)


def test_the_tags_of_a_file_must_be_named_or_stand_in_its_path(tmp_path, models):
    """Fifty scores tell nothing of themselves."""
    (tmp_path / "jamendo").mkdir()
    state = shaken(Fcn()).state_dict()
    torch.save(state, tmp_path / "best.pth")
    torch.save(state, tmp_path / "jamendo" / "best.pth")
    with pytest.raises(InputError, match=r"--vocabulary msd\|mtat\|jamendo"):
        add_file(tmp_path / "best.pth", AddOptions(), say=lambda _: None)
    with pytest.raises(InputError, match="choose one of"):
        add_file(tmp_path / "best.pth", AddOptions(vocabulary="x"), say=lambda _: None)
    made = add_file(tmp_path / "jamendo" / "best.pth", AddOptions(), say=lambda _: None)
    spec = load_engine(made, device="cpu").spec
    assert "Trip Hop" in spec.labels_of("genre")
    assert spec.kind_of("Energetic") == "mood"


def test_unknown_weights_are_said(tmp_path, models):
    """Another network's file, or no file, is no model."""
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pth")
    with pytest.raises(InputError, match="not known here"):
        add_file(tmp_path / "a.pth", AddOptions(), say=lambda _: None)
    with pytest.raises(InputError, match="no such file"):
        add_file(tmp_path / "none.pth", AddOptions(), say=lambda _: None)
