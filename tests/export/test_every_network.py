import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from export.graph import to_graph
from export.parity import compare
from tests.train import small
from train.config import from_tree
from train.models.network import TaggerNet

pytestmark = pytest.mark.slow

PAIRS = [("mel", body) for body in small.BODIES] + [
    (features, "cnn-lstm") for features in small.FEATURES if features != "mel"
]


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def exported(request):
    """A network of each body and of each front end with random weights, and its graph."""
    torch.manual_seed(0)
    config = from_tree(small.tree(*request.param))
    net = TaggerNet(config.network(), n_labels=3).eval()
    return net, to_graph(net, window_len=config.features_options.window_len)


def test_the_graph_answers_as_the_network_does(exported):
    """Every sound at every batch size, within the tolerance."""
    rows = compare(*exported, sample_rate=22_050)
    assert [row for row in rows if not row.passed] == []


def test_what_follows_the_features_runs_alone_at_any_batch(exported):
    """No initial state, position or token was frozen at the size of the traced batch."""
    net, model = exported
    options = net.options.features_options
    cut = onnx.utils.Extractor(onnx.shape_inference.infer_shapes(model)).extract_model(
        ["features"], ["scores"]
    )
    session = onnxruntime.InferenceSession(
        cut.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for batch in (1, 5):
        features = torch.randn(batch, options.n_mels, options.n_frames)
        with torch.no_grad():
            expected = net.from_features(features).numpy()
        found = session.run(None, {"features": features.numpy()})[0]
        np.testing.assert_allclose(found, expected, atol=1e-4)
