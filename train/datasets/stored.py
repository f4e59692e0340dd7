"""npz: features that were computed before, by anybody.

Where from: an `.npz` file; --data names it, or a folder with one such file in it.
Licence: that of whoever made it.
Checksums: the archive's own CRC-32.
Splits: the field `split` (train, valid, test and their usual other names) if there is one,
    else seeded: 80, 10 and 10 of 100, each label alike, no `artist` on two sides.
Labels: the field `labels` (or `label`, `genre`): one, or several with `|` between them.
Index: `features` (or `db`): (n_clips, n_mels, n_frames), band 0 lowest, in dB or in steps of
    `db_of_step` dB; `id`; optional `artist`, `n_repeats` (frames a column stands for).
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from train.datasets.audio import SPLIT_NAMES, Where, check_variant
from train.datasets.base import MUSIC, FeatureSet, many_hot
from train.datasets.dataset import Dataset
from train.datasets.splitting import split_groups

FEATURES, LABELS = ("features", "db"), ("labels", "label", "genre")


def load(where: Where) -> FeatureSet:
    """Read the file.

    Raises:
        InputError: it is missing, damaged, or lacks a field.
    """
    check_variant("npz", where.variant, ("",))
    path = _file(where.root)
    try:
        with np.load(path, allow_pickle=False) as store:
            fields: dict[str, NDArray[Any]] = {name: store[name] for name in store.files}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: cannot be read as stored features: {error}") from error
    features = _one_of(fields, FEATURES, path)
    tags = [
        [tag for tag in str(row).split("|") if tag]
        for row in _one_of(fields, LABELS, path).tolist()
    ]
    ids = _one_of(fields, ("id",), path).astype(str)
    if features.ndim != 3 or not len(features) == len(tags) == len(ids):
        raise InputError(
            f"{path}: features {features.shape}, {len(tags)} labels, {len(ids)} ids"
        )
    labels, targets = many_hot(tags)
    groups = fields["artist"].astype(str) if "artist" in fields else ids
    n, one = len(ids), np.ones((), dtype=np.float32)
    return FeatureSet(
        name=f"npz:{path.stem}",
        labels=labels,
        features=list(features),
        db_of_step=np.broadcast_to(fields.get("db_of_step", one), n).astype(np.float32),
        n_repeats=np.broadcast_to(fields.get("n_repeats", one), n).astype(np.intp),
        ids=ids,
        targets=targets,
        music=np.full(n, MUSIC, dtype=np.float32),
        splits=_splits(fields, path, targets, groups, seed=where.seed),
        groups=groups,
        kind="single" if all(len(row) == 1 for row in tags) else "multi",
    )


def _splits(
    fields: dict[str, NDArray[Any]],
    path: Path,
    targets: NDArray[np.float32],
    groups: NDArray[np.str_],
    *,
    seed: int,
) -> NDArray[np.str_]:
    if "split" not in fields:
        return split_groups(targets, groups, seed=seed)
    given = [str(split).lower() for split in fields["split"].tolist()]
    unknown = sorted(set(given) - set(SPLIT_NAMES))
    if unknown:
        raise InputError(f"{path}: split {unknown[0]!r} is not train, valid or test.")
    return np.array([SPLIT_NAMES[split] for split in given])


def _file(root: Path) -> Path:
    if root.is_file():
        return root
    files = sorted(root.glob("*.npz"))
    if len(files) != 1:
        raise InputError(
            f"{root}: {len(files)} .npz files found; --data must name one, or a folder with"
            " exactly one (fields: features, id, labels, and if you like split and artist)."
        )
    return files[0]


def _one_of(
    fields: dict[str, NDArray[Any]], names: tuple[str, ...], path: Path
) -> NDArray[Any]:
    for name in names:
        if name in fields:
            return fields[name]
    raise InputError(f"{path}: the field {' or '.join(names)} is missing.")


DATASET = Dataset(name="npz", load=load, gives="stored features")
