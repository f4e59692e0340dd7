"""What is missing for a device is one sentence with the cause and what to do."""

import onnxruntime
import pytest

from tagger.model import devices, nvidia_driver
from tests.gpus import FakeDriver, use_driver


@pytest.fixture(autouse=True)
def looks_again(monkeypatch):
    """What was found before counts for nothing; ONNX Runtime is one built for CUDA 13."""
    devices.find_device.cache_clear()
    monkeypatch.setattr(onnxruntime, "cuda_version", "13.0", raising=False)
    names = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: names)
    monkeypatch.setattr(devices, "_provider_problem", lambda _: None)
    yield
    devices.find_device.cache_clear()


def missing(device="cuda", index=0):
    """What is said to be missing."""
    return devices.find_device(device, index).missing


def test_nothing_is_missing_where_all_is_there(monkeypatch):
    """A driver that is new enough, a GPU and the libraries: the session may be tried."""
    use_driver(monkeypatch, FakeDriver())
    assert missing() is None
    assert missing("tensorrt") is None


def test_a_build_without_the_provider_is_named(monkeypatch):
    """Onnxruntime instead of onnxruntime-gpu."""
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"]
    )
    assert "install onnxruntime-gpu" in missing()
    assert missing("cpu") is None


def test_no_driver_is_named(monkeypatch):
    """The library of the driver cannot be loaded."""
    monkeypatch.setattr(devices, "_load_problem", lambda _: "cannot open shared object file")
    assert "no NVIDIA driver was found" in missing()


@pytest.mark.parametrize(("code", "said"), [(100, "sees no GPU"), (803, "reason 803")])
def test_a_driver_without_a_gpu_is_named(monkeypatch, code, said):
    """The driver's own reason, and what to look at."""
    use_driver(monkeypatch, FakeDriver(failures={"cuInit": code}))
    assert said in missing()
    assert "nvidia-smi" in missing()


def test_a_hidden_gpu_is_named(monkeypatch):
    """CUDA_VISIBLE_DEVICES is a common reason why the driver sees none."""
    use_driver(monkeypatch, FakeDriver(failures={"cuInit": 100}))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES is ''" in missing()


def test_a_driver_that_is_too_old_is_named(monkeypatch):
    """Its CUDA, the one that is needed, and both ways out."""
    use_driver(monkeypatch, FakeDriver(version=12040))
    assert "too old: it speaks CUDA 12.4" in missing()
    assert "needs CUDA 13.0; update the driver" in missing()


def test_a_newer_minor_version_is_no_obstacle(monkeypatch):
    """Within a major version any driver runs any CUDA."""
    monkeypatch.setattr(onnxruntime, "cuda_version", "13.2")
    use_driver(monkeypatch, FakeDriver(version=13000))
    assert missing() is None


def test_a_gpu_that_is_not_there_is_named(monkeypatch):
    """The index is compared with what there is."""
    use_driver(monkeypatch, FakeDriver(gpus=("a", "b")))
    assert missing(index=1) is None
    assert "no GPU number 2: nvidia-smi lists 2" in missing(index=2)


@pytest.fixture
def linker(monkeypatch):
    """The dynamic linker misses a library; returns a function that names it."""
    monkeypatch.undo()

    def misses(library):
        text = f"{library}: cannot open shared object file: No such file or directory"
        monkeypatch.setattr(devices, "_load_problem", lambda _: text)
        monkeypatch.setattr(devices.Path, "is_file", lambda _: True)

    return misses


def test_a_missing_library_is_named_with_its_remedy(linker, monkeypatch):
    """The dynamic linker's words become the library and what to install."""
    monkeypatch.setattr(devices, "_library_folders", list)
    linker("libcublasLt.so.13")
    said = devices._provider_problem("cuda")
    assert said.startswith("libcublasLt.so.13 was not found; pip install")
    linker("libnvinfer.so.10")
    assert "'tensorrt-cu13-libs<11'" in devices._provider_problem("tensorrt")


@pytest.mark.parametrize(
    ("needed", "there"), [("libcublasLt.so.13", 12), ("libnvinfer.so.10", 11)]
)
def test_a_wrong_major_version_is_named(linker, monkeypatch, tmp_path, needed, there):
    """CUDA 12 or TensorRT 11 beside an ONNX Runtime that needs another."""
    stem, _, version = needed.rpartition(".")
    (tmp_path / f"{stem}.{there}").touch()
    monkeypatch.setattr(devices, "_library_folders", lambda: [tmp_path])
    linker(needed)
    said = devices._provider_problem("tensorrt")
    assert f"but version {there} of it: this ONNX Runtime needs version {version}" in said


def test_a_provider_that_is_not_part_of_the_build_is_named(monkeypatch):
    """A broken installation says what to install again."""
    monkeypatch.undo()
    monkeypatch.setattr(devices.Path, "is_file", lambda _: False)
    assert "install onnxruntime-gpu again" in devices._provider_problem("cuda")


def test_the_driver_is_asked_in_its_own_manner(monkeypatch):
    """Versions, counts, names and capabilities are read from the numbers it gives."""
    use_driver(monkeypatch, FakeDriver(version=12080, gpus=("H200", "H100")))
    assert nvidia_driver.cuda_version() == (12, 8)
    assert nvidia_driver.n_gpus() == 2
    assert nvidia_driver.gpu(1) == nvidia_driver.Gpu("H100", "9.0")
    assert nvidia_driver.gpu(2) is None


def test_a_failing_call_says_which_and_why(monkeypatch):
    """The driver's error text, or its number where it has none."""
    fake = use_driver(monkeypatch, FakeDriver(failures={"cuDriverGetVersion": 999}))
    with pytest.raises(nvidia_driver.DriverError, match=r"cuDriverGetVersion: reason 999"):
        nvidia_driver.cuda_version()
    with pytest.raises(nvidia_driver.DriverError, match="has no cuNothing"):
        nvidia_driver.call("cuNothing")
    assert "cuDriverGetVersion" in fake.calls


def test_without_a_driver_nothing_is_known(monkeypatch):
    """No driver is a finding, no crash."""
    monkeypatch.setattr(nvidia_driver, "library", lambda: None)
    assert nvidia_driver.gpu(0) is None
    assert "cannot be loaded" in nvidia_driver.start_problem()
    with pytest.raises(nvidia_driver.DriverError, match="cannot be loaded"):
        nvidia_driver.n_gpus()
