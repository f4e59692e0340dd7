"""gtzan-logmel (stored features): 1,000 clips of 30 s, ten genres.

Where from: G. Tzanetakis and P. Cook, Musical Genre Classification of Audio Signals, 2002.
Licence: none was given; the recordings are commercial. Research use only.
Splits: fault-filtered (443 train, 197 valid, 290 test), which removes repetitions and keeps
    an artist on one side (C. Kereliuk, B. Sturm and J. Larsen, 2015). Figures on random
    splits of GTZAN are inflated by repeated recordings and say nothing.
Labels: one of ten.
Index: `gtzan-logmel/*.npz`, stored log-mel features of the train and valid clips with the
    fields `db` (uint8; 255 is 0 dB, 0 is -80 dB below the clip's maximum), `id`, `genre`,
    `split`.
"""

import numpy as np

from tagger.errors import InputError
from train.datasets.audio import Where, check_variant
from train.datasets.base import MUSIC, FeatureSet, one_hot
from train.datasets.dataset import RESEARCH_ONLY, Dataset

STORE = "gtzan-logmel/gtzan-logmel-train-valid.npz"
DB_OF_STEP = 80.0 / 255.0
SPELLING = {"hiphop": "hip-hop"}
LABELS = (
    "blues",
    "classical",
    "country",
    "disco",
    "hip-hop",
    "jazz",
    "metal",
    "pop",
    "reggae",
    "rock",
)
# Clips lie in the order of their albums, so neighbours are often of one artist: a fold takes
# a whole run of this many numbers.
NEIGHBOURS = 10


def load(where: Where) -> FeatureSet:
    """Load the stored log-mel features below `where.root`.

    Raises:
        InputError: the store is missing or has other fields.
    """
    check_variant("gtzan-logmel", where.variant, ("",))
    path = where.root / STORE
    if not path.is_file():
        raise InputError(
            f"{path}: not found. The dataset gtzan-logmel reads stored log-mel features there;"
            " point --data at the folder that holds gtzan-logmel/, or take the recordings"
            " (--dataset gtzan says where to get them)."
        )
    with np.load(path, allow_pickle=False) as store:
        missing = {"db", "id", "genre", "split"} - set(store.files)
        if missing:
            raise InputError(f"{path}: the fields {sorted(missing)} are missing")
        db, ids = store["db"], store["id"]
        genres, splits = store["genre"].tolist(), store["split"]
    return FeatureSet(
        name="gtzan-logmel",
        labels=LABELS,
        features=list(db),
        db_of_step=np.full(len(ids), DB_OF_STEP, dtype=np.float32),
        n_repeats=np.ones(len(ids), dtype=np.intp),
        ids=ids,
        targets=one_hot([SPELLING.get(genre, genre) for genre in genres], LABELS),
        music=np.full(len(ids), MUSIC, dtype=np.float32),
        splits=splits,
        groups=np.array([neighbourhood(name) for name in ids.tolist()]),
        kind="single",
    )


def neighbourhood(clip_id: str) -> str:
    """The group of a clip such as `blues.00012`: its run of neighbours, `blues.1`."""
    genre, number = clip_id.split(".")
    return f"{genre}.{int(number) // NEIGHBOURS}"


DATASET = Dataset(
    name="gtzan-logmel",
    load=load,
    gives="stored features",
    terms=RESEARCH_ONLY,
    recordings="gtzan",
    store=STORE,
)
