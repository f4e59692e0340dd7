"""musicnn's networks as one file: parity with a network in torch, and with the original."""

import http.client
import importlib.util
import io
import json
from pathlib import Path

import librosa
import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional as F

from export.parity import sounds
from export.public import add, weights
from export.public.add import AddOptions, add_public
from export.public.builder import Builder
from export.public.contract import Described, assemble, scores_of
from export.public.musicnn import EPSILON, RECIPE, Variables, add_musicnn, add_vgg
from export.public.registry import find_public
from export.public.vocabulary import read_vocabulary
from tagger.audio import open_track
from tagger.errors import InputError, ModelError
from tagger.model.load import load_engine
from tagger.model.self_test import golden_windows
from tests.export.public import stand_ins

NETWORKS = {
    "musicnn": (add_musicnn, stand_ins.musicnn_variables),
    "vgg": (add_vgg, stand_ins.vgg_variables),
}


def make(network, variables, *, vocabulary="msd"):
    """A model file of our contract, as a message."""
    add_network = NETWORKS[network][0]
    return assemble(
        lambda builder: add_network(builder, Variables(variables, where="stand-in")),
        RECIPE,
        read_vocabulary(vocabulary),
        Described(name="stand-in", licence="none", training={}),
    )


def in_torch(network, variables, windows):
    """What the published description computes, written for torch: tags (batch, 50)."""
    a = {name: torch.from_numpy(variable) for name, variable in variables.items()}

    def norm(x, i):
        layer = "batch_normalization" + (f"_{i}" if i else "")
        parts = [a[f"{layer}/{n}"] for n in ("moving_mean", "moving_variance", "gamma", "beta")]
        return F.batch_norm(x, *parts, eps=EPSILON)

    def conv(x, name):
        return F.relu(F.conv2d(x, a[f"{name}/kernel"].permute(3, 2, 0, 1), a[f"{name}/bias"]))

    x = norm(log_mel(windows)[:, None], 0)  # (batch, 1, frames, bands)
    if network == "vgg":
        for i, (size, stride) in enumerate(
            [((4, 1), 2), ((2, 2), 2), ((2, 2), 2), ((2, 2), 2), ((4, 4), 4)]
        ):
            x = norm(conv(F.pad(x, (1, 1, 1, 1)), f"{i + 1}CNN"), i + 1)
            x = F.max_pool2d(x, size, stride)
        flat = x.permute(0, 2, 3, 1).flatten(1)
        return torch.sigmoid(flat @ a["dense/kernel"] + a["dense/bias"]).numpy()
    padded = F.pad(x, (0, 0, 3, 3))
    front = [norm(conv(padded, f"conv2d{n}"), i + 1) for i, n in enumerate(("", "_1"))]
    for i, (before, behind) in enumerate([(63, 64), (31, 32), (15, 16)]):
        same = F.pad(x, (0, 0, before, behind))
        front.append(norm(conv(same, f"conv2d_{2 + i}"), 3 + i))
    layers = [torch.cat([item.amax(dim=3) for item in front], dim=1).transpose(1, 2)]
    for i in range(3):  # (batch, frames, channels) as an image of one channel
        image = F.pad(layers[-1][:, None], (0, 0, 3, 3))
        new = norm(conv(image, f"conv2d_{5 + i}"), 6 + i)[:, :, :, 0].transpose(1, 2)
        layers.append(new if i == 0 else new + layers[-1])
    every = torch.cat(layers, dim=2)
    pooled = torch.stack([every.amax(dim=1), every.mean(dim=1)], dim=2).flatten(1)
    x = F.relu(norm(pooled, 9) @ a["dense/kernel"] + a["dense/bias"])
    return torch.sigmoid(norm(x, 10) @ a["dense_1/kernel"] + a["dense_1/bias"]).numpy()


def log_mel(windows):
    """The features of librosa as musicnn takes them, (batch, 187, 96)."""
    power = librosa.feature.melspectrogram(
        y=windows, sr=16_000, n_fft=512, hop_length=256, n_mels=96, center=False
    )
    return torch.from_numpy(np.log10(10_000 * power + 1).transpose(0, 2, 1).astype(np.float32))


@pytest.mark.parametrize("network", NETWORKS)
def test_the_graph_computes_what_the_description_says(network):
    """On music, silence, full scale, DC, noise: each within the tolerance of float32."""
    variables = NETWORKS[network][1]()
    model = make(network, variables)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    windows = np.stack(list(sounds(RECIPE.window_len, sample_rate=16_000).values()))
    expected = in_torch(network, variables, windows)
    assert expected.std(axis=0).max() > 0.01  # the stand-in is not deaf
    scores = session.run(["scores"], {"waveform": windows})[0]
    vocabulary = read_vocabulary("msd")
    for i, label in enumerate(vocabulary.labels):
        best = expected[:, list(label.columns)].max(axis=1)
        assert scores[:, i] == pytest.approx(best, abs=1e-4), label.name
    one_by_one = np.concatenate(
        [session.run(["scores"], {"waveform": windows[i : i + 1]})[0] for i in range(3)]
    )
    assert one_by_one == pytest.approx(scores[:3], abs=1e-6)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A user's folder of models, and a wheel that counts as published."""
    monkeypatch.setenv("TAGGER_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(add, "REFERENCES", tmp_path)
    variables = stand_ins.musicnn_variables()
    wheel = stand_ins.write_wheel(tmp_path / "m.whl", {"MSD_musicnn": variables})
    (model,) = find_public("msd-musicnn")
    same = stand_ins.published(model, wheel, variables)
    monkeypatch.setattr(add, "find_public", lambda name: [same])
    windows = golden_windows(load_spec_like(RECIPE))
    answers = in_torch("musicnn", variables, windows)
    record = {"made_by": "torch", "tags": answers.tolist()}
    (tmp_path / "msd-musicnn.json").write_text(json.dumps(record))
    return tmp_path


def load_spec_like(recipe):
    """What `golden_windows` looks at."""
    return type(
        "Spec", (), {"sample_rate": recipe.sample_rate, "window_len": recipe.window_len}
    )


def test_a_wheel_becomes_a_model_that_can_be_named(shelf):
    """With labels, kinds and tree, licence, source, the parity that was found; and it loads."""
    said = []
    (made,) = add_public("msd-musicnn", AddOptions(threshold=0.4), say=said.append)
    assert made == shelf / "models" / "msd-musicnn.onnx"
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    engine = load_engine(made, device="cpu")
    spec = engine.spec
    assert engine.golden == pytest.approx(0, abs=1e-6)
    assert spec.labels[:2] == ("Rock", "Pop")
    assert "00s" not in spec.labels
    assert spec.kind_of("Female Vocals") == "voice"
    assert spec.parents["Progressive Rock"] == "Rock"
    assert spec.embedding == 200
    assert set(spec.thresholds.values()) == {0.4}
    assert spec.weights_licence.startswith("ISC")
    assert spec.training["page"] == "https://pypi.org/project/musicnn/0.1.0/"
    assert "on 3 windows (torch)" in spec.metrics["difference from the original"]
    assert any("largest difference" in line for line in said)


def test_another_models_answers_are_not_added(shelf):
    """A network that does not answer as the original stays out of the folder."""
    record = json.loads((shelf / "msd-musicnn.json").read_text())
    record["tags"][0][0] += 0.001
    (shelf / "msd-musicnn.json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match=r"differ by 0\.001"):
        add_public("msd-musicnn", AddOptions(), say=lambda _: None)
    assert not (shelf / "models").exists()


def test_weights_that_were_not_published_are_refused(shelf, monkeypatch):
    """A wheel by its digest, a folder by its checkpoint's."""
    other = stand_ins.write_wheel(
        shelf / "other.whl", {"MSD_musicnn": stand_ins.musicnn_variables(seed=1)}
    )
    with pytest.raises(InputError, match="as it was published"):
        add_public("msd-musicnn", AddOptions(origin=other), say=lambda _: None)
    folder = shelf / "site" / "musicnn" / "MSD_musicnn"
    folder.mkdir(parents=True)
    index, values = stand_ins.bundle(stand_ins.musicnn_variables(seed=1))
    (folder / ".index").write_bytes(index)
    (folder / ".data-00000-of-00001").write_bytes(values)
    with pytest.raises(ModelError, match="not those that were published"):
        add_public("msd-musicnn", AddOptions(origin=shelf / "site"), say=lambda _: None)


def test_nothing_is_fetched_unasked_and_what_is_fetched_is_checked(shelf):
    """Without a copy: the message says how to get one; with --download it is fetched once."""
    published = (shelf / "m.whl").rename(shelf / "elsewhere.whl")
    with pytest.raises(InputError, match=r"pip download musicnn==0\.1\.0 --no-deps"):
        add_public("msd-musicnn", AddOptions(), say=lambda _: None)
    with pytest.raises(InputError, match="cannot be fetched"):
        add_public("msd-musicnn", AddOptions(download=True), say=lambda _: None)
    published.rename(shelf / "m.whl")
    (shelf / "away").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shelf / "away")
        add_public("msd-musicnn", AddOptions(download=True), say=lambda _: None)
    assert (shelf / "models" / "downloads" / "m.whl").is_file()


def test_a_download_that_is_cut_off_or_another_file_is_not_kept(shelf, monkeypatch):
    """It can be fetched again; else it would be found first, and refused, for ever."""
    published = (shelf / "m.whl").read_bytes()
    (shelf / "m.whl").unlink()

    class Answer(io.BytesIO):
        def read(self):
            if len(self.getvalue()) == 10:
                raise http.client.IncompleteRead(self.getvalue(), len(published))
            return super().read()

    answers = [Answer(published[:10]), Answer(b"a page that says no"), Answer(published)]
    monkeypatch.setattr(weights, "urlopen", lambda *_, **__: answers.pop(0))
    for said in ("cannot be fetched", "as it was published"):
        with pytest.raises(InputError, match=said):
            add_public("msd-musicnn", AddOptions(download=True), say=lambda _: None)
        assert list((shelf / "models" / "downloads").iterdir()) == []
    add_public("msd-musicnn", AddOptions(download=True), say=lambda _: None)
    assert (shelf / "models" / "downloads" / "m.whl").read_bytes() == published


def test_a_name_that_is_taken_needs_force(shelf):
    """A model of the user's is not replaced by accident; an unknown name lists those known."""
    add_public("msd-musicnn", AddOptions(), say=lambda _: None)
    with pytest.raises(InputError, match="--force"):
        add_public("msd-musicnn", AddOptions(), say=lambda _: None)
    add_public("msd-musicnn", AddOptions(force=True), say=lambda _: None)
    with pytest.raises(InputError, match="msd-musicnn"):
        find_public("no-such-model")


def real_package():
    """The folder of the installed musicnn 0.1.0; skips where it is not."""
    spec = importlib.util.find_spec("musicnn")
    if spec is None:
        pytest.skip("musicnn 0.1.0 is not installed: pip install --no-deps musicnn==0.1.0")
    return Path(spec.origin).parent


@pytest.mark.parametrize("name", ["msd-musicnn", "mtt-musicnn", "msd-vgg", "mtt-vgg"])
def test_the_real_weights_answer_as_the_original_did(name, tmp_path, monkeypatch):
    """Within 1e-4 of what TensorFlow answered for the golden windows."""
    real_package()
    monkeypatch.setenv("TAGGER_MODELS", str(tmp_path))
    (made,) = add_public(name, AddOptions(), say=lambda _: None)
    assert load_engine(made, device="cpu").spec.name == name


@pytest.mark.data
def test_on_real_songs_the_scores_are_those_of_the_converted_original(data):
    """Another conversion, checked against TensorFlow, and ours: 8 windows of five songs."""
    (model,) = find_public("msd-musicnn")
    variables = weights.checkpoint_of(model, weights.Origin(real_package()))
    builder = Builder()
    logits, width = add_musicnn(builder, Variables(variables, where="musicnn"))
    builder.node("Sigmoid", logits, output="scores")
    made = builder.model(window_len=RECIPE.window_len, n_labels=50, embedding=width)
    session = onnxruntime.InferenceSession(made.SerializeToString())
    teacher = onnxruntime.InferenceSession(str(data / "teachers" / "MSD_musicnn.onnx"))
    songs = sorted((data / "songs-cc").glob("*.mp3"))
    assert songs
    for path in songs:
        with open_track(path, sample_rate=RECIPE.sample_rate) as track:
            windows = np.stack(list(track.windows(window_len=RECIPE.window_len, n_windows=8)))
        mine = session.run(["scores", "embedding"], {"waveform": windows})
        theirs = teacher.run(["tags", "embedding"], {"waveform": windows})
        assert np.abs(mine[0] - theirs[0]).max() < 1e-4, path.name
        assert np.abs(mine[1] - theirs[1]).max() < 1e-3, path.name


def test_a_model_that_breaks_the_contract_is_not_made():
    """Weights that are no numbers are found before a file is."""
    variables = stand_ins.musicnn_variables()
    variables["dense_1/bias"][0] = np.nan
    with pytest.raises(ModelError, match="no numbers"):
        make("musicnn", variables)
    del variables["dense_1/bias"]
    with pytest.raises(ModelError, match="lacks dense_1/bias"):
        make("musicnn", variables)


def test_scores_of_is_what_a_session_says():
    """The small helper of the checks asks for scores alone."""
    model = make("vgg", stand_ins.vgg_variables(), vocabulary="mtat")
    windows = np.zeros((2, RECIPE.window_len), np.float32)
    assert scores_of(model)(windows).shape == (2, len(read_vocabulary("mtat").labels))
