"""A network learns from its teachers, the same when it is interrupted, and then drops them."""

import json

import numpy as np
import onnx
import pytest
import torch

from export.run import export_checkpoint
from tagger.errors import InputError
from tagger.model.load import load_engine
from tests.train.runs import run_training
from tests.train.school import THREE, loaded, tree, write_data
from tests.train.stand_ins import LABELS, write_teacher
from train.augment.features import AugmentOptions
from train.augment.waves import mix_waves
from train.config.config import from_tree
from train.datasets.registry import licence_of_weights
from train.experiments.distil import Compared, rows_of
from train.experiments.study import Question, run_study
from train.fit.callbacks import read_last
from train.fit.fit import fit
from train.fit.run import resume_training
from train.models import checkpoint
from train.teachers.lessons import Part
from train.teachers.losses import embedding_loss, lessons_loss, scores_loss
from train.teachers.pupil import read_pupil


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data")


def test_a_blend_of_two_clips_learns_from_the_blend_of_their_answers():
    """By the shares of the sounds; unknown where either is; as it was where none is blended."""
    torch.manual_seed(0)
    x, taught = torch.randn(40, 100), torch.rand(40, 1)
    taught[::2] = float("nan")
    options = AugmentOptions(mixup_alpha=1.0, mixup_share=0.5)
    rng = torch.Generator().manual_seed(1)
    mixed, found = mix_waves(x, taught, options, rng)
    alone = (mixed - x).abs().amax(dim=1) < 1e-5
    assert 10 < alone.sum() < 30
    torch.testing.assert_close(found[alone], taught[alone], equal_nan=True)
    assert found[~alone & taught.isnan()[:, 0]].isnan().all()
    blended = found[~alone & ~found.isnan()[:, 0]]
    assert 0 < len(blended) < (~alone & ~taught.isnan()[:, 0]).sum()
    assert ((blended >= 0) & (blended <= 1)).all()


def test_losses_are_those_done_by_hand():
    """Unknown answers take no part; a temperature softens both sides."""
    nan = float("nan")
    logits = torch.tensor([[0.0, 2.0], [1.0, -1.0]], requires_grad=True)
    scores = torch.tensor([[0.25, nan], [nan, 1.0]])
    expected = (np.log(2) + np.log1p(np.exp(1.0))) / 2
    loss = scores_loss(logits, scores)
    assert loss.item() == pytest.approx(expected, abs=1e-5)
    loss.backward()
    assert logits.grad[0, 1] == logits.grad[1, 0] == 0
    assert scores_loss(logits, torch.full((2, 2), nan)).item() == 0
    own = torch.sigmoid(logits.detach())
    for temperature in (1.0, 3.0):
        given = logits.detach().clone().requires_grad_(True)
        scores_loss(given, own, temperature=temperature).backward()
        torch.testing.assert_close(given.grad, torch.zeros(2, 2), atol=1e-5, rtol=0)
    found = embedding_loss(torch.tensor([[0.5, 3.0]]), torch.tensor([[0.0, nan]]))
    assert float(found) == pytest.approx(0.125)
    parts = (
        Part(teacher="a", kind="scores", start=0, stop=1, weight=2.0),
        Part(teacher="a", kind="embedding", start=1, stop=2, weight=0.0),
    )
    every = lessons_loss(torch.zeros(1, 2), torch.tensor([[0.5, 1.0]]), parts)
    assert list(every) == ["a scores"]
    assert float(every["a scores"]) == pytest.approx(2 * np.log(2))


class KilledError(Exception):
    """What stops a run in the middle."""


def test_a_run_with_teachers_resumes_to_the_same_weights(data, tmp_path, monkeypatch):
    """Killed in the second epoch, it goes on as an unbroken one would have: pupil included."""
    clips = loaded(data, tree(*THREE)).split("train")
    config = from_tree(tree(*THREE))
    fit(config, clips, run_dir=tmp_path / "whole")

    def kill(number, _loss):
        if number == 2:
            raise KilledError

    with pytest.raises(KilledError):
        fit(config, clips, run_dir=tmp_path / "broken", on_epoch=kill)
    fit(config, clips, run_dir=tmp_path / "broken", resume=True)
    one, other = (read_last(tmp_path / name)["state_dict"] for name in ("whole", "broken"))
    assert "pupil.weight" in one
    for name, value in one.items():
        assert torch.equal(value, other[name]), name
    (first, parts), (second, _) = (read_pupil(tmp_path / n) for n in ("whole", "broken"))
    assert torch.equal(first.weight, second.weight)
    assert [part.labels for part in parts if part.kind == "scores"] == [LABELS] * 3


def test_a_whole_run_says_whom_it_learned_from_and_exports_nothing_of_it(data, tmp_path):
    """The graph is that of a network without teachers; its card names them, with licences."""
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(tree(*THREE)))
    out, prepared = tmp_path / "run", tmp_path / "prepared"
    best = run_training(path, {}, data=data, out=out, prepared=prepared, say=lambda _: None)
    assert resume_training(out, {}, say=lambda _: None) == best
    done = checkpoint.load(best)
    assert not [name for name in done.net.state_dict() if "pupil" in name]
    model = export_checkpoint(best, tmp_path / "m.onnx", say=lambda _: None)
    spec = load_engine(model, device="cpu").spec
    assert [item["name"] for item in spec.training["teachers"]] == ["free", "long", "short"]
    assert spec.training["teachers"][2]["licence"] == "CC BY-NC-SA 4.0"
    assert spec.weights_licence.startswith("CC BY-NC 4.0")
    assert "teacher free: MIT (nobody)" in spec.weights_licence
    names = {tensor.name for tensor in onnx.load(model).graph.initializer}
    assert not [name for name in names if "pupil" in name]
    further = tree(datasets=["recordings"])
    further["fit"] = further["fit"] | {"epochs": 1}
    path.write_text(json.dumps(further))
    again = run_training(
        path, {}, data=data, out=tmp_path / "next", prepared=prepared, say=lambda _: None,
        start_from=best,
    )  # fmt: skip
    facts = checkpoint.load(again).facts["data"]
    assert [fact["name"] for fact in facts["teachers"]] == ["free", "long", "short"]


def test_the_terms_of_weights_are_those_of_teachers_too():
    """Free ones are named; one that forbids commercial use, or says nothing, binds."""
    mine = ("folder",)
    free = {"name": "a", "licence": "MIT (them)"}
    assert licence_of_weights(mine, [free]).startswith("none stated")
    assert "teacher a: MIT (them)" in licence_of_weights(mine, [free])
    for text in ("CC BY-NC 4.0", "for non-commercial use", "research only", "unknown", ""):
        bound = licence_of_weights(mine, [free, {"name": "b", "licence": text}])
        assert bound.startswith("CC BY-NC 4.0"), text
    assert "teacher a: MIT" in licence_of_weights(("recordings",), [free])
    assert licence_of_weights(("mtat",)) == licence_of_weights(("mtat",), [])


def test_a_teacher_that_learned_from_the_same_does_not_say_it_again():
    """What it alone learned from is named; the rest stands there once."""
    first = licence_of_weights(("recordings",), [{"name": "a", "licence": "MIT (them)"}])
    again = [{"name": "a", "licence": "MIT (them)"}, {"name": "before", "licence": first}]
    text = licence_of_weights(("recordings",), again)
    assert text == first.removesuffix(")") + "; teacher before: CC BY-NC 4.0)"
    other = licence_of_weights(("recordings",), again[1:])
    assert other.count("MIT (them)") == 1
    assert other.count("recordings: ") == 1
    assert other.endswith("(teacher a: MIT (them)))")


def test_a_student_comes_to_answer_as_its_teacher_does(data, tmp_path):
    """Without any label: the loss of the scores falls well below where it began."""
    made = tree(THREE[0], datasets=["unlabelled", "recordings"])
    made["fit"] = made["fit"] | {
        "epochs": 15, "clips_an_epoch": 64, "learning_rate": 5e-3, "schedule": "constant",
    }  # fmt: skip
    made["augment"] = {
        "mixup_alpha": 0.0, "gain_db": 0.0, "often": 0.0, "noise": 0.0, "repeat": 0.0,
        "band_limit": 0.0, "equaliser_db": 0.0,
    }  # fmt: skip
    clips = loaded(data, made)
    net = fit(from_tree(made), clips.split("train"), run_dir=tmp_path)
    pupil, _ = read_pupil(tmp_path)
    heard, truth = [], []
    for i in np.flatnonzero(clips.splits == "train"):
        wave = np.resize(clips.frames(i, 0, clips.n_frames(i))[0], 6512)
        with torch.no_grad():
            embedding = net.embed(net.front_end(torch.from_numpy(wave)[None]))
        heard.append(torch.sigmoid(pupil(embedding))[0, 1].item())
        truth.append(float(clips.lessons.of_clip[i][:, 1].mean()))
    assert np.corrcoef(heard, truth)[0, 1] > 0.8


def test_the_study_compares_student_and_teacher_label_by_label(data, tmp_path):
    """A run by its own layer, for every label; a model for those that have the same name."""
    made = tree(THREE[0], THREE[1])
    path, out, prepared = tmp_path / "c.yaml", tmp_path / "run", tmp_path / "prepared"
    path.write_text(json.dumps(made))
    quiet = {"prepared": prepared, "say": lambda _: None}
    run_training(path, {}, data=data, out=out, **quiet)

    def asked(path, **overrides):
        return Question(
            paths=[path], overrides=overrides, config_path=None, data=data, split="valid",
            labels={}, out=tmp_path / "study", **quiet,
        )  # fmt: skip

    table = run_study("distil", asked(out))
    rows = json.loads((tmp_path / "study" / "distil.json").read_text())
    names = [row["teacher: label"] for row in rows]
    assert set(names) >= {f"{name}: {label}" for name in ("free", "long") for label in LABELS}
    assert names[0].startswith("free: 3 labels")
    assert all(-1 <= row["correlation"] <= 1 for row in rows)
    assert all(0 <= row["average precision"] <= 1 for row in rows)
    assert "| free: shrill |" in table
    assert (tmp_path / "study" / "distil.svg").is_file()
    model = export_checkpoint(out / "best.pt", tmp_path / "m.onnx", say=lambda _: None)
    card = {"labels": ["High", "rock music", "other"]}
    write_teacher(data / "teachers" / "other.onnx", card=card)
    choices = {"datasets": ["recordings"], "teachers": [{"model": "teachers/other.onnx"}]}
    run_study("distil", asked(model, **choices))
    rows = json.loads((tmp_path / "study" / "distil.json").read_text())
    assert [row["teacher: label"] for row in rows] == ["other: 1 labels", "other: High"]
    with pytest.raises(InputError, match="had no teachers; name some"):
        run_study("distil", asked(model, datasets=["recordings"]))


def test_figures_of_the_study_are_those_done_by_hand():
    """Who follows has 1 and 1, who says the opposite -1; the best stands first."""
    teacher = np.linspace(0, 1, 20, dtype=np.float32)
    both = Compared(
        teacher="t", labels=("against", "with", "never"),
        of_teacher=np.stack([teacher, teacher, 0 * teacher], axis=1),
        of_student=np.stack([1 - teacher, teacher / 2, teacher], axis=1),
    )  # fmt: skip
    rows = rows_of([both])
    assert [row[0] for row in rows] == ["t: 2 labels", "t: with", "t: against"]
    assert rows[1][2:] == [0.5, 0.25, 1.0, 1.0]
    assert rows[2][4] == -1.0
    assert rows[2][5] < 0.2
    assert rows[0][4] == 0.0
