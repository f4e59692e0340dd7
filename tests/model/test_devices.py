"""What is missing for a device is one sentence with the cause and what to do."""

import os

import onnxruntime
import pynvml
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
    use_driver(monkeypatch, None)
    assert "no NVIDIA driver was found" in missing()


@pytest.mark.parametrize(
    ("gpus", "failures", "said"),
    [
        ((), {}, "sees no GPU"),
        (("a",), {"nvmlDeviceGetCount": "Driver/library version mismatch"}, "version mismatch"),
    ],
)
def test_a_driver_without_a_gpu_is_named(monkeypatch, gpus, failures, said):
    """The driver's own reason, and what to look at."""
    use_driver(monkeypatch, FakeDriver(gpus=gpus, failures=failures))
    assert said in missing()
    assert "nvidia-smi" in missing()


def test_a_hidden_gpu_is_named(monkeypatch):
    """CUDA_VISIBLE_DEVICES is a common reason why the driver sees none."""
    use_driver(monkeypatch, FakeDriver())
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


def test_what_the_driver_says_is_read(monkeypatch):
    """Versions, counts, names and capabilities."""
    use_driver(monkeypatch, FakeDriver(version=12080, gpus=("H200", "H100")))
    assert nvidia_driver.cuda_version() == (12, 8)
    assert nvidia_driver.n_gpus() == 2
    assert nvidia_driver.gpu(1) == nvidia_driver.Gpu("H100", "9.0")
    assert nvidia_driver.gpu(2) is None


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        ("1,0", ["b", "a"]),
        ("GPU-2", ["c"]),
        ("2, 7, 0", ["c"]),
        ("-1", []),
        ("", []),
    ],
)
def test_only_gpus_that_are_left_to_the_process_count(monkeypatch, visible, names):
    """CUDA_VISIBLE_DEVICES chooses and orders, up to the first name that nobody knows."""
    use_driver(monkeypatch, FakeDriver(gpus=("a", "b", "c")))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert nvidia_driver.n_gpus() == len(names)
    assert [nvidia_driver.gpu(i).name for i in range(len(names))] == names


def test_gpus_are_numbered_as_nvidia_smi_does(monkeypatch):
    """What is known of number 1 is of the GPU that CUDA takes for number 1."""
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    use_driver(monkeypatch, FakeDriver())
    assert missing() is None
    assert os.environ.pop("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"


def test_a_failing_call_says_why(monkeypatch):
    """The library's own text."""
    failures = {"nvmlSystemGetCudaDriverVersion_v2": "Insufficient Permissions"}
    use_driver(monkeypatch, FakeDriver(failures=failures))
    with pytest.raises(nvidia_driver.DriverError, match="Insufficient Permissions"):
        nvidia_driver.cuda_version()


def test_cuda_without_the_management_library_may_be_tried(monkeypatch):
    """A container can be given the one without the other; only a session proves it then."""
    use_driver(monkeypatch, FakeDriver())
    monkeypatch.setattr(nvidia_driver, "library", lambda: None)
    assert missing() is None
    assert nvidia_driver.gpu(0) is None
    with pytest.raises(nvidia_driver.DriverError, match="not there"):
        nvidia_driver.n_gpus()


@pytest.mark.parametrize(
    ("error", "says"), [("LibraryNotFound", None), ("DriverNotLoaded", "Driver Not Loaded")]
)
def test_the_library_itself_is_asked_in_its_own_words(monkeypatch, error, says):
    """Its binding's real errors: not there is no finding, not starting is one."""
    kind = getattr(pynvml, f"NVMLError_{error}")

    def fails():
        raise kind

    monkeypatch.setattr(pynvml, "nvmlInit", fails)
    nvidia_driver.library.cache_clear()
    if says is None:
        assert nvidia_driver.library() is None
    else:
        with pytest.raises(nvidia_driver.DriverError, match=says):
            nvidia_driver.library()
    nvidia_driver.library.cache_clear()
