import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.train import trees
from tests.train.test_checkpoints import OVERRIDES
from train import checkpoint
from train.callbacks import LAST

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def train(folder, *words):
    """`tagger train` as a script, since further processes start the same script again."""
    script = folder / "tagger.py"
    script.write_text("from tagger.cli import main\nmain()\n")
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
