"""A network learns to give through another front end what it gave through its own."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.train import school, small, trees
from tests.train.runs import run_training
from tests.train.test_ensemble import experiment
from tests.train.test_probe import OPTIONS, taught
from tests.train.test_training import QUICK, RATE, config_of
from train.experiments import between
from train.experiments.between import logits_of
from train.experiments.follow import Follow, distances
from train.models import checkpoint
from train.models.network import TaggerNet
from train.teachers.lessons import Part
from train.teachers.losses import LEAST
from train.teachers.peer import mean_of_shares
from train.teachers.probe import KIND, with_posteriors

OWN = small.FEATURES["mel"] | RATE | {"f_max_hz": 4000.0}
FIELDS = {
    "datasets": ["folder"],
    "features": "mel",
    "features_options": OWN | {"hop_len": OWN["hop_len"] * 2, "n_frames": 16},
    "body": "cnn",
    "fit": {"epochs": 6, "clips_an_epoch": 64, "batch_size": 8, "learning_rate": 0.01},
    "augment": {"mixup_alpha": 0.0},
}


@pytest.fixture
def teacher(tmp_path):
    """The checkpoint of a short run, and the sounds that it learned from."""
    root = trees.genres(tmp_path, seconds=1.0, labels=("a", "b"))
    overrides = QUICK | {"datasets": ["folder"], "body": "cnn", "features_options": OWN}
    places = {"data": root, "say": lambda line: None, "prepared": tmp_path / "prepared"}
    return run_training(None, overrides, out=tmp_path / "teacher", **places)


def follow(root, teacher, *more):
    """The experiment's status and its best.pt."""
    return experiment(["follow", "--with", f"teacher={teacher}", *more], FIELDS, root)


def test_it_comes_nearer_and_keeps_head_labels_and_thresholds(teacher, tmp_path):
    """Through twice the hop; the body is another one afterwards, all that judges is not."""
    status, best = follow(tmp_path, teacher)
    assert status == 0
    begun, done = checkpoint.load(teacher), checkpoint.load(best)
    assert done.labels == begun.labels
    assert done.facts["thresholds"] == begun.facts["thresholds"]
    assert done.config.features_options.hop_len == 2 * OWN["hop_len"]
    for name, value in begun.net.state_dict().items():
        if not name.startswith(("body.", "front_end.", "normalise.")):
            assert torch.equal(done.net.state_dict()[name], value)
    _, short = follow(tmp_path, teacher, "--set", "fit.epochs=1")
    error = checkpoint.load(short).facts["followed"][0]["relative_error"]
    assert done.facts["followed"][0]["relative_error"] < 0.2 * error


def test_the_mean_of_two_that_followed(teacher, tmp_path):
    """Weights are means, and what each said of itself is kept."""
    runs = []
    for seed in ("1", "2"):
        status, best = follow(tmp_path, teacher, "--set", f"seed={seed}")
        assert status == 0
        runs.append(best.parent.rename(tmp_path / f"run-{seed}"))
    done = ["--with", f"done=[{runs[0]}, {runs[1]}]"]
    status, best = follow(tmp_path, teacher, *done, "--with", "shift={b: -0.5}")
    assert status == 0
    mean = checkpoint.load(best)
    assert mean.facts["calibration"]["shifted"] == {"b": -0.5}
    moved = mean.net.label_bias - checkpoint.load(teacher).net.label_bias
    torch.testing.assert_close(moved, torch.tensor([0.0, -0.5]))
    assert [one["seed"] for one in mean.facts["followed"]] == [1, 2]
    parts = [checkpoint.load(run / checkpoint.BEST).net.state_dict() for run in runs]
    for name, value in mean.net.state_dict().items():
        if not name.endswith(("running_mean", "running_var", "batches_tracked", "label_bias")):
            mid = (parts[0][name] + parts[1][name]) / 2
            torch.testing.assert_close(value, mid.to(value.dtype))


def test_more_rows_than_the_teacher_was_learned_with_are_refused(tmp_path, capsys):
    """An LSTM takes the rows that it knows; the message says which weights do not fit."""
    trees.genres(tmp_path, seconds=1.0, labels=("a", "b"))
    config = config_of(body="lstm", features_options=OWN)
    net = TaggerNet(config.network(), n_labels=2)
    path = tmp_path / "teacher.pt"
    checkpoint.save(checkpoint.Checkpoint(net, config, ("a", "b"), {}), path)
    more = FIELDS | {"features_options": FIELDS["features_options"] | {"n_mels": 64}}
    words = ["follow", "--with", f"teacher={path}"]
    assert experiment(words, more, tmp_path)[0] == 2
    assert "do not fit" in capsys.readouterr().err


def test_no_distance_from_oneself():
    """All that an embedding gives is then its own."""
    net = TaggerNet(config_of(body="cnn", features_options=OWN).network(), n_labels=3).eval()
    embedding = torch.rand(4, net.body.n_out)
    found = distances(net, embedding, embedding, net.head.labels(embedding))
    assert found["embedding"] == 0
    assert float(found["labels"].detach()) == pytest.approx(0, abs=1e-6)


def test_between_a_network_and_the_probe():
    """The geometric mean; where the probe knows nothing the network's own is left."""
    own = np.log(np.array([0.5, 0.3, 0.2], np.float32))
    shares = np.array([[0.9, 0.1, 0.0], [np.nan, np.nan, np.nan]], np.float32)
    found = mean_of_shares(own, shares, share=0.25)
    mixed = np.exp(own) ** 0.75 * np.array([0.9, 0.1, LEAST]) ** 0.25
    np.testing.assert_allclose(found, [mixed / mixed.sum(), np.exp(own)], rtol=1e-5)


def test_only_the_shares_of_the_probe_change(monkeypatch):
    """A row a stretch, of each clip with its own network's answer."""
    clips, _ = taught()
    clips = with_posteriors(clips, OPTIONS)
    own = np.log(np.tile(np.array([[0.8, 0.2]], np.float32), (len(clips), 1)))
    own[1] = np.log([0.1, 0.9])
    monkeypatch.setattr(between, "of_recordings", lambda clips, net: own)
    found = between.between(clips, None, share=0.5).lessons.of_clip
    part = between.probe_part(clips)
    for i in range(2):
        before = clips.lessons.of_clip[i]
        np.testing.assert_array_equal(found[i][:, : part.start], before[:, : part.start])
        shares = before[:, part.start : part.stop].astype(np.float32)
        wanted = mean_of_shares(own[i], shares, share=0.5)
        np.testing.assert_allclose(found[i][:, part.start : part.stop], wanted, atol=1e-3)
        assert np.abs(wanted - shares).max() > 0.01


@pytest.mark.parametrize("wrong", ["probe_share=-0.1", "probe_share=1.5", "done=[x]"])
def test_options_that_cannot_be_are_refused(wrong, tmp_path, capsys):
    """Before anything is heard."""
    words = ["follow", "--with", "teacher=x", "--with", wrong, "--with", "probe_share=0.5"]
    if wrong.startswith("probe_share"):
        words = words[:-2]
    assert experiment(words, FIELDS, tmp_path)[0] == 2
    assert wrong.split("=")[0] in capsys.readouterr().err


def test_a_batch_brings_the_shares_behind_its_own_embedding_and_the_teachers_answers():
    """Wherever the probe's columns begin; labels beside the softmax are the teacher's."""
    net = TaggerNet(config_of(body="cnn", kind="single").network(), n_labels=3, beside=[None])
    part = Part(teacher="probe", kind=KIND, start=1, stop=3, weight=1.0)
    student = SimpleNamespace(beheld=[net], shares=part, n_before=2)
    target = torch.rand(1, net.body.n_out)
    taught_by = torch.tensor([[9.0, 9.0, 9.0, 0.7, 0.3]])
    found = Follow._labels(student, target, taught_by)
    torch.testing.assert_close(found[:, :2].softmax(dim=1), torch.tensor([[0.7, 0.3]]))
    torch.testing.assert_close(found[:, 2], net.head.labels(target)[:, 2])
    without = SimpleNamespace(beheld=[net], shares=None, n_before=2)
    own = Follow._labels(without, target, taught_by)
    torch.testing.assert_close(own, net.head.labels(target))


def test_logits_that_give_such_shares():
    """Through scale and bias, as the head's own do."""
    net = TaggerNet(config_of(body="cnn", kind="single").network(), n_labels=3, beside=[None])
    net.label_scale.copy_(torch.tensor([0.5, 0.5, 2.0]))
    net.label_bias.copy_(torch.tensor([0.3, -0.4, 0.2]))
    shares = torch.tensor([[0.7, 0.3]])
    logits = torch.cat([logits_of(net, shares), torch.zeros(1, 1)], dim=1)
    scores = net.scores_of(logits, torch.full((1, 1), 50.0))
    torch.testing.assert_close(scores[:, :2], shares)


def test_with_a_probe_the_head_learns_too(tmp_path, capsys):
    """Its labels' layer alone of what judges; without a probe there is nothing to follow."""
    root = school.write_data(tmp_path)
    made = school.tree(
        school.THREE[0],
        kind="single",
        probe={"weight": 1.0, "folds": 2},
        fit=FIELDS["fit"],
        augment=FIELDS["augment"],
    )
    places = {"data": root, "say": lambda line: None, "prepared": tmp_path / "prepared"}
    teacher = run_training(None, made, out=tmp_path / "teacher", **places)
    words = ["follow", "--with", f"teacher={teacher}", "--with", "probe_share=0.5"]
    status, best = experiment(words, made, root)
    assert status == 0
    begun, done = (checkpoint.load(path).net.state_dict() for path in (teacher, best))
    moved = {name for name, value in begun.items() if not torch.equal(done[name], value)}
    assert "head.labels.weight" in moved
    assert any(name.startswith("body.") for name in moved)
    assert not moved & {"head.music.weight", "label_bias", "label_scale", "music_bias"}
    facts = checkpoint.load(best).facts
    assert facts["followed"][0]["probe_share"] == 0.5
    assert [one["name"] for one in facts["data"]["teachers"]] == ["free"]
    turned = replace(checkpoint.load(teacher), labels=("low", "high"))
    checkpoint.save(turned, tmp_path / "turned.pt")
    turned_words = [word.replace(str(teacher), str(tmp_path / "turned.pt")) for word in words]
    assert experiment(turned_words, made, root)[0] == 2
    assert "in this order" in capsys.readouterr().err
    without = made | {"probe": {"weight": 0.0}}
    assert experiment(words, without, root)[0] == 2
    assert "there is no probe" in capsys.readouterr().err
