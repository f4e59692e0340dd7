import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from export.graph import to_graph
from export.parity import BATCHES, compare_outputs, of_graph, of_network
from export.run import export_checkpoint
from tagger.errors import InputError
from tagger.model.load import load_engine
from train.config.config import from_tree
from train.models.checkpoint import Checkpoint, save
from train.models.network import TaggerNet

SMALL = {
    "name": "small",
    "features_options": {"n_frames": 16, "n_mels": 32},
    "body_options": {"channels": [4, 8, 8], "pools": [[2, 2], [2, 1]], "n_hidden": 8},
}
LABELS = ("one", "two", "three")


@pytest.fixture(scope="module", params=["single", "multi"])
def network(request):
    """A small network with random weights and some calibration."""
    config = from_tree(SMALL | {"kind": request.param})
    torch.manual_seed(0)
    net = TaggerNet(config.network(), n_labels=len(LABELS)).eval()
    net.label_bias.copy_(torch.tensor([0.5, -0.5, 0.0]))
    return net, config


@pytest.fixture(scope="module")
def model(network):
    """Its graph."""
    return to_graph(network[0], window_len=network[1].features_options.window_len)


def parity(net, config, model):
    """The table of a network and a graph."""
    window_len = config.features_options.window_len
    return compare_outputs(
        of_network(net), of_graph(model), window_len=window_len, sample_rate=22_050
    )


def test_the_graph_answers_as_the_network_does(network, model):
    """Every sound at every batch size, within the tolerance."""
    rows = parity(network[0], network[1], model)
    assert len(rows) == 7 * len(BATCHES)
    assert [row for row in rows if not row.passed] == []


def test_a_graph_of_another_network_does_not_pass(network, model):
    """The parity check can fail."""
    torch.manual_seed(1)
    other = TaggerNet(network[1].network(), n_labels=len(LABELS)).eval()
    assert [row for row in parity(other, network[1], model) if not row.passed]


def test_names_types_and_shapes_are_those_of_the_contract(network, model):
    """It is waveform (batch, window_len) -> features -> scores, embedding, in float32."""
    values = {tensor.name: tensor.type.tensor_type for tensor in model.graph.value_info}
    features = [d.dim_value or d.dim_param for d in values["features"].shape.dim]
    assert features[1:] == [32, 16]
    assert isinstance(features[0], str)
    assert values["features"].elem_type == onnx.TensorProto.FLOAT
    assert [tensor.name for tensor in model.graph.input] == ["waveform"]
    assert [output.name for output in model.graph.output] == ["scores", "embedding"]
    operators = {node.op_type for node in model.graph.node}
    assert not operators & {"STFT", "DFT", "Gather", "GatherND", "Loop", "If", "Dropout"}


def test_a_graph_cut_at_the_features_runs_and_knows_no_level(model):
    """What follows `features` depends on it alone, at any batch, and not on its level."""
    cut = onnx.utils.Extractor(onnx.shape_inference.infer_shapes(model)).extract_model(
        ["features"], ["scores"]
    )
    session = onnxruntime.InferenceSession(
        cut.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for batch in (1, 3, 7):
        features = 10 * np.random.default_rng(0).standard_normal((batch, 32, 16))
        features = features.astype(np.float32)
        scores = session.run(None, {"features": features})[0]
        assert scores.shape == (batch, len(LABELS))
        for gain_db in (-40, -20, 10):
            louder = session.run(None, {"features": features + np.float32(gain_db)})[0]
            np.testing.assert_allclose(louder, scores, atol=1e-5)


def test_a_checkpoint_becomes_a_model_that_the_runtime_loads(network, tmp_path):
    """Export writes one file whose spec and graph agree."""
    net, config = network
    facts = {"thresholds": dict.fromkeys(LABELS, 0.4), "metrics": {"valid": {"accuracy": 0.5}}}
    save(Checkpoint(net, config, LABELS, facts), tmp_path / "best.pt")
    said = []
    path = export_checkpoint(tmp_path / "best.pt", tmp_path / "m.onnx", say=said.append)
    engine = load_engine(path, device="cpu")
    assert engine.spec.labels == LABELS
    assert engine.spec.thresholds == facts["thresholds"]
    assert engine.spec.n_frames == 16
    assert len(engine.spec.revision) == 12
    windows = 0.1 * torch.randn(3, engine.spec.window_len)
    with torch.no_grad():
        np.testing.assert_allclose(engine.run(windows.numpy()), net(windows), atol=1e-4)
    assert {path.name for path in tmp_path.iterdir()} == {"best.pt", "m.onnx"}


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    """The message names the file; no model is made."""
    (tmp_path / "x.pt").write_text("no checkpoint")
    for name in ("x.pt", "missing.pt"):
        with pytest.raises(InputError, match=name):
            export_checkpoint(tmp_path / name, tmp_path / "m.onnx", say=print)
    assert not (tmp_path / "m.onnx").exists()
