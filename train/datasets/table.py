"""csv: any collection, a table of paths and labels.

Where from: your own table; --data is the `.csv` file, or a folder with one such file in it.
Licence: that of the recordings; they are decoded, never copied into a model.
Checksums: none.
Splits: the column `split` (train, valid, test and their usual other names) if there is one,
    else seeded: 80, 10 and 10 of 100, each label alike, no `artist` on two sides.
Labels: the column `labels` (or `label`, `genre`): one, or several with `|` between them.
Index: the column `path`, relative to the table's folder or absolute; optional `artist`, `id`.
"""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from train.datasets.audio import SPLIT_NAMES, AudioSet, Where, check_variant, only_present
from train.datasets.base import many_hot
from train.datasets.dataset import Dataset
from train.datasets.splitting import split_groups

LABEL_COLUMNS = ("labels", "label", "genre")


def load(where: Where) -> AudioSet:
    """Read the table and make sure that its files are there.

    Raises:
        InputError: the table is missing or lacks a column, a split is unknown, or files are
            missing.
    """
    check_variant("csv", where.variant, ("",))
    path = _table(where.root)
    rows, column = _read(path)
    tags = [[tag.strip() for tag in row[column].split("|") if tag.strip()] for row in rows]
    labels, targets = many_hot(tags)
    paths = tuple(path.parent / row["path"] for row in rows)
    artists = [row.get("artist") or "" for row in rows]
    groups = np.array([a or str(p) for a, p in zip(artists, paths, strict=True)])
    clips = AudioSet(
        name="csv",
        labels=labels,
        paths=paths,
        ids=np.array([row.get("id") or row["path"] for row in rows]),
        targets=targets,
        splits=_splits(rows, path, targets, groups, seed=where.seed),
        groups=groups,
        kind="single" if all(len(row) == 1 for row in tags) else "multi",
    )
    return only_present(clips, where, remedy=f"{path}: its paths are relative to its folder.")


def _table(root: Path) -> Path:
    if root.is_file():
        return root
    tables = sorted(root.glob("*.csv"))
    if len(tables) != 1:
        raise InputError(
            f"{root}: {len(tables)} .csv files found; --data must name one, or a folder with"
            " exactly one (columns: path, labels, and if you like split and artist)."
        )
    return tables[0]


def _read(path: Path) -> tuple[list[dict[str, str]], str]:
    """Rows and the name of the column of labels."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows, names = list(reader), reader.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV: {error}") from error
    column = next((name for name in LABEL_COLUMNS if name in names), None)
    if "path" not in names or column is None:
        raise InputError(
            f"{path}: the columns are {', '.join(names)}; `path` and `labels` are needed."
        )
    short = [i for i, row in enumerate(rows, start=2) if not row["path"] or row[column] is None]
    if short or not rows:
        raise InputError(f"{path}: line {short[0] if short else 2} has no path or no labels.")
    return rows, column


def _splits(
    rows: list[dict[str, str]],
    path: Path,
    targets: NDArray[np.float32],
    groups: NDArray[np.str_],
    *,
    seed: int,
) -> NDArray[np.str_]:
    if "split" not in rows[0]:
        return split_groups(targets, groups, seed=seed)
    splits = []
    for line, row in enumerate(rows, start=2):
        given = (row["split"] or "").strip().lower()
        if given not in SPLIT_NAMES:
            raise InputError(
                f"{path}, line {line}: split {given!r} is not train, valid or test."
            )
        splits.append(SPLIT_NAMES[given])
    return np.array(splits)


DATASET = Dataset(name="csv", load=load)
