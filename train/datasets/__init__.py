"""Datasets. Reading one teaches all; adding one is one file and one line here.

`DATASETS` give features at once, `FEATURE_FILES` likewise but take the user's options, and
`RECORDINGS` give the paths of recordings, which `tagger prepare` decodes.
"""

import re
from collections.abc import Callable, Mapping, Sequence
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
    recordings,
    spectrograms,
    speech_music,
    stored,
    table,
    unlabelled,
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
    "recordings": recordings.load,
    "unlabelled": unlabelled.load,
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
    "recordings": f"{RESEARCH_ONLY}, not redistributed",
}
"""What sets say of commercial use; of the user's own recordings nothing is known here."""


def licence_of_weights(names: Sequence[str], teachers: Sequence[Mapping[str, str]] = ()) -> str:
    """What may be done with weights that were learned from these datasets and teachers.

    The terms of recordings are passed on to what was learned from them: that is the careful
    reading, and the terms of a model to what learned from it. Own recordings bring no terms
    that anybody could state here.

    Args:
        names: of the datasets.
        teachers: of each its `name` and `licence`.
    """
    terms = {name: TERMS[name] for one in names if (name := one.partition(":")[0]) in TERMS}
    taught = {f"teacher {one['name']}": one["licence"] for one in teachers}
    from_all = "; ".join(f"{name}: {text}" for name, text in (terms | taught).items())
    if terms or any(_is_bound(text) for text in taught.values()):
        return f"CC BY-NC 4.0, after the data that it learned from ({from_all})"
    none = "none stated: the terms are those of the recordings that it learned from"
    return f"{none} ({from_all})" if taught else none


def _is_bound(licence: str) -> bool:
    """Whether a teacher's licence keeps others from commercial use, or says nothing of it."""
    words = re.split(r"[^a-z]+", licence.lower())
    is_unknown = not licence.strip() or "unknown" in words
    return (
        is_unknown
        or bool({"nc", "noncommercial", "research"} & set(words))
        or ("non-commercial" in licence.lower())
    )


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
