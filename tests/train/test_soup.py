"""The mean of the weights of fits that go on from one network."""

import json
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from tests.train.test_ensemble import TAUGHT, experiment
from tests.train.test_joined_labels import two_sets  # noqa: F401 - a fixture
from train.fit.mean import mean_of
from train.models import checkpoint

SOUP = ["soup", "--with", "members=2", "--with", "n_measured=5"]
FIRST = ["last_layer", "--with", "n_windows=2"]


def first_run(root):
    """The checkpoint of a run on the same sets, in a folder of its own."""
    (root / "first").mkdir()
    for folder in root.iterdir():
        if folder.name != "first":
            (root / "first" / folder.name).symlink_to(folder)
    assert experiment(FIRST, TAUGHT, root / "first")[0] == 0
    return root / "first" / "run" / checkpoint.BEST


def test_the_mean_of_two_fits_is_what_is_kept(two_sets, tmp_path, capsys):  # noqa: F811
    """Weights are means, batch statistics those of the mean, and both seeds have figures."""
    start = first_run(tmp_path)
    status, best = experiment(SOUP, TAUGHT, tmp_path, "--from", start)
    assert status == 0
    done = checkpoint.load(best)
    assert [fact["seed"] for fact in done.facts["members"]] == [1, 2]
    assert all(fact["valid"]["accuracy"] > 0.8 for fact in done.facts["members"])
    assert done.facts["metrics"]["valid"]["accuracy"] > 0.8
    members = [
        checkpoint.load(tmp_path / "run" / f"member-{n}" / "last.pt").net.state_dict()
        for n in (1, 2)
    ]
    for name, value in done.net.state_dict().items():
        one, other = (state.get(name) for state in members)
        if name.startswith("body.") and "running" not in name and value.is_floating_point():
            torch.testing.assert_close(value, (one + other) / 2)
            assert not torch.equal(one, other)
    written = json.loads((tmp_path / "run" / "facts.json").read_text())
    assert written["members"] == done.facts["members"]
    capsys.readouterr()
    assert experiment(SOUP, TAUGHT, tmp_path, "--from", start, "--resume")[0] == 0
    assert "epoch" not in capsys.readouterr().err
    again = checkpoint.load(best).net.state_dict()
    assert all(torch.equal(again[name], value) for name, value in done.net.state_dict().items())


def test_what_they_go_on_from_can_be_in_the_mean(two_sets, tmp_path, capsys):  # noqa: F811
    """One fit and its start: half of each; a network of other labels is refused."""
    start = first_run(tmp_path)
    words = ["soup", "--with", "members=1", "--with", f"also=[{start}]"]
    status, best = experiment(words, TAUGHT, tmp_path, "--from", start)
    assert status == 0
    done, begun = (checkpoint.load(path).net.state_dict() for path in (best, start))
    fitted = checkpoint.load(tmp_path / "run" / "member-1" / "last.pt").net.state_dict()
    for name, value in done.items():
        if name.startswith(("body.", "head.")) and name.endswith(("weight", "bias")):
            torch.testing.assert_close(value, (fitted[name] + begun[name]) / 2)
    other = checkpoint.load(start)
    checkpoint.save(replace(other, labels=("x", *other.labels[1:])), tmp_path / "other.pt")
    words = ["soup", "--with", "members=1", "--with", f"also=[{tmp_path / 'other.pt'}]"]
    assert experiment(words, TAUGHT, tmp_path, "--from", start, "--resume")[0] == 2
    assert "has other labels" in capsys.readouterr().err


def test_fits_without_a_common_start_have_no_mean(two_sets, tmp_path, capsys):  # noqa: F811
    """The message says what to give; nothing is fitted."""
    assert experiment(SOUP, TAUGHT, tmp_path)[0] == 2
    assert "--from" in capsys.readouterr().err
    assert not (tmp_path / "run" / "member-1").exists()


def test_what_is_counted_is_no_mean():
    """Numbers of batches stay whole numbers."""
    norms = [nn.BatchNorm1d(2) for _ in range(2)]
    for norm in norms:
        norm(torch.from_numpy(np.random.default_rng(0).random((4, 2), np.float32)))
    mean = mean_of([norm.state_dict() for norm in norms])
    assert mean["num_batches_tracked"] == 1
    nn.BatchNorm1d(2).load_state_dict(mean)
