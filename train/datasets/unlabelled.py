"""unlabelled: any recordings of which nothing is known; only teachers speak of them.

Where from: your own files, in a folder `unlabelled/` below --data and in folders in it;
    `unlabelled:NAME` takes the folder NAME instead.
Licence: that of the recordings; they are decoded, never copied into a model.
Checksums: none.
Splits: all are train.
Labels: none, and whether it is music is not known either.
Index: the files themselves, in sorted order.
"""

import numpy as np

from tagger.errors import InputError
from train.datasets.audio import AudioSet, Where, audio_files
from train.datasets.dataset import Dataset

FOLDER = "unlabelled"


def load(where: Where) -> AudioSet:
    """Find the recordings.

    Raises:
        InputError: the folder is missing or holds no audio.
    """
    folder = where.root / (where.variant or FOLDER)
    paths = tuple(audio_files(folder)) if folder.is_dir() else ()
    if not paths:
        raise InputError(
            f"{folder}: no recordings found; `unlabelled` takes all that lie in the folder of"
            " that name below --data, and its variants are the names of other folders there."
        )
    ids = np.array([path.relative_to(folder).as_posix() for path in paths])
    return AudioSet(
        name="unlabelled",
        labels=(),
        paths=paths,
        ids=ids,
        targets=np.zeros((len(paths), 0), np.float32),
        splits=np.full(len(paths), "train"),
        groups=ids,
        kind="single",
        music=np.full(len(paths), np.nan, np.float32),
    )


DATASET = Dataset(name="unlabelled", load=load)
