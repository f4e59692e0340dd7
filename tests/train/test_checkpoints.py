import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from export.run import read_source
from tagger.errors import InputError
from tests.train import small, trees
from tests.train.runs import run_training
from train.evaluation.scorer import open_scorer
from train.fit import fit as fit_module
from train.fit.callbacks import LAST, read_last
from train.fit.initial_weights import RUN
from train.fit.run import UNREADABLE, resume_training
from train.models import checkpoint

ROOT = Path(__file__).parents[2]
OVERRIDES = {
    "datasets": ["folder"],
    "body": "cnn",
    "body_options": small.BODIES["cnn"],
    "features_options": small.FEATURES["mel"]
    | {"sample_rate": 8000, "n_fft": 512, "hop_len": 400, "f_max_hz": 4000.0},
    "fit": {"epochs": 3, "batch_size": 8, "clips_an_epoch": 16, "precision": "32-true"},
    "calibration": {"folds": 0, "n_windows": 2},
}


def quiet(_):
    pass


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Twenty-four short tones of two genres."""
    return trees.genres(tmp_path_factory.mktemp("music") / "music", seconds=1.0)


def test_best_holds_weights_states_figures_and_choices(music, tmp_path):
    """As plain data; the run's folder has the revision and the versions too."""
    best = run_training(
        None, OVERRIDES, data=music, out=tmp_path / "run", say=quiet, prepared=tmp_path / "p"
    )
    content = torch.load(best, weights_only=True)
    assert content["epoch"] == 3
    assert set(content["best"]) == {"valid_loss", "epoch"}
    assert content["labels"] == ["high", "low"]
    assert content["config"]["seed"] == 1
    assert content["optimizer_states"][0]["state"]
    assert content["lr_schedulers"][0]
    assert content["facts"]["versions"]["torch"]
    assert '"versions"' in (tmp_path / "run" / RUN).read_text()
    resume_training(tmp_path / "run", {}, say=quiet)
    again = torch.load(best, weights_only=True)
    assert again["optimizer_states"]
    assert again["epoch"] == 3


def test_last_is_a_checkpoint_like_any_other(music, tmp_path):
    """A run that is not done can be evaluated, exported and learned from as well."""
    out = tmp_path / "run"
    best = run_training(
        None, OVERRIDES, data=music, out=out, say=quiet, prepared=tmp_path / "p"
    )
    done, last = checkpoint.load(best), checkpoint.load(out / LAST)
    assert last.labels == done.labels
    assert set(last.facts["thresholds"]) == {"high", "low"}
    for name, value in last.net.state_dict().items():
        if not name.startswith(("label_", "music_")):  # last.pt is not calibrated
            torch.testing.assert_close(value, done.net.state_dict()[name])
    torch.save({"format": 99}, tmp_path / "x.pt")
    with pytest.raises(InputError, match="not a checkpoint of this version"):
        checkpoint.load(tmp_path / "x.pt")


@pytest.mark.parametrize("read", [checkpoint.load, open_scorer, read_source])
def test_what_is_no_checkpoint_is_one_line_that_says_what_is_taken(tmp_path, read):
    """None of torch's advice, which is to read a stranger's file without its safety."""
    report, tensors = tmp_path / "report.csv", tmp_path / "list.pt"
    report.write_text("path,genres\na,b\n")
    torch.save([torch.zeros(1)], tensors)
    for path in (report, tensors):
        with pytest.raises(InputError, match=r"best\.pt or last\.pt|\.onnx") as raised:
            read(path)
        said = str(raised.value)
        assert said.startswith(f"{path}: cannot be read as a checkpoint")
        assert "\n" not in said
        assert "weights_only" not in said


@pytest.mark.parametrize("read", [checkpoint.load, open_scorer, read_source])
def test_the_folder_of_a_run_is_answered_with_the_file_in_it(tmp_path, read):
    """If it is there; else with what is taken."""
    with pytest.raises(InputError, match=r"is a folder, and no best\.pt is in it; best\.pt"):
        read(tmp_path)
    (tmp_path / checkpoint.BEST).touch()
    with pytest.raises(InputError, match=f"is a folder; name {tmp_path / checkpoint.BEST}"):
        read(tmp_path)


def test_a_last_epoch_that_cannot_be_read_is_one_line(tmp_path):
    """Also where there is none."""
    with pytest.raises(InputError, match="not found; --resume takes the folder of a run"):
        read_last(tmp_path)
    (tmp_path / LAST).write_text("path,genres\na,b\n")
    with pytest.raises(InputError, match="or damaged; --resume takes the folder") as raised:
        read_last(tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_a_run_killed_at_any_time_leaves_checkpoints_that_load(music, tmp_path):
    """SIGKILL, three times, each soon after the last.pt before it was written."""
    out = tmp_path / "run"
    code = (
        "import sys; from pathlib import Path; from train.fit.run import *\n"
        f"overrides = {OVERRIDES!r} | {{'fit.epochs': 500}}\n"
        "if len(sys.argv) > 1: resume_training(Path(sys.argv[1]), {}, say=print)\n"
        f"else: run_training(None, overrides, Places(data=Path({str(music)!r}),"
        f" out=Path({str(out)!r}), prepared=Path({str(tmp_path / 'p')!r})), say=print)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    epochs = []
    for i in range(3):
        words = [sys.executable, "-c", code, *([str(out)] if epochs else [])]
        before = (out / LAST).stat().st_mtime_ns if epochs else 0
        with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL) as run:
            while not (out / LAST).is_file() or (out / LAST).stat().st_mtime_ns == before:
                assert run.poll() is None
                time.sleep(0.002)
            time.sleep(0.05 * i)
            run.send_signal(signal.SIGKILL)
        for name in (LAST, checkpoint.BEST):
            if name == LAST or (out / name).is_file():
                assert checkpoint.load(out / name).labels == ("high", "low")
        epochs.append(checkpoint.read(out / LAST)["epoch"])
    assert epochs == sorted(set(epochs))


def test_recordings_without_sound_are_listed_in_the_folder_of_the_run(music, tmp_path):
    """One of 25 is left out, and the run says which and why."""
    for path in music.rglob("*.wav"):
        place = tmp_path / "music" / path.relative_to(music)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(path)
    (tmp_path / "music" / "low" / "empty.wav").touch()
    out = tmp_path / "run"
    places = {"data": tmp_path / "music", "out": out, "prepared": tmp_path / "p"}
    run_training(None, OVERRIDES | {"fit.epochs": 1}, say=quiet, **places)
    assert "empty.wav" in (out / UNREADABLE).read_text()
    (tmp_path / "music" / "low" / "empty.wav").unlink()
    run_training(None, OVERRIDES | {"fit.epochs": 1}, say=quiet, force=True, **places)
    assert not (out / UNREADABLE).exists()


@pytest.mark.parametrize(("batch_size", "said"), [(8, "fit.batch_size=4"), (1, "window")])
def test_too_little_memory_on_the_gpu_says_what_to_try(
    music, tmp_path, monkeypatch, batch_size, said
):
    """Half the batch, or less to hear where there is no half."""

    class Full:
        def fit(self, *_, **__):
            raise torch.OutOfMemoryError

    monkeypatch.setattr(fit_module, "trainer_for", lambda *_, **__: Full())
    with pytest.raises(InputError, match=said):
        run_training(
            None, OVERRIDES | {"fit.batch_size": batch_size}, data=music,
            out=tmp_path / "run", say=quiet, prepared=tmp_path / "p",
        )  # fmt: skip
