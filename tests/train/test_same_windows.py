"""What training, calibration and `evaluate` hear of a recording is what a scan hears of it."""

import numpy as np
import pytest
import soundfile
import torch

from export.run import export_checkpoint
from tagger.audio.requested_windows import RequestedWindows, listen
from tagger.model.load import load_engine
from tagger.scan.pipeline import analyse
from tagger.scan.records import ListenOptions
from tests.train import small
from train.calibration.calibrate import clip_scores
from train.config.after_fit import CalibrationOptions
from train.config.config import from_tree
from train.data.batches import SILENCE_DBFS, cover, starts_of
from train.data.load_clips import recipe_for
from train.data.prepare import as_features, prepare
from train.datasets.audio import AudioSet
from train.datasets.base import FeatureSet
from train.evaluation.run_facts import calibration_of, net_logits
from train.evaluation.scorer import open_scorer
from train.models.checkpoint import Checkpoint, save
from train.models.network import TaggerNet

RATE = 8_000
N_WINDOWS = ListenOptions().n_windows
WINDOW_S = (15 * 400 + 512) / RATE  # of 16 frames
LABELS = ("one", "two", "three")
TREE = small.tree(kind="multi", longest_s=8 * WINDOW_S) | {
    "features_options": small.FEATURES["mel"]
    | {"sample_rate": RATE, "n_fft": 512, "hop_len": 400, "f_max_hz": 4000.0}
}
LENGTHS = {
    "a quarter": 0.25,
    "one sample less": 1 - 1 / RATE / WINDOW_S,
    "one": 1.0,
    "one and a bit": 1.1,
    "two and a half": 2.5,
    "three": 3.0,
    "six": 6.0,
    "six and a bit": 6.02,
    "nine": 9.0,
    "silent at the end": 5.0,
    "silent in the middle": 30.0,
    "more than is kept": 23.4,
    "a little more than is kept": 8.01,
    "a click in silence": 4.0,
}
"""Of the recordings, in windows."""


def music(name, windows):
    """Notes that change all the time, so that no window sounds like the next one."""
    rng = np.random.default_rng(len(name))
    n = round(windows * WINDOW_S * RATE)
    hertz = np.repeat(rng.uniform(80, 3000, n // 800 + 1), 800)[:n]
    wave = 0.3 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE) * rng.uniform(0.2, 1, n)
    if name == "silent at the end":
        wave[n // 2 :] = 0
    if name == "silent in the middle":
        wave[n // 4 : 3 * n // 4] *= 1e-5
    if name == "a click in silence":
        wave[:] = 0
        wave[n // 2 : n // 2 + 900] = 0.4
    return wave.astype(np.float32)


@torch.no_grad()
def make_sensitive(net, clips):
    """Let each window of the clips get scores of its own."""
    options = net.options.features_options
    windows = [cover(clips, i, options=options, n_windows=2)[:, 0] for i in range(len(clips))]
    heard = net.embed(net.front_end(torch.from_numpy(np.concatenate(windows))))
    layer = net.head.labels
    layer.weight /= (heard @ layer.weight.T).std(dim=0)[:, None]
    layer.bias.copy_(-(heard @ layer.weight.T).mean(dim=0))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """(recordings as prepared clips, their paths, a checkpoint, the model made of it)."""
    folder = tmp_path_factory.mktemp("both")
    paths = tuple(folder / f"{name}.wav" for name in LENGTHS)
    for path, (name, windows) in zip(paths, LENGTHS.items(), strict=True):
        soundfile.write(path, music(name, windows), RATE)
    n = len(paths)
    clips = AudioSet(
        name="some", labels=LABELS, paths=paths, ids=np.array(list(LENGTHS)),
        targets=np.eye(3, dtype=np.float32)[np.arange(n) % 3], splits=np.array(["valid"] * n),
        groups=np.array(list(LENGTHS)), kind="single",
    )  # fmt: skip
    recipe = recipe_for(from_tree(TREE))
    prepare(clips, folder / "store", recipe)
    torch.manual_seed(0)
    config = from_tree(TREE)
    net = TaggerNet(config.network(), n_labels=3).eval()
    prepared = as_features(clips, folder / "store", recipe)
    make_sensitive(net, prepared)
    save(
        Checkpoint(net, config, LABELS, {"thresholds": dict.fromkeys(LABELS, 0.5)}),
        folder / "best.pt",
    )
    model = export_checkpoint(folder / "best.pt", folder / "m.onnx", say=lambda _: None)
    return prepared, paths, folder / "best.pt", model


def scanned(paths, model):
    """Scores of each file in a scan."""
    engine = load_engine(model, device="cpu")
    heard = {
        result.path: result.scores for result in analyse(list(paths), engine, ListenOptions())
    }
    return np.stack([heard[path] for path in paths])


def test_the_scores_that_are_measured_are_those_of_a_scan(both):
    """Of a checkpoint, of a model, and of what is calibrated, whatever a recording's length."""
    clips, paths, checkpoint, model = both
    expected = scanned(paths, model)
    assert expected.std(axis=0).min() > 0.02  # or any windows would do
    for source in (checkpoint, model):
        found = open_scorer(source).clip_scores(clips)
        np.testing.assert_allclose(found, expected, atol=2e-3, err_msg=str(source))
    net, config = open_scorer(checkpoint).net, open_scorer(checkpoint).config
    logits = net_logits(net, clips, config)
    calibrated = clip_scores(logits, calibration_of(net), kind="multi")
    np.testing.assert_allclose(calibrated, expected, atol=2e-3)


def test_the_windows_are_those_of_a_scan(both):
    """As many, the same ones, and none that is silent."""
    clips, paths, checkpoint, _ = both
    options = open_scorer(checkpoint).config.features_options
    wanted = RequestedWindows(
        sample_rate=RATE,
        window_len=options.window_len,
        n_windows=N_WINDOWS,
        silence_dbfs=SILENCE_DBFS,
    )
    dropped = 0
    for i, path in enumerate(paths):
        every = list(listen(path, wanted))
        voiced = [item for item in every if item is not None]
        dropped += len(every) - len(voiced)
        found = cover(clips, i, options=options, n_windows=N_WINDOWS)[:, 0]
        np.testing.assert_allclose(found, np.stack(voiced), atol=1e-3, err_msg=path.name)
    assert dropped > 3


def test_a_clip_that_is_silent_throughout_keeps_its_windows(both):
    """Something must be measured of it; a scan says that it is silent."""
    clips, _, checkpoint, _ = both
    options = open_scorer(checkpoint).config.features_options
    mute = clips.take(np.arange(1))
    mute.features[0] = np.zeros((1, 5 * options.window_len), np.int16)
    assert len(cover(mute, 0, options=options, n_windows=N_WINDOWS)) > 1


@pytest.mark.parametrize("n_frames", [3, 16, 17, 20, 30, 41, 96, 97, 200])
@pytest.mark.parametrize("n_windows", [1, 3, 6])
@pytest.mark.parametrize("hop_len", [160, 400, 700])
def test_stored_features_begin_where_a_scan_does_up_to_a_frame(n_frames, n_windows, hop_len):
    """As many windows; each begins at the nearest frame and ends within the clip."""
    front_end = small.FEATURES["mel"] | {"n_fft": 512, "hop_len": hop_len}
    options = from_tree(small.tree() | {"features_options": front_end}).features_options
    n_samples = (n_frames - 1) * hop_len + 512

    def clip(rows, *, is_waveform):
        return FeatureSet(
            name="x", labels=("a",), features=[rows], db_of_step=np.ones(1, np.float32),
            n_repeats=np.ones(1, np.intp), ids=np.array(["x"]),
            targets=np.ones((1, 1), np.float32), music=np.ones(1, np.float32),
            splits=np.array(["train"]), groups=np.array(["x"]), kind="single",
            is_waveform=is_waveform,
        )  # fmt: skip

    stored = clip(np.zeros((32, n_frames), np.float32), is_waveform=False)
    heard = clip(np.ones((1, n_samples), np.float32), is_waveform=True)
    frames = starts_of(stored, 0, options=options, n_windows=n_windows)
    samples = starts_of(heard, 0, options=options, n_windows=n_windows)
    assert frames == list(dict.fromkeys(round(sample / hop_len) for sample in samples))
    assert all(0 <= frame <= max(0, n_frames - 16) for frame in frames)
    assert cover(stored, 0, options=options, n_windows=n_windows).shape[1:] == (32, 16)


def test_as_many_windows_are_measured_as_a_scan_hears():
    """One number, one place."""
    assert CalibrationOptions().n_windows == ListenOptions().n_windows
