"""Two lanes to a device: the same scores, padded batches, the next copied meanwhile."""

import threading

import numpy as np
import onnxruntime
import pytest

from tagger.errors import DeviceError
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.device_options import PROVIDERS
from tagger.model.load import Engine, load_engine
from tagger.model.nvidia_driver import Context
from tagger.model.pinned_lanes import CudaMemory, PinnedLanes
from tagger.model.session import open_session, spec_of
from tagger.scan.pipeline import ListenOptions, analyse
from tests.gpus import FakeDriver, pretend, use_driver, windows_of
from tests.tones import write_tone

MODEL = find_model(DEFAULT)


class PlainMemory:
    """Ordinary memory in the place of a GPU's; says what was copied when."""

    def __init__(self):
        self.log: list[str] = []
        self.n_released = 0

    def host(self, shape):
        return np.full(shape, np.nan, np.float32)

    def on_device(self, shape):
        return onnxruntime.OrtValue.ortvalue_from_numpy(np.full(shape, np.nan, np.float32))

    def upload(self, source, target):
        self.log.append("upload")

        def wait():
            self.log.append("wait")
            target.update_inplace(source)

        return wait

    def release(self, buffers):
        self.n_released += len(buffers)


@pytest.fixture(scope="module")
def session():
    """ONNX Runtime's session of the shipped model, with real bindings, on the CPU."""
    return open_session(MODEL, [PROVIDERS["cpu"]])


def bound_engine(session, memory, *, batch=4):
    """An engine whose batches go through lanes."""
    spec = spec_of(session, MODEL)
    lanes = PinnedLanes(
        session, memory, batch=batch, window_len=spec.window_len, n_labels=len(spec.labels)
    )
    return Engine(MODEL, spec, "cuda", None, session, fixed_batch=batch, lanes=lanes)


@pytest.mark.parametrize("n_windows", [1, 3, 4, 9])
def test_lanes_change_no_score(session, n_windows):
    """Full, partial and several batches give the scores of a plain run."""
    engine, plain = bound_engine(session, PlainMemory()), load_engine(MODEL, device="cpu")
    windows = windows_of(n_windows, engine.spec.window_len)
    np.testing.assert_allclose(engine.run(windows), plain.run(windows), atol=1e-6)


def test_two_batches_are_under_way_at_once(session):
    """The second batch is copied while the first is computed; each keeps its own scores."""
    memory = PlainMemory()
    engine = bound_engine(session, memory, batch=2)
    gate, run = threading.Event(), session.run_with_iobinding

    class Held:
        """Waits inside the first run until the second batch has been submitted."""

        def __getattr__(self, name):
            return getattr(session, name)

        def run_with_iobinding(self, bound):
            gate.wait(10)
            run(bound)

    engine.lanes.session = Held()
    first, second = (windows_of(2, engine.spec.window_len, seed=i) for i in (1, 2))
    results = [engine.submit(first), engine.submit(second)]
    assert memory.log.count("upload") == 2  # nothing is computed yet, both are copied
    gate.set()
    plain = load_engine(MODEL, device="cpu")
    for windows, result in zip((first, second), results, strict=True):
        np.testing.assert_allclose(result(), plain.run(windows), atol=1e-6)


def test_a_scan_with_lanes_gives_every_track_its_scores(session, tmp_path):
    """One batch ahead, tracks still end with the scores of their own windows."""
    paths = [write_tone(tmp_path / f"{i}.wav", 110.0 * 2**i) for i in range(5)]
    options = ListenOptions(batch_size=2, n_decoders=1)
    plain = load_engine(MODEL, device="cpu")
    expected = {one.path: one.scores for one in analyse(paths, plain, options)}
    found = list(analyse(paths, bound_engine(session, PlainMemory(), batch=2), options))
    assert len(found) == len(paths)
    for one in found:
        np.testing.assert_allclose(one.scores, expected[one.path], atol=1e-5)


class Small:
    """A session that has no memory for batches over two windows."""

    def __init__(self, inner):
        self.inner, self.sizes = inner, []

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def run_with_iobinding(self, bound):
        size = bound.get_outputs()[0].shape()[0] if bound.get_outputs() else 0
        self.sizes.append(size)
        if self.room(size):
            raise RuntimeError("CUDA failure 2: out of memory")
        self.inner.run_with_iobinding(bound)

    def room(self, size):
        return size > 2


@pytest.mark.parametrize("how", ["run", "submit"])
def test_out_of_memory_halves_the_lanes_and_goes_on(session, how):
    """The lanes are made again at half the size; no window is lost."""
    memory = PlainMemory()
    engine = bound_engine(Small(session), memory, batch=8)
    windows = windows_of(7, engine.spec.window_len)
    found = engine.run(windows) if how == "run" else engine.submit(windows)()
    plain = load_engine(MODEL, device="cpu").run(windows)
    np.testing.assert_allclose(found, plain, atol=1e-6)
    assert (engine.fixed_batch, engine.lanes.batch) == (2, 2)
    assert memory.n_released == 8  # two lanes with two buffers each, twice


def test_no_memory_for_one_window_is_a_sentence(session):
    """It names the file and what to do instead."""
    held = Small(session)
    held.room = lambda _: True
    engine = bound_engine(held, PlainMemory(), batch=2)
    with pytest.raises(DeviceError, match="--device cpu"):
        engine.run(windows_of(2, engine.spec.window_len))


def test_another_error_is_not_swallowed(session):
    """Only memory is a reason to try again; the lane is free afterwards."""

    class Broken(Small):
        def run_with_iobinding(self, bound):
            raise RuntimeError("illegal instruction")

    engine = bound_engine(Broken(session), PlainMemory(), batch=2)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="illegal"):
            engine.run(windows_of(2, engine.spec.window_len))


def test_pinned_buffers_and_streams_go_through_the_driver(monkeypatch, session):
    """Buffers are pinned once, copied on a stream of their own, waited for and given back."""
    fake = use_driver(monkeypatch, FakeDriver())

    class OnHost(CudaMemory):
        def on_device(self, shape):  # ONNX Runtime has no GPU here to make it on
            return onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(shape, np.float32))

    engine = bound_engine(session, OnHost(0), batch=2)
    windows = windows_of(3, engine.spec.window_len)
    plain = load_engine(MODEL, device="cpu").run(windows)
    np.testing.assert_allclose(engine.run(windows), plain, atol=1e-6)
    assert fake.calls.count("cuMemHostAlloc") == 4
    assert fake.calls.count("cuStreamCreate") == 2
    assert fake.calls.count("cuMemcpyHtoDAsync_v2") == 2
    assert fake.calls.count("cuStreamSynchronize") == 2
    engine.lanes.close()
    assert fake.pinned == {}
    assert fake.calls.count("cuStreamDestroy_v2") == 2


def test_free_memory_is_told_in_mib(monkeypatch):
    """What the driver says of the GPU's memory."""
    use_driver(monkeypatch, FakeDriver())
    assert Context(0).free_memory_mb() == (3072, 4096)


def test_an_engine_without_pinned_memory_says_so_and_runs(monkeypatch):
    """The fallback is told with the driver's reason; the answers are the same."""
    use_driver(monkeypatch, FakeDriver(failures={"cuMemHostAlloc": 2}))
    pretend(monkeypatch)
    engine = load_engine(MODEL, device="cuda")
    assert engine.lanes is None
    (note,) = engine.notes
    assert note.endswith("without pinned memory (cuMemHostAlloc: reason 2 (error 2))")
    windows = windows_of(3, engine.spec.window_len)
    plain = load_engine(MODEL, device="cpu").run(windows)
    np.testing.assert_allclose(engine.run(windows), plain, atol=1e-6)
