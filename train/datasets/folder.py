"""folder: any collection, a folder for each genre.

Where from: your own files, as in `blues/*.mp3`, `jazz/*.flac`; also `train/blues/`,
    `valid/blues/` (or `val/blues/`), `test/blues/`.
Licence: that of the recordings; they are decoded, never copied into a model.
Checksums: none.
Splits: the folders train, valid (or val) and test if they are there, else seeded: 80, 10 and
    10 of 100, each genre alike; where file names tell the artist (`ARTIST - TITLE`), no
    artist stands on two sides.
Labels: the names of the folders, one a clip.
Index: the files themselves, in sorted order.
"""

from pathlib import Path

import numpy as np

from tagger.errors import InputError
from train.datasets.audio import SPLIT_NAMES, AudioSet, Where, audio_files, check_variant
from train.datasets.base import one_hot
from train.datasets.dataset import Dataset
from train.datasets.splitting import artists_of, split_groups


def load(where: Where) -> AudioSet:
    """Find the clips.

    Raises:
        InputError: there are fewer than two genre folders with audio in them.
    """
    check_variant("folder", where.variant, ("",))
    if not where.root.is_dir():
        raise InputError(f"{where.root}: no such folder; --data is the one that holds genres.")
    sides = side_folders(where.root)
    places = [
        (side, genre, path)
        for side, folder in sides
        for genre in subfolders(folder)
        for path in audio_files(genre)
    ]
    labels = tuple(sorted({genre.name for _, genre, _ in places}))
    if len(labels) < 2:
        raise InputError(
            f"{where.root}: {len(labels)} genre folder(s) with audio found; `folder` needs"
            " one folder for each genre, as in blues/, jazz/, rock/."
        )
    genres = [genre.name for _, genre, _ in places]
    paths = tuple(path for _, _, path in places)
    targets = one_hot(genres, labels)
    groups = artists_of([path.stem for path in paths], genres)
    if sides[0][0]:
        splits = np.array([side for side, _, _ in places])
    else:
        splits = split_groups(targets, groups, seed=where.seed)
    return AudioSet(
        name="folder",
        labels=labels,
        paths=paths,
        ids=np.array([path.relative_to(where.root).as_posix() for path in paths]),
        targets=targets,
        splits=splits,
        groups=groups,
        kind="single",
    )


def subfolders(folder: Path) -> list[Path]:
    """Folders in a folder, sorted, without hidden ones."""
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def side_folders(root: Path) -> list[tuple[str, Path]]:
    """(split, folder of genres); one with the split '' where none is given."""
    folders = [
        (SPLIT_NAMES[path.name.lower()], path)
        for path in subfolders(root)
        if path.name.lower() in SPLIT_NAMES
    ]
    return folders if any(side == "train" for side, _ in folders) else [("", root)]


DATASET = Dataset(name="folder", load=load)
