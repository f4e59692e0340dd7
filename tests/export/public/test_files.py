"""Files of weights as one model: torch's files read without torch, and the networks in them."""

import io
import pickle
import zipfile

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

from export.public.add import AddOptions
from export.public.add_file import add_file
from export.public.builder import Builder
from export.public.efficientat import _N_RELU, _STRIDES, EPSILON, RECIPE, add_efficientat
from export.public.sota import add_sota, find_network
from export.public.torch_file import read_torch_file
from tagger.errors import InputError, ModelError
from tagger.model.load import load_engine

STATE = {
    "a.weight": torch.arange(12, dtype=torch.float32).reshape(3, 4),
    "a.view": torch.arange(12, dtype=torch.float32).reshape(3, 4).T[1:3],
    "n": torch.tensor(7, dtype=torch.int64),
    "half": torch.ones(2, dtype=torch.float16),
}


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"state_dict": state}])
def test_tensors_are_those_that_torch_saved(tmp_path, is_zip, wrap):
    """Views, scalars, half precision; both formats; also inside another dictionary."""
    shared = STATE | {"same": STATE["a.weight"]}
    path = tmp_path / "w.pth"
    torch.save(wrap(shared), path, _use_new_zipfile_serialization=is_zip)
    found = read_torch_file(path)
    assert set(found) == set(shared)
    for name, tensor in shared.items():
        assert np.array_equal(found[name], tensor.numpy()), name


class Evil:
    """Prints, if it is unpickled as pickle would."""

    def __reduce__(self):
        return (print, ("this must not be said",))


def test_a_file_that_would_run_something_is_refused(tmp_path, capsys):
    """Only what weights need is looked up; nothing of the file is called."""
    with zipfile.ZipFile(tmp_path / "evil.pth", "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps({"a": Evil()}))
    with pytest.raises(ModelError, match="which is no weight"):
        read_torch_file(tmp_path / "evil.pth")
    assert capsys.readouterr().out == ""


def test_damaged_files_are_named(tmp_path):
    """Cut off, empty, another kind, no tensors, nothing there."""
    torch.save(STATE, tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    whole = (tmp_path / "w.pth").read_bytes()
    nothing = io.BytesIO()
    torch.save({"a": 1}, nothing)
    for content in (b"", whole[:-30], whole[:40], b"no weights", nothing.getvalue()):
        (tmp_path / "bad.pth").write_bytes(content)
        with pytest.raises(ModelError, match=r"bad\.pth: not a file of weights"):
            read_torch_file(tmp_path / "bad.pth")
    with pytest.raises(InputError, match="cannot be read"):
        read_torch_file(tmp_path / "none.pth")


def with_features(add, recipe, n_labels, waveform):
    """Features, scores and embedding."""
    builder = Builder()
    logits, width = add(builder)
    builder.node("Sigmoid", logits, output="scores")
    model = builder.model(window_len=recipe.window_len, n_labels=n_labels, embedding=width)
    model.graph.output.append(
        next(one for one in model.graph.value_info if one.name == "features")
    )
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(["features", "scores", "embedding"], {"waveform": waveform})


def noise(recipe, n=2):
    rng = np.random.default_rng(0)
    levels = np.geomspace(1, 0.01, n)[:, None]
    return (levels * rng.normal(0, 0.3, (n, recipe.window_len))).astype(np.float32)


class Conv(nn.Module):
    """A convolution, normalised, rectified, pooled."""

    def __init__(self, n_in, n_out, pool):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out)
        self.pool = pool

    def forward(self, x):
        return F.max_pool2d(F.relu(self.bn(self.conv(x))), self.pool)


class Fcn(nn.Module):
    """Five convolutions and a dense layer."""

    def __init__(self):
        super().__init__()
        self.spec_bn = nn.BatchNorm2d(1)
        widths, pools = (1, 64, 128, 128, 128, 64), ((2, 4), (2, 4), (2, 4), (3, 5), (4, 4))
        for i in range(5):
            setattr(self, f"layer{i + 1}", Conv(widths[i], widths[i + 1], pools[i]))
        self.dense = nn.Linear(64, 50)

    def forward(self, features):
        x = self.spec_bn(features[:, None])
        for i in range(5):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.dense(x.flatten(1))


class Crnn(nn.Module):
    """Four convolutions and two recurrent layers."""

    def __init__(self):
        super().__init__()
        self.spec_bn = nn.BatchNorm2d(1)
        widths, pools = (1, 64, 128, 128, 128), ((2, 2), (3, 3), (4, 4), (4, 4))
        for i in range(4):
            setattr(self, f"layer{i + 1}", Conv(widths[i], widths[i + 1], pools[i]))
        self.layer5 = nn.GRU(128, 32, 2, batch_first=True)
        self.dense = nn.Linear(32, 50)

    def forward(self, features):
        x = self.spec_bn(features[:, None])
        for i in range(4):
            x = getattr(self, f"layer{i + 1}")(x)
        steps, _ = self.layer5(x.squeeze(2).permute(0, 2, 1))
        return self.dense(steps[:, -1])


class Pons(nn.Module):
    """Filters for timbre and for time, three layers over time, two dense ones."""

    def __init__(self):
        super().__init__()
        self.spec_bn = nn.BatchNorm2d(1)
        self.layers = nn.ModuleList()
        for shape in ((67, 7), (38, 7)):
            self.layers.append(normed(nn.Conv2d(1, 204, shape, padding=(0, 3)), 204))
        for length in (129, 65, 33):
            conv = nn.Conv1d(1, 51, length, padding=length // 2)
            self.layers.append(normed(conv, 51))
        for i, n_in in enumerate((561, 64, 64), 1):
            setattr(self, f"layer{i}", normed(nn.Conv1d(n_in, 64, 7, padding=3), 64))
        self.dense1, self.bn = nn.Linear((561 + 192) * 2, 200), nn.BatchNorm1d(200)
        self.dense2 = nn.Linear(200, 50)

    def forward(self, features):
        x = self.spec_bn(features[:, None])
        out = [rectified(one, x).amax(dim=2) for one in self.layers[:2]]
        out += [rectified(one, x.mean(dim=2)) for one in self.layers[2:]]
        layers = [torch.cat(out, dim=1)]
        for i in (1, 2, 3):
            new = rectified(getattr(self, f"layer{i}"), layers[-1])
            layers.append(new if i == 1 else new + layers[-1])
        every = torch.cat(layers, dim=1)
        x = torch.cat([every.amax(dim=2), every.mean(dim=2)], dim=1)
        return self.dense2(F.relu(self.bn(self.dense1(x))))


def normed(conv, n_out):
    norm = nn.BatchNorm2d(n_out) if isinstance(conv, nn.Conv2d) else nn.BatchNorm1d(n_out)
    return nn.ModuleDict({"conv": conv, "bn": norm})


def rectified(layer, x):
    return F.relu(layer["bn"](layer["conv"](x)))


class ShortChunk(nn.Module):
    """Seven residual layers."""

    def __init__(self, n=16):
        super().__init__()
        self.spec_bn = nn.BatchNorm2d(1)
        widths = (1, n, n, 2 * n, 2 * n, 2 * n, 2 * n, 4 * n)
        for i in range(7):
            layer = nn.Module()
            for k, n_in, stride in (
                (1, widths[i], 2),
                (2, widths[i + 1], 1),
                (3, widths[i], 2),
            ):
                conv = nn.Conv2d(n_in, widths[i + 1], 3, stride=stride, padding=1)
                setattr(layer, f"conv_{k}", conv)
                setattr(layer, f"bn_{k}", nn.BatchNorm2d(widths[i + 1]))
            setattr(self, f"layer{i + 1}", layer)
        self.dense1, self.bn = nn.Linear(4 * n, 4 * n), nn.BatchNorm1d(4 * n)
        self.dense2 = nn.Linear(4 * n, 50)

    def forward(self, features):
        x = self.spec_bn(features[:, None])
        for i in range(7):
            one = getattr(self, f"layer{i + 1}")
            y = one.bn_2(one.conv_2(F.relu(one.bn_1(one.conv_1(x)))))
            x = F.relu(one.bn_3(one.conv_3(x)) + y)
        x = x.squeeze(2).amax(dim=2)
        return self.dense2(F.relu(self.bn(self.dense1(x))))


def shaken(net, seed=0):
    """Its weights, with normalisations that do something; kept alive on the way."""
    torch.manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0.1, 0.2)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.3, 2)
        elif isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    return net.eval()


@pytest.mark.parametrize(
    ("net", "name"),
    [(Fcn, "fcn"), (Crnn, "crnn"), (Pons, "musicnn"), (ShortChunk, "short-chunk")],
    ids=lambda one: one if isinstance(one, str) else "",
)
@torch.no_grad()
def test_the_networks_of_sota_are_those_that_torch_computes(net, name):
    """Recognised by their names, with the stand-in's own answers to the same features."""
    made = shaken(net())
    weights = {key: one.numpy() for key, one in made.state_dict().items()}
    network = find_network(weights)
    assert network.name == name
    waveform = noise(network.recipe)
    features, scores, embedding = with_features(
        lambda builder: add_sota(builder, network, weights), network.recipe, 50, waveform
    )
    expected = torch.sigmoid(made(torch.from_numpy(features))).numpy()
    assert expected.std(axis=0).max() > 1e-3
    assert scores == pytest.approx(expected, abs=1e-4)
    assert embedding.shape[0] == 2
    del weights["dense.weight" if "dense.weight" in weights else "dense2.weight"]
    with pytest.raises((ModelError, AttributeError)):
        add_sota(Builder(), find_network(weights), weights)


def efficientat_state(width=8, n_tags=527, seed=0):
    """Weights of a thin MobileNet with the names of the family, as torch tensors."""
    rng = np.random.default_rng(seed)
    state = {}

    def conv(name, n_out, n_in, size, *, groups=1):
        shape = (n_out, n_in // groups, size, size)
        state[f"{name}.0.weight"] = rng.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape)
        for part, low, high in (
            ("weight", 0.7, 1.3), ("bias", -0.2, 0.2), ("running_mean", -0.2, 0.2),
            ("running_var", 0.5, 1.5),
        ):  # fmt: skip
            state[f"{name}.1.{part}"] = rng.uniform(low, high, n_out)

    def linear(name, n_out, n_in):
        state[f"{name}.weight"] = rng.normal(0, n_in**-0.5, (n_out, n_in))
        state[f"{name}.bias"] = rng.uniform(-0.1, 0.1, n_out)

    conv("features.0", width, 1, 3)
    n_in = width
    excited = {4, 5, 6, 11, 12, 13, 14, 15}
    for i in range(1, 16):
        name, wide = f"features.{i}.block", width if i == 1 else 2 * width
        j = 0
        if i > 1:
            conv(f"{name}.{j}", wide, n_in, 1)
            j += 1
        conv(f"{name}.{j}", wide, wide, 5 if i in excited else 3, groups=wide)
        j += 1
        if i in excited:
            linear(f"{name}.{j}.conc_se_layers.0.fc1", width, wide)
            linear(f"{name}.{j}.conc_se_layers.0.fc2", wide, width)
            j += 1
        n_out = width if i < 7 else width + 4
        conv(f"{name}.{j}", n_out, wide, 1)
        n_in = n_out
    conv("features.16", 6 * n_in, n_in, 1)
    linear("classifier.2", 32, 6 * n_in)
    linear("classifier.5", n_tags, 32)
    return {name: torch.from_numpy(one.astype(np.float32)) for name, one in state.items()}


def efficientat_in_torch(state, features):
    """MobileNetV3 large as it was published, for torch."""

    def conv(x, name, stride=1):
        kernel = state[f"{name}.0.weight"]
        groups = x.shape[1] if kernel.shape[1] == 1 and x.shape[1] > 1 else 1
        x = F.conv2d(x, kernel, stride=stride, padding=kernel.shape[2] // 2, groups=groups)
        parts = [state[f"{name}.1.{one}"] for one in ("running_mean", "running_var", "weight")]
        return F.batch_norm(x, *parts, state[f"{name}.1.bias"], eps=EPSILON)

    def linear(x, name):
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    x = F.hardswish(conv(features[:, None], "features.0", 2))
    for i, stride in enumerate(_STRIDES, 1):
        act = F.hardswish if i > _N_RELU else F.relu
        y, j, name = x, 0, f"features.{i}.block"
        if i > 1:
            y, j = act(conv(y, f"{name}.0")), 1
        y, j = act(conv(y, f"{name}.{j}", stride)), j + 1
        if f"{name}.{j}.conc_se_layers.0.fc1.weight" in state:
            se = f"{name}.{j}.conc_se_layers.0"
            scale = linear(F.relu(linear(y.mean(dim=(2, 3)), f"{se}.fc1")), f"{se}.fc2")
            y, j = y * torch.sigmoid(scale)[:, :, None, None], j + 1
        y = conv(y, f"{name}.{j}")
        x = y + x if stride == 1 and y.shape[1] == x.shape[1] else y
    pooled = F.hardswish(conv(x, "features.16")).mean(dim=(2, 3))
    logits = linear(F.hardswish(linear(pooled, "classifier.2")), "classifier.5")
    return torch.sigmoid(logits).numpy(), pooled.numpy()


@torch.no_grad()
def test_efficientat_is_what_torch_computes():
    """The stand-in's scores and embedding, of the same features."""
    state = efficientat_state()
    weights = {name: one.numpy() for name, one in state.items()}
    features, scores, embedding = with_features(
        lambda builder: add_efficientat(builder, weights), RECIPE, 527, noise(RECIPE)
    )
    assert features.shape == (2, 128, 1000)
    expected, pooled = efficientat_in_torch(state, torch.from_numpy(features))
    assert expected.std(axis=0).max() > 1e-3
    assert scores == pytest.approx(expected, abs=1e-4)
    assert embedding == pytest.approx(pooled, abs=1e-3)
    del weights["features.7.block.1.1.bias"]
    with pytest.raises(ModelError, match=r"features\.7\.block\.1\.1\.bias"):
        add_efficientat(Builder(), weights)


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setenv("TAGGER_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def test_a_file_of_weights_becomes_a_model(tmp_path, models):
    """Named like the file, with AudioSet's genres, moods, instruments and voices; and again."""
    torch.save(efficientat_state(), tmp_path / "mn04_as mAP.pt")
    said = []
    made = add_file(tmp_path / "mn04_as mAP.pt", AddOptions(), say=said.append)
    assert made == models / "mn04-as-map.onnx"
    spec = load_engine(made, device="cpu").spec
    assert (spec.sample_rate, spec.window_s) == (32_000, 10.0)
    assert {"Drum & Bass", "Bluegrass"} <= set(spec.labels_of("genre"))
    assert spec.parents["Drum & Bass"] == "Electronic"
    assert {"Violin"} <= set(spec.labels_of("instrument"))
    assert "Dog" not in spec.labels
    assert any("not compared with the original" in line for line in said)
    copied = add_file(made, AddOptions(name="mine"), say=said.append)
    assert copied.read_bytes() == made.read_bytes()
    with pytest.raises(InputError, match="--force"):
        add_file(made, AddOptions(name="mine"), say=said.append)
    for name, why in (("../mine", "cannot be the name"), ("default", "of the package")):
        with pytest.raises(InputError, match=why):
            add_file(made, AddOptions(name=name, force=True), say=said.append)


def test_the_tags_of_a_file_must_be_named_or_stand_in_its_path(tmp_path, models):
    """Fifty scores tell nothing of themselves."""
    (tmp_path / "jamendo").mkdir()
    state = shaken(Fcn()).state_dict()
    torch.save(state, tmp_path / "best.pth")
    torch.save(state, tmp_path / "jamendo" / "best.pth")
    with pytest.raises(InputError, match=r"--vocabulary msd\|mtat\|jamendo"):
        add_file(tmp_path / "best.pth", AddOptions(), say=lambda _: None)
    with pytest.raises(InputError, match="choose one of"):
        add_file(tmp_path / "best.pth", AddOptions(vocabulary="x"), say=lambda _: None)
    made = add_file(tmp_path / "jamendo" / "best.pth", AddOptions(), say=lambda _: None)
    spec = load_engine(made, device="cpu").spec
    assert "Trip Hop" in spec.labels_of("genre")
    assert spec.kind_of("Energetic") == "mood"


def test_unknown_weights_are_said(tmp_path, models):
    """Another network's file, or no file, is no model."""
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pth")
    with pytest.raises(InputError, match="not known here"):
        add_file(tmp_path / "a.pth", AddOptions(), say=lambda _: None)
    with pytest.raises(InputError, match="no such file"):
        add_file(tmp_path / "none.pth", AddOptions(), say=lambda _: None)


@pytest.mark.data
def test_real_mobilenet_weights_answer_as_their_other_conversion(data):
    """mn04_as: the weights of a conversion that was checked against the original."""
    other = onnx.load(data / "teachers" / "mn04_as.onnx")
    weights = mobilenet_weights(other)
    builder = Builder()
    logits, width = add_efficientat(builder, weights)
    builder.node("Sigmoid", logits, output="scores")
    made = builder.model(window_len=RECIPE.window_len, n_labels=527, embedding=width)
    waveform = noise(RECIPE)
    mine = onnxruntime.InferenceSession(made.SerializeToString())
    theirs = onnxruntime.InferenceSession(other.SerializeToString())
    found = mine.run(["scores", "embedding"], {"waveform": waveform})
    expected = theirs.run(["tags", "embedding"], {"waveform": waveform})
    assert np.abs(found[0] - expected[0]).max() < 1e-4
    assert np.abs(found[1] - expected[1]).max() < 1e-3


def mobilenet_weights(model):
    """The weights of a graph whose normalisations are folded in, with neutral ones again."""
    constants = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    found = {name[3:]: one for name, one in constants.items() if name.startswith("mn.")}
    for node in model.graph.node:
        if node.op_type != "Conv" or "features" not in node.output[0]:
            continue
        parts = node.output[0].split("/")
        block = next(part.split(".")[1] for part in parts if part.startswith("features."))
        name = f"features.{block}"
        if "block" in node.output[0]:
            name += f".block.{parts[-2].split('.')[1]}"
        kernel, bias = constants[node.input[1]], constants[node.input[2]]
        one = np.ones(len(bias), np.float32)
        found |= {
            f"{name}.0.weight": kernel, f"{name}.1.weight": one, f"{name}.1.bias": bias,
            f"{name}.1.running_mean": 0 * one, f"{name}.1.running_var": (1 - EPSILON) * one,
        }  # fmt: skip
    return found


@pytest.mark.data
def test_real_fcn_weights_answer_as_their_other_conversion(data):
    """msd_fcn of sota-music-tagging-models: 29 s windows, the same way."""
    other = onnx.load(data / "teachers" / "msd_fcn.onnx")
    constants = {one.name: numpy_helper.to_array(one) for one in other.graph.initializer}
    weights = {name[2:]: one for name, one in constants.items() if name.startswith("m.")}
    for node in other.graph.node:
        if node.op_type == "Conv" and "layer" in node.output[0]:
            name = node.output[0].split("/")[1]
            kernel, bias = constants[node.input[1]], constants[node.input[2]]
            one = np.ones(len(bias), np.float32)
            weights |= {
                f"{name}.conv.weight": kernel, f"{name}.conv.bias": 0 * one,
                f"{name}.bn.weight": one, f"{name}.bn.bias": bias,
                f"{name}.bn.running_mean": 0 * one, f"{name}.bn.running_var": one - 1e-5,
            }  # fmt: skip
    network = find_network(weights)
    waveform = noise(network.recipe)
    _, found, _ = with_features(
        lambda builder: add_sota(builder, network, weights), network.recipe, 50, waveform
    )
    session = onnxruntime.InferenceSession(other.SerializeToString())
    (expected,) = session.run(["tags"], {"waveform": waveform})
    assert np.abs(found - expected).max() < 1e-4
