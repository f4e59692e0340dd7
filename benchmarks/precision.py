"""What half precision and eight bits cost: `precision.py [MODEL.onnx]`, data in $TAGGER_DATA.

Converts a model in float32 (the one that ships, unless another is named) and compares the
answers clip by clip on the valid clips of GTZAN (fault-filtered) and of FMA-small; eight bits
are calibrated on train clips of GTZAN. Times each file at batch 16 on the CPU, and the network
of `train/configs/default.yaml` with random weights in PyTorch (eager) and as exported: the
processor's time of one thread, and the wall clock on all cores. The last line is one JSON
object.
"""

import argparse
import csv
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from measure import data_folder

from export.cost import cost_of
from export.describe import describe, spec_of
from export.graph import to_graph
from export.run import ExportOptions, converted, read_source
from export.trimmed_front_end import add_trimmed_front_end
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import load_engine
from tagger.model.self_test import golden_windows
from tagger.model.session import CpuSettings
from tagger.model.spec import PRECISIONS
from tagger.system.cores import usable_cores
from train.config.config import load_config
from train.datasets import fma_small, gtzan
from train.datasets.audio import Where
from train.models.checkpoint import Checkpoint
from train.models.network import TaggerNet

ROOT = Path(__file__).parent.parent
BATCH = 16
ALONE = CpuSettings(n_threads=1)
ROUNDS = 40


def fastest_ms(
    jobs: Mapping[str, Callable[[], object]], clock: Callable[[], float] = time.process_time
) -> dict[str, float]:
    """Shortest time of each call in milliseconds a window; the calls alternate.

    The shortest, since others may use the machine, and what they add is never negative.
    """
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS + 1):
        for name, job in jobs.items():
            started = clock()
            job()
            times[name].append(1000 * (clock() - started) / BATCH)
    return {name: round(min(one[1:]), 3) for name, one in times.items()}


def train_music(data: Path, folder: Path) -> Path:
    """Recordings of GTZAN's train clips, to calibrate with."""
    source = data / "gtzan-audio"
    with (source / "index.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    for row in rows:
        shutil.copy(source / row["path"], folder / Path(row["path"]).name)
    return folder


def files_of(model: Path, folder: Path, music: Path) -> dict[str, Path]:
    """The model in every precision."""
    source = read_source(model)
    found = {}
    for precision in PRECISIONS:
        graph = converted(source, ExportOptions(precision=precision, calibration=music))
        found[precision] = folder / f"m.{precision}.onnx"
        onnx.save(graph, found[precision])
    return found


def speed_of(files: Mapping[str, Path]) -> dict[str, float]:
    """Milliseconds a window of each file at batch 16."""
    engines = {name: load_engine(path, device="cpu", cpu=ALONE) for name, path in files.items()}
    spec = next(iter(engines.values())).spec
    windows = np.ascontiguousarray(np.resize(golden_windows(spec), (BATCH, spec.window_len)))
    return fastest_ms({name: lambda e=one: e.run(windows) for name, one in engines.items()})


def against_pytorch(folder: Path) -> dict[str, Any]:
    """The default network with random weights, in PyTorch (eager) and as exported."""
    config = load_config(ROOT / "train" / "configs" / "default.yaml", {})
    torch.manual_seed(0)
    labels = tuple(str(one) for one in config.labels or gtzan.LABELS)
    net = TaggerNet(config.network(), n_labels=len(labels)).eval()
    spec = spec_of(Checkpoint(net, config, labels, {"thresholds": dict.fromkeys(labels, 0.5)}))
    graph = to_graph(net, window_len=spec.window_len)
    add_trimmed_front_end(graph, net, window_len=spec.window_len)
    describe(graph, spec, precision="fp32")
    onnx.save(graph, folder / "random.onnx")
    return {
        "processor_ms_one_thread": race(net, folder / "random.onnx", 1, time.process_time),
        "wall_ms_all_cores": race(net, folder / "random.onnx", None, time.perf_counter),
    }


def race(
    net: TaggerNet, model: Path, n_threads: int | None, clock: Callable[[], float]
) -> dict[str, float]:
    """PyTorch (eager) and the exported file at batch 16, with as many threads each."""
    torch.set_num_threads(n_threads or usable_cores())
    engine = load_engine(model, device="cpu", cpu=CpuSettings(n_threads=n_threads))
    windows = np.resize(golden_windows(engine.spec), (BATCH, engine.spec.window_len))
    batch = torch.from_numpy(np.ascontiguousarray(windows))
    with torch.inference_mode():
        jobs = {"eager": lambda: net(batch), "exported": lambda: engine.run(windows)}
        found = fastest_ms(jobs, clock)
    return {**found, "times_as_fast": round(found["eager"] / found["exported"], 2)}


def main() -> None:
    """Convert, compare, time and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model", nargs="?", type=Path, default=find_model(DEFAULT))
    given = parser.parse_args()
    data = data_folder()
    result: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "cores": usable_cores()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "music").mkdir()
        music = train_music(data, folder / "music")
        files = files_of(given.model, folder, music)
        result["model"] = load_engine(files["fp32"], device="cpu").spec.revision
        stored = (gtzan.load(Where(root=data)), fma_small.load(Where(root=data)))
        for clips in (one.split("valid") for one in stored):
            for precision in ("fp16", "int8"):
                cost = cost_of(files["fp32"], files[precision], clips)
                print(f"{precision} on {cost.sentence()}")
                found = asdict(cost) | {"most_lost": cost.most_lost}
                result[f"{clips.name} {precision}"] = found
        result["ms_a_window"] = speed_of(files)
        result["bytes"] = {one: path.stat().st_size for one, path in files.items()}
        result["against_pytorch"] = against_pytorch(folder)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
