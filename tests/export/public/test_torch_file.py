"""Torch's files of weights, read without torch."""

import io
import pickle
import zipfile

import numpy as np
import pytest
import torch

from export.public.torch_file import read_torch_file
from tagger.errors import InputError, ModelError

STATE = {
    "a.weight": torch.arange(12, dtype=torch.float32).reshape(3, 4),
    "a.view": torch.arange(12, dtype=torch.float32).reshape(3, 4).T[1:3],
    "n": torch.tensor(7, dtype=torch.int64),
    "half": torch.ones(2, dtype=torch.float16),
}


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"state_dict": state}])
def test_tensors_are_those_that_torch_saved(tmp_path, is_zip, wrap):
    """Views, scalars, half precision; both formats; also inside another dictionary."""
    shared = STATE | {"same": STATE["a.weight"]}
    path = tmp_path / "w.pth"
    torch.save(wrap(shared), path, _use_new_zipfile_serialization=is_zip)
    found = read_torch_file(path)
    assert set(found) == set(shared)
    for name, tensor in shared.items():
        assert np.array_equal(found[name], tensor.numpy()), name


class Evil:
    """Prints, if it is unpickled as pickle would."""

    def __reduce__(self):
        return (print, ("this must not be said",))


def test_a_file_that_would_run_something_is_refused(tmp_path, capsys):
    """Only what weights need is looked up; nothing of the file is called."""
    with zipfile.ZipFile(tmp_path / "evil.pth", "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps({"a": Evil()}))
    with pytest.raises(ModelError, match="which is no weight"):
        read_torch_file(tmp_path / "evil.pth")
    assert capsys.readouterr().out == ""


def test_damaged_files_are_named(tmp_path):
    """Cut off, empty, another kind, no tensors, nothing there."""
    torch.save(STATE, tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    whole = (tmp_path / "w.pth").read_bytes()
    nothing = io.BytesIO()
    torch.save({"a": 1}, nothing)
    for content in (b"", whole[:-30], whole[:40], b"no weights", nothing.getvalue()):
        (tmp_path / "bad.pth").write_bytes(content)
        with pytest.raises(ModelError, match=r"bad\.pth: not a file of weights"):
            read_torch_file(tmp_path / "bad.pth")
    with pytest.raises(InputError, match="cannot be read"):
        read_torch_file(tmp_path / "none.pth")
