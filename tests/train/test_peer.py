"""A teacher that gives the labels itself: its say is brought together with the regression's."""

from dataclasses import replace

import numpy as np
import pytest

from tagger.errors import InputError
from tests.train.school import THREE, loaded, tree, write_data
from tests.train.stand_ins import write_teacher
from tests.train.test_probe import OPTIONS, PARTS, shares_of, taught
from train.teachers.lessons import Lessons, Part
from train.teachers.losses import LEAST
from train.teachers.peer import mean_of_shares, own_shares
from train.teachers.probe import with_posteriors

GIVEN = ("x", "H", "L")
PEER = Part(teacher="before", kind="scores", start=4, stop=7, weight=0.0, labels=GIVEN)
NAMES = {"low": "L", "high": "H"}


def with_peer(clips, low):
    """The clips with one teacher more, which gives `low` of each clip to the label low."""
    rows = [
        np.concatenate([row, np.tile([[0.5, 0.9 * (1 - x), 0.9 * x]], (3, 1))], axis=1)
        for row, x in zip(clips.lessons.of_clip, low, strict=True)
    ]
    rows = [row.astype(np.float16) for row in rows]
    return replace(clips, lessons=Lessons(parts=(*PARTS, PEER), of_clip=rows))


def test_scores_become_shares_of_the_labels():
    """By name, whatever P(music) is; what a parent's score holds of its child is taken away."""
    rows = [np.array([[0.1, 0.3, 0.6]] * 2, np.float16), np.full((1, 3), np.nan, np.float16)]
    part = Part(
        teacher="t", kind="scores", start=0, stop=3, weight=1.0, labels=("Jazz", "Punk", "Rock")
    )
    lessons = Lessons(parts=(part,), of_clip=rows)
    labels = ["Rock", "Jazz", "Punk"]
    flat = own_shares(lessons, "t", labels=labels, parents={})
    np.testing.assert_allclose(flat[:2], [[0.6, 0.1, 0.3]] * 2, atol=1e-3)
    assert np.isnan(flat[2]).all()
    family = own_shares(lessons, "t", labels=labels, parents={"Punk": "Rock"})
    np.testing.assert_allclose(family[0], np.array([0.3, 0.1, 0.3]) / 0.7, atol=1e-3)


def test_a_label_between_two_hands_on_what_its_score_holds():
    """Unless it has no score: then nothing was added to the one above it."""
    rows = [np.array([[0.6, 0.4, 0.3, 0.4]], np.float16)]
    given = ("Rock", "Alternative", "Punk", "Jazz")
    part = Part(teacher="t", kind="scores", start=0, stop=4, weight=1.0, labels=given)
    parents = {"Punk": "Alternative", "Alternative": "Rock"}
    for labels, named, expected in (
        (given, parents, [0.2, 0.1, 0.3, 0.4]),
        (("Rock", "Punk", "Jazz"), parents, [0.3, 0.3, 0.4]),
        (("Rock", "Punk", "Jazz"), {"Punk": "Loud", "Loud": "Rock"}, [0.6, 0.3, 0.4]),
    ):
        found = own_shares(
            Lessons(parts=(part,), of_clip=rows), "t", labels=labels, parents=named
        )
        np.testing.assert_allclose(found[0], np.array(expected) / sum(expected), atol=1e-3)


def test_a_run_names_one_of_its_teachers(tmp_path):
    """By its file; `names` says how it writes the labels, its card which score holds which."""
    data = write_data(tmp_path / "data")
    probe = {"weight": 1.0, "model": "free", "model_share": 1.0, "whole": 0.0}
    fields = tree(*THREE, probe=probe, kind="single") | {"names": {"high": "shrill"}}
    for parents in ({}, {"low": "shrill"}):  # whatever tree the student has
        write_teacher(data / "teachers" / "free.onnx", card={"parents": parents})
        clips = loaded(data, fields | {"parents": {} if parents else {"low": "high"}})
        part = clips.lessons.parts[0]
        assert part.teacher == "free"
        high, low = (part.start + part.labels.index(name) for name in ("shrill", "low"))
        for i, shares in enumerate(shares_of(clips)):
            if np.isnan(shares).any():
                assert clips.music[i] == 0
                continue
            scores = clips.lessons.of_clip[i].astype(np.float32)
            own = np.stack([scores[:, high], scores[:, low]], axis=1)
            if parents:
                own[:, 0] -= own[:, 1]
            own = np.maximum(own, LEAST)
            np.testing.assert_allclose(shares, own / own.sum(axis=1, keepdims=True), atol=2e-3)
        assert clips.labels == ("high", "low")


def test_what_is_taught_lies_between_both():
    """In logarithms, `model_share` its own; it takes no part in the regression."""
    clips, _ = taught()
    alone = shares_of(with_posteriors(clips, OPTIONS))
    low = np.linspace(0.02, 0.98, len(clips))
    peered = with_peer(clips, low)
    options = replace(OPTIONS, model="before", model_share=0.25)
    found = shares_of(with_posteriors(peered, options, names=NAMES))
    for i, (rows, shares) in enumerate(zip(found, alone, strict=True)):
        mixed = np.array([low[i], 1 - low[i]]) ** 0.25 * np.maximum(shares, LEAST) ** 0.75
        np.testing.assert_allclose(rows, mixed / mixed.sum(axis=1, keepdims=True), atol=5e-3)
    whole = replace(options, model_share=1.0)
    found = shares_of(with_posteriors(peered, whole, names=NAMES))
    np.testing.assert_allclose([rows[0][0] for rows in found], low, atol=2e-3)


def test_of_its_own_shares_too_a_stretch_gets_the_mean_of_the_recording():
    """As much of it as `whole` says, whatever of the two is said of the stretch."""
    clips, _ = taught()
    peered = with_peer(clips, np.full(len(clips), 0.5))
    own = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]], np.float32)
    peered.lessons.of_clip[0][:, 5:] = own[:, ::-1]  # GIVEN has high before low
    for whole in (0.0, 0.5, 1.0):
        options = replace(OPTIONS, model="before", model_share=1.0, whole=whole)
        found = shares_of(with_posteriors(peered, options, names=NAMES))[0]
        expected = whole * own.mean(axis=0) + (1 - whole) * own
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_who_says_nothing_leaves_it_to_the_other():
    """A recording that the earlier model did not hear, one that nobody knows to be music."""
    own = np.log(np.array([[0.5, 0.5], [np.nan, np.nan], [0.1, 0.9]], np.float32))
    shares = np.array([[0.9, 0.1], [0.8, 0.2], [np.nan, np.nan]], np.float32)
    found = mean_of_shares(own, shares, share=0.5)
    np.testing.assert_allclose(found, [[0.75, 0.25], [0.8, 0.2], [0.1, 0.9]], atol=1e-6)
    clips, _ = taught()
    clips.music[5] = 0.0
    peered = with_peer(clips, np.full(len(clips), 0.5))
    options = replace(OPTIONS, model="before")
    found = shares_of(with_posteriors(peered, options, names=NAMES))
    assert np.isnan(found[5]).all()
    assert not np.isnan(found[4]).any()


@pytest.mark.parametrize(
    ("model", "names", "reason"),
    [
        ("befor", NAMES, "Did you mean 'before'"),
        ("before", {"low": "L"}, "before does not give high"),
    ],
)
def test_a_teacher_that_cannot_be_is_refused(model, names, reason):
    """With its near name, or the labels that it lacks."""
    clips, _ = taught()
    peered = with_peer(clips, np.full(len(clips), 0.5))
    options = replace(OPTIONS, model=model)
    with pytest.raises(InputError, match=reason):
        with_posteriors(peered, options, names=names)


def test_it_cannot_be_the_only_teacher():
    """There is nothing to fit the regression on then."""
    clips, _ = taught()
    rows = [row[:, :2] for row in clips.lessons.of_clip]
    part = replace(PEER, start=0, stop=2, labels=("L", "H"))
    alone = replace(clips, lessons=Lessons(parts=(part,), of_clip=rows))
    with pytest.raises(InputError, match="beside before no teacher speaks"):
        with_posteriors(alone, replace(OPTIONS, model="before"), names=NAMES)
