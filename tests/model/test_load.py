"""The runtime uses what it was asked to use, or says in one sentence why not."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from tagger.errors import DeviceError, ModelError
from tagger.model import load, session
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.devices import Finding
from tagger.model.load import Engine, load_engine
from tagger.model.self_test import METADATA_KEY as GOLDEN_KEY
from tagger.model.self_test import check_golden, golden_entry, golden_windows
from tagger.model.session import CpuSettings
from tests.engines import make_spec, tone_engine
from tests.gpus import pretend

MODEL = find_model(DEFAULT)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """No test touches the user's cache."""
    monkeypatch.setenv("TAGGER_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_a_device_that_silently_falls_back_is_refused(monkeypatch, device):
    """The first provider must be the asked one; the message names both."""
    pretend(monkeypatch, make=lambda inner, _: inner)
    with pytest.raises(DeviceError, match=f"--device {device}.*CPUExecutionProvider"):
        load_engine(MODEL, device=device)


def test_a_device_that_got_no_node_is_refused(monkeypatch):
    """A session that lists CUDA first but runs all on the CPU is no CUDA session."""
    pretend(monkeypatch, nodes={"CPUExecutionProvider": 80})
    with pytest.raises(DeviceError, match="none of the model's nodes"):
        load_engine(MODEL, device="cuda")


def test_a_device_that_works_is_used_and_says_how(monkeypatch):
    """With the asked provider first and nodes on it, the engine runs there, padded."""
    pretend(monkeypatch)
    engine = load_engine(MODEL, device="cuda")
    assert (engine.device, engine.fallback, engine.fixed_batch) == ("cuda", None, 32)
    assert set(engine.session.batches) == {32}
    assert engine.notes == []


def test_auto_falls_back_and_says_why(monkeypatch):
    """Only `auto` may settle for the CPU; the reason is kept for whoever asks."""
    monkeypatch.setattr(
        load,
        "find_device",
        lambda device, index=0: Finding(
            device, None if device == "cpu" else "no NVIDIA driver"
        ),
    )
    engine = load_engine(MODEL)
    assert (engine.device, engine.fallback) == ("cpu", "no NVIDIA driver")
    with pytest.raises(DeviceError, match="--device cuda: no NVIDIA driver"):
        load_engine(MODEL, device="cuda")


@pytest.mark.parametrize("content", [b"", b"no model", bytes(2000)])
def test_a_corrupt_model_is_refused(tmp_path, content):
    """What is no model gets a sentence with its name."""
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        load_engine(path, device="cpu")


def test_a_foreign_model_is_told_what_it_lacks(tmp_path):
    """A valid graph without a spec is refused before any audio is read."""
    model = onnx.load(MODEL)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(ModelError, match=r"tagger\.spec"):
        load_engine(tmp_path / "foreign.onnx", device="cpu")


def changed_metadata(tmp_path, key, change):
    """A copy of the model in which one metadata entry is changed."""
    model = onnx.load(MODEL)
    for entry in model.metadata_props:
        if entry.key == key:
            entry.value = change(entry.value)
    onnx.save(model, tmp_path / "changed.onnx")
    return tmp_path / "changed.onnx"


def test_a_spec_that_does_not_fit_its_graph_is_refused(tmp_path):
    """A window of another length than the graph takes is found when loading."""

    def longer(text):
        return json.dumps(json.loads(text) | {"window_len": 999_999})

    with pytest.raises(ModelError, match="999999"):
        load_engine(changed_metadata(tmp_path, "tagger.spec", longer), device="cpu")


def test_the_shipped_model_gives_its_golden_answers():
    """Loading compares the answers with those at export."""
    engine = load_engine(MODEL, device="cpu")
    assert engine.golden is not None
    assert engine.golden < 1e-4


def test_other_answers_than_at_export_are_refused(tmp_path):
    """A model or engine that computes something else never writes a genre."""

    def other(text):
        tree = json.loads(text)
        return json.dumps(tree | {"scores": (1 - np.array(tree["scores"])).tolist()})

    with pytest.raises(DeviceError, match="differ"):
        load_engine(changed_metadata(tmp_path, GOLDEN_KEY, other), device="cpu")


def test_golden_vectors_reject_nan_and_accept_none():
    """NaN is a mismatch; a model without vectors has nothing to be held to."""
    spec, engine = make_spec(), tone_engine()
    entry = golden_entry(spec, engine.run)
    assert check_golden(entry, spec, engine.run, where="x") < 1e-5
    assert check_golden(None, spec, engine.run, where="x") is None
    with pytest.raises(DeviceError):
        check_golden(entry, spec, lambda x: np.full((3, 2), np.nan, np.float32), where="x")
    assert golden_windows(spec).shape == (3, spec.window_len)


@pytest.mark.parametrize("n_windows", [1, 7, 8, 9, 20])
def test_a_fixed_batch_changes_no_score(n_windows):
    """Padding to one size, as a GPU needs it, gives the scores of every window."""
    free = tone_engine()
    fixed = Engine(free.path, free.spec, "cuda", None, free.session, fixed_batch=8)
    windows = np.random.default_rng(0).standard_normal((n_windows, 4000)).astype(np.float32)
    np.testing.assert_allclose(fixed.run(windows), free.run(windows), atol=1e-6)
    assert set(fixed.session.batches[:-1]) == {8}


def test_out_of_memory_halves_the_batch_and_goes_on():
    """A smaller batch is tried until it fits; nothing is lost."""

    class Small:
        def __init__(self):
            self.inner, self.tried = tone_engine().session, []

        def run(self, outputs, feed):
            self.tried.append(len(feed["waveform"]))
            if len(feed["waveform"]) > 4:
                raise RuntimeError("CUDA failure 2: out of memory")
            return self.inner.run(outputs, feed)

    engine = Engine(Path("m.onnx"), make_spec(), "cuda", None, Small(), fixed_batch=16)
    windows = np.random.default_rng(0).standard_normal((10, 4000)).astype(np.float32)
    np.testing.assert_allclose(engine.run(windows), tone_engine().run(windows), atol=1e-6)
    assert engine.session.tried == [16, 8, 4, 4, 4]
    assert engine.fixed_batch == 4


def test_no_memory_for_one_window_is_a_sentence():
    """The remedy is named when nothing fits."""

    class Full:
        def run(self, *_):
            raise RuntimeError("Failed to allocate memory")

    engine = Engine(Path("m.onnx"), make_spec(), "cuda", None, Full(), fixed_batch=2)
    with pytest.raises(DeviceError, match="--device cpu"):
        engine.run(np.zeros((1, 4000), np.float32))


def test_another_error_of_the_session_is_not_swallowed():
    """Only memory is a reason to try again."""

    class Broken:
        def run(self, *_):
            raise RuntimeError("illegal instruction")

    engine = Engine(Path("m.onnx"), make_spec(), "cuda", None, Broken(), fixed_batch=2)
    with pytest.raises(RuntimeError, match="illegal"):
        engine.run(np.zeros((1, 4000), np.float32))


def n_threads_of(engine):
    return engine.session.get_session_options().intra_op_num_threads


@pytest.mark.parametrize(("cost_ms", "expected"), [(1.0, 2), (9.0, 4)])
def test_a_light_model_leaves_half_of_the_cores_to_the_decoders(monkeypatch, cost_ms, expected):
    """Threads follow the model's own time; one that is slower than decoding gets all cores."""
    for module in (load, session):
        monkeypatch.setattr(module, "usable_cores", lambda: 4)
    monkeypatch.setattr(load, "ms_a_window", lambda _: cost_ms)
    assert n_threads_of(load_engine(MODEL, device="cpu")) == expected
    asked = load_engine(MODEL, device="cpu", cpu=CpuSettings(n_threads=3))
    assert n_threads_of(asked) == 3


def test_threads_change_no_score():
    """Bit by bit, so that it does not matter which number a busy machine leads to."""
    one, two = (load_engine(MODEL, device="cpu", cpu=CpuSettings(n_threads=n)) for n in (1, 2))
    windows = golden_windows(one.spec)
    assert one.run(windows).tobytes() == two.run(windows).tobytes()
    assert 0 < load.ms_a_window(one) < 1000


def test_a_model_without_an_embedding_says_so():
    """Who asks gets a sentence with the file, not an error of ONNX Runtime."""
    with pytest.raises(ModelError, match=r"fake\.onnx: the model gives no embedding"):
        tone_engine().run_embedding(np.zeros((1, 4000), np.float32))
