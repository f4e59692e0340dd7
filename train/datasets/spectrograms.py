"""spectrograms: a tree of pictures, as `tagger prepare --pictures` writes and others make.

Where from: `train/blues/*.png`, `valid/blues/*.png` (or `val/blues/*.png`),
    `test/blues/*.png`; or blues/ and the others directly.
Licence: that of whoever made them.
Checksums: none.
Splits: the folders train, valid (or val) and test if they are there, else seeded: 80, 10 and
    10 of 100, each genre alike.
Labels: the names of the folders, one a clip.
Index: the pictures themselves, in sorted order: grey, the lowest band in the lowest row,
    black -80 dB, white 0 dB; coloured ones are taken by their brightness, which for the
    usual colour maps grows with the level. Pictures of other heights are scaled to 128 rows.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from tagger.errors import InputError
from train.datasets.audio import Where, check_variant
from train.datasets.base import MUSIC, FeatureSet, one_hot
from train.datasets.dataset import Dataset
from train.datasets.folder import side_folders, subfolders
from train.datasets.splitting import artists_of, split_groups

N_BANDS = 128
DB_OF_STEP = 80.0 / 255.0
SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})


def load(where: Where) -> FeatureSet:
    """Read the pictures.

    Raises:
        InputError: there are fewer than two genre folders, or a picture cannot be read.
    """
    check_variant("spectrograms", where.variant, ("",))
    if not where.root.is_dir():
        raise InputError(f"{where.root}: no such folder; it should hold train/GENRE/*.png.")
    sides = side_folders(where.root)
    places = [
        (side, genre.name, path)
        for side, folder in sides
        for genre in subfolders(folder)
        for path in sorted(genre.iterdir())
        if path.suffix.lower() in SUFFIXES
    ]
    labels = tuple(sorted({genre for _, genre, _ in places}))
    if len(labels) < 2:
        raise InputError(
            f"{where.root}: pictures of {len(labels)} genre(s) found; the dataset needs"
            " train/GENRE/*.png, valid/GENRE/*.png and test/GENRE/*.png of two genres or more."
        )
    genres = [genre for _, genre, _ in places]
    paths = [path for _, _, path in places]
    targets = one_hot(genres, labels)
    groups = artists_of([path.stem for path in paths], genres)
    if sides[0][0]:
        splits = np.array([side for side, _, _ in places])
    else:
        splits = split_groups(targets, groups, seed=where.seed)
    n = len(paths)
    return FeatureSet(
        name="spectrograms",
        labels=labels,
        features=[read_picture(path) for path in paths],
        db_of_step=np.full(n, DB_OF_STEP, dtype=np.float32),
        n_repeats=np.ones(n, dtype=np.intp),
        ids=np.array([path.relative_to(where.root).as_posix() for path in paths]),
        targets=targets,
        music=np.full(n, MUSIC, dtype=np.float32),
        splits=splits,
        groups=groups,
        kind="single",
    )


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Levels of a picture, band 0 first, shape (N_BANDS, width)."""
    try:
        with Image.open(path) as picture:
            grey = picture.convert("L")
            if grey.height != N_BANDS:
                grey = grey.resize((grey.width, N_BANDS), Image.Resampling.BILINEAR)
            return np.ascontiguousarray(np.asarray(grey, dtype=np.uint8)[::-1])
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{path}: cannot be read as a picture: {error}") from error


def write_picture(path: Path, db: NDArray[np.float32]) -> None:
    """Write features in dB, shape (n_mels, n_frames), relative to their maximum."""
    steps = np.clip((db - db.max() + 80) / DB_OF_STEP, 0, 255).round().astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(steps[::-1]).save(path)


DATASET = Dataset(name="spectrograms", load=load, gives="stored features")
