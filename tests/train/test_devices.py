import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.train import trees
from tests.train.test_checkpoints import OVERRIDES
from train.config.in_fit import SCHEDULES, FitOptions
from train.fit.callbacks import LAST
from train.fit.schedule import optimisation
from train.models import checkpoint

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def train(folder, *words):
    """`tagger train` as a script, since further processes start the same script again."""
    script = folder / "tagger.py"
    script.write_text("from tagger.cli.app import main\nmain()\n")
    # The script's own folder would shadow the package.
    environment = os.environ | {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT)}
    environment |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, script, "train", *words], env=environment, cwd=folder,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


def options(root):
    fields = {k: v for k, v in OVERRIDES.items() if k not in {"datasets", "body", "fit"}}
    fields |= {"fit.batch_size": 4, "fit.clips_an_epoch": 16, "fit.precision": "32-true"}
    words = [f"--set={name}={json.dumps(value)}" for name, value in fields.items()]
    return ["--dataset=folder", f"--data={root}", "--body=cnn", "--devices=2", *words]


def rates(schedule, n_steps):
    """The rate of each step of a fit, and the one that it ends with."""
    options = FitOptions(schedule=schedule, learning_rate=1e-3)
    made = optimisation([torch.nn.Parameter(torch.zeros(1))], options, n_steps=n_steps)
    found = [made["optimizer"].param_groups[0]["lr"]]
    for _ in range(n_steps):
        made["optimizer"].step()
        if made.get("lr_scheduler", {}).get("interval") == "step":
            made["lr_scheduler"]["scheduler"].step()
        found.append(made["optimizer"].param_groups[0]["lr"])
    return found


@pytest.mark.parametrize(
    ("schedule", "last_step"),
    [("one-cycle", 4e-9), ("cosine", 1e-3 * 0.03), ("plateau", 1e-3), ("constant", 1e-3)],
)
def test_the_last_step_has_the_last_rate(schedule, last_step):
    """What comes down is down at the last of nine steps."""
    assert rates(schedule, 9)[8] == pytest.approx(last_step, rel=0.01)


@pytest.mark.parametrize(
    ("schedule", "n_devices"), [*((schedule, 2) for schedule in SCHEDULES), ("one-cycle", 1)]
)
def test_the_learning_rate_comes_down_however_many_learn(tmp_path, schedule, n_devices):
    """A fit ends with the last rate of its schedule, which counts the steps that are made."""
    root = trees.genres(tmp_path / "music", seconds=1.0)
    choices = {"schedule": schedule, "learning_rate": 1e-3, "accumulate": 2}
    words = [f"--set=fit.{name}={value}" for name, value in choices.items()]
    words += ["--set=fit.clips_an_epoch=24", "--set=fit.plateau_epochs=9"]
    given = [option for option in options(root) if not option.startswith("--devices")]
    train(tmp_path, *given, *words, f"--devices={n_devices}", "--out=run", "--epochs=3")
    last = torch.load(tmp_path / "run" / LAST, weights_only=True)
    n_steps = 3 * (3 if n_devices == 1 else 2)  # six batches, or three each, by two
    assert last["global_step"] == n_steps
    rate = last["optimizer_states"][0]["param_groups"][0]["lr"]
    assert rate == pytest.approx(rates(schedule, n_steps)[-1], rel=1e-3, abs=1e-9)


def test_two_processes_learn_one_model_and_go_on_together(tmp_path):
    """Half of the clips each, gradients averaged; only the first speaks; both resume."""
    root = trees.genres(tmp_path / "music", seconds=1.0)
    said = train(tmp_path, *options(root), "--out=run", "--epochs=2")
    assert said.count("epoch 2 of 2") == 1
    assert (tmp_path / "run" / checkpoint.BEST).is_file()
    said = train(tmp_path, "--resume=run", "--epochs=4")
    assert said.count("epoch 4 of 4") == 1
    last = torch.load(tmp_path / "run" / LAST, weights_only=True)
    assert last["global_step"] == 4 * 2  # 16 clips in batches of 4, by two
    states = last["tagger"]["generators_by_rank"]
    assert len(states) == 2
    assert states[0]["crops"] != states[1]["crops"]
    assert checkpoint.load(tmp_path / "run" / checkpoint.BEST).labels == ("high", "low")
