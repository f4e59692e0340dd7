"""Datasets. Reading one teaches all; adding one is one file and one line here.

`DATASETS` give features at once, `FEATURE_FILES` likewise but take the user's options, and
`RECORDINGS` give the paths of recordings, which `tagger prepare` decodes.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from train.datasets import (
    fma,
    fma_small,
    folder,
    gtzan,
    gtzan_audio,
    jamendo,
    mtat,
    noise,
    spectrograms,
    speech_music,
    stored,
    table,
)
from train.datasets.audio import AudioSet, Where
from train.datasets.base import FeatureSet, join

DATASETS: dict[str, Callable[[Path], FeatureSet]] = {
    "fma-small-logmel": fma_small.load,
    "gtzan-logmel": gtzan.load,
    "noise": noise.load,
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

OLD_NAMES = {"fma-small": "fma-small-logmel"}
"""What was once called otherwise, since it looked like the name of recordings."""

KNOWN = tuple(sorted({*DATASETS, *FEATURE_FILES, *RECORDINGS}))
"""Every name that --dataset takes, without its variant."""


def recordings_of(name: str) -> str:
    """What two names have in common whose clips may be the same recordings."""
    base = name.partition(":")[0].removesuffix("-logmel")
    return "fma" if base == "fma-small" else base


RESEARCH_ONLY = "recordings for research only"
TERMS = {
    "fma": "Creative Commons licences of the artists, many of them non-commercial",
    "fma-small": "Creative Commons licences of the artists, many of them non-commercial",
    "fma-small-logmel": "Creative Commons licences of the artists, many of them non-commercial",
    "gtzan": RESEARCH_ONLY,
    "gtzan-logmel": RESEARCH_ONLY,
    "jamendo": "Creative Commons licences of the artists, many of them non-commercial",
    "mtat": "CC BY-NC-SA 1.0",
}
"""What sets say of commercial use; of the user's own recordings nothing is known here."""


def licence_of_weights(names: Sequence[str]) -> str:
    """What may be done with weights that were learned from these datasets.

    The terms of recordings are passed on to what was learned from them: that is the careful
    reading. Own recordings bring no terms that anybody could state here.
    """
    terms = {name: TERMS[name] for one in names if (name := one.partition(":")[0]) in TERMS}
    if not terms:
        return "none stated: the terms are those of the recordings that it learned from"
    from_sets = "; ".join(f"{name}: {text}" for name, text in terms.items())
    return f"CC BY-NC 4.0, after the data that it learned from ({from_sets})"


__all__ = [
    "DATASETS",
    "FEATURE_FILES",
    "KNOWN",
    "OLD_NAMES",
    "RECORDINGS",
    "AudioSet",
    "FeatureSet",
    "Where",
    "join",
    "licence_of_weights",
    "recordings_of",
]
