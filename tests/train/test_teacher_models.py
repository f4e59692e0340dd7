"""A teacher is any ONNX with a waveform in and scores out, held to what its card says."""

import json

import numpy as np
import pytest
import soundfile
import torch

from export.run import export_checkpoint
from tagger.errors import InputError
from tests.train import small
from tests.train.stand_ins import LABELS, RATE, by_hand, write_teacher
from train.config.config import from_tree
from train.data.store import Recipe
from train.models.checkpoint import Checkpoint, save
from train.models.network import TaggerNet
from train.teachers.listen import Recording, ask
from train.teachers.model import answers, open_session, overlaps, read_teacher, window_starts

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def same_numbers(monkeypatch):
    """Each test draws the same numbers, whichever ran before it."""
    monkeypatch.setattr(f"{__name__}.RNG", np.random.default_rng(0))


def sound(seconds, rate=RATE):
    """Noise that becomes louder and shriller all the time."""
    n = round(seconds * rate)
    noise = np.cumsum(RNG.uniform(-0.05, 0.05, n)) % 0.3 * np.linspace(0.1, 1, n)
    return noise.astype(np.float32)


@pytest.mark.parametrize("n_samples", [5, 99, 100, 101, 125, 126, 250, 999, 1000])
@pytest.mark.parametrize("window_len", [1, 7, 100, 290, 2000])
@pytest.mark.parametrize("n_targets", [1, 2, 3])
def test_windows_leave_out_at_most_a_quarter_of_a_target(n_samples, window_len, n_targets):
    """And every target has a mean of windows that overlap it."""
    starts = window_starts(n_samples, window_len=window_len, n_targets=n_targets)
    heard = {at for start in starts for at in range(start, min(start + window_len, n_samples))}
    assert n_samples - len(heard) <= 0.25 * n_samples / n_targets + len(starts)
    assert starts == sorted(set(starts))
    assert min(starts) >= 0
    assert max(starts) + window_len <= max(n_samples, window_len)
    shares = overlaps(starts, n_samples, window_len=window_len, n_targets=n_targets)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert (shares >= 0).all()


def answer(path, pieces, n_each):
    teacher = read_teacher(path)
    return answers(teacher, open_session(path), pieces, n_each=n_each)


def test_a_teacher_of_any_length_hears_each_target_by_itself(tmp_path):
    """Thirty seconds are three windows of ten; shorter ones are repeated to the window."""
    path = write_teacher(tmp_path / "free.onnx")
    wave = sound(30)
    found = answer(path, [wave], 3)
    scores, embedding = by_hand(wave.reshape(3, -1))
    np.testing.assert_allclose(found, np.concatenate([scores, embedding], axis=1), atol=1e-5)
    short = sound(4)
    scores, embedding = by_hand(np.resize(short, (1, 10 * RATE)))
    expected = np.concatenate([scores, embedding], axis=1)
    np.testing.assert_allclose(answer(path, [short], 1), expected, atol=1e-5)


def test_a_teacher_of_long_windows_hears_what_is_around_a_target(tmp_path):
    """One window of 29 s for 30 s of sound: the three targets share its answer."""
    path = write_teacher(tmp_path / "long.onnx", n_samples=29 * RATE)
    wave = sound(30)
    found = answer(path, [wave], 3)
    scores, embedding = by_hand(wave[None, RATE // 2 : RATE // 2 + 29 * RATE])
    expected = np.repeat(np.concatenate([scores, embedding], axis=1), 3, axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    short = sound(12)
    scores, _ = by_hand(np.resize(short, (1, 29 * RATE)))
    np.testing.assert_allclose(answer(path, [short], 1)[:, :3], scores, atol=1e-5)


def test_a_teacher_of_short_windows_is_averaged_over_a_target(tmp_path):
    """Windows of 3 s behind a lead of zeros: each target has the mean of those in it."""
    card = {"window_len": 3 * RATE, "hop_len": 3 * RATE - 100, "lead_len": 400}
    path = write_teacher(tmp_path / "short.onnx", n_samples=3 * RATE, card=card)
    wave = sound(18)
    found = answer(path, [wave], 2)
    led = np.concatenate([np.zeros(400, np.float32), wave])
    scores, _ = by_hand(np.stack([led[3 * RATE * k :][: 3 * RATE] for k in range(6)]))
    np.testing.assert_allclose(found[:, :3], scores.reshape(2, 3, 3).mean(axis=1), atol=1e-5)


def test_pieces_of_a_recording_are_heard_apart(tmp_path):
    """No window crosses the seam between two of them."""
    path = write_teacher(tmp_path / "long.onnx", n_samples=29 * RATE)
    pieces = [sound(20), sound(20) * 0.1]
    found = answer(path, pieces, 2)
    assert found.shape == (4, 5)
    for k, piece in enumerate(pieces):
        np.testing.assert_array_equal(found[2 * k : 2 * k + 2], answer(path, [piece], 2))


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_a_teacher_hears_a_recording_at_its_own_rate(tmp_path, suffix):
    """A tone of 10 kHz, which the student's 16 kHz do not hold, is there at 32 kHz."""
    t = np.arange(32_000 * 3) / 32_000
    path = tmp_path / f"tone{suffix}"
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 10_000 * t), 32_000)
    heard = {}
    for rate in (16_000, 32_000):
        file = write_teacher(tmp_path / f"at{rate}.onnx", card={"sample_rate": rate})
        heard[rate] = read_teacher(file)
    recording = Recording(path=str(path), file="", n_pieces=1, n_targets=1, teachers=(0, 1))
    recipe = Recipe(sample_rate=16_000)
    sessions = [open_session(item.path) for item in heard.values()]
    deaf, all_ears = ask(recording, list(heard.values()), sessions, recipe=recipe)
    assert all_ears[0, 0] > 0.5
    assert deaf[0, 0] < 0.2


def test_a_model_of_our_own_needs_no_card(tmp_path):
    """Its metadata say what it takes; its embedding is learned from, if it gives one."""
    torch.manual_seed(0)
    config = from_tree(small.tree())
    net = TaggerNet(config.network(), n_labels=2).eval()
    facts = {"thresholds": {"one": 0.5, "two": 0.5}}
    save(Checkpoint(net, config, ("one", "two"), facts), tmp_path / "best.pt")
    model = export_checkpoint(tmp_path / "best.pt", tmp_path / "m.onnx", say=lambda _: None)
    teacher = read_teacher(model)
    assert teacher.card.labels == ("one", "two")
    assert teacher.card.sample_rate == config.features_options.sample_rate
    assert teacher.card.window_len == config.features_options.window_len
    assert teacher.scores == "scores"
    found = answers(teacher, open_session(model), [sound(3, 22_050)], n_each=1)
    assert found.shape == (1, 2 + teacher.card.embedding)


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_a_model_of_our_own_knows_which_score_holds_which(tmp_path, kind):
    """By its own tree, as it writes the labels; sigmoids stand side by side."""
    config = from_tree(
        small.tree()
        | {"kind": kind, "names": {"punk": "Punk"}, "parents": {"punk": "rock", "x": "rock"}}
    )
    net = TaggerNet(config.network(), n_labels=2).eval()
    facts = {"thresholds": {"punk": 0.5, "rock": 0.5}}
    save(Checkpoint(net, config, ("punk", "rock"), facts), tmp_path / "best.pt")
    model = export_checkpoint(tmp_path / "best.pt", tmp_path / "m.onnx", say=lambda _: None)
    assert read_teacher(model).card.parents == ({"Punk": "rock"} if kind == "single" else {})


def test_a_card_may_stand_in_one_file_with_others(tmp_path):
    """teachers.json beside the model, by its name; or wherever `card` points."""
    card = {"sample_rate": 8000, "labels": LABELS, "file": "a.onnx", "note": "any"}
    path = write_teacher(tmp_path / "a.onnx", card=False, embedding=False)
    (tmp_path / "teachers.json").write_text(json.dumps({"a": card, "b": {}}))
    assert read_teacher(path).card.labels == LABELS
    elsewhere = tmp_path / "cards.json"
    elsewhere.write_text(json.dumps({"b": card}))
    with pytest.raises(InputError, match=r"cards\.json: no card of 'a'; known: b"):
        read_teacher(path, elsewhere)
    elsewhere.write_text(json.dumps({"a": card}))
    assert read_teacher(path, elsewhere).card.sample_rate == 8000


WRONG = {
    "no field of that name": (
        {"lead_length": 3},
        "lead_length; did you mean lead_len",
    ),
    "a text for a number": ({"sample_rate": "fast"}, "sample_rate: expected int"),
    "no labels": ({"labels": []}, "name at least one"),
    "other labels": ({"labels": ["a", "b"]}, r"'tags' has the shape .*\(batch, 2\)"),
    "another embedding": ({"embedding": 7}, r"'embedding' has the shape .*\(batch, 7\)"),
    "a window that the graph does not take": ({"window_len": 9}, "takes windows of 800 .* 9"),
    "a rate of nothing": ({"sample_rate": 0}, "0 Hz is below 1000"),
    "a tree of other labels": ({"parents": {"punk": "rock"}}, "parents: parents names 'punk'"),
    "a negative length": ({"lead_len": -1}, "0 or more"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_card_that_contradicts_its_model_is_refused(tmp_path, wrong):
    """The message names the file, the field, and what was nearest or found instead."""
    card, said = WRONG[wrong]
    path = write_teacher(tmp_path / "a.onnx", n_samples=800, card=card)
    with pytest.raises(InputError, match=said) as caught:
        read_teacher(path)
    assert str(tmp_path / "a.") in str(caught.value)


def test_what_is_no_teacher_is_refused(tmp_path):
    """A missing file, no ONNX, no card, no scores: the message says which and what to do."""
    with pytest.raises(InputError, match=r"none\.onnx is not there"):
        read_teacher(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(InputError, match=r"text\.onnx: not a model"):
        read_teacher(tmp_path / "text.onnx")
    path = write_teacher(tmp_path / "bare.onnx", card=False)
    with pytest.raises(InputError, match=r"no card in .*bare\.json and .*teachers\.json"):
        read_teacher(path)
    path.with_suffix(".json").write_text("{")
    with pytest.raises(InputError, match=r"bare\.json: cannot be read as a card"):
        read_teacher(path)
    path = write_teacher(tmp_path / "other.onnx", tags="answers")
    with pytest.raises(InputError, match=r"its outputs are answers, embedding; `scores`"):
        read_teacher(path)
