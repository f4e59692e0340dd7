"""Datasets. Reading one teaches all; adding one is one file and one line in `DATASETS`."""

from collections.abc import Callable
from pathlib import Path

from train.datasets import fma_small, gtzan, speech_music
from train.datasets.base import FeatureSet, join

DATASETS: dict[str, Callable[[Path], FeatureSet]] = {
    "fma-small": fma_small.load,
    "gtzan": gtzan.load,
    "speech-music": speech_music.load,
}

__all__ = ["DATASETS", "FeatureSet", "join"]
