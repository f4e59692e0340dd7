"""The second output of a model: what the network knows of a window before it names it."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto

from export.graph import to_graph
from export.precision import EIGHT_BITS_FOR, to_half, to_int8
from export.run import ExportOptions, export_checkpoint
from export.trimmed_front_end import add_trimmed_front_end
from tagger.errors import ModelError
from tagger.model.load import load_engine
from tagger.model.trimmed_front_end import lean_model
from tests.train import small
from train.config.config import from_tree
from train.models.checkpoint import Checkpoint, save
from train.models.network import TaggerNet

LABELS = ("rnb_soul", "rock", "happy")


def network(**changes):
    """A small network with random weights, and its configuration."""
    torch.manual_seed(0)
    config = from_tree(small.tree("mel", "cnn-lstm", kind="multi", **changes))
    return TaggerNet(config.network(), n_labels=len(LABELS)).eval(), config


def noise(net, n):
    """Windows of noise, each time the same."""
    window_len = net.options.features_options.window_len
    return 0.1 * np.random.default_rng(0).standard_normal((n, window_len)).astype(np.float32)


def answers(model, windows):
    """(scores, embedding) of a graph."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(["scores", "embedding"], {"waveform": windows})


def embedding_of(net, windows):
    """What PyTorch gives to the head."""
    with torch.no_grad():
        return net.embed(net.front_end(torch.from_numpy(windows))).numpy()


@pytest.mark.parametrize("body", small.BODIES)
def test_every_body_gives_its_embedding(body):
    """It is what the head gets, in float32, at any batch, beside the same scores."""
    torch.manual_seed(0)
    config = from_tree(small.tree("mel", body))
    net = TaggerNet(config.network(), n_labels=3).eval()
    model = to_graph(net, window_len=config.features_options.window_len)
    shapes = {output.name: output.type.tensor_type for output in model.graph.output}
    assert list(shapes) == ["scores", "embedding"]
    assert shapes["embedding"].elem_type == TensorProto.FLOAT
    assert shapes["embedding"].shape.dim[1].dim_value == net.body.n_out
    for n in (1, 3):
        windows = noise(net, n)
        scores, embedding = answers(model, windows)
        np.testing.assert_allclose(embedding, embedding_of(net, windows), atol=1e-4)
        with torch.no_grad():
            np.testing.assert_allclose(scores, net(torch.from_numpy(windows)), atol=1e-4)


def test_smaller_numbers_keep_the_embedding_in_float32():
    """Half precision and eight bits differ a little; the type is that of the contract."""
    net, config = network()
    model = to_graph(net, window_len=config.features_options.window_len)
    windows = noise(net, 3)
    expected = embedding_of(net, windows)
    eight_bits = [to_int8(model, list(windows), made_for=target) for target in EIGHT_BITS_FOR]
    for smaller, allowed in ((to_half(model), 0.02), *((graph, 0.5) for graph in eight_bits)):
        kinds = {
            output.name: output.type.tensor_type.elem_type for output in smaller.graph.output
        }
        assert kinds == {"scores": TensorProto.FLOAT, "embedding": TensorProto.FLOAT}
        found = answers(smaller, windows)[1]
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < allowed * np.abs(expected).max()


def test_a_trimmed_front_end_leaves_the_embedding_as_it_is():
    """What tagger makes of a file when it loads gives both outputs."""
    net, config = network()
    options = dict(small.BODIES["cnn-lstm"]) | {"decimate": 2}
    config = from_tree(small.tree("mel", "cnn-lstm") | {"body_options": options})
    net = TaggerNet(config.network(), n_labels=3).eval()
    model = to_graph(net, window_len=config.features_options.window_len)
    assert add_trimmed_front_end(model, net, window_len=config.features_options.window_len)
    windows = noise(net, 2)
    for first, other in zip(
        answers(model, windows), answers(lean_model(model), windows), strict=True
    ):
        np.testing.assert_allclose(first, other, atol=1e-4)


def test_an_embedding_that_is_too_wide_is_left_out():
    """The contract allows 512 numbers; a body with more gives scores alone."""
    options = dict(small.BODIES["gru"]) | {"n_hidden": 600}
    config = from_tree(small.tree("mel", "gru") | {"body_options": options})
    net = TaggerNet(config.network(), n_labels=3).eval()
    assert net.body.n_out > 512
    model = to_graph(net, window_len=config.features_options.window_len)
    assert [output.name for output in model.graph.output] == ["scores"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model file with names, a tree and kinds."""
    folder = tmp_path_factory.mktemp("exported")
    net, config = network(
        names={"rnb_soul": "R&B", "rock": "Rock", "happy": "Happy", "punk": "Punk"},
        parents={"rnb_soul": "Black Music", "punk": "rock", "Black Music": "Music"},
        kinds={"happy": "mood", "sad": "mood"},
    )
    facts = {"thresholds": dict(zip(LABELS, (0.4, 0.5, 0.6), strict=True))}
    save(Checkpoint(net, config, LABELS, facts), folder / "best.pt")
    return export_checkpoint(folder / "best.pt", folder / "m.onnx", say=lambda _: None), net


def test_names_tree_and_kinds_are_those_of_the_configuration(exported):
    """Training labels ship as they are written; what was not kept is left out of the tree."""
    spec = load_engine(exported[0], device="cpu").spec
    assert spec.labels == ("R&B", "Rock", "Happy")
    assert spec.thresholds == {"R&B": 0.4, "Rock": 0.5, "Happy": 0.6}
    assert spec.parents == {"R&B": "Black Music", "Black Music": "Music"}
    assert spec.kinds == {"Happy": "mood"}
    assert spec.labels_of("genre") == ("R&B", "Rock")
    assert spec.training["names"] == {"rnb_soul": "R&B", "rock": "Rock", "happy": "Happy"}


def test_the_engine_gives_the_embedding_where_it_is_asked_for(exported):
    """Scores are those of `run`, and a run for scores alone asks for nothing else."""
    path, net = exported
    engine = load_engine(path, device="cpu")
    windows = noise(net, 3)
    scores, embedding = engine.run_embedding(windows)
    assert scores.tobytes() == engine.run(windows).tobytes()
    assert (embedding.shape, embedding.dtype) == ((3, engine.spec.embedding), np.float32)
    np.testing.assert_allclose(embedding, embedding_of(net, windows), atol=1e-4)
    engine.fixed_batch = 2  # as on a GPU
    for first, other in zip(engine.run_embedding(windows), (scores, embedding), strict=True):
        np.testing.assert_allclose(first, other, atol=1e-5)


def test_a_model_in_half_precision_is_made_of_a_file_with_an_embedding(exported, tmp_path):
    """The spec goes along, embedding, tree and kinds included."""
    path, net = exported
    made = export_checkpoint(
        path, tmp_path / "m.fp16.onnx", ExportOptions(precision="fp16"), say=lambda _: None
    )
    engine, whole = (load_engine(name, device="cpu") for name in (made, path))
    assert engine.spec.parents == whole.spec.parents
    assert engine.spec.kinds == whole.spec.kinds
    assert engine.run_embedding(noise(net, 2))[1].shape == (2, whole.spec.embedding)


def test_a_graph_without_the_embedding_that_its_spec_names_is_refused(exported, tmp_path):
    """The contract is held when the file is loaded, not when somebody needs it."""
    model = onnx.load(exported[0])
    del model.graph.output[1]
    onnx.save(model, tmp_path / "less.onnx")
    with pytest.raises(ModelError, match=r"less\.onnx: its output 'embedding' is not there"):
        load_engine(tmp_path / "less.onnx", device="cpu")


def test_the_evaluator_knows_the_labels_by_their_old_names(exported):
    """A model is measured on data sets whose labels are spelled as they were learned."""
    from train.evaluation.scorer import open_scorer  # noqa: PLC0415 - needs the export's fixture only

    scorer = open_scorer(exported[0])
    assert scorer.labels == LABELS
    assert scorer.thresholds == dict(zip(LABELS, (0.4, 0.5, 0.6), strict=True))
