"""Datasets. Reading one teaches all; adding one is one file and one line here.

`DATASETS` give features at once, `FEATURE_FILES` likewise but take the user's options, and
`RECORDINGS` give the paths of recordings, which `tagger prepare` decodes.
"""

from collections.abc import Callable
from pathlib import Path

from train.datasets import (
    fma,
    fma_small,
    folder,
    gtzan,
    gtzan_audio,
    jamendo,
    mtat,
    spectrograms,
    speech_music,
    stored,
    table,
)
from train.datasets.audio import AudioSet, Where
from train.datasets.base import FeatureSet, join

DATASETS: dict[str, Callable[[Path], FeatureSet]] = {
    "fma-small": fma_small.load,
    "gtzan": gtzan.load,
    "speech-music": speech_music.load,
}

FEATURE_FILES: dict[str, Callable[[Where], FeatureSet]] = {
    "npz": stored.load,
    "spectrograms": spectrograms.load,
}

RECORDINGS: dict[str, Callable[[Where], AudioSet]] = {
    "csv": table.load,
    "fma": fma.load,
    "folder": folder.load,
    "gtzan": gtzan_audio.load,
    "jamendo": jamendo.load,
    "mtat": mtat.load,
}

KNOWN = tuple(sorted({*DATASETS, *FEATURE_FILES, *RECORDINGS}))
"""Every name that --dataset takes, without its variant."""

__all__ = [
    "DATASETS",
    "FEATURE_FILES",
    "KNOWN",
    "RECORDINGS",
    "AudioSet",
    "FeatureSet",
    "Where",
    "join",
]
