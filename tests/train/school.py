"""Recordings with and without labels, and teachers of three shapes to learn from."""

import numpy as np
import soundfile

from tests.train import small
from tests.train.stand_ins import write_teacher
from train.config.config import from_tree
from train.data.load_clips import load_clips, resolved
from train.teachers.taught import lessons_for

RATE = 8_000
QUICK = {
    "fit": {
        "epochs": 3, "batch_size": 8, "clips_an_epoch": 24, "precision": "32-true",
        "deterministic": True, "draw": "windows", "crop_share": 0.5,
    },
    "calibration": {"source": "valid", "folds": 0, "n_windows": 2},
    "augment": {"mixup_share": 0.3},
}  # fmt: skip


def tree(*teachers, **changes):
    """A run on recordings with and without labels."""
    made = small.tree(**QUICK) | {"datasets": ["recordings", "unlabelled"], "kind": "multi"}
    made["features_options"] = small.FEATURES["mel"] | {
        "sample_rate": RATE, "n_fft": 512, "hop_len": 400, "f_max_hz": 4000.0,
    }  # fmt: skip
    return made | {"teachers": list(teachers)} | changes


def write_sound(path, i, *, seconds):
    """A recording that is as loud and as shrill as its number says."""
    rng = np.random.default_rng(i)
    t = np.arange(round(seconds * RATE)) / RATE
    wave = rng.uniform(0.05, 0.9) * np.sin(2 * np.pi * rng.uniform(80, 3500) * t)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave.astype(np.float32), RATE)
    return path


def write_data(root, *, n=30, n_unlabelled=12):
    """recordings/ with its index, unlabelled/, and teachers of three shapes."""
    lines = ["path,label,group,artist"]
    for i in range(n):
        write_sound(root / "recordings" / "audio" / f"{i}.wav", i, seconds=1 + i % 3)
        label = ("unknown", "speech", "high", "low")[i % 4]
        lines.append(f"audio/{i}.wav,{label},g{i // 2},somebody")
    (root / "recordings" / "index.csv").write_text("\n".join(lines))
    for i in range(n_unlabelled):
        seconds = 25 if i < 2 else 1.5
        write_sound(root / "unlabelled" / f"{i % 3}" / f"{i}.wav", 100 + i, seconds=seconds)
    write_teacher(root / "teachers" / "free.onnx")
    write_teacher(root / "teachers" / "long.onnx", n_samples=5 * RATE, embedding=False)
    card = {"window_len": RATE // 2, "lead_len": 100, "licence": "CC BY-NC-SA 4.0"}
    write_teacher(root / "teachers" / "short.onnx", n_samples=RATE // 2, card=card)
    return root


THREE = (
    {"model": "teachers/free.onnx", "weight": 2.0},
    {"model": "teachers/long.onnx", "temperature": 2.0},
    {"model": "teachers/short.onnx", "embedding_weight": 0.0},
)


def loaded(data, made, *, say=lambda _: None, n_jobs=1):
    """The clips of a run with their lessons."""
    config, prepared = from_tree(made), data / "prepared"
    clips = load_clips(config, data, prepared=prepared, say=say)
    config = resolved(config, clips, say=say)
    return lessons_for(config, clips, data, prepared=prepared, say=say, n_jobs=n_jobs)
