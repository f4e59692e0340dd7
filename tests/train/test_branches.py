"""A fit that goes on in several ways: their mean is the network, whatever is interrupted."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from tagger.errors import InputError
from tests.processes import check_ended, children_of
from tests.train.runs import run_training
from tests.train.school import THREE, tree, write_data
from tests.train.test_checkpoints import OVERRIDES, ROOT, music, quiet  # noqa: F401 - a fixture
from train.config.config import from_tree
from train.experiments.__main__ import main as experiments
from train.fit.branches import LOG, SEEDS_APART, WEIGHTS, n_together, parted, weights_in
from train.fit.callbacks import LAST, read_last
from train.fit.mean import mean_of
from train.fit.run import resume_training
from train.models import checkpoint
from train.teachers.pupil import read_pupil

BRANCHED = OVERRIDES | {"fit": OVERRIDES["fit"] | {"branches": 2}}
PARTS = ("body.", "head.")


@pytest.fixture(scope="module")
def done(music, tmp_path_factory):  # noqa: F811
    """The folder of a finished run of two branches."""
    root = tmp_path_factory.mktemp("branches")
    said = []
    places = {"data": music, "out": root / "run", "prepared": root / "p"}
    run_training(None, BRANCHED, **places, say=said.append)
    (root / "said.json").write_text(json.dumps(said))
    return root


def test_the_network_is_the_mean_of_the_branches(done):
    """They share the first of three epochs, then draw otherwise; each tells how far it is."""
    run = done / "run"
    assert read_last(run)["epoch"] + 1 == 1
    one, other = (weights_in(run / f"branch-{n}") for n in (1, 2))
    assert all(read_last(run / f"branch-{n}")["epoch"] + 1 == 3 for n in (1, 2))
    net = checkpoint.load(run / checkpoint.BEST).net.state_dict()
    learned = [n for n, value in net.items() if n.startswith(PARTS) and "running" not in n]
    for name in learned:
        if net[name].is_floating_point():
            torch.testing.assert_close(net[name], (one[name] + other[name]) / 2)
    assert any(not torch.equal(one[name], other[name]) for name in learned)
    said = json.loads((done / "said.json").read_text())
    for line in ("branch 1: fit: epoch 3 of 3", "branch 2: fit: epoch 3 of 3"):
        assert sum(told.startswith(line) for told in said) == 1
    facts = json.loads((run / "facts.json").read_text())
    n_clips = facts["metrics"]["valid"]["n_clips"]
    assert [one["valid"]["n_clips"] for one in facts["branches"]] == [n_clips, n_clips]
    content = torch.load(run / checkpoint.BEST, weights_only=True)
    assert "optimizer_states" not in content  # those of the common part are not its own


def test_its_batch_statistics_are_measured_anew(done):
    """A mean of statistics is not that of what the mean of the weights gives."""
    states = [weights_in(done / "run" / f"branch-{n}") for n in (1, 2)]
    mean = mean_of(states)
    net = checkpoint.load(done / "run" / checkpoint.BEST).net.state_dict()
    running = [name for name in net if name.endswith("running_var")]
    assert running
    assert any(not torch.allclose(net[name], mean[name], rtol=1e-3) for name in running)


def test_a_run_of_which_parts_are_missing_comes_to_the_same(done, tmp_path):
    """Finished branches are kept, one without its end goes on, one that is gone is fitted."""
    shutil.copytree(done, tmp_path / "copy")
    run = tmp_path / "copy" / "run"
    (run / "branch-1" / WEIGHTS).unlink()
    shutil.rmtree(run / "branch-2")
    expected = checkpoint.load(done / "run" / checkpoint.BEST).net.state_dict()
    said = []
    resume_training(run, {}, say=said.append)
    found = checkpoint.load(run / checkpoint.BEST).net.state_dict()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5)
    assert not any(line.startswith("fit:") for line in said)  # the common part stands
    said.clear()
    resume_training(run, {}, say=said.append)
    assert not any("epoch" in line for line in said)


def test_a_branch_that_ends_too_early_is_an_error(done, tmp_path):
    """It names the branch, the cause and where to read on; the other one is not lost."""
    shutil.copytree(done, tmp_path / "copy")
    run = tmp_path / "copy" / "run"
    (run / "branch-2" / WEIGHTS).unlink()
    (run / "branch-2" / LAST).write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"branch 2 ended before .*cannot be read.*--resume"):
        resume_training(run, {}, say=quiet)
    assert (run / "branch-1" / WEIGHTS).is_file()
    assert "cannot be read" in (run / "branch-2" / LOG).read_text()


def test_a_branch_that_an_earlier_version_parted_goes_on(done, tmp_path):
    """It is killed in its first epoch, when last.pt still has the seed of the common part."""
    shutil.copytree(done, tmp_path / "copy")
    run = tmp_path / "copy" / "run"
    (run / "branch-2" / WEIGHTS).unlink()
    shutil.copy(run / LAST, run / "branch-2" / LAST)
    resume_training(run, {}, say=quiet)
    again, before = (weights_in(root / "branch-2") for root in (run, done / "run"))
    assert all(torch.equal(again[name], before[name]) for name in before)


def test_a_run_that_becomes_longer_goes_on_in_every_branch(done, tmp_path):
    """The common part stays where they parted; loaders with processes of their own end too."""
    shutil.copytree(done, tmp_path / "copy")
    run = tmp_path / "copy" / "run"
    resume_training(run, {"fit.epochs": 4, "fit.n_workers": 1}, say=quiet)
    assert [read_last(run / f"branch-{n}")["epoch"] + 1 for n in (1, 2)] == [4, 4]
    assert read_last(run)["epoch"] + 1 == 1
    longer, before = (weights_in(root / "branch-1") for root in (run, done / "run"))
    assert any(not torch.equal(longer[name], before[name]) for name in before)


def test_no_two_branches_draw_alike():
    """Clips, places, changes, what is dropped, nor any two of these; the rest is as it was."""
    kept = {"labels": ["a"], "generators": {}, "generators_by_rank": [{}]}
    content = {"epoch": 4, "tagger": kept}
    seeds = (1 + SEEDS_APART * number for number in (1, 2))
    one, other = (parted(content, from_tree({"seed": seed})) for seed in seeds)
    assert one["epoch"] == 4
    assert set(one["tagger"]) == {"labels", "config", "generators"}
    states, others = (found["tagger"]["generators"] for found in (one, other))
    assert set(states) == {"augment", "sampler", "crops", "torch"}
    begun = [
        found[name] for found in (states, others) for name in ("augment", "sampler", "torch")
    ]
    for i, state in enumerate(begun):
        assert not any(torch.equal(state, before) for before in begun[:i])
    drawn = []
    for found in (states, others):
        rng = np.random.default_rng()
        rng.bit_generator.state = found["crops"]
        drawn.append(rng.integers(2**31))
    assert drawn[0] != drawn[1]
    assert not content["tagger"]["generators"]


@pytest.mark.parametrize(
    ("share", "together"), [(0.0, 1), (0.3, 3), (0.4, 4), (0.99, 9), (1.0, 9)]
)
def test_some_of_the_fit_is_shared_and_some_is_not(share, together):
    """One epoch at least of each."""
    config = from_tree(OVERRIDES | {"fit": {"epochs": 10, "branches": 2, "branch_from": share}})
    assert n_together(config) == together


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"fit.epochs": 1}, r"1 epochs cannot be shared.*fit\.epochs=2"),
        ({"fit.devices": 2}, r"several; set one of the two to 1"),
        ({"fit.stop_epoch": 2}, r"the branches part where .*set fit\.stop_epoch=0"),
        ({"fit.patience": 2}, r"no mean of like networks; set fit\.patience=0"),
        ({"fit.schedule": "plateau"}, r"another fit\.schedule than plateau"),
        ({"calibration.folds": 2}, r"fit\.branches needs clips that calibrate"),
        ({"fit.branches": 0}, r"fit\.branches: 0 is not at least 1"),
        ({"fit.branch_from": 1.5}, r"fit\.branch_from: 1\.5 is not in 0\.\.1"),
    ],
)
def test_what_cannot_be_branched_is_refused(music, tmp_path, fields, reason):  # noqa: F811
    """Before anything is fitted, with what to do."""
    places = {"data": music, "out": tmp_path / "run", "prepared": tmp_path / "p"}
    with pytest.raises(InputError, match=reason):
        run_training(None, BRANCHED | fields, **places, say=quiet)
    assert not (tmp_path / "run" / LAST).exists()


def test_experiments_fit_in_ways_of_their_own(music, tmp_path, capsys):  # noqa: F811
    """They say so instead of leaving the branches out."""
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(BRANCHED))
    words = ["last_layer", "--config", config, "--data", music, "--out", tmp_path / "run"]
    assert experiments([str(word) for word in words]) == 2
    assert "fit.branches: the experiment last_layer" in capsys.readouterr().err


def test_what_answers_for_the_teachers_is_a_mean_too(tmp_path):
    """Labels that teachers alone know are read from it."""
    data = write_data(tmp_path / "data")
    fields = tree(teachers=THREE) | {"fit.branches": 2, "fit.epochs": 2}
    places = {"data": data, "out": tmp_path / "run", "prepared": tmp_path / "p"}
    run_training(None, fields, **places, say=quiet)
    layers = [read_pupil(tmp_path / "run" / f"branch-{n}")[0].weight for n in (1, 2)]
    mean = read_pupil(tmp_path / "run")[0].weight
    torch.testing.assert_close(mean, (layers[0] + layers[1]) / 2)
    assert not torch.equal(*layers)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_branches_end_with_the_run_that_is_killed(music, tmp_path):  # noqa: F811
    """And the run goes on where they were."""
    config = tmp_path / "config.yaml"
    fit = BRANCHED["fit"] | {"epochs": 2000}
    config.write_text(json.dumps(BRANCHED | {"fit": fit | {"branch_from": 0.0}}))
    words = ["--config", config, "--data", music, "--out", tmp_path / "run"]
    words += ["--prepared", tmp_path / "p"]
    code = "from tagger.cli.app import main; main()"
    command = [sys.executable, "-c", code, "train", *map(str, words)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        lasts = [tmp_path / "run" / f"branch-{n}" / LAST for n in (1, 2)]
        until = time.monotonic() + 120
        while not any(path.is_file() for path in lasts) and time.monotonic() < until:
            time.sleep(0.2)
        branches = children_of(process.pid)
        os.kill(process.pid, signal.SIGKILL)
    assert len(branches) >= 1
    check_ended(branches, limit_s=20)
    reached = max(read_last(path.parent)["epoch"] + 1 for path in lasts if path.is_file())
    assert 1 <= reached < 2000
    resume_training(tmp_path / "run", {"fit.epochs": reached + 1}, say=quiet)
    assert {read_last(path.parent)["epoch"] for path in lasts} == {reached}
    assert (tmp_path / "run" / "facts.json").is_file()
