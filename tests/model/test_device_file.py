"""Processors are given eight bits, GPUs the float32 file that they were made from."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from tagger import Tagger
from tagger.cli.device import Where, placed
from tagger.errors import DeviceError, ModelError
from tagger.model import device_file, load
from tagger.model.catalogue import DEFAULT, find_model, find_variant, list_models, whole_of
from tagger.model.device_file import file_on
from tagger.model.devices import Finding
from tagger.model.load import load_engine
from tagger.model.self_test import EIGHT_BITS_TOLERANCE, golden_windows
from tagger.model.session import open_session
from tagger.model.spec_file import spec_in
from tests.gpus import pretend

MODEL = find_model(DEFAULT)
WHOLE = whole_of(MODEL)
NO_GPU = "no NVIDIA driver"


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """No test touches the user's cache or models."""
    monkeypatch.setenv("TAGGER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TAGGER_MODELS", str(tmp_path / "models"))


@pytest.fixture
def alone(tmp_path):
    """The shipped eight bits without what they were made from."""
    return Path(shutil.copy(MODEL, tmp_path / "m.onnx"))


def see(monkeypatch, *, gpu):
    """Let what is looked for before anything is loaded find a GPU, or none."""
    missing = None if gpu else NO_GPU
    finding = lambda device, index=0: Finding(device, None if device == "cpu" else missing)  # noqa: E731
    monkeypatch.setattr(device_file, "is_gpu_there", lambda: gpu)
    monkeypatch.setattr("tagger.model.devices.find_device", finding)
    monkeypatch.setattr(load, "find_device", finding)


def test_the_package_holds_both_of_one_model():
    """The same name, labels and thresholds; each says what it is."""
    small, whole = spec_in(MODEL), spec_in(WHOLE)
    assert (small.precision, whole.precision) == ("int8", "fp32")
    assert small.quantisation == {"for": "cpu", "from": whole.revision}
    assert (small.name, small.labels, small.thresholds) == (
        whole.name,
        whole.labels,
        whole.thresholds,
    )
    assert [path for path in list_models() if path.parent == MODEL.parent] == [MODEL]
    assert find_model("default.fp32") == WHOLE
    assert MODEL.stat().st_size < 0.5 * WHOLE.stat().st_size


@pytest.mark.parametrize("device", ["cuda", "tensorrt", "auto"])
def test_a_gpu_is_given_float32(monkeypatch, device):
    """Whichever way it is asked for; the engine and the `Tagger` name the file that answers."""
    see(monkeypatch, gpu=True)
    pretend(monkeypatch)
    engine = load_engine(MODEL, device=device)
    assert (engine.path, engine.spec.precision) == (WHOLE, "fp32")
    with Tagger(device=device, state=False) as tagger:
        assert (tagger.path, tagger.spec.precision) == (WHOLE, "fp32")


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_a_processor_is_given_eight_bits(monkeypatch, device):
    """Without a GPU `auto` is the same as `cpu`."""
    see(monkeypatch, gpu=False)
    engine = load_engine(MODEL, device=device)
    assert (engine.device, engine.path, engine.spec.precision) == ("cpu", MODEL, "int8")
    with Tagger(device=device, state=False) as tagger:
        assert (tagger.path, tagger.spec.precision) == (MODEL, "int8")


def test_a_gpu_that_is_seen_and_refuses_changes_no_file(monkeypatch):
    """What is remembered is filed under a file that is chosen before anything is loaded."""
    see(monkeypatch, gpu=True)
    refusing = {"make": lambda inner, _: inner}  # its first provider is the processor's
    pretend(monkeypatch, **refusing)
    path = file_on(MODEL, "auto")
    engine = load_engine(path, device="auto")
    assert (engine.device, engine.path) == ("cpu", WHOLE)
    assert "CUDAExecutionProvider" in engine.fallback


def test_eight_bits_alone_stay_on_the_processor(monkeypatch, alone):
    """A GPU that was asked for is an error that names the file; `auto` says why."""
    see(monkeypatch, gpu=True)
    pretend(monkeypatch)
    for device in ("cuda", "tensorrt"):
        with pytest.raises(DeviceError, match=rf"--device {device}: .*no m\.fp32\.onnx beside"):
            load_engine(alone, device=device)
        with pytest.raises(DeviceError, match="use --device cpu"):
            file_on(alone, device)
    assert file_on(alone, "auto") == alone
    engine = load_engine(alone)
    assert (engine.device, engine.path) == ("cpu", alone)
    assert "no m.fp32.onnx" in engine.fallback


def test_float32_of_another_model_is_refused(monkeypatch, alone):
    """The revision that the eight bits were made from must be the one beside them."""
    model = onnx.load(WHOLE)
    for entry in model.metadata_props:
        if entry.key == "tagger.spec":
            entry.value = json.dumps(json.loads(entry.value) | {"revision": "0123456789ab"})
    onnx.save(model, alone.with_name("m.fp32.onnx"))
    see(monkeypatch, gpu=True)
    pretend(monkeypatch)
    with pytest.raises(DeviceError, match=r"is revision 0123456789ab, and .* was made from"):
        load_engine(alone, device="cuda")
    with pytest.raises(ModelError, match="0123456789ab"):
        whole_of(alone)


def test_a_precision_that_is_typed_is_the_one_that_runs():
    """float32 on a processor; eight bits for processors on no GPU, where `auto` is none."""
    assert placed(Where(device="cpu", precision="fp32"))[:2] == (WHOLE, "cpu")
    assert placed(Where(precision="int8"))[:2] == (MODEL, "cpu")
    assert placed(Where())[:2] == (MODEL, "auto")
    remedy = r"is for processors.*--for gpu -o .*default\.int8\.onnx"
    with pytest.raises(ModelError, match=remedy):
        placed(Where(device="cuda", precision="int8"))
    assert find_variant(MODEL, "fp32") == WHOLE


def test_eight_bits_answer_as_float32_does_on_tones(monkeypatch):
    """The golden sounds: the same first labels, and scores that are near."""
    see(monkeypatch, gpu=False)
    small, whole = (load_engine(path, device="cpu") for path in (MODEL, WHOLE))
    windows = golden_windows(small.spec)
    ours, theirs = small.run(windows), whole.run(windows)
    assert list(ours.argmax(axis=1)) == list(theirs.argmax(axis=1))
    assert np.abs(ours - theirs).max() < 0.1


def test_the_self_test_forgives_what_another_processor_rounds_otherwise():
    """Noise of 1e-6, and a runtime that fuses nothing, stay well within what is allowed."""
    engine = load_engine(MODEL, device="cpu")
    windows = golden_windows(engine.spec)
    expected = engine.run(windows)
    random = np.random.default_rng(0)
    for _ in range(4):
        noise = 1e-6 * random.standard_normal(windows.shape)
        noisy = (windows + noise).astype(np.float32)
        assert np.abs(engine.run(noisy) - expected).max() < EIGHT_BITS_TOLERANCE / 4
    plain = open_session(MODEL, ["CPUExecutionProvider"], optimise=False)
    (scores,) = plain.run(["scores"], {"waveform": windows})
    assert np.abs(scores - expected).max() < EIGHT_BITS_TOLERANCE / 2
