import json

import numpy as np
import pytest

from export.run import export_checkpoint
from tagger.errors import InputError
from tagger.model.load import load_engine
from tests.train.runs import run_training
from tests.train.sets import make_set, provide
from train.config.config import load_config, parse_overrides
from train.data.folds import fold_of_groups
from train.datasets.base import join, join_again
from train.fit.run import measured
from train.models.checkpoint import load

LABELS = ("low", "middle", "high")
SMALL = {
    "features_options": {"n_frames": 16, "n_mels": 32},
    "body_options": {"channels": [4, 8, 8], "pools": [[2, 2], [2, 1]], "n_hidden": 8},
    "augment": {"mixup_alpha": 0.0, "shift_bands": 0.0},
    "dropout": 0.0,
    "fit.epochs": 12,
    "fit.batch_size": 8,
    "fit.clips_an_epoch": 48,
    "fit.learning_rate": 1e-2,
    "fit.average_decay": 0.9,
    "calibration.folds": 2,
    "calibration.n_windows": 2,
}


@pytest.fixture
def known(monkeypatch):
    """Three datasets: labelled clips, clips of other labels, and what is no music."""
    sets = {
        "gtzan-logmel": make_set("gtzan-logmel", LABELS),
        "fma-small-logmel": make_set(
            "fma-small-logmel",
            ("low", "other"),
            repeats=2,
            embeddings=np.ones((24, 3), np.float32),
        ),
        "speech-music": make_set("speech-music", (), music=False, seed=3),
    }
    for name, clips in sets.items():
        provide(monkeypatch, name, clips)
    return sets


def test_a_run_learns_calibrates_and_exports(known, tmp_path):
    """From two configurations to a model that the runtime loads, on clips that are easily told.

    The body begins where it has learned other clips.
    """
    said = []
    places = {"data": tmp_path, "say": said.append}
    earlier = SMALL | {
        "datasets": ["fma-small-logmel"],
        "fit.epochs": 2,
        "fit.teacher_weight": 0.1,
        "calibration.folds": 0,
    }
    start = run_training(None, earlier, out=tmp_path / "earlier", **places)
    own = {name: value for name, value in SMALL.items() if not name.endswith("_options")}
    overrides = own | {
        "datasets": ["gtzan-logmel", "fma-small-logmel", "speech-music"],
        "labels": list(LABELS),
        "calibration.datasets": ["gtzan-logmel", "speech-music"],
        "fit.teacher_weight": 0.1,
    }
    best = run_training(None, overrides, out=tmp_path / "run", start_from=start, **places)
    done = load(best)
    assert done.labels == LABELS
    assert set(done.facts["thresholds"]) == set(LABELS)
    assert done.facts["metrics"]["valid"]["accuracy"] > 0.8
    assert done.facts["metrics"]["out_of_fold_train"]["n_clips"] == 27
    assert json.loads((tmp_path / "run" / "facts.json").read_text())["metrics"]
    assert (tmp_path / "run" / "config.yaml").is_file()
    engine = load_engine(
        export_checkpoint(best, tmp_path / "m.onnx", say=said.append), device="cpu"
    )
    assert engine.spec.labels == LABELS
    assert engine.golden < 1e-4


def test_folds_keep_groups_together_and_spread_labels():
    """No group stands in two folds, and each fold has clips of each label."""
    clips = make_set("gtzan-logmel", LABELS, n_each=20)
    clips.groups[:] = [
        f"{id_.split('.')[0]}-{int(id_.split('.')[1]) // 4}" for id_ in clips.ids
    ]
    folds = fold_of_groups(clips, n_folds=5, seed=0)
    for group in np.unique(clips.groups):
        assert len(set(folds[clips.groups == group])) == 1
    for fold in range(5):
        assert (clips.targets[folds == fold].sum(axis=0) == 4).all()


def test_joined_sets_do_not_claim_what_they_do_not_know(known):
    """A label of another set is unknown, except where there is no music at all."""
    joined = join(list(known.values()))
    assert joined.labels == ("low", "middle", "high", "other")
    assert np.isnan(joined.targets[0, 3])
    assert (joined.targets[joined.music == 0] == 0).all()
    assert np.isnan(joined.embeddings[0]).all()
    assert not np.isnan(joined.embeddings[40]).any()
    halves = [joined.take(np.arange(30)), joined.take(np.arange(30, len(joined)))]
    again = join_again(halves)
    np.testing.assert_array_equal(again.targets, joined.targets)
    assert (again.groups == joined.groups).all()


def test_figures_are_of_the_chosen_datasets_and_labels(known):
    """Clips that only helped to learn are measured nowhere."""
    joined = join(list(known.values()))
    config = load_config(
        None,
        {
            "datasets": list(known),
            "labels": list(LABELS),
            "calibration.datasets": ["gtzan-logmel", "speech-music"],
        },
    )
    clips = measured(config, joined)
    assert clips.labels == LABELS
    assert len(clips) == 36 + 12


def test_frames_of_a_coarser_set_are_repeated():
    """A column of a set with fewer frames stands for several."""
    clips = make_set("x", ("a",), repeats=4)
    assert clips.n_frames(0) == N_WHOLE
    cut = clips.frames(0, 6, 15)
    assert cut.shape == (32, 9)
    np.testing.assert_array_equal(cut[:, 2:6], np.repeat(clips.features[0][:, 2:3], 4, axis=1))


N_WHOLE = 40


def test_a_misspelt_override_is_refused():
    """The pair must have an equals sign."""
    assert parse_overrides(["fit.epochs=3", "seed=7"]) == {"fit.epochs": 3, "seed": 7}
    with pytest.raises(InputError, match="field=value"):
        parse_overrides(["fit.epochs"])
