import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tagger.errors import InputError
from tests.train import small, trees
from train.config.checks import check_choices
from train.config.config import from_tree, load_config
from train.data.batches import window_of
from train.data.load_clips import load_clips
from train.evaluation.chart import bars_of, points_of, table_of
from train.evaluation.scorer import open_scorer
from train.experiments import bodies
from train.experiments.front_ends import options_like
from train.experiments.study import STUDIES, Question, run_study, shortened
from train.features import FRONT_ENDS
from train.models import checkpoint
from train.models.network import TaggerNet

RECORDINGS = Path(__file__).parents[2] / "train" / "configs" / "compare-recordings.yaml"
QUICK = {
    "fit": {"epochs": 1, "batch_size": 8, "clips_an_epoch": 8, "precision": "32-true"},
    "calibration": {"folds": 0, "n_windows": 2},
}


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A run with random weights, a folder of recordings, and a question about them."""
    folder = tmp_path_factory.mktemp("study")
    root = trees.genres(folder / "music", seconds=3.0)
    options = small.FEATURES["mel"] | {
        "sample_rate": 8000, "n_fft": 512, "hop_len": 400, "f_max_hz": 4000.0,
    }  # fmt: skip
    config = from_tree(small.tree("mel", "cnn", features_options=options, datasets=["folder"]))
    torch.manual_seed(0)
    net = TaggerNet(config.network(), n_labels=2).eval()
    facts = {"thresholds": {"high": 0.4, "low": 0.4}}
    done = checkpoint.Checkpoint(net, config, ("high", "low"), facts)
    checkpoint.save(done, folder / "first" / "best.pt")
    return Question(
        paths=[folder / "first"], overrides={"datasets": ["folder"]}, config_path=None,
        data=root, prepared=folder / "p", split="train", labels={}, out=folder / "out",
        say=lambda _: None,
    )  # fmt: skip


def changed(question, **changes):
    fields = {name: getattr(question, name) for name in question.__dataclass_fields__}
    return Question(**(fields | changes))


@pytest.mark.parametrize("name", ["compare", "length", "rare", "transfer"])
def test_a_study_ends_with_a_table_a_record_and_a_picture(asked, name):
    """All three hold the same rows."""
    table = run_study(name, asked)
    records = json.loads((asked.out / f"{name}.json").read_text())
    assert len(table.splitlines()) == len(records) + 2
    assert (asked.out / f"{name}.md").read_text() == table + "\n"
    assert (asked.out / f"{name}.svg").read_text().startswith("<svg")
    assert len(records) == {"length": 6, "rare": 2}.get(name, 1)


def test_compare_counts_parameters_and_time(asked):
    """Cost is for a minute of audio."""
    run_study("compare", asked)
    (record,) = json.loads((asked.out / "compare.json").read_text())
    assert record["run"] == "first"
    assert record["parameters"] > 100
    assert record["ms a minute"] > 0


def test_transfer_goes_through_the_map(asked, tmp_path):
    """Labels of the data get the model's names; two may not become one."""
    root = trees.genres(tmp_path, seconds=1.0, labels=("treble", "bass"))
    question = changed(asked, data=root, labels={"treble": "high", "bass": "low"})
    assert "high" in run_study("transfer", question)
    with pytest.raises(InputError, match="two labels"):
        run_study("transfer", changed(question, labels={"treble": "low", "bass": "low"}))


def test_shortened_clips_are_the_middle(asked):
    """In samples for recordings; nothing is ever empty."""
    scorer = open_scorer(asked.paths[0] / "best.pt")
    clips = load_clips(scorer.config, asked.data, prepared=asked.prepared, say=print)
    short = shortened(clips, scorer, 0.5)
    assert short.n_frames(0) == 4000
    np.testing.assert_array_equal(
        short.frames(0, 0, 4000), window_of(clips, 0, start=10000, n_frames=4000)
    )
    assert shortened(clips, scorer, 1e-9).n_frames(0) == 1


@pytest.mark.slow
def test_bodies_are_fitted_with_each_seed(asked, tmp_path, monkeypatch):
    """Mean and deviation over the seeds; a body that there is not is named."""
    sizes = {name: (name, small.BODIES[name], {}) for name in ("cnn", "crnn")}
    monkeypatch.setattr(bodies, "SIZES", sizes)
    overrides = {"datasets": ["folder"], "features_options": {"n_frames": 8}, **QUICK}
    question = changed(asked, overrides=overrides, n_seeds=2, out=tmp_path)
    run_study("bodies", changed(question, paths=[Path("cnn"), Path("crnn")]))
    records = json.loads((tmp_path / "bodies.json").read_text())
    assert [(record["body"], record["seeds"]) for record in records] == [
        ("cnn", 2),
        ("crnn", 2),
    ]
    assert all(record["its deviation"] is not None for record in records)
    assert (tmp_path / "crnn-2" / "best.pt").is_file()
    with pytest.raises(InputError, match="Did you mean 'crnn'"):
        run_study("bodies", changed(question, paths=[Path("crn")]))


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_front_ends_are_compared_at_one_rate_and_as_long_frames(name):
    """With the frames of the published configuration, and as its options stand by default."""
    for config in (load_config(RECORDINGS, {}), from_tree({})):
        like = config.features_options
        options = FRONT_ENDS[name][0](**options_like(name, like))
        assert (options.sample_rate, options.n_frames) == (like.sample_rate, like.n_frames)
        if name == "raw":
            assert options.stride * options.pool == like.hop_len
        else:
            assert options.hop_len == like.hop_len
        check_choices(replace(config, features=name, features_options=options))


def test_features_fits_each_front_end(asked, tmp_path):
    """One row a front end; only it differs."""
    overrides = QUICK | {"datasets": ["folder"], "body": "gru", "body_options": {"n_hidden": 4}}
    overrides |= {"features_options": {"n_frames": 8}}
    run_study("features", changed(asked, overrides=overrides, paths=[], out=tmp_path))
    records = json.loads((tmp_path / "features.json").read_text())
    assert [record["run"] for record in records] == list(small.FEATURES)


def test_what_is_unknown_or_missing_is_said(asked):
    """The known studies are listed."""
    with pytest.raises(InputError, match=", ".join(STUDIES)):
        run_study("lenght", asked)
    with pytest.raises(InputError, match="name a checkpoint"):
        run_study("rare", changed(asked, paths=[]))


def test_tables_and_bars_show_what_is_not_known():
    """A dash, and no bar."""
    assert table_of(("a", "b"), [["x", None], ["y", 0.25]]).endswith("| y | 0.25 |")
    assert "-" in bars_of("t", ["x", "y"], [None, 2.0])


def test_the_length_of_several_runs_is_their_mean(asked, tmp_path):
    """The mean of two runs that are one and the same is its own figure."""
    run_study("length", changed(asked, out=tmp_path / "one"))
    run_study(
        "length", changed(asked, out=tmp_path / "two", paths=[*asked.paths, *asked.paths])
    )
    one, two = (json.loads((tmp_path / n / "length.json").read_text()) for n in ("one", "two"))
    assert one == two


def test_a_better_point_is_higher_and_a_dearer_one_farther_right():
    """What is drawn has the order of the figures, and ten times the cost a fixed step."""
    drawn = points_of(
        "a & b", ["x", "y", "z"], [(1.0, 0.5, 0.1), (10.0, 0.6, None), (100.0, 0.4, 0.0)]
    )
    circles = [re.search(r'cx="([\d.]+)" cy="([\d.]+)"', line) for line in drawn.splitlines()]
    across, down = zip(
        *((float(circle[1]), float(circle[2])) for circle in circles if circle), strict=True
    )
    assert down[1] < down[0] < down[2]
    assert across[1] - across[0] == pytest.approx(across[2] - across[1], abs=0.2)
    assert "a &amp; b" in drawn
