"""What half precision and eight bits cost: `precision.py CHECKPOINT`, data in $TAGGER_DATA.

Exports a checkpoint three times and compares the answers on GTZAN's fault-filtered valid clips,
clip by clip; times each graph and the network in PyTorch (eager) at batch 16 on the CPU. The
last line is one JSON object.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from export.run import ExportOptions, export_checkpoint
from tagger.golden import golden_windows
from tagger.runtime import load_engine, usable_cores
from tagger.spec import PRECISIONS
from train.checkpoint import load
from train.data import cover
from train.datasets import gtzan

sys.path.insert(0, str(Path(__file__).parent))
from model import network_of

MARGIN = 0.02
BATCH = 16
ROUNDS = 15


def median_ms(job: Callable[[], object]) -> float:
    """Median time of a call in milliseconds a window, after two that do not count."""
    times = []
    for _ in range(ROUNDS + 2):
        started = time.perf_counter()
        job()
        times.append(1000 * (time.perf_counter() - started) / BATCH)
    return round(statistics.median(times[2:]), 3)


def scores_of(path: Path, clips: Any) -> NDArray[np.float32]:
    """Mean scores of six windows of each clip, through what follows the features."""
    network, n_frames = network_of(path), load_engine(path, device="cpu").spec.n_frames
    rows = []
    for i in range(len(clips)):
        windows = cover(clips, i, n_frames=n_frames, n_windows=6)
        rows.append(network.run(None, {"features": windows})[0].mean(axis=0))
    return np.stack(rows)


def compare(
    scores: NDArray[np.float32], whole: NDArray[np.float32], targets: NDArray[np.float32]
) -> dict[str, Any]:
    """How many first labels change, to the better or worse, and how sure they were."""
    first, before, truth = scores.argmax(1), whole.argmax(1), targets.argmax(1)
    top = np.sort(whole, axis=1)
    changed = first != before
    return {
        "accuracy": round(float((first == truth).mean()), 4),
        "changed": int(changed.sum()),
        "changed_with_margin": int((changed & (top[:, -1] - top[:, -2] > MARGIN)).sum()),
        "better": int((changed & (first == truth)).sum()),
        "worse": int((changed & (before == truth)).sum()),
        "max_difference": round(float(np.abs(scores - whole).max()), 5),
    }


def main(checkpoint: Path) -> None:
    """Export, compare, time and print."""
    data = Path(os.environ.get("TAGGER_DATA", "../shared/data"))
    clips = gtzan.load(data).split("valid")
    result: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "cores": usable_cores(),
        "n_clips": len(clips),
    }
    whole: NDArray[np.float32] | None = None
    with tempfile.TemporaryDirectory() as folder:
        for precision in PRECISIONS:
            path = Path(folder) / f"{precision}.onnx"
            options = ExportOptions(precision=precision, calibration=data / "gtzan-audio")
            export_checkpoint(checkpoint, path, options, say=lambda _: None)
            scores = scores_of(path, clips)
            whole = scores if whole is None else whole
            engine = load_engine(path, device="cpu")
            windows = np.resize(golden_windows(engine.spec), (BATCH, engine.spec.window_len))
            result[precision] = compare(scores, whole, clips.targets) | {
                "ms_a_window": median_ms(lambda e=engine, w=windows: e.run(w)),
                "bytes": path.stat().st_size,
            }
    net, batch = load(checkpoint).net, torch.from_numpy(np.ascontiguousarray(windows))
    with torch.inference_mode():
        result["pytorch_eager_ms_a_window"] = median_ms(lambda: net(batch))
    print(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
