"""Every front end with every body exports in every precision, and answers the same."""

import itertools

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from export.check import check_model
from export.graph import to_graph
from export.parity import GraphKind, compare_outputs, of_graph, of_network
from export.precision import to_half, to_int8
from tests.train import small
from train.config.config import from_tree
from train.models.network import TaggerNet

pytestmark = pytest.mark.slow

PAIRS = list(itertools.product(small.FEATURES, small.BODIES))


def kind_of(pair):
    """Single and multi-label in turn, so that each front end and body meets both."""
    features, body = list(small.FEATURES).index(pair[0]), list(small.BODIES).index(pair[1])
    return ("single", "multi")[(features + body) % 2]


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_a_pair_exports_in_every_precision(pair):
    """Within the tolerance on every sound at batch 1, 3 and the largest, and ready for GPUs.

    One test a pair, since the tracing costs seconds. What eight bits cost is for a real split
    to say: here they must give numbers.
    """
    torch.manual_seed(0)
    config = from_tree(small.tree(*pair, kind=kind_of(pair)))
    net = TaggerNet(config.network(), n_labels=3).eval()
    model = to_graph(net, window_len=config.features_options.window_len)
    window_len = net.options.features_options.window_len
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, window_len))
    windows = list(noise.astype(np.float32))
    half, quantised = to_half(model), to_int8(model, windows, made_for="gpu")
    for_processors = to_int8(model, windows, made_for="cpu")
    assert failed(net, model, "fp32") == []
    assert failed(net, half, "fp16", batches=(1, 3)) == []
    assert failed(net, quantised, "int8", batches=(3,)) == []
    assert failed(net, for_processors, "int8", batches=(3,)) == []
    for graph in (model, half, quantised):
        assert check_model(graph) == []
    runs_alone_behind_features(net, model)


def failed(net, model, precision, **options):
    """The rows of the table that did not pass."""
    rows = compare_outputs(
        of_network(net),
        of_graph(model),
        window_len=net.options.features_options.window_len,
        sample_rate=22_050,
        kind=GraphKind(precision=precision),
        **options,
    )
    return [row for row in rows if not row.passed]


def runs_alone_behind_features(net, model):
    """No initial state, position or token was frozen at the size of the traced batch."""
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
