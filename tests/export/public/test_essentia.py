"""Published networks that take features: stand-ins of the published shapes become models."""

import librosa
import numpy as np
import onnx
import onnxruntime
import pytest

from export.public.add import AddOptions
from export.public.add_file import add_file
from export.public.classes import vocabulary_of
from export.public.published import RECIPES
from tagger.errors import InputError, ModelError
from tagger.model.load import load_engine
from tests.export.public import published_nets as nets
from tests.export.public.test_parts import features_of

ACCEPTED = AddOptions(accepts_licence=True)
MUSICNN = RECIPES["TensorflowPredictEffnetDiscogs"]
VGGISH = RECIPES["TensorflowPredictVGGish"]


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setenv("TAGGER_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def quiet(_):
    """Nobody reads what is said."""


def noise(n_samples):
    rng = np.random.default_rng(0)
    levels = np.array([[1.0], [0.1], [0.001], [0.0]])
    return (levels * rng.normal(0, 0.3, (4, n_samples))).astype(np.float32)


def frames_of(windows, length, n_fft, hop):
    """Magnitudes by Essentia's window, which ends as it begins; (n, bins, frames)."""
    cut = np.lib.stride_tricks.sliding_window_view(windows, length, axis=1)[:, ::hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / (length - 1))
    return np.abs(np.fft.rfft(cut * hann, n_fft)).transpose(0, 2, 1)


@pytest.mark.parametrize("of", ["TensorflowPredictEffnetDiscogs", "TensorflowPredictMAEST"])
def test_features_are_those_of_essentias_musicnn_input(of):
    """Slaney's filters of equal area, log10(1 + 10,000 power); MAEST's are normalised."""
    recipe = RECIPES[of]
    windows = noise(recipe.window_len)
    filters = librosa.filters.mel(sr=16_000, n_fft=512, n_mels=96)
    expected = np.log10(1 + 10_000 * filters @ frames_of(windows, 512, 512, 256) ** 2)
    if "MAEST" in of:
        expected = (expected - 2.06755686098554) / (2 * 1.268292820667291)
    assert features_of(recipe, windows) == pytest.approx(expected, abs=2e-3)


def test_features_are_those_of_essentias_vggish_input():
    """25 ms in 512 samples, triangles over mels from 125 to 7,500 Hz, log(0.01 + magnitude)."""
    windows = noise(VGGISH.window_len)
    hz = np.linspace(0, 8_000, 257)
    mel, low, high = (1127 * np.log(1 + np.array(name) / 700) for name in (hz, 125, 7_500))
    edges = np.linspace(low, high, 66)
    step = edges[1] - edges[0]
    filters = (1 - np.abs(mel - edges[1:-1, None]) / step).clip(min=0)
    expected = np.log(0.01 + filters @ frames_of(windows, 400, 512, 160))
    found = features_of(VGGISH, windows)
    assert found.shape[1] == 64
    assert found == pytest.approx(expected, abs=2e-3)


def parts(path, *, recipe, windows, axes=(0, 2, 1), channel=False):
    """What a network itself says of the features of windows."""
    features = features_of(recipe, windows).transpose(axes)
    given = features[:, None] if channel else features
    session = onnxruntime.InferenceSession(path)
    return session.run(["activations", "embeddings"], {"melspectrogram": given})


def test_a_network_with_its_classes_becomes_a_model(tmp_path, models):
    """Scores are those of its parts; styles stand below their shelves; the licence is kept."""
    path = nets.backbone(tmp_path / "discogs-effnet-bsdynamic-1.onnx")
    nets.metadata(path.with_suffix(".json"), nets.STYLES)
    said = []
    made = add_file(path, ACCEPTED, say=said.append)
    assert made == models / "discogs-effnet-bsdynamic-1.onnx"
    engine = load_engine(made, device="cpu")
    spec = engine.spec
    assert (spec.sample_rate, spec.window_len) == (16_000, 127 * 256 + 512)
    assert spec.labels[:4] == ("House", "Drum & Bass", "Hip-Hop", "Trap")
    assert "CC BY-NC" in spec.weights_licence
    assert any("not compared with the original" in line for line in said)
    windows = noise(spec.window_len)
    recipe = type(MUSICNN)(is_symmetric=True, n_frames=128)
    scores, _ = parts(path, recipe=recipe, windows=windows)
    expected = scores[:, [0, 1, 2, 3]]
    assert expected.std(axis=0).min() > 1e-3
    assert engine.run(windows)[:, :4] == pytest.approx(expected, abs=1e-5)


def test_a_head_is_joined_to_the_network_below_it(tmp_path, models):
    """Moods of an embedding; the wrong network, or none, is said."""
    below = nets.backbone(tmp_path / "effnet.onnx", width=200)
    path = nets.head(tmp_path / "mtg_jamendo_moodtheme-discogs-effnet-1.onnx", width=200)
    classes = ("happy", "deep", "90s")
    nets.metadata(
        path.with_suffix(".json"), classes, name="MTG Jamendo moodtheme", is_head=True
    )
    with pytest.raises(InputError, match="--backbone"):
        add_file(path, ACCEPTED, say=quiet)
    options = AddOptions(accepts_licence=True, backbone=below)
    engine = load_engine(add_file(path, options, say=quiet), device="cpu")
    assert engine.spec.labels == ("Happy", "Deep")
    assert engine.spec.kind_of("Deep") == "mood"
    windows = noise(engine.spec.window_len)
    recipe = type(MUSICNN)(is_symmetric=True, n_frames=128)
    _, embeddings = parts(below, recipe=recipe, windows=windows)
    scores, given = engine.run_embedding(windows)
    assert given == pytest.approx(embeddings, abs=1e-4)
    last = onnxruntime.InferenceSession(path)
    (expected,) = last.run(["activations"], {"model/Placeholder": embeddings})
    assert scores == pytest.approx(expected[:, :2], abs=1e-5)
    other = nets.backbone(tmp_path / "other.onnx", width=64)
    with pytest.raises(ModelError, match="gives no such embedding"):
        add_file(path, AddOptions(accepts_licence=True, backbone=other, force=True), say=quiet)


def test_maest_and_yamnet_have_front_ends_of_their_own(tmp_path, models):
    """Frames are counted by the network; AudioSet's classes by our table; YAMNet's is free."""
    path = nets.backbone(tmp_path / "maest.onnx", frames=316, width=32, channel=True)
    nets.metadata(path.with_suffix(".json"), nets.STYLES, of="TensorflowPredictMAEST")
    engine = load_engine(add_file(path, ACCEPTED, say=quiet), device="cpu")
    assert engine.spec.window_len == 315 * 256 + 512
    recipe = type(MUSICNN)(
        is_symmetric=True, n_frames=316, normal=RECIPES["TensorflowPredictMAEST"].normal
    )
    windows = noise(engine.spec.window_len)
    scores, _ = parts(path, recipe=recipe, windows=windows, channel=True)
    assert engine.run(windows)[:, 0] == pytest.approx(scores[:, 0], abs=1e-5)
    path = nets.backbone(tmp_path / "yamnet.onnx", frames=96, bands=64, n_classes=3)
    classes = ("Speech", "Drum and bass", "Violin, fiddle")
    nets.metadata(
        path.with_suffix(".json"), classes, name="AudioSet-YAMNet", of="TensorflowPredictVGGish"
    )
    spec = load_engine(add_file(path, AddOptions(), say=quiet), device="cpu").spec
    assert set(spec.labels) == {"Drum & Bass", "Violin"}
    assert spec.parents == {"Drum & Bass": "Electronic"}
    assert spec.weights_licence.startswith("Apache-2.0")


def test_a_licence_without_commercial_use_must_be_accepted(tmp_path, models):
    """It is shown, and nothing is written."""
    path = nets.backbone(tmp_path / "effnet.onnx")
    nets.metadata(path.with_suffix(".json"), nets.STYLES)
    said = []
    with pytest.raises(InputError, match="--accept-licence"):
        add_file(path, AddOptions(), say=said.append)
    assert "CC BY-NC-SA 4.0" in said[0]
    assert not models.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch": 64}, "64 windows at once"),
        ({"bands": 64}, r"gives \(batch, frames, 96\)"),
        ({"n_classes": 3}, "do not belong together"),
        ({"op": "Softmax"}, "ends with Softmax"),
        ({"of": "TempoCNN"}, "features are those of TempoCNN"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path, models, change, words):
    """A batch that is fixed, other features, other classes, another kind of scores."""
    about = {key: change.pop(key) for key in ("op", "of") if key in change}
    path = nets.backbone(tmp_path / "net.onnx", **change)
    nets.metadata(path.with_suffix(".json"), nets.STYLES, **about)
    with pytest.raises((InputError, ModelError), match=words):
        add_file(path, ACCEPTED, say=quiet)
    assert not models.exists()


def test_other_files_are_told_what_is_needed(tmp_path, models):
    """A network without its `.json`, one that is none, TensorFlow's own formats."""
    path = nets.backbone(tmp_path / "net.onnx")
    with pytest.raises(ModelError, match="--metadata"):
        add_file(path, ACCEPTED, say=quiet)
    with pytest.raises(InputError, match=r"none\.json: there is no such file"):
        add_file(path, AddOptions(metadata=tmp_path / "none.json"), say=quiet)
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(InputError, match=r"not the \.json that Essentia"):
        add_file(path, AddOptions(metadata=tmp_path / "bad.json"), say=quiet)
    nets.metadata(tmp_path / "net.json", nets.STYLES)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="not an ONNX file"):
        add_file(path, ACCEPTED, say=quiet)
    for name in ("a.pb", "yamnet.tflite"):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(InputError, match="tf2onnx"):
            add_file(tmp_path / name, ACCEPTED, say=quiet)


def test_styles_stand_below_their_shelves():
    """One label of two shelves stands below none; a shelf of several genres is above none."""
    found = vocabulary_of("EffnetDiscogs", nets.STYLES)
    columns = {label.name: label.columns for label in found.labels}
    assert columns["Experimental"] == (4, 5)
    assert "Interview" not in columns
    assert found.parents == {
        "House": "Electronic", "Drum & Bass": "Electronic", "Trap": "Hip-Hop",
        "Italo-Disco": "Electronic",
    }  # fmt: skip
    assert set(found.kinds) == set()


def test_classes_of_no_kind_are_refused():
    """Neither the network's name nor a table of ours tells what they are."""
    with pytest.raises(InputError, match="of what kind"):
        vocabulary_of("approachability", ("approachable", "unapproachable"))
    found = vocabulary_of("MTG Jamendo instrument", ("cello", "theremin"))
    assert found.kinds == {"Cello": "instrument", "Theremin": "instrument"}
    jamendo = vocabulary_of("MTG Jamendo genre", ("acidjazz", "hiphop", "80s"))
    assert [label.name for label in jamendo.labels] == ["Acidjazz", "Hip-Hop"]


def test_a_network_with_two_inputs_is_none_of_these(tmp_path, models):
    """As one with a switch for training."""
    path = nets.backbone(tmp_path / "net.onnx")
    model = onnx.load(path)
    model.graph.input.append(nets.value("is_training", 1))
    onnx.save(model, path)
    nets.metadata(path.with_suffix(".json"), nets.STYLES)
    with pytest.raises(ModelError, match="takes 2 inputs"):
        add_file(path, ACCEPTED, say=quiet)
