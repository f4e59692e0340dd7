"""No figure is said to be of unseen clips when the start, or the thresholds, had them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.train import small
from tests.train.sets import make_set
from train.config.config import from_tree
from train.evaluation import run_facts
from train.fit.seen_clips import OUT_OF_FOLD, VALID, marked, seen_by_start, warning
from train.models import checkpoint
from train.models.network import TaggerNet


def config_of(*datasets, source="out-of-fold", **more):
    calibration = {"source": source, "folds": 5 if source == "out-of-fold" else 0}
    return from_tree({"datasets": list(datasets), "calibration": calibration, **more})


def saved(path, tree, facts=None, *, old_fields=None):
    """A checkpoint of a run with these fields, some of which only earlier versions had."""
    made = from_tree(tree)
    net = TaggerNet(made.network(), n_labels=2).eval()
    checkpoint.save(checkpoint.Checkpoint(net, made, ("a", "b"), facts or {}), path)
    content = torch.load(path, weights_only=True)
    content["config"] |= old_fields or {}
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    ("name", "learned", "is_heard", "valid_is_heard"),
    [
        ("gtzan", "gtzan", True, False),
        ("gtzan", "gtzan:stratified", True, True),  # other splits of the same recordings
        ("gtzan:fault-filtered", "gtzan", True, True),
        ("fma-small", "fma:small", True, True),
        ("gtzan", "mtat", False, False),
        ("gtzan", "speech-music", False, False),
    ],
)
@pytest.mark.parametrize("way", ["from", "from its start", "from its pretraining"])
def test_what_a_start_has_learned_is_not_unseen(
    tmp_path, name, learned, is_heard, valid_is_heard, way
):
    """By either way, under either name of the same recordings, however early."""
    config, facts, old = config_of(name), {}, {}
    if way == "from its start":
        facts = {"data": {"learned_before": [learned]}}
    if way == "from its pretraining":  # a field that earlier versions had
        old = {"pretrain": {"datasets": ["noise"], "pretrain": {"datasets": [learned]}}}
    own = [learned if way == "from" else "noise"]
    start = saved(tmp_path / "best.pt", small.tree(datasets=own), facts, old_fields=old)
    # Of what was learned still earlier only the names are known, not the splits.
    valid_is_heard = valid_is_heard if way == "from" else is_heard
    heard = seen_by_start(config, start)
    assert (OUT_OF_FOLD in heard) == is_heard
    assert (VALID in heard) == valid_is_heard
    assert (warning(heard, config) is not None) == is_heard
    by_valid = config_of(name, source="valid")
    assert (warning(heard, by_valid) is not None) == valid_is_heard


def test_valid_clips_of_a_last_fit_or_of_another_seed_were_heard(tmp_path):
    """A model that ships has learned its valid clips as well; other seeds draw other splits."""
    for more, facts, old, is_heard in (
        ({}, {"data": {"last_fit": ["folder"]}}, {}, True),
        ({}, {}, {"last_fit": ["folder"]}, True),
        ({"split_seed": 7}, {}, {}, True),
        ({}, {}, {}, False),
    ):
        tree = small.tree(datasets=["folder"], **more)
        start = saved(tmp_path / "best.pt", tree, facts, old_fields=old)
        heard = seen_by_start(config_of("folder", source="valid"), start)
        assert (VALID in heard) == is_heard


def test_only_sets_that_calibrate_count(tmp_path):
    """What only helps to learn may have been heard before."""
    config = config_of("gtzan", "mtat")
    start = saved(tmp_path / "best.pt", small.tree(datasets=["mtat"]))
    only = replace(config, calibration=replace(config.calibration, datasets=("gtzan",)))
    assert seen_by_start(only, start) == {}
    assert seen_by_start(config, start) != {}


def test_figures_say_what_the_start_may_have_heard():
    """Each of the split, those of single sets too, and the calibration's own words."""
    found = marked(
        {
            "metrics": {VALID: {"accuracy": 1.0}, f"{OUT_OF_FOLD} of a": {"accuracy": 1.0}},
            "calibration": {"on": OUT_OF_FOLD, "method": "on clips the network had not seen"},
        },
        {OUT_OF_FOLD: ["a"]},
    )
    assert found["metrics"][f"{OUT_OF_FOLD} of a"]["start_may_have_heard"] == ["a"]
    assert "start_may_have_heard" not in found["metrics"][VALID]
    assert "may have heard clips of a" in found["calibration"]["method"]
    assert "not seen" not in found["calibration"]["method"]


@pytest.mark.parametrize("folds", [0, 4])
def test_thresholds_are_measured_on_clips_that_did_not_choose_them(monkeypatch, folds):
    """Of no clip is it said whether it gets a genre by a threshold that it helped to choose."""
    config = from_tree(small.tree(calibration={"source": "valid", "folds": folds}))
    clips = make_set("x", ("a", "b"))
    torch.manual_seed(0)
    net = TaggerNet(config.network(), n_labels=2).eval()
    unseen = run_facts.net_logits(net, clips, config)
    number = {name: i for i, name in enumerate(clips.ids.tolist())}
    seen = []

    def choose(scores, logits, options):
        """A threshold from which can be read who chose it."""
        seen.append({number[item] for item in logits.clips.ids.tolist()})
        return dict.fromkeys(logits.clips.labels, float(len(seen)))

    def measured(scores, clips, thresholds):
        for i, row in enumerate(np.asarray(thresholds)):
            assert i not in seen[int(row[0]) - 1]
        return {}

    monkeypatch.setattr(run_facts, "choose_thresholds", choose)
    monkeypatch.setattr(run_facts, "highest_threshold", lambda *_: np.inf)
    monkeypatch.setattr(run_facts, "believed", measured)
    assert run_facts.measured_apart(unseen, config)[""]["n_clips"] == len(clips)
    assert len(seen) == (folds or run_facts.FIGURE_FOLDS)
