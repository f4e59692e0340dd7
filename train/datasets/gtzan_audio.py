"""gtzan (recordings): 1,000 clips of 30 s, ten genres.

Where from: G. Tzanetakis and P. Cook, Musical Genre Classification of Audio Signals, 2002;
    genres.tar.gz, or the Kaggle data set "GTZAN Dataset - Music Genre Classification".
Licence: none was given; the recordings are commercial. Research use only.
Checksums: genres.tar.gz md5 5b3d6dddb579ab49814ab86dba69e7c7; none of the Kaggle archive,
    whose members have CRC-32s.
Splits: fault-filtered by default (443 train, 197 valid, 290 test), which removes repetitions
    and keeps an artist on one side (C. Kereliuk, B. Sturm and J. Larsen, 2015).
    `gtzan:stratified` draws 80, 10 and 10 of 100 for comparison with others' figures; it
    keeps runs of neighbours together, yet repeated recordings inflate what it measures.
Labels: one of ten, as in the stored features (`gtzan-logmel`): hip-hop has its hyphen.
Index: `genres_original/`, `Data/genres_original/`, `genres/` or the ten folders themselves;
    blues/blues.00000.wav to .00099, of any audio suffix. Where none of them is there,
    genres.tar.gz, archive.zip or another zip of the set is unpacked beside itself.
    jazz.00054 of the Kaggle copy is damaged and left out.
"""

from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

from tagger.errors import InputError
from train.datasets.archives import is_half_unpacked, unpack
from train.datasets.audio import (
    AUDIO_SUFFIXES,
    AudioSet,
    Where,
    check_variant,
    first_with,
    only_present,
    without,
)
from train.datasets.base import one_hot
from train.datasets.dataset import RESEARCH_ONLY, Dataset
from train.datasets.gtzan import LABELS, SPELLING, neighbourhood
from train.datasets.splitting import split_groups

FOLDERS = ("genres_original", "Data/genres_original", "genres", "gtzan-audio", "")
ARCHIVES = (
    "genres.tar.gz",
    "genres.tar",
    "archive.zip",
    "gtzan-dataset-music-genre-classification.zip",
    "gtzan.zip",
    "genres_original.zip",
)
VARIANTS = ("fault-filtered", "stratified")
BROKEN = ("jazz.00054",)
REMEDY = (
    "Get genres.tar.gz, or the Kaggle data set 'GTZAN Dataset - Music Genre Classification',"
    " and point --data at the folder that holds the archive, or what is in it"
    " (genres_original/ or the ten genres)."
)


@cache
def filtered_split() -> dict[str, str]:
    """Clip id -> split of the fault-filtered lists; clips that they leave out are absent."""
    text = resources.files("train.datasets").joinpath("gtzan_filtered.txt").read_text("utf-8")
    split_of = {}
    for line in text.splitlines():
        split, genre, *runs = line.split(" ")
        for run in runs:
            first, _, last = run.partition("-")
            for number in range(int(first), int(last or first) + 1):
                split_of[f"{genre}.{number:05d}"] = split
    return split_of


def load(where: Where) -> AudioSet:
    """Find the clips of the chosen split.

    Raises:
        InputError: the folders or clips are missing, with what to get from where.
    """
    variant = check_variant("gtzan", where.variant, VARIANTS)
    root = _folder(where.root)
    if root is None:
        raise InputError(f"{where.root}: no folder blues/ of GTZAN found. {REMEDY}")
    split_of = (
        filtered_split() if variant == "fault-filtered" else dict.fromkeys(_every_id(), "")
    )
    ids = np.array(list(split_of))
    genres = [SPELLING.get(name.split(".")[0], name.split(".")[0]) for name in split_of]
    targets = one_hot(genres, LABELS)
    groups = np.array([neighbourhood(name) for name in split_of])
    splits = np.array(list(split_of.values()))
    if variant == "stratified":
        splits = split_groups(targets, groups, seed=where.seed)
    files = _files(root)
    clips = AudioSet(
        name=f"gtzan:{variant}",
        labels=LABELS,
        paths=tuple(
            files.get(name, root / name.split(".")[0] / f"{name}.wav") for name in split_of
        ),
        ids=ids,
        targets=targets,
        splits=splits,
        groups=groups,
        kind="single",
    )
    clips = without(clips, BROKEN, why="damaged in the usual copies")
    return only_present(clips, where, remedy=REMEDY)


def _folder(root: Path) -> Path | None:
    """Where the ten folders lie; they are unpacked if only an archive is there."""
    folder = first_with(root, FOLDERS, holds="blues")
    archive = next((one for name in ARCHIVES if (one := root / name).is_file()), None)
    if archive is None or (folder is not None and not is_half_unpacked(archive, root)):
        return folder
    unpack([archive], root)
    return first_with(root, FOLDERS, holds="blues")


def _every_id() -> list[str]:
    folders = sorted({name.split(".")[0] for name in filtered_split()})
    return [f"{folder}.{number:05d}" for folder in folders for number in range(100)]


def _files(root: Path) -> dict[str, Path]:
    """Clip id -> file, whatever its suffix."""
    return {
        path.stem: path
        for path in sorted(root.glob("*/*.*"))
        if path.suffix.lower() in AUDIO_SUFFIXES
    }


DATASET = Dataset(name="gtzan", load=load, variants=VARIANTS, terms=RESEARCH_ONLY)
