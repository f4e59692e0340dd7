"""Without a GPU `benchmarks/gpu.py` says in JSON what was not run and why."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.model.catalogue import DEFAULT, find_model, whole_of
from tagger.model.devices import find_device
from tests.gpus import pretend
from tests.tones import write_tone

ROOT = Path(__file__).parent.parent
MODEL = whole_of(find_model(DEFAULT))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_device("cuda").missing is None, reason="there is a GPU: the script is the test"
    ),
]


def test_without_a_gpu_every_part_says_why_it_was_not_run(tmp_path):
    """Readiness and options are there; what needs a GPU carries the reason; nothing failed."""
    script, out = ROOT / "benchmarks" / "gpu.py", tmp_path / "gpu.json"
    done = subprocess.run(
        [sys.executable, str(script), "--quick", "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TAGGER_CACHE": str(tmp_path / "cache")},
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout.strip().splitlines()[-1])
    assert record == json.loads(out.read_text())
    assert record["machine"]["gpu"] is None
    for part in ("parity_cuda", "nodes_cuda", "speed_cuda", "speed_pytorch", "tensorrt"):
        assert part in record["not_run"]
        assert record[part]["not_run"]
    assert record["readiness"]["passed"]
    assert set(record["readiness"]["findings"]) == {"fp32", "fp16", "int8"}
    told = record["provider_options"]
    assert told["cuda"]["cudnn_conv_algo_search"] == "HEURISTIC"
    assert told["tensorrt"]["trt_profile_max_shapes"].startswith("waveform:32x")
    assert record["tests"]["n_skipped"] > 5
    assert record["tests"]["skipped_because"]
    assert record["speed_cpu"]["fp32"]["speeds"]


@pytest.fixture
def parts(monkeypatch):
    """The module of the parts, quick, with sessions on the CPU that claim to be CUDA's."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    module = importlib.import_module("gpu_parts")
    module.be_quick()
    pretend(monkeypatch)
    return module


@pytest.fixture
def runs(parts):
    """The other module of parts."""
    return importlib.import_module("gpu_runs")


def test_parity_on_a_device_is_a_check(parts, tmp_path):
    """Every precision has its rows, and the worst one is named."""
    files = parts.variants(MODEL, tmp_path)
    found = parts.parity({"fp16": files["fp16"], "fp32": files["fp32"]}, "cuda")
    assert found["passed"]
    assert found["fp16"]["worst"]["device"] == "cuda"
    assert found["fp32"]["golden"] < 1e-4


def test_the_scan_is_compared_with_decoding_alone(runs, tmp_path):
    """Seconds of both and their ratio; on a CPU that claims to be a GPU it may not pass."""
    write_tone(tmp_path / "a.wav", 440)
    found = runs.scan(MODEL, tmp_path, tmp_path)
    assert found["n_files"] == 1
    assert found["ratio"] == pytest.approx(found["scan_cuda_s"] / found["decode_s"], rel=0.5)


def test_a_memory_limit_is_checked_by_the_answers(runs):
    """The scores under the limit are those without it."""
    found = runs.memory_limit(MODEL)
    assert found["passed"]
    assert found["batch_in_the_end"] <= found["batch_asked"]
