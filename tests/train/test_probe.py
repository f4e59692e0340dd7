"""A regression from teachers' answers to labels says what recordings without a label are."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tagger.errors import InputError
from tests.train.school import THREE, loaded, tree, write_data
from train.config.checks import check_kind
from train.config.config import from_tree
from train.datasets.base import FeatureSet
from train.fit.fit import fit
from train.teachers.lessons import Lessons, Part
from train.teachers.options import ProbeOptions
from train.teachers.probe import KIND, posterior_loss, with_posteriors
from train.teachers.pupil import read_pupil

PARTS = (
    Part(teacher="t", kind="scores", start=0, stop=2, weight=1.0),
    Part(teacher="t", kind="embedding", start=2, stop=4, weight=1.0),
)
OPTIONS = ProbeOptions(weight=2.0, penalty=0.01)


def taught(n=60, *, flipped=(), seed=0):
    """Clips of two labels, every third without one, whose embedding says which it is."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 2
    targets = np.eye(2, dtype=np.float32)[truth]
    for i in flipped:
        targets[i] = targets[i][::-1]
    targets[::3] = np.nan
    answers = [
        np.concatenate(
            [rng.uniform(0, 1, (3, 2)), rng.normal(2 * item - 1, 0.2, (3, 2))], axis=1
        ).astype(np.float16)
        for item in truth
    ]
    clips = FeatureSet(
        name="made",
        labels=("low", "high"),
        features=[np.zeros((4, 8), np.float32)] * n,
        db_of_step=np.ones(n, np.float32),
        n_repeats=np.ones(n, np.intp),
        ids=np.arange(n).astype(str),
        targets=targets,
        music=np.ones(n, np.float32),
        splits=np.where(np.arange(n) < n - 12, "train", "valid"),
        groups=np.array([f"g{i // 2}" for i in range(n)]),
        kind="single",
        lessons=Lessons(parts=PARTS, of_clip=answers),
    )
    return clips, truth


def shares_of(clips):
    part = next(part for part in clips.lessons.parts if part.kind == KIND)
    return [
        rows[:, part.start : part.stop].astype(np.float32) for rows in clips.lessons.of_clip
    ]


def test_unlabelled_and_valid_clips_get_the_shares_of_their_sound():
    """Every target a row of sum 1 that says what the embedding does; labels of valid unused."""
    clips, truth = taught()
    shares = shares_of(with_posteriors(clips, OPTIONS))
    assert all(rows.shape == (3, 2) for rows in shares)
    np.testing.assert_allclose([rows.sum(axis=1) for rows in shares], 1, atol=2e-3)
    assert [rows.mean(axis=0).argmax() for rows in shares] == truth.tolist()
    other = replace(clips, targets=clips.targets.copy())
    other.targets[-12:] = other.targets[-12:, ::-1]
    again = shares_of(with_posteriors(other, OPTIONS))
    np.testing.assert_array_equal(np.stack(shares), np.stack(again))


def test_a_stretch_learns_half_of_what_its_recording_is():
    """With `whole` 1 all of it."""
    clips, _ = taught()
    clips.lessons.of_clip[0][0, 2:] *= -1  # a stretch that sounds like the other label
    alone, half, mean = (
        shares_of(with_posteriors(clips, replace(OPTIONS, whole=share)))[0]
        for share in (0.0, 0.5, 1.0)
    )
    np.testing.assert_allclose(mean, np.tile(alone.mean(axis=0), (3, 1)), atol=2e-3)
    np.testing.assert_allclose(half, (alone + mean) / 2, atol=2e-3)
    assert alone[0].argmax() != mean[0].argmax()


def test_a_wrong_label_is_contradicted_by_a_regression_that_has_not_seen_it():
    """Two clips of a group with a wrong label each get the shares of their sound."""
    clips, truth = taught(flipped=(4, 5))
    shares = shares_of(with_posteriors(clips, OPTIONS))
    for i in (4, 5):
        assert clips.targets[i].argmax() != truth[i]
        assert shares[i].mean(axis=0).argmax() == truth[i]


def test_what_is_no_music_and_what_no_teacher_knows_gets_no_shares():
    """Unknown, so that nothing is learned there."""
    clips, _ = taught()
    music = clips.music.copy()
    music[0] = 0.0
    clips.lessons.of_clip[1][:] = np.nan
    shares = shares_of(with_posteriors(replace(clips, music=music), OPTIONS))
    assert np.isnan(shares[0]).all()
    assert np.isnan(shares[1]).all()
    assert np.isfinite(shares[2]).all()


def test_the_loss_is_the_cross_entropy_with_the_shares_of_rows_that_are_known():
    """Weighted; rows without shares have no gradient, and there is none without the part."""
    logits = torch.tensor([[0.0, 0.0], [3.0, 1.0]], requires_grad=True)
    lessons = torch.tensor([[9.0, 0.25, 0.75], [9.0, float("nan"), float("nan")]])
    part = Part(teacher="probe", kind=KIND, start=1, stop=3, weight=2.0)
    loss = posterior_loss(logits, lessons, [part])
    assert loss.item() == pytest.approx(2 * np.log(2))
    loss.backward()
    assert logits.grad[1].abs().max() == 0
    assert posterior_loss(logits, lessons, PARTS) is None


def test_a_fit_learns_the_shares_and_keeps_no_layer_for_them(tmp_path):
    """The pupil answers for the teachers alone; the labels' own layer learns the shares."""
    data = write_data(tmp_path / "data")
    made = tree(THREE[0], kind="single", probe={"weight": 1.0, "folds": 2})
    clips = loaded(data, made).split("train")
    part = clips.lessons.parts[-1]
    assert (part.kind, part.labels) == (KIND, clips.labels)
    fit(from_tree(made), clips, run_dir=tmp_path / "run")
    _, parts = read_pupil(tmp_path / "run")
    assert [part.kind for part in parts] == ["scores", "embedding"]


def test_a_probe_needs_teachers_and_one_label_a_clip():
    """Both errors name the option and what to do."""
    clips, _ = taught()
    with pytest.raises(InputError, match="name some in `teachers`"):
        with_posteriors(replace(clips, lessons=None), OPTIONS)
    with pytest.raises(InputError, match="set kind=single"):
        check_kind(from_tree({"kind": "multi", "probe": {"weight": 1.0}}))
