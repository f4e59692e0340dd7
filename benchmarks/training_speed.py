"""How fast training gets its clips: `training_speed.py`, recordings in $TAGGER_DATA.

Four questions, each answered by medians of alternating rounds:
preparing against decoding alone (the same threads, nothing kept); the loader, with and without
processes of its own, against what the default network consumes on this processor; what memory
costs that goes back to the system after each step; and what each change of a recording costs.
The last line is one JSON object.
"""

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import data_folder

from tagger.model.load import usable_cores
from train.augment.clips import clip_changes
from train.augment.features import AugmentOptions
from train.config.config import TrainConfig, from_tree, load_config
from train.data.batches import Batch
from train.data.decode import decode_clip
from train.data.loaders import training_loader
from train.data.prepare import as_features, prepare
from train.data.store import Recipe
from train.datasets.audio import AudioSet, audio_files
from train.datasets.base import FeatureSet, one_hot
from train.fit.fit import precision_of
from train.fit.memory import keep_freed_memory
from train.fit.module import Fit
from train.models.network import TaggerNet

LABELS = ("even", "odd")
WORKERS = (0, 1, 2)
RECIPE = Path(__file__).parents[1] / "train" / "configs" / "default.yaml"
CHANGES = {
    "noise": {"noise": 1.0, "gain_db": 0.0},
    "gain": {"noise": 0.0, "gain_db": 12.0},
    "time stretch": {"noise": 0.0, "gain_db": 0.0, "wave_stretch": 1.0},
    "pitch shift": {"noise": 0.0, "gain_db": 0.0, "wave_pitch": 1.0},
}


def seconds_of(job: Callable[[], object]) -> float:
    """Wall time of a call."""
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def recordings(folder: Path) -> AudioSet:
    """Every audio file below a folder, with labels that mean nothing."""
    paths = audio_files(folder)
    names = np.array([str(path.relative_to(folder)) for path in paths])
    return AudioSet(
        name="speed",
        labels=LABELS,
        paths=tuple(paths),
        ids=names,
        targets=one_hot([LABELS[i % 2] for i in range(len(paths))], LABELS),
        splits=np.full(len(paths), "train"),
        groups=names,
        kind="single",
    )


def measure_preparing(clips: AudioSet, recipe: Recipe, *, rounds: int) -> dict[str, Any]:
    """Preparing against decoding alone, on the same number of threads."""
    n_jobs = usable_cores()

    def decode_only() -> None:
        with ThreadPoolExecutor(n_jobs) as pool:
            for _ in pool.map(lambda path: len(decode_clip(path, recipe)[0]), clips.paths):
                pass

    decode_only()  # the files are in the page cache afterwards
    times: dict[str, list[float]] = {"decode": [], "prepare": []}
    for _ in range(rounds):
        times["decode"].append(seconds_of(decode_only))
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "store"
            job = lambda store=store: prepare(clips, store, recipe, n_jobs=n_jobs)  # noqa: E731
            times["prepare"].append(seconds_of(job))
    ratios = [d / p for d, p in zip(times["decode"], times["prepare"], strict=True)]
    return {
        "clips": len(clips),
        "threads": n_jobs,
        **{
            f"{name}_s": round(statistics.median(samples), 2) for name, samples in times.items()
        },
        "of_decode_only": round(statistics.median(ratios), 3),
    }


def measure_loader(config: TrainConfig, clips: FeatureSet, *, rounds: int) -> dict[str, Any]:
    """Clips a second that the loader gives, and that a training step takes."""
    loaders = {n: training_loader(_with_workers(config, n), clips) for n in WORKERS}
    loader = loaders[0]
    module = Fit(TaggerNet(config.network(), n_labels=2).train(), config, is_waveform=True)
    module.log_dict = lambda *_, **__: None  # type: ignore[method-assign]
    batch = next(iter(loader))

    def step() -> None:
        module.training_step(batch, 0).backward()

    def read(n_workers: int) -> None:
        for _ in loaders[n_workers]:
            pass

    step()
    read(0)
    taken: list[float] = []
    given: dict[int, list[float]] = {n: [] for n in WORKERS}
    n_clips = len(loader) * config.fit.batch_size
    for _ in range(rounds):
        for n in WORKERS:
            given[n].append(n_clips / seconds_of(lambda n=n: read(n)))
        taken.append(len(batch.targets) / seconds_of(step))
    return {
        "batch_size": config.fit.batch_size,
        "loader_clips_a_second": round(statistics.median(given[0]), 1),
        "by_workers": {n: round(statistics.median(value), 1) for n, value in given.items()},
        "network_clips_a_second": round(statistics.median(taken), 1),
        "times": round(statistics.median(given[0]) / statistics.median(taken), 1),
    }


def _with_workers(config: TrainConfig, n_workers: int) -> TrainConfig:
    return replace(config, fit=replace(config.fit, n_workers=n_workers))


def measure_memory(*, rounds: int) -> dict[str, Any]:
    """Processor time of a step of the default recipe, its memory kept or given back.

    Each in processes of its own, one after the other: what was set stays set.
    """
    figures: dict[str, list[float]] = {"returned": [], "kept": []}
    for _ in range(rounds):
        for way, times in figures.items():
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                times.append(pool.apply(step_ms, (way,)))
    returned, kept = (statistics.median(values) for values in figures.values())
    return {
        "returned_ms": round(returned, 1),
        "kept_ms": round(kept, 1),
        "saved": round(1 - kept / returned, 3),
    }


def step_ms(way: str, n_steps: int = 5) -> float:
    """Least processor time of a step on batches of noise, one thread, in milliseconds."""
    torch.set_num_threads(1)
    if way == "kept" and not keep_freed_memory():
        raise SystemExit("the C library takes no such setting")
    config = load_config(RECIPE, {"teachers": [], "probe.weight": 0.0, "beside": {}})
    net = TaggerNet(config.network(), n_labels=18).train()
    module = Fit(net.to(memory_format=torch.channels_last), config, is_waveform=True)  # type: ignore[call-overload]
    module.log_dict = lambda *_, **__: None  # type: ignore[method-assign]
    n_clips, n_samples = config.fit.batch_size, config.features_options.window_len // 2
    batch = Batch(
        features=0.1 * torch.randn(n_clips, 1, n_samples),
        targets=torch.eye(18)[torch.arange(n_clips) % 18],
        music=torch.ones(n_clips),
        taught=torch.empty(n_clips, 0),
        counts=torch.ones(n_clips, 18),
    )
    times = []
    for _ in range(n_steps):
        started = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision_of("auto") != "32-true"):
            loss = module.training_step(batch, 0)
        loss.backward()
        times.append(1000 * (time.process_time() - started))
    return min(times)


def measure_changes(*, sample_rate: int, window_len: int, rounds: int) -> dict[str, float]:
    """Milliseconds that each change of one excerpt takes."""
    noise = np.random.default_rng(0).standard_normal(window_len).astype(np.float32)
    figures = {}
    for name, options in CHANGES.items():
        change = clip_changes(AugmentOptions(**options), sample_rate=sample_rate)
        times = [
            seconds_of(lambda c=change, s=seed: c(0.1 * noise, s)) for seed in range(3 * rounds)
        ]
        figures[f"{name}_ms"] = round(1000 * statistics.median(times), 2)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, help="recordings; the folder gtzan-audio of TAGGER_DATA"
    )
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(usable_cores())
    config = from_tree({"fit": {"clips_an_epoch": 1024}, "calibration": {"folds": 0}})
    options = config.features_options
    recipe = Recipe(sample_rate=options.sample_rate, longest_s=config.longest_s)
    figures: dict[str, Any] = {}
    clips = recordings(asked.data or data_folder() / "gtzan-audio")
    figures["preparing"] = measure_preparing(clips, recipe, rounds=asked.rounds)
    print(figures["preparing"], flush=True)
    with tempfile.TemporaryDirectory() as folder:
        prepare(clips, Path(folder), recipe)
        read = as_features(clips, Path(folder), recipe)
        figures["loader"] = measure_loader(config, read, rounds=asked.rounds)
    print(figures["loader"], flush=True)
    figures["memory"] = measure_memory(rounds=asked.rounds)
    print(figures["memory"], flush=True)
    figures["changes"] = measure_changes(
        sample_rate=options.sample_rate, window_len=options.window_len, rounds=asked.rounds
    )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
