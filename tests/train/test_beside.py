"""Labels that teachers alone know stand beside those of the data, if they can be shown."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from export.run import export_checkpoint
from tagger.errors import InputError
from tagger.model.load import load_engine
from tests.train import small
from tests.train.runs import run_training
from tests.train.school import THREE, tree, write_data
from tests.train.stand_ins import LABELS
from train.calibration.beside import held_by_teachers, threshold_for, with_beside
from train.config.checks import check_choices
from train.config.config import from_tree
from train.experiments.last_fit import Options
from train.experiments.last_fit import run_experiment as run_last_fit
from train.fit.run import Run
from train.models import checkpoint
from train.models.network import TaggerNet
from train.teachers.lessons import Lessons


def test_a_child_is_never_likelier_than_its_parent_and_moves_no_other_score():
    """One without a parent is a share of P(music); the softmax stays what it was."""
    config = from_tree(small.tree() | {"kind": "single"})
    torch.manual_seed(0)
    plain = TaggerNet(config.network(), n_labels=3).eval()
    net = TaggerNet(config.network(), n_labels=5, beside=[1, None]).eval()
    logits, music = torch.randn(20, 5) * 3, torch.randn(20, 1)
    scores = net.scores_of(logits, music)
    torch.testing.assert_close(scores[:, :3], plain.scores_of(logits[:, :3], music))
    torch.testing.assert_close(
        scores[:, 3], scores[:, 1] * torch.sigmoid(logits[:, 3]), rtol=1e-5, atol=1e-7
    )
    torch.testing.assert_close(scores[:, 4], torch.sigmoid(music[:, 0] + 0 * logits[:, 4])
                               * torch.sigmoid(logits[:, 4]))  # fmt: skip
    assert (scores[:, :3].argmax(dim=1) == scores[:, [0, 1, 2, 3]].argmax(dim=1)).all()


def test_a_label_is_held_where_two_teachers_are_surest_of_it():
    """One teacher alone is not enough."""
    rows = [np.full((2, 3), 0.1, np.float16) for _ in range(50)]
    rows[3][:, :2] = 0.9
    rows[4][:, 0] = rows[5][:, 1] = 0.9
    rows[6][:, 0] = rows[7][:, 1] = 0.8
    rows = [row + np.float16(0.001 * i) for i, row in enumerate(rows)]
    held = held_by_teachers(Lessons(parts=(), of_clip=rows), [0, 1])
    assert held[3]
    assert not held[[4, 5, 6, 7]].any()


def test_a_label_without_proof_is_left_out():
    """Chance is; a threshold is the lowest score that is right often enough."""
    rng = np.random.default_rng(0)
    held = np.arange(400) < 40
    assert threshold_for(rng.random(400).astype(np.float32), held, precision=0.7) is None
    scores = (held + rng.normal(0, 0.4, 400)).astype(np.float32)
    threshold, figures = threshold_for(scores, held, precision=0.7)
    assert figures["average_precision"] > 0.5
    assert held[scores >= threshold].mean() == pytest.approx(0.7, abs=0.05)
    higher, figures = threshold_for(scores, held, precision=0.7, least=0.9)
    assert higher >= 0.9 > threshold
    assert figures["precision"] > 0.7
    few = np.arange(400) < 5
    assert threshold_for((few * 1.0).astype(np.float32), few, precision=0.7) is None


def test_a_run_writes_them_into_the_model_with_parent_kind_and_threshold(tmp_path, monkeypatch):
    """What cannot be shown is said; the graph has one score more, its threshold in the spec."""
    monkeypatch.setattr("train.calibration.beside.LEAST_PRECISION", 0.0)
    monkeypatch.setattr("train.calibration.beside.TIMES_PRIOR", 0.0)
    monkeypatch.setattr("train.calibration.beside.LEAST_FOUND", 1)
    monkeypatch.setattr("train.calibration.beside.LOWEST", 0.0)
    monkeypatch.setattr(  # three clips reach no threshold of a parent
        "train.fit.run.with_beside",
        lambda *given, **options: with_beside(*given, **{**options, "thresholds": {}}),
    )
    data = write_data(tmp_path / "data")
    made = tree(
        *THREE, kind="single", labels=["high", "low"], parents={"Soft": "low"},
        kinds={"Calm": "mood"}, beside={"Soft": [f"free/{LABELS[0]}", f"long/{LABELS[0]}"],
                                        "Calm": [f"free/{LABELS[1]}", f"short/{LABELS[1]}"]},
    )  # fmt: skip
    made["calibration"] = {"source": "out-of-fold", "folds": 0, "precision": 0.0}
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(made))
    said = []
    best = run_training(path, {}, data=data, out=tmp_path / "run",
                        prepared=tmp_path / "prepared", say=said.append)  # fmt: skip
    assert "beside them: Soft, Calm" in said
    done = checkpoint.load(best)
    assert done.labels == ("high", "low", "Soft", "Calm")
    model = export_checkpoint(best, tmp_path / "m.onnx", say=lambda _: None)
    spec = load_engine(model, device="cpu").spec
    assert spec.labels == ("high", "low", "Soft", "Calm")
    assert (spec.parents, spec.kinds) == ({"Soft": "low"}, {"Calm": "mood"})
    assert set(spec.thresholds) == set(spec.labels)


def test_what_cannot_be_is_refused_before_anything_is_learned(tmp_path):
    """Sigmoids, a last fit, a run without teachers: each with what to do."""
    made = from_tree(tree(beside={"Soft": ["a/b"]}, kind="multi"))
    with pytest.raises(InputError, match="set kind=single"):
        check_choices(made)
    run = Run(config=replace(made, kind="single"), clips=None, where=None, start=None,
              seen={}, say=None, resume=False)  # fmt: skip
    with pytest.raises(InputError, match="leave `beside` out"):
        run_last_fit(run, Options(datasets=("recordings",)))
    config = from_tree(tree(kind="single"))
    net = TaggerNet(config.network(), n_labels=2)
    with pytest.raises(InputError, match="name some in `teachers`"):
        with_beside(net, config, ("a", "b"), None, thresholds={}, run_dir=tmp_path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"beside": {"Soft": [f"free/{LABELS[0]}", "free/nobody"]}}, "no such label"),
        ({"beside": {"low": [f"free/{LABELS[0]}"]}}, "leave it out"),
        (
            {"beside": {"Soft": [f"free/{LABELS[0]}"]}, "parents": {"Soft": "lo"}},
            "Did you mean 'low'",
        ),
        (
            {
                "beside": {name: [f"free/{LABELS[0]}"] for name in ("Soft", "Softer")},
                "parents": {"Soft": "low", "Softer": "Soft"},
            },
            "parents.Softer",
        ),
    ],
)
def test_what_names_nothing_is_refused_before_anything_is_learned(tmp_path, fields, message):
    """A teacher's label, a label of the data, a parent that the data do not have."""
    made = tree(*THREE, kind="single", labels=["high", "low"], **fields)
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(made))
    with pytest.raises(InputError, match=message):
        run_training(path, {}, data=write_data(tmp_path / "data"), out=tmp_path / "run",
                     prepared=tmp_path / "prepared", say=lambda _: None)  # fmt: skip
    assert not (tmp_path / "run").exists()
