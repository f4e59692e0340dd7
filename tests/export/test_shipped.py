"""The model that ships, in its full size: exported, converted, compared, ready for GPUs."""

from pathlib import Path

import pytest
import torch

from export.check import check_file, check_model
from export.graph import to_graph
from export.parity import BATCHES, compare_outputs, of_graph, of_network
from export.run import ExportOptions, export_checkpoint
from export.trimmed_front_end import add_trimmed_front_end
from tagger.model.catalogue import DEFAULT, find_model, whole_of
from tagger.model.load import load_engine
from train.config.config import load_config
from train.models.network import TaggerNet

pytestmark = pytest.mark.slow
MODEL = whole_of(find_model(DEFAULT))
CONFIG = Path(__file__).parents[2] / "train" / "configs" / "default.yaml"


def test_its_network_exports_with_parity():
    """With random weights on every sound at batch 1, 3 and the largest.

    It looks at every frame and band, so no smaller front end stands in for its own.
    """
    config = load_config(CONFIG, {})
    torch.manual_seed(0)
    net = TaggerNet(config.network(), n_labels=len(config.labels)).eval()
    window_len = config.features_options.window_len
    model = to_graph(net, window_len=window_len)
    assert check_model(model) == []
    assert not add_trimmed_front_end(model, net, window_len=window_len)
    rows = compare_outputs(
        of_network(net),
        of_graph(model),
        window_len=window_len,
        sample_rate=config.features_options.sample_rate,
        batches=BATCHES,
    )
    assert [row for row in rows if not row.passed] == []


def test_it_becomes_half_precision(tmp_path):
    """From the file alone; the new file has its labels, thresholds and golden answers."""
    assert check_file(MODEL) == []
    options = ExportOptions(precision="fp16")
    made = export_checkpoint(MODEL, tmp_path / "half.onnx", options, say=lambda _: None)
    engine, whole = load_engine(made, device="cpu"), load_engine(MODEL, device="cpu")
    assert engine.spec.precision == "fp16"
    assert engine.spec.thresholds == whole.spec.thresholds
    assert engine.golden < 1e-4
    assert made.stat().st_size < 0.8 * MODEL.stat().st_size
    assert check_file(made) == []
