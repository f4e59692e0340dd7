import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tagger.errors import InputError
from tests.train import small, trees
from tests.train.runs import run_training
from train.config.config import from_tree
from train.data.batches import Centres, Crops
from train.data.load_clips import check_learnable
from train.datasets.base import FeatureSet, one_hot
from train.fit.callbacks import LAST, read_last
from train.fit.fit import fit
from train.fit.initial_weights import CONFIG
from train.fit.module import Fit
from train.fit.objective import label_loss, rarity_weights
from train.fit.run import resume_training
from train.models import checkpoint
from train.models.network import TaggerNet

QUICK = {
    "fit": {"epochs": 4, "batch_size": 8, "clips_an_epoch": 16, "precision": "32-true"},
    "calibration": {"folds": 0, "n_windows": 2},
}
RATE = {"sample_rate": 8000, "n_fft": 512, "hop_len": 400}


def stored(n=24, *, seed=0, kind="single"):
    """Features of two labels that differ in which half of the bands is loud."""
    rng = np.random.default_rng(seed)
    labels = ["high", "low"]
    names = [labels[i % 2] for i in range(n)]
    features = [rng.normal(-40, 3, (32, 40)).astype(np.float32) for _ in range(n)]
    for name, item in zip(names, features, strict=True):
        item[(16 if name == "high" else 0) :][:16] += 20
    return FeatureSet(
        name="stored", labels=tuple(labels), features=features,
        db_of_step=np.ones(n, np.float32), n_repeats=np.ones(n, np.intp),
        ids=np.array([f"c{i}" for i in range(n)]), targets=one_hot(names, labels),
        music=np.ones(n, np.float32), splits=np.array(["train"] * n),
        groups=np.array([f"c{i}" for i in range(n)]), kind=kind,
    )  # fmt: skip


def config_of(features="mel", body="cnn-lstm", **changes):
    return from_tree(small.tree(features, body, **(QUICK | changes)))


def with_fit(config, **changes):
    return replace(config, fit=replace(config.fit, **changes))


def state_of(net):
    return {name: value.clone() for name, value in net.state_dict().items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


class KilledError(Exception):
    """What stops a run in the middle."""


def kill_in(epoch):
    def on_epoch(number, loss):
        if number == epoch:
            raise KilledError

    return on_epoch


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine", "plateau", "constant"])
def test_a_resumed_fit_is_the_same_as_an_unbroken_one(tmp_path, schedule):
    """Killed in epoch 3, resumed from the end of epoch 2: the weights are equal, bit by bit."""
    config = with_fit(config_of(), schedule=schedule, deterministic=True, accumulate=2)
    clips, valid = stored(), stored(8, seed=1)
    whole = fit(config, clips, run_dir=tmp_path / "a", valid=valid)
    with pytest.raises(KilledError):
        fit(config, clips, run_dir=tmp_path / "b", on_epoch=kill_in(3), valid=valid)
    assert read_last(tmp_path / "b")["epoch"] == 1
    resumed = fit(config, clips, run_dir=tmp_path / "b", valid=valid, resume=True)
    assert_same(state_of(whole), state_of(resumed))


def test_resuming_a_finished_fit_changes_nothing(tmp_path):
    """Its weights come from last.pt."""
    config = config_of()
    first = fit(config, stored(), run_dir=tmp_path)
    again = fit(config, stored(), run_dir=tmp_path, resume=True)
    assert_same(state_of(first), state_of(again))


def test_resuming_a_finished_fit_keeps_its_best_epoch(tmp_path):
    """Also where the last epoch was a worse one."""
    valid = stored(8, seed=1)
    wrong = replace(valid, targets=valid.targets[:, ::-1].copy())
    config = with_fit(
        config_of(), patience=9, learning_rate=0.02, schedule="constant", average_decay=0.5
    )
    first = fit(config, stored(), run_dir=tmp_path, valid=wrong)
    again = fit(config, stored(), run_dir=tmp_path, valid=wrong, resume=True)
    assert_same(state_of(first), state_of(again))
    assert read_last(tmp_path)["tagger"]["best"]["epoch"] < config.fit.epochs


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine"])
def test_a_finished_fit_can_be_made_longer(tmp_path, schedule):
    """More epochs go on from the last one."""
    config = with_fit(config_of(), schedule=schedule)
    fit(config, stored(), run_dir=tmp_path)
    epochs = []
    fit(
        with_fit(config, epochs=6), stored(), run_dir=tmp_path, resume=True,
        on_epoch=lambda number, _: epochs.append(number),
    )  # fmt: skip
    assert epochs == [5, 6]


def test_deterministic_gives_the_same_weights_twice(tmp_path):
    """On the CPU, with every random choice seeded; another seed gives others."""
    config = with_fit(config_of(), deterministic=True)
    nets = [fit(config, stored(), run_dir=tmp_path / str(i)) for i in range(2)]
    assert_same(state_of(nets[0]), state_of(nets[1]))
    other = fit(replace(config, seed=2), stored(), run_dir=tmp_path / "c")
    assert any(
        not torch.equal(a, b)
        for a, b in zip(state_of(other).values(), state_of(nets[0]).values(), strict=True)
    )


def test_last_holds_everything_and_runs_no_code(tmp_path):
    """Epoch, weights, optimiser, schedule, configuration and labels, loaded as plain data."""
    fit(config_of(), stored(), run_dir=tmp_path)
    content = torch.load(tmp_path / LAST, weights_only=True)
    assert content["epoch"] == 3
    assert content["tagger"]["labels"] == ["high", "low"]
    assert from_tree(content["tagger"]["config"]) == config_of()
    assert content["optimizer_states"]
    assert content["lr_schedulers"]
    assert content["state_dict"]


def test_a_loss_that_is_no_number_is_an_error_that_names_the_place(tmp_path):
    """The message names the epoch and what to change."""
    clips = stored()
    clips.features[0][:] = np.nan
    with pytest.raises(InputError, match=r"epoch \d, step .*learning_rate"):
        fit(with_fit(config_of(), clips_an_epoch=64), clips, run_dir=tmp_path)


def test_early_stopping_keeps_the_best_epoch(tmp_path):
    """When the valid loss rises, the fit ends before its last epoch."""
    valid = stored(8, seed=1)
    wrong = replace(valid, targets=valid.targets[:, ::-1].copy())
    epochs = []
    config = with_fit(
        config_of(), epochs=40, patience=2, learning_rate=0.02, schedule="constant",
        average_decay=0.5,
    )  # fmt: skip
    fit(config, stored(), run_dir=tmp_path, valid=wrong, on_epoch=lambda n, _: epochs.append(n))
    assert len(epochs) < 40
    with pytest.raises(InputError, match="split `valid`"):
        fit(config, stored(), run_dir=tmp_path / "b")


def test_freezing_lets_only_the_head_learn_at_first(tmp_path):
    """While all epochs are frozen the body stays as it was, batch statistics included."""
    config = with_fit(config_of(), freeze=9)
    before = {}
    net = fit(
        config, stored(), run_dir=tmp_path, prepare=lambda net: before.update(state_of(net))
    )
    after = state_of(net)
    changed = {
        name.split(".")[0]
        for name, value in after.items()
        if not torch.allclose(value.float(), before[name].float(), atol=1e-6)
    }
    assert changed == {"head"}


@pytest.mark.parametrize("body", small.BODIES)
def test_each_body_learns_what_is_easy(tmp_path, body):
    """The loss of the last epoch is lower than that of the first."""
    losses = []
    plain = {"mixup_alpha": 0.0, "n_band_masks": 0, "n_time_masks": 0, "equaliser_db": 0.0}
    config = with_fit(
        config_of(body=body, augment=plain | {"shift_bands": 0.0, "band_limit": 0.0}),
        epochs=6, clips_an_epoch=64, learning_rate=5e-3, schedule="constant",
    )  # fmt: skip
    fit(config, stored(), run_dir=tmp_path, on_epoch=lambda _, loss: losses.append(loss))
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("features", small.FEATURES)
def test_each_front_end_trains_from_recordings(tmp_path, features):
    """From a folder of audio to a checkpoint that loads and scores a window."""
    root = trees.genres(tmp_path / "music", n_clips=12, seconds=1.0)
    options = small.FEATURES[features] | (
        {"sample_rate": 8000} if features in {"raw", "mel"} else {"sample_rate": 22050}
    )
    if features == "mel":
        options |= RATE | {"f_max_hz": 4000.0}
    overrides = QUICK | {"datasets": ["folder"], "features": features, "body": "cnn"}
    overrides |= {"features_options": options, "body_options": small.BODIES["cnn"]}
    if features == "raw":
        overrides["features_options"] |= {"f_max_hz": 3500.0}
    said = []
    path = run_training(
        None, overrides, data=root, out=tmp_path / "run", say=said.append,
        prepared=tmp_path / "prepared",
    )  # fmt: skip
    found = checkpoint.load(path)
    assert found.labels == ("high", "low")
    window = torch.zeros(1, found.config.features_options.window_len)
    assert found.net(window).shape == (1, 2)
    assert (tmp_path / "run" / CONFIG).is_file()
    assert json.loads((tmp_path / "run" / "facts.json").read_text())["metrics"]["valid"]


def test_a_killed_run_resumes_from_its_folder_alone(tmp_path):
    """The folder knows its configuration and its data."""
    root = trees.genres(tmp_path / "music", seconds=1.0)
    overrides = (
        QUICK
        | {"datasets": ["folder"], "body": "cnn"}
        | {
            "features_options": small.FEATURES["mel"] | RATE | {"f_max_hz": 4000.0},
            "body_options": small.BODIES["cnn"],
        }
    )
    places = {"data": root, "say": lambda line: None, "prepared": tmp_path / "p"}
    whole = run_training(None, overrides, out=tmp_path / "a", **places)
    with pytest.raises(KilledError):
        run_training(
            None, overrides, out=tmp_path / "b", **(places | {"say": kill_on("epoch 4")})
        )
    resumed = resume_training(tmp_path / "b", {}, say=lambda line: None)
    first, second = (state_of(checkpoint.load(path).net) for path in (whole, resumed))
    for name, value in first.items():  # the calibration's optimiser ends a hair elsewhere
        atol = 1e-4 if name.startswith(("label_", "music_")) else 0
        torch.testing.assert_close(second[name], value, rtol=0, atol=atol)
    with pytest.raises(InputError, match="not the folder of a run"):
        resume_training(tmp_path / "music", {}, say=print)


def kill_on(text):
    def say(line):
        if text in line:
            raise KilledError

    return say


def test_fine_tuning_keeps_the_body_and_learns_other_labels(tmp_path):
    """A frozen body is that of the checkpoint; the head has the new labels."""
    root = trees.genres(tmp_path / "music", seconds=1.0, labels=("a", "b"))
    places = {"data": root, "say": lambda line: None, "prepared": tmp_path / "p"}
    first = tmp_path / "first.pt"
    config = config_of(
        body="cnn", features_options=small.FEATURES["mel"] | RATE | {"f_max_hz": 4000.0}
    )
    torch.manual_seed(3)
    net = TaggerNet(config.network(), n_labels=5)
    checkpoint.save(checkpoint.Checkpoint(net, config, tuple("vwxyz"), {}), first)
    overrides = QUICK | {"datasets": ["folder"], "fit.freeze": 99}
    path = run_training(None, overrides, out=tmp_path / "run", start_from=first, **places)
    tuned = checkpoint.load(path)
    assert tuned.labels == ("a", "b")
    kept = {name: value for name, value in net.state_dict().items() if name.startswith("body.")}
    assert kept
    for name, value in kept.items():
        torch.testing.assert_close(tuned.net.state_dict()[name], value, rtol=0, atol=1e-6)
    with pytest.raises(InputError, match="its body is cnn, not lstm"):
        run_training(
            None, overrides | {"body": "lstm"}, out=tmp_path / "x", start_from=first, **places
        )


def test_what_cannot_be_learned_is_named():
    """No clip, one label only, a label without a clip in train."""
    clips = stored()
    with pytest.raises(InputError, match="no clip"):
        check_learnable(clips.take(np.array([], dtype=int)))
    with pytest.raises(InputError, match="no clip in train for low"):
        check_learnable(clips.take(np.arange(0, 24, 2)))
    one = replace(clips, labels=("high",), targets=np.ones((24, 1), np.float32))
    with pytest.raises(InputError, match="one label only"):
        check_learnable(one)


def test_focal_loss_and_weights_shift_what_counts():
    """What is right already counts less; a rare label counts more; unknown counts nothing."""
    logits = torch.tensor([[4.0, -4.0]])
    targets = torch.tensor([[1.0, 1.0]])
    plain = {"kind": "multi", "smoothing": 0.0}
    easy = torch.tensor([[1.0, float("nan")]])
    assert label_loss(logits, easy, **plain, focal_gamma=2.0) < 1e-3 * label_loss(
        logits, easy, **plain
    )
    weights = torch.tensor([1.0, 3.0])
    assert label_loss(logits, targets, **plain, weights=weights) > 2 * label_loss(
        logits, targets, **plain
    )
    clips = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, float("nan")], [0.0, 1.0]])
    torch.testing.assert_close(rarity_weights(clips), torch.tensor([1.0, 2.0]))


def test_centres_are_the_same_each_time_and_crops_are_not():
    """Validation hears the middle of each clip."""
    clips = stored()
    centres, crops = Centres(clips, n_frames=16), Crops(clips, n_frames=16)
    middle = torch.from_numpy(clips.features[3][:, 12:28])
    torch.testing.assert_close(centres[3].features, middle)
    assert torch.equal(centres[3].features, centres[3].features)
    rng = np.random.default_rng(0)
    drawn = [crops[crops.draw(3, rng)].features for _ in range(10)]
    assert not all(torch.equal(item, drawn[0]) for item in drawn)


def test_mixing_recordings_mixes_their_targets():
    """The module turns blended recordings into features on the way."""
    config = config_of("mel")
    net = TaggerNet(config.network(), n_labels=2)
    module = Fit(net, config, is_waveform=True)
    waves = 0.1 * torch.randn(4, 1, config.features_options.window_len)
    features, targets = module._blended(waves, torch.eye(4)[:, :3])
    assert features.shape == (4, 32, 16)
    assert torch.isfinite(features).all()
    assert ((targets >= 0) & (targets <= 1)).all()
