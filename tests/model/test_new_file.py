"""Models that are made here: their names, and their files."""

import os
import stat

import pytest

from tagger.errors import InputError
from tagger.model.catalogue import find_model
from tagger.model.new_file import new_model_file, put_model


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setenv("TAGGER_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.mark.parametrize("name", ["", "a/b", "../mine", ".mine", "mine ", "a:b", "x" * 64])
def test_a_name_leads_nowhere_else(models, name):
    """Neither out of the user's folder nor to a file that no system can hold."""
    with pytest.raises(InputError, match="cannot be the name of a model"):
        new_model_file(name)


def test_the_models_of_the_package_keep_their_names(models):
    """`default` means the same on every machine."""
    with pytest.raises(InputError, match="a model of the package has this name"):
        new_model_file("default")


def test_a_model_is_written_whole_and_others_may_read_it(models):
    """As every new file, under the name by which it is found; nothing else is left there."""
    path = new_model_file("mn04 v1.0")
    before = os.umask(0o022)
    try:
        put_model(path, b"old")
        put_model(path, b"new")
    finally:
        os.umask(before)
    assert find_model("mn04 v1.0").read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(models.iterdir()) == [path]


def test_a_folder_that_cannot_be_is_named(models):
    """Here a file stands in its place; an old model stays as it is."""
    models.write_text("")
    with pytest.raises(InputError, match=r"mine\.onnx: cannot be written"):
        put_model(new_model_file("mine"), b"new")
