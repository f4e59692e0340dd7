"""An ensemble that teaches, shares of datasets, a last fit on the valid clips too."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tagger.errors import InputError
from tests.train import small
from tests.train.runs import run_training
from tests.train.sets import make_set
from tests.train.test_joined_labels import FIELDS, two_sets  # noqa: F401 - a fixture
from train.config.config import from_tree
from train.data.sampling import balanced_sampler
from train.datasets import noise
from train.datasets.audio import Where
from train.datasets.base import join
from train.experiments.__main__ import main
from train.experiments.ensemble import blend
from train.fit.run import resume_training
from train.models import checkpoint

NAN = np.float32("nan")
TAUGHT = FIELDS | {
    "kind": "multi",
    "calibration": {"source": "valid", "folds": 0, "n_windows": 2},
}
TWO = ["ensemble", "--with", "members=2", "--with", "share=0.5"]
LAST = ["last_fit", "--with", "datasets=[gtzan-logmel]"]


def experiment(words, fields, root, *more):
    """`python -m train.experiments`; returns its status and where best.pt is to be."""
    config = root / "config.yaml"
    config.write_text(json.dumps(fields))
    out = root / "run"
    given = [*words, "--config", config, "--data", root, "--out", out, "--force", *more]
    return main([str(word) for word in given]), out / checkpoint.BEST


def test_unknown_labels_are_what_was_heard_and_known_ones_half_of_it():
    """What is no music, and music without a label, stay as they are."""
    clips = make_set("x", ("a", "b"), n_each=2)
    targets = np.array([[1, NAN], [0, 1], [NAN, NAN], [0, 0]], np.float32)
    clips = replace(clips, targets=targets, music=np.array([1, 1, 1, 0], np.float32))
    heard = np.array([[0.6, 0.2], [0.4, 0.8], [0.5, 0.5], [0.9, 0.9]], np.float32)
    np.testing.assert_allclose(
        blend(clips, heard, share=0.5, kind="multi"),
        np.array([[0.8, 0.2], [0.2, 0.9], [NAN, NAN], [0, 0]], np.float32),
        atol=1e-6,
    )
    single = blend(clips, heard, share=0.5, kind="single")
    np.testing.assert_allclose(single[0], [1.0, NAN])
    np.testing.assert_allclose(single[1], [0.5 * 0.4 / 1.2, 0.5 * 0.8 / 1.2 + 0.5], atol=1e-6)


def test_members_teach_one_network(two_sets, tmp_path):  # noqa: F811
    """Their figures are kept; a run that goes on takes the members that are there."""
    status, best = experiment(TWO, TAUGHT, tmp_path)
    assert status == 0
    done = checkpoint.load(best)
    assert [fact["seed"] for fact in done.facts["members"]] == [101, 201]
    members = done.facts["members"][0]["valid"]
    assert members["gtzan-logmel"]["n_clips"] == members["fma-small-logmel"]["n_clips"] == 6
    assert done.facts["metrics"]["valid"]["accuracy"] > 0.8
    assert done.facts["metrics"]["valid of gtzan-logmel"]["n_clips"] == 6
    written = json.loads((tmp_path / "run" / "facts.json").read_text())
    assert written["members"] == done.facts["members"]
    member = tmp_path / "run" / "member-2" / "fitted.pt"
    before = member.stat().st_mtime_ns
    assert experiment(TWO, TAUGHT, tmp_path, "--resume")[0] == 0
    assert member.stat().st_mtime_ns == before
    assert checkpoint.load(best).facts["members"] == done.facts["members"]
    with pytest.raises(InputError, match=r"train\.experiments ensemble"):
        resume_training(tmp_path / "run", {}, say=lambda _: None)


def test_the_valid_clips_are_learned_at_last(two_sets, tmp_path, capsys):  # noqa: F811
    """The second network has other weights and the first one's figures, and says so."""
    status, best = experiment(LAST, TAUGHT, tmp_path)
    assert status == 0
    assert "last fit on 42 clips" in capsys.readouterr().err
    done = checkpoint.load(best)
    assert done.facts["data"]["last_fit"] == ["gtzan-logmel"]
    assert done.facts["metrics"]["valid"]["accuracy"] > 0.8
    first = checkpoint.load(tmp_path / "run" / "last.pt")
    assert not torch.equal(first.net.head.labels.weight, done.net.head.labels.weight)
    scale = done.facts["calibration"]["label_scale"]
    assert float(done.net.label_scale[0]) == pytest.approx(scale, abs=1e-4)


def test_a_last_layer_is_fitted_again_and_calibrated_anew(two_sets, tmp_path):  # noqa: F811
    """The body stays what it was; thresholds and figures are those of the new layer."""
    status, best = experiment(["last_layer", "--with", "n_windows=2"], TAUGHT, tmp_path)
    assert status == 0
    done, first = checkpoint.load(best), checkpoint.load(tmp_path / "run" / "last.pt")
    for name, value in first.net.body.state_dict().items():
        assert torch.equal(value, done.net.body.state_dict()[name])
    assert not torch.equal(first.net.head.labels.weight, done.net.head.labels.weight)
    assert done.facts["metrics"]["valid"]["accuracy"] > 0.8
    scale = done.facts["calibration"]["label_scale"]
    assert float(done.net.label_scale[0]) == pytest.approx(scale, abs=1e-4)


def test_a_new_run_in_the_same_folder_takes_no_member_of_the_old_one(two_sets, tmp_path):  # noqa: F811
    """What was learned at another rate, or from other data, is not passed off as this run's."""
    short = TAUGHT | {"fit": FIELDS["fit"] | {"epochs": 2}}
    slow = short | {"fit": short["fit"] | {"learning_rate": 1e-5}}
    weights = []
    for fields in (slow, short):
        assert experiment(TWO, fields, tmp_path)[0] == 0
        net = checkpoint.load(tmp_path / "run" / "member-1" / "fitted.pt").net
        weights.append(net.head.labels.weight)
    assert not torch.equal(*weights)


@pytest.mark.parametrize("words", [TWO, LAST, ["last_layer"]])
def test_clips_that_were_heard_cannot_calibrate(two_sets, tmp_path, capsys, words):  # noqa: F811
    """Folds beside an experiment that has heard their clips are refused; nothing is fitted."""
    fields = TAUGHT | {"calibration": {"source": "out-of-fold", "folds": 2}}
    assert experiment(words, fields, tmp_path)[0] == 2
    assert "set calibration.source=valid" in capsys.readouterr().err
    assert not list((tmp_path / "run").rglob("*.pt"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ensembel"], "Did you mean 'ensemble'"),
        (["ensemble", "--with", "member=2"], "did you mean members"),
        (["ensemble", "--with", "members=0"], "members: 0 is not at least 1"),
        (["absent"], "weights"),
        (["last_fit", "--with", "datasets=[gtzan-logmell]"], "'gtzan-logmel'"),
        (["last_layer", "--set", "ensemble.members=2"], "train.experiments ensemble"),
        (["last_layer", "--set", "fit.unknown_weights=[0.5,0]"], "train.experiments absent"),
    ],
)
def test_what_no_experiment_is_or_takes_is_named(two_sets, tmp_path, capsys, words, said):  # noqa: F811
    """Before anything is fitted."""
    assert experiment(words, TAUGHT, tmp_path)[0] == 2
    assert said in capsys.readouterr().err
    assert not list((tmp_path / "run").rglob("*.pt"))


def test_datasets_are_drawn_by_their_shares():
    """Labels equally often within a set, half of what has none is no music."""
    music = make_set("music", (), n_each=9)
    speech = replace(music, music=np.arange(9, dtype=np.float32) % 3 % 2, name="speech")
    first = make_set("one", ("a", "b")).take(np.arange(18))  # 12 of a, 6 of b
    joined = join([first, make_set("two", ("b", "c")), speech])
    weights = np.array(
        list(
            balanced_sampler(
                joined,
                share_not_genre=0.9,
                n_samples=1,
                seed=0,
                shares={"one": 0.2, "two": 0.5, "speech": 0.3},
            ).weights
        )
    )
    assert weights[:18].sum() == pytest.approx(0.2)
    assert weights[:12].sum() == pytest.approx(0.1)
    assert weights[18:42].sum() == pytest.approx(0.5)
    is_speech = joined.music == 0
    assert weights[is_speech].sum() == pytest.approx(0.15)
    assert weights.sum() == pytest.approx(1.0)


def test_each_dataset_has_a_share_or_none_has(two_sets, tmp_path):  # noqa: F811
    """The message says how many there must be."""
    fields = FIELDS | {"fit": FIELDS["fit"] | {"shares": [0.5]}}
    with pytest.raises(InputError, match="1 shares for 2 datasets"):
        run_training(None, fields, data=tmp_path, out=tmp_path / "run", say=print)
    with pytest.raises(InputError, match=r"fit\.shares"):
        from_tree(small.tree(fit={"shares": [2.0]}))


def test_noise_is_the_same_each_time_and_no_music():
    """Every kind stands in both splits, and no two clips are alike."""
    clips = noise.load(Where(root=Path()))
    assert (clips.music == 0).all()
    kinds = {item.split(".")[0] for item in clips.ids.tolist()}
    for split in ("train", "valid"):
        assert {item.split(".")[0] for item in clips.split(split).ids.tolist()} == kinds
    assert kinds == {"coloured", "swelling", "hum", "clicks", "tones", "talk", "alarm"}
    again = noise.load(Where(root=Path()))
    for one, other in zip(clips.features, again.features, strict=True):
        np.testing.assert_array_equal(one, other)
    means = {float(feature.mean()) for feature in clips.features}
    assert len(means) == len(clips)
    assert all(np.isfinite(feature).all() for feature in clips.features)
