import librosa
import numpy as np
import pytest
import torch

from export.run import export_checkpoint
from tagger.errors import InputError
from tests.train import small
from train.config.config import from_tree
from train.evaluation.evaluate import evaluate_model
from train.features import FRONT_ENDS
from train.features.chroma import ChromaFrontEnd, ChromaOptions, chroma_filters, pitch_class_of
from train.features.frames import n_frames_of
from train.features.mel import MelFrontEnd, MelOptions
from train.features.mfcc import MfccFrontEnd, MfccOptions
from train.features.midi import MidiFrontEnd, MidiOptions, pitch_hz
from train.features.raw import RawFrontEnd, RawOptions
from train.models import checkpoint
from train.models.network import TaggerNet

MFCC_TOLERANCE = 0.05
"""Absolute, of coefficients that reach some hundreds: 0.01 dB in each of 128 bands."""

CHROMA_TOLERANCE = 1e-4
"""Absolute, of shares in 0..1."""


def noise(n, seed=0):
    return 0.3 * np.random.default_rng(seed).standard_normal(n).astype(np.float32)


def tone(hz, n, sample_rate=22_050):
    """A note with three overtones."""
    t = np.arange(n) / sample_rate
    sines = [np.sin(2 * np.pi * hz * (i + 1) * t) / (i + 1) ** 2 for i in range(4)]
    return torch.from_numpy(0.3 * sum(sines).astype(np.float32))[None]


def test_mfcc_are_those_of_librosa():
    """Coefficients of noise agree within the named tolerance."""
    options = MfccOptions(n_frames=10, high_pass_hz=0.0)
    waveform = noise(options.window_len)
    found = MfccFrontEnd(options).eval()(torch.from_numpy(waveform)[None])[0].numpy()
    mel = librosa.feature.melspectrogram(
        y=waveform, sr=options.sample_rate, n_fft=options.n_fft, hop_length=options.hop_len,
        n_mels=options.n_bands, center=False,
    )  # fmt: skip
    expected = librosa.feature.mfcc(
        S=librosa.power_to_db(mel, amin=1e-10, top_db=None), n_mfcc=options.n_mfcc
    )
    assert found.shape == (40, 10)
    np.testing.assert_allclose(found, expected, atol=MFCC_TOLERANCE)


def test_a_louder_recording_changes_the_first_coefficient_alone():
    """Ten times the level is a constant in row 0."""
    front_end = MfccFrontEnd(MfccOptions(n_frames=4)).eval()
    waveform = torch.from_numpy(noise(front_end.options.window_len))[None]
    change = front_end(0.1 * waveform) - front_end(waveform)
    assert change[:, 1:].abs().max() < 1e-2
    torch.testing.assert_close(
        change[:, 0], torch.full((1, 4), -20 * 128**0.5), rtol=1e-3, atol=0
    )


def test_chroma_filters_are_those_of_librosa():
    """Every weight, whatever the size."""
    for options in (ChromaOptions(), ChromaOptions(n_fft=2048, n_chroma=24)):
        expected = librosa.filters.chroma(
            sr=options.sample_rate, n_fft=options.n_fft, n_chroma=options.n_chroma, tuning=0.0
        )
        np.testing.assert_allclose(chroma_filters(options).numpy(), expected, atol=1e-6)


def test_chroma_is_that_of_librosa():
    """Pitch classes of noise agree within the named tolerance."""
    options = ChromaOptions(n_frames=8, high_pass_hz=0.0)
    waveform = noise(options.window_len)
    found = ChromaFrontEnd(options).eval()(torch.from_numpy(waveform)[None])[0].numpy()
    expected = librosa.feature.chroma_stft(
        y=waveform, sr=options.sample_rate, n_fft=options.n_fft, hop_length=options.hop_len,
        center=False, tuning=0.0,
    )  # fmt: skip
    np.testing.assert_allclose(found, expected, atol=CHROMA_TOLERANCE)


@pytest.mark.parametrize("pitch", [45, 57, 60, 64, 69, 74, 83])
def test_chroma_and_midi_name_the_pitch_of_a_tone(pitch):
    """The strongest row of a note with overtones is its own, in every frame."""
    hz = pitch_hz(pitch)
    chroma = ChromaFrontEnd(ChromaOptions(n_frames=4)).eval()
    found = chroma(tone(hz, chroma.options.window_len))[0].argmax(dim=0)
    assert set(found.tolist()) == {pitch_class_of(hz)} == {pitch % 12}
    midi = MidiFrontEnd(MidiOptions(n_frames=4)).eval()
    rows = midi(tone(hz, midi.options.window_len))[0].argmax(dim=0)
    assert set((rows + midi.options.midi_min).tolist()) == {pitch}


def test_raw_begins_as_filters_that_tell_tones_apart():
    """Before any training a higher tone excites a higher filter; all of it can be learned."""
    raw = RawFrontEnd(RawOptions(n_frames=4)).eval()
    heard = [
        int(raw(tone(hz, raw.options.window_len))[0].mean(dim=1).argmax())
        for hz in (200, 500, 1200, 3000, 7000)
    ]
    assert heard == sorted(heard)
    assert len(set(heard)) == 5
    raw(tone(500, raw.options.window_len)).sum().backward()
    assert raw.kernels.grad.abs().sum() > 0


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_front_end_keeps_its_word(name):
    """Shape, window and frame rate are those of its options; silence and DC are finite."""
    kind, front_end = FRONT_ENDS[name]
    options = kind(n_frames=6)
    assert n_frames_of(options.window_len, n_fft=options.n_fft, hop_len=options.hop_len) == 6
    module = front_end(options).eval()
    for level in (0.0, 1e-30, 1.0):
        found = module(torch.full((2, options.window_len), level))
        assert found.shape == (2, options.n_mels, 6)
        assert torch.isfinite(found).all()


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_scores_do_not_depend_on_the_level(name):
    """The same music played 20 dB softer gets the same scores, whatever the front end."""
    torch.manual_seed(0)
    config = from_tree({"features": name, "features_options": {"n_frames": 16}})
    net = TaggerNet(config.network(), n_labels=3).eval()
    waveform = torch.from_numpy(noise(config.features_options.window_len))[None]
    with torch.no_grad():
        torch.testing.assert_close(net(0.1 * waveform), net(waveform), rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (lambda: MfccOptions(n_bands=10, n_mfcc=11), "n_mfcc"),
        (lambda: MidiOptions(midi_min=70, midi_max=60), "midi_min"),
        (lambda: MidiOptions(sample_rate=8000, midi_max=120), "half the sample rate"),
        (lambda: RawOptions(pool=0), "at least 1"),
    ],
)
def test_contradictory_options_are_refused(options, said):
    """The message names what is wrong."""
    with pytest.raises(ValueError, match=said):
        options()


def test_log_compression_is_that_of_librosas_power():
    """log(1 + 10,000 power) within a thousandth; silence is 0."""
    options = MelOptions(n_frames=6, compression="log", high_pass_hz=0.0)
    x = noise(options.window_len)
    power = librosa.feature.melspectrogram(
        y=x, sr=options.sample_rate, n_fft=options.n_fft, hop_length=options.hop_len,
        n_mels=options.n_mels, fmax=options.f_max_hz, center=False, power=2.0,
    )  # fmt: skip
    front_end = MelFrontEnd(options).eval()
    found = front_end(torch.from_numpy(x)[None])[0].numpy()
    np.testing.assert_allclose(found, np.log1p(1e4 * power), atol=1e-3)
    assert float(front_end(torch.zeros(1, options.window_len)).abs().max()) == 0
    with pytest.raises(InputError, match="compression"):
        from_tree({"features_options": {"compression": "lin"}})


@pytest.mark.parametrize("compression", ["db", "log"])
@pytest.mark.parametrize("normalise", ["window", "band"])
def test_features_are_normalised_by_window_or_by_band(compression, normalise):
    """By window each one alone; by band each row over the clips, in training."""
    torch.manual_seed(0)
    options = {"n_frames": 16, "compression": compression}
    config = from_tree({"normalise": normalise, "features_options": options})
    net = TaggerNet(config.network(), n_labels=2).train()
    waves = torch.randn(8, config.features_options.window_len)
    waves *= torch.logspace(-2, 0, 8)[:, None]
    waves = waves.cumsum(dim=1) * 0.01  # bass is louder than treble
    seen = net.normalise(net.front_end(waves))
    rows = seen.transpose(0, 1).flatten(1)
    if normalise == "band":
        torch.testing.assert_close(rows.mean(dim=1), torch.zeros(128), atol=1e-3, rtol=0)
        assert rows.std(dim=1).max() < 1.01
    else:
        assert rows.mean(dim=1).std() > 0.1  # bass is still louder than treble
        alone = net.normalise(net.front_end(waves[:1]))
        torch.testing.assert_close(alone, seen[:1], atol=1e-4, rtol=0)


@pytest.mark.slow
def test_log_features_by_band_export_with_parity(tmp_path):
    """The bands' statistics travel in the graph; stored features do not fit such a model."""
    options = small.FEATURES["mel"] | {"compression": "log"}
    config = from_tree(small.tree("mel", "cnn", features_options=options, normalise="band"))
    net = TaggerNet(config.network(), n_labels=2)
    net.train()
    net(0.1 * torch.randn(16, config.features_options.window_len))
    facts = {"thresholds": {"a": 0.5, "b": 0.5}}
    done = checkpoint.Checkpoint(net.eval(), config, ("a", "b"), facts)
    checkpoint.save(done, tmp_path / "best.pt")
    export_checkpoint(tmp_path / "best.pt", tmp_path / "m.onnx", say=lambda _: None)
    np.savez(
        tmp_path / "set.npz", features=np.zeros((4, 32, 40), np.float32),
        id=np.arange(4).astype(str), label=["a", "b"] * 2, split=["test"] * 4,
    )  # fmt: skip
    for name in ("best.pt", "m.onnx"):
        with pytest.raises(InputError, match="needs recordings"):
            evaluate_model(
                tmp_path / name, {"datasets": ["npz"]}, data=tmp_path / "set.npz",
                split="test", prepared=tmp_path / "p", say=print,
            )  # fmt: skip
