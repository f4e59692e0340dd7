"""What `bench` and `doctor` say of speed and of providers is measured."""

import json

import pytest

from tagger.cli.bench import _show
from tagger.diagnostics import bench, profile
from tagger.diagnostics.bench import DecodeSpeed, bench_device
from tagger.diagnostics.profile import profile_model, sentence, shares_of
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.devices import Finding
from tests.cli.test_cli import tagger

MODEL = find_model(DEFAULT)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """A few runs are enough to see what is reported."""
    monkeypatch.setattr(bench, "SECONDS_EACH", 0.01)
    monkeypatch.setattr(profile, "N_RUNS", 1)


def test_the_profile_of_the_cpu_has_all_nodes_and_all_time():
    """On the CPU nothing runs elsewhere, and the operators that cost most are named."""
    (share,) = profile_model(MODEL, "cpu")
    assert (share.device, share.nodes, share.time) == ("cpu", 1.0, 1.0)
    assert share.n_nodes > 30
    assert share.operators
    assert sum(share.operators.values()) <= 1.0
    assert sentence([share]) == f"cpu: {share.n_nodes} nodes (100%), 100% of the time"


def kernel(name, provider, dur, operator="Conv"):
    """An event of a profile, as ONNX Runtime writes it."""
    return {
        "cat": "Node",
        "name": f"{name}_kernel_time",
        "dur": dur,
        "args": {"provider": provider, "op_name": operator},
    }


def test_shares_are_of_nodes_and_of_time_apart():
    """One slow node on the CPU among fast ones on CUDA is seen; first runs do not count."""
    cuda, cpu = "CUDAExecutionProvider", "CPUExecutionProvider"
    warm_up = [kernel(name, cuda, 900) for name in "abc"] + [kernel("d", cpu, 900)]
    runs = [kernel(name, cuda, 10) for name in "abc"] + [kernel("d", cpu, 70, "NonZero")]
    other = {"cat": "Session", "name": "model_run", "dur": 9999}
    slow, fast = shares_of([*warm_up, other, *runs, *runs])
    assert (slow.device, slow.n_nodes, slow.nodes, slow.time) == ("cpu", 1, 0.25, 0.7)
    assert slow.operators == {"NonZero": 0.7}
    assert (fast.device, fast.nodes, fast.time) == ("cuda", 0.75, pytest.approx(0.3))


def test_a_bench_has_every_figure_of_its_device():
    """Speeds by batch, latency, load time, shares; the fastest size is named."""
    found = bench_device(MODEL, "cpu", batches=(1, 2))
    record = json.loads(json.dumps(found.to_record()))
    assert [item["batch"] for item in record["speeds"]] == [1, 2]
    assert record["best_batch"] in {1, 2}
    assert 0 < record["latency_ms"] <= record["latency_p95_ms"]
    assert record["load_s"] > 0
    assert record["shares"][0]["time"] == 1.0
    assert (record["precision"], record["build_s"], record["problem"]) == ("int8", None, None)


def test_a_device_that_is_not_there_is_a_result(monkeypatch):
    """The reason stands where the figures would."""
    missing = Finding("cuda", "no GPU here")
    monkeypatch.setattr("tagger.model.load.find_device", lambda *_: missing)
    found = bench_device(MODEL, "cuda", batches=(1,))
    assert "no GPU here" in found.problem
    assert found.speeds == []


@pytest.mark.parametrize(("n_files", "said"), [(1, "(1 file)"), (2, "(2 files)")])
def test_files_are_counted_in_words_that_fit(capsys, n_files, said):
    """One file is no files."""
    _show([], DecodeSpeed(n_files, 10.0, 100.0))
    assert said in capsys.readouterr().out


def test_the_doctor_prints_the_shares():
    """`tagger doctor --json` holds who would do the work."""
    found = json.loads(tagger("doctor", "--json").stdout)
    notes = {item["name"]: item["note"] for item in found["devices"]}
    assert "of the time" in notes["profile"]
