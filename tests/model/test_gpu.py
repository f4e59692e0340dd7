"""What only a real GPU can show; `benchmarks/gpu.py` runs these and measures beside them."""

import numpy as np
import pytest

from tagger.model.catalogue import DEFAULT, find_model, whole_of
from tagger.model.device_options import DeviceOptions
from tagger.model.devices import find_device
from tagger.model.load import load_engine
from tagger.model.session import node_counts
from tagger.scan.pipeline import ListenOptions, analyse
from tests.gpus import windows_of
from tests.tones import write_tone

pytestmark = pytest.mark.gpu
MODEL = whole_of(find_model(DEFAULT))


def needs(device):
    """Skip with the sentence that says what is missing."""
    missing = find_device(device).missing
    if missing is not None:
        pytest.skip(f"{device}: {missing}")


@pytest.fixture
def cuda():
    """The shipped model on the first GPU."""
    needs("cuda")
    return load_engine(MODEL, device="cuda")


@pytest.fixture(scope="module")
def cpu():
    """The shipped model on the CPU."""
    return load_engine(MODEL, device="cpu")


def test_cuda_runs_most_nodes_and_gives_the_golden_answers(cuda):
    """The provider has the nodes, not only the first place in a list."""
    counts = node_counts(cuda.session)
    assert counts["CUDAExecutionProvider"] > 0.5 * sum(counts.values())
    assert cuda.golden < 1e-3


@pytest.mark.parametrize("n_windows", [1, 3, 32, 50])
def test_cuda_answers_as_the_cpu_does(cuda, cpu, n_windows):
    """Partial, full and several batches."""
    windows = windows_of(n_windows, cpu.spec.window_len)
    np.testing.assert_allclose(cuda.run(windows), cpu.run(windows), atol=1e-3)


def test_a_memory_limit_is_kept(cpu):
    """A batch that does not fit is halved; the answers stay."""
    needs("cuda")
    options = DeviceOptions(batch_size=64, memory_limit_mb=256)
    engine = load_engine(MODEL, device="cuda", options=options)
    windows = windows_of(64, cpu.spec.window_len)
    np.testing.assert_allclose(engine.run(windows), cpu.run(windows), atol=1e-3)


def test_a_scan_on_cuda_hears_what_a_scan_on_the_cpu_hears(cuda, cpu, tmp_path):
    """Whole tracks through the pipeline, with a batch ahead."""
    paths = [write_tone(tmp_path / f"{i}.wav", 110.0 * 2**i) for i in range(5)]
    options = ListenOptions(batch_size=4)
    expected = {result.path: result.scores for result in analyse(paths, cpu, options)}
    for result in analyse(paths, cuda, options):
        np.testing.assert_allclose(result.scores, expected[result.path], atol=1e-3)


def test_tensorrt_builds_once_and_answers_as_the_cpu_does(cpu, tmp_path, monkeypatch):
    """The second load finds the engine of the first."""
    needs("tensorrt")
    monkeypatch.setenv("TAGGER_CACHE", str(tmp_path))
    options = DeviceOptions(batch_size=8)
    built = load_engine(MODEL, device="tensorrt", options=options)
    loaded = load_engine(MODEL, device="tensorrt", options=options)
    assert built.build_s is not None
    assert loaded.build_s is None
    windows = windows_of(11, cpu.spec.window_len)
    np.testing.assert_allclose(loaded.run(windows), cpu.run(windows), atol=0.02)
