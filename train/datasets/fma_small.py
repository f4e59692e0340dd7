"""fma-small-logmel (stored features): 8,000 tracks of 30 s, eight genres, from the FMA.

Where from: M. Defferrard et al., FMA: A Dataset for Music Analysis, ISMIR 2017.
Licence: the tracks are under Creative Commons licences chosen by their artists.
Splits: the official ones (6,400 train, 800 valid, 800 test; artists on one side only).
Labels: one of eight top genres, in the spelling of this project.
Index: `fma-small-logmel/*.npz`, stored log-mel features of the train and valid tracks with
    the fields `db` (uint8 in whole dB), `id`, `genre`, `split`, and `vggish`, the mean
    embedding of a network that was trained on millions of clips (S. Hershey et al., ICASSP
    2017), as a teacher. The frames are 234 ms apart, three times as far as the model's: each
    stands for three.
"""

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from train.datasets.audio import Where, check_variant
from train.datasets.base import MUSIC, FeatureSet, one_hot
from train.datasets.dataset import BY_ARTIST, Dataset

STORE = "fma-small-logmel/fma-small-logmel-train-valid.npz"
FRAMES_A_COLUMN = 3
SPELLING = {
    "Electronic": "electronic",
    "Experimental": "experimental",
    "Folk": "folk",
    "Hip-Hop": "hip-hop",
    "Instrumental": "instrumental",
    "International": "world",
    "Pop": "pop",
    "Rock": "rock",
}


def load(where: Where) -> FeatureSet:
    """Load the stored log-mel features below `where.root`.

    Raises:
        InputError: the store is missing or has other fields.
    """
    check_variant("fma-small-logmel", where.variant, ("",))
    path = where.root / STORE
    if not path.is_file():
        raise InputError(
            f"{path}: not found. The dataset fma-small-logmel reads stored log-mel features"
            " there; point --data at the folder that holds fma-small-logmel/, or take the"
            " recordings (--dataset fma:small says where to get them)."
        )
    with np.load(path, allow_pickle=False) as store:
        missing = {"db", "id", "genre", "split", "vggish"} - set(store.files)
        if missing:
            raise InputError(f"{path}: the fields {sorted(missing)} are missing")
        db, ids = store["db"], store["id"].astype(str)
        genres, splits = store["genre"].tolist(), store["split"]
        vggish = store["vggish"].astype(np.float32)
    labels = tuple(SPELLING.values())
    return FeatureSet(
        name="fma-small-logmel",
        labels=labels,
        features=list(db),
        db_of_step=np.ones(len(ids), dtype=np.float32),
        n_repeats=np.full(len(ids), FRAMES_A_COLUMN, dtype=np.intp),
        ids=ids,
        targets=one_hot([SPELLING[genre] for genre in genres], labels),
        music=np.full(len(ids), MUSIC, dtype=np.float32),
        splits=splits,
        groups=ids,  # the store names no artists; the official split keeps them apart
        kind="single",
        embeddings=_standardised(vggish),
    )


def _standardised(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each dimension with mean 0 and deviation 1; one that never changes becomes 0."""
    deviation = embeddings.std(axis=0)
    centred = embeddings - embeddings.mean(axis=0)
    scaled: NDArray[np.float32] = centred / np.where(deviation > 0, deviation, 1)
    return scaled


DATASET = Dataset(
    name="fma-small-logmel",
    load=load,
    gives="stored features",
    terms=BY_ARTIST,
    recordings="fma",
    store=STORE,
    # It looked like the name of the recordings.
    old_names=("fma-small",),
)
