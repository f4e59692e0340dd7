"""What goes wrong with devices: one sentence, exit code 2, and nothing is scanned."""

import json
import sys

import onnx
import onnxruntime
import pytest

from tagger.cli import app
from tagger.model import devices, load, nvidia_driver, session, tensorrt_cache
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.devices import Finding
from tagger.model.load import load_engine
from tests.gpus import Claims, FakeDriver, pretend, use_driver
from tests.tones import write_tone

MODEL = find_model(DEFAULT)


@pytest.fixture
def scan(tmp_path, monkeypatch, capsys):
    """Returns a function that scans a folder in this process: (exit code, stdout, stderr)."""
    monkeypatch.setenv("TAGGER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    write_tone(tmp_path / "music" / "a.wav", 440)

    def run(*options):
        arguments = ["tagger", "scan", str(tmp_path / "music"), *map(str, options)]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as ended:
            app.main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


@pytest.fixture
def gpu_build(monkeypatch):
    """An ONNX Runtime for CUDA 13 whose libraries all load."""
    names = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: names)
    monkeypatch.setattr(onnxruntime, "cuda_version", "13.0", raising=False)
    monkeypatch.setattr(devices, "_provider_problem", lambda _: None)
    devices.find_device.cache_clear()
    yield
    devices.find_device.cache_clear()


def refused(result, *said):
    """Exit code 2, nothing on stdout, one sentence with all that is expected in it."""
    code, out, err = result
    assert (code, out) == (2, "")
    lines = [line for line in err.splitlines() if line.startswith("tagger: ")]
    assert len(lines) == 1, err
    for item in said:
        assert item in lines[0]


@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_no_gpu(scan, gpu_build, monkeypatch, device):
    """The driver is there and sees none."""
    use_driver(monkeypatch, FakeDriver(gpus=()))
    refused(scan("--device", device), f"--device {device}", "sees no GPU", "nvidia-smi")


def test_a_driver_that_is_too_old(scan, gpu_build, monkeypatch):
    """Which CUDA it speaks, which is needed, what to do."""
    use_driver(monkeypatch, FakeDriver(version=12020))
    refused(scan("--device", "cuda"), "too old", "12.2", "13.0", "update the driver")


def test_a_missing_library(scan, gpu_build, monkeypatch):
    """The library's name and the package that brings it."""
    use_driver(monkeypatch, FakeDriver())
    missing = "libcudnn.so.9 was not found; pip install 'tagger-music[cuda]' brings it"
    monkeypatch.setattr(devices, "_provider_problem", lambda _: missing)
    refused(scan("--device", "cuda"), "libcudnn.so.9", "pip install")


def test_a_gpu_that_is_not_there(scan, gpu_build, monkeypatch):
    """The second of one."""
    use_driver(monkeypatch, FakeDriver())
    refused(scan("--device", "cuda:1"), "no GPU number 1")


def test_auto_falls_back_and_says_so_once(scan, gpu_build, monkeypatch):
    """The scan goes on on the CPU, with the reason in one line."""
    use_driver(monkeypatch, FakeDriver(version=12020))
    code, _, err = scan()
    assert code == 0
    assert err.count("Running on the CPU") == 1
    assert "too old" in err.replace("\n", " ")


@pytest.fixture
def pci(tmp_path, monkeypatch):
    """Returns a function that puts a device on the bus: its vendor and class."""
    monkeypatch.setattr(nvidia_driver, "_PCI_DEVICES", tmp_path / "pci")

    def put(vendor, kind):
        folder = tmp_path / "pci" / f"{vendor}{kind}"
        folder.mkdir(parents=True)
        (folder / "vendor").write_text(f"{vendor}\n")
        (folder / "class").write_text(f"{kind}\n")

    return put


@pytest.mark.parametrize(
    ("vendor", "kind", "said"),
    [
        ("0x10de", "0x030000", True),
        ("0x10de", "0x030200", True),
        ("0x10de", "0x040300", False),
        ("0x1002", "0x030000", False),
        (None, None, False),
    ],
)
@pytest.mark.parametrize("has_driver", [True, False])
def test_auto_names_no_gpu_where_there_is_none(
    scan, gpu_build, monkeypatch, pci, vendor, kind, said, has_driver
):
    """Who has no NVIDIA GPU is not told with every scan that none is used; `doctor` says it."""
    use_driver(monkeypatch, FakeDriver(gpus=()) if has_driver else None)
    if vendor:
        pci(vendor, kind)
    code, _, err = scan()
    assert code == 0
    assert err.count("Running on the CPU") == said


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("CUDA failure 35: CUDA driver version is insufficient", "driver is too old"),
        ("CUDA failure 101: invalid device ordinal", "no GPU of that number"),
        ("CUDA failure 100: no CUDA-capable device is detected", "sees no GPU"),
        ("CUDA failure 209: no kernel image is available", "no kernels for this GPU"),
        ("CUDA failure 2: out of memory", "no memory on the device"),
        ("Failed to deserialize engine from cache", "tagger engine clear"),
        ("CUDNN_STATUS_NOT_INITIALIZED", "cuDNN does not work"),
        ("something that nobody has seen before", "tagger export --check"),
    ],
)
def test_what_a_starting_session_says(scan, monkeypatch, said, expected):
    """ONNX Runtime's words on each failure become cause and remedy, and never the CPU."""
    make = onnxruntime.InferenceSession

    def fails(model, **options):
        if options["providers"][0] != "CPUExecutionProvider":
            raise RuntimeError(f"{said}\n  at some line of C++")
        return make(model, **options)

    monkeypatch.setattr(session.onnxruntime, "InferenceSession", fails)
    found = Finding("cuda", None)
    monkeypatch.setattr(load, "find_device", lambda device, index=0: found)
    refused(scan("--device", "cuda"), "--device cuda", expected)


def test_no_memory_for_one_window(scan, monkeypatch):
    """The first run, on the golden vectors, has no room even for one."""
    failure = RuntimeError("CUDA failure 2: out of memory")
    pretend(monkeypatch, fails=failure)
    refused(scan("--device", "cuda"), "no memory for a single window", "--device cpu")


def test_a_provider_that_does_nothing(scan, monkeypatch):
    """CUDA first in the list, all nodes on the CPU."""
    pretend(monkeypatch, nodes={"CPUExecutionProvider": 80})
    refused(scan("--device", "cuda"), "none of the model's nodes")


class Builds(Claims):
    """A TensorRT session that leaves an engine in its folder."""

    def __init__(self, inner, device, **claims):
        super().__init__(inner, device, **claims)
        for folder, _ in tensorrt_cache.list_engines():
            (folder / "a.engine").write_bytes(b"engine")


def test_a_corrupt_engine_file(scan, monkeypatch):
    """The file and the command that removes it."""
    pretend(monkeypatch, make=Builds)
    load_engine(MODEL, device="tensorrt")
    ((folder, _),) = tensorrt_cache.list_engines()
    (folder / "a.engine").write_bytes(b"enginf")
    refused(scan("--device", "tensorrt"), "a.engine", "corrupt", "tagger engine clear")


def test_a_read_only_cache_folder(scan, monkeypatch, tmp_path):
    """Engines cannot be kept there; the variable that moves them is named."""
    pretend(monkeypatch, make=Builds)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("TAGGER_CACHE", str(tmp_path / "file"))
    refused(scan("--device", "tensorrt"), "engines cannot be kept there", "TAGGER_CACHE")


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_a_model_of_another_version(scan, tmp_path, device):
    """A newer format of the metadata is named with what to do."""
    model = onnx.load(MODEL)
    for entry in model.metadata_props:
        if entry.key == "tagger.spec":
            entry.value = json.dumps(json.loads(entry.value) | {"format": 2})
    onnx.save(model, tmp_path / "newer.onnx")
    result = scan("--model", tmp_path / "newer.onnx", "--device", device)
    refused(result, "newer.onnx", "format 2", "another version of tagger")


def test_a_model_of_an_opset_that_is_too_new(scan, tmp_path):
    """ONNX Runtime does not know it: the model is named, not the device."""
    model = onnx.load(MODEL)
    model.opset_import[0].version = 999
    onnx.save(model, tmp_path / "future.onnx")
    refused(scan("--model", tmp_path / "future.onnx"), "future.onnx", "not a model that can")
