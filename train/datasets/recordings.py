"""recordings: excerpts of other people's recordings, labelled by artist, tag or source.

Where from: a folder `recordings/` below --data, or --data itself, with `index.csv` and the
    files that it names; `whole/` in it may hold whole recordings by the names of the excerpts
    (`whole/ID.mp3` for `audio/ID.opus`), which then take their places.
Licence: gathered for research, mostly commercial; they are decoded, never copied into a model.
Checksums: none.
Splits: five folds by the MD5 of the group (artist, song or source), so that no group stands on
    two sides and adding clips moves none: fold 0 is valid, `recordings:3` takes fold 3, the
    others are train; `recordings:all` learns from everything. Groups of which the column
    `split` names a side of a published split stay there.
Labels: the column `label`, one a clip; `unknown` is music whose label is not known, `speech`
    and `noise` are no music. Labels of artists are noisy by nature.
Index: index.csv: path, label, group; optional split. Other columns are for people.
"""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from train.datasets.audio import SPLIT_NAMES, AudioSet, Where, check_variant, only_present
from train.datasets.base import MUSIC, NOT_MUSIC, one_hot
from train.datasets.dataset import RESEARCH_ONLY, Dataset

FOLDER, WHOLE, INDEX = "recordings", "whole", "index.csv"
UNKNOWN = "unknown"
NO_MUSIC = ("speech", "noise")
N_FOLDS = 5
VARIANTS = (*map(str, range(N_FOLDS)), "all")
NEEDED = ("path", "label", "group")

Row = Mapping[str, str]


def load(where: Where) -> AudioSet:
    """Read the index and make sure that its recordings are there.

    Raises:
        InputError: the index is missing or lacks a column, or recordings are missing.
    """
    variant = check_variant("recordings", where.variant, VARIANTS)
    folder = where.root / FOLDER if (where.root / FOLDER).is_dir() else where.root
    rows = _read(folder / INDEX)
    names = [row["label"].strip() for row in rows]
    labels = tuple(sorted({name for name in names if name not in (UNKNOWN, *NO_MUSIC)}))
    groups = np.array([row["group"] for row in rows])
    paths, n_whole = _paths(folder, rows)
    clips = AudioSet(
        name="recordings",
        labels=labels,
        paths=paths,
        ids=np.array([row["path"] for row in rows]),
        targets=_targets(names, labels),
        splits=_splits(rows, groups, variant),
        groups=groups,
        kind="single",
        music=np.array(
            [NOT_MUSIC if name in NO_MUSIC else MUSIC for name in names], np.float32
        ),
        notices=(f"{n_whole} of {len(rows)} recordings are whole.",) if n_whole else (),
    )
    return only_present(clips, where, remedy=f"{folder / INDEX} names them.")


def fold_of(group: str) -> int:
    """The fold of a group, 0..4."""
    digest = hashlib.md5(group.encode(), usedforsecurity=False).hexdigest()
    return int(digest, 16) % N_FOLDS


def _targets(names: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
    """One label a clip; NaN where it is not known, none where there is no music."""
    every = one_hot([name if name in labels else labels[0] for name in names], labels)
    every[[name == UNKNOWN for name in names]] = np.nan
    every[[name in NO_MUSIC for name in names]] = 0.0
    return every


def _splits(rows: Sequence[Row], groups: NDArray[np.str_], variant: str) -> NDArray[np.str_]:
    if variant == "all":
        return np.full(len(rows), "train")
    held = {
        row["group"]: SPLIT_NAMES[given]
        for row in rows
        if (given := (row.get("split") or "").lower()) in SPLIT_NAMES
    }
    folds = [
        "valid" if fold_of(group) == int(variant) else "train" for group in groups.tolist()
    ]
    return np.array(
        [held.get(group, f) for group, f in zip(groups.tolist(), folds, strict=True)]
    )


def _paths(folder: Path, rows: Sequence[Row]) -> tuple[tuple[Path, ...], int]:
    """Where each clip's recording lies, and how many of them are whole ones."""
    whole: dict[str, Path] = {}
    if (folder / WHOLE).is_dir():
        whole = {p.stem: p for p in sorted((folder / WHOLE).iterdir()) if p.is_file()}
    paths = [whole.get(Path(row["path"]).stem, folder / row["path"]) for row in rows]
    n_whole = sum(path.parent.name == WHOLE for path in paths)
    return tuple(paths), n_whole


def _read(path: Path) -> Sequence[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows, names = list(reader), reader.fieldnames or []
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: not found; --data is the folder that holds `{FOLDER}/`, or that itself."
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV: {error}") from error
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise InputError(f"{path}: has no column {', '.join(missing)}.")
    for line, row in enumerate(rows, start=2):
        lacking = [name for name in NEEDED if not (row[name] or "").strip()]
        if lacking:
            raise InputError(f"{path}: line {line} has no {', '.join(lacking)}.")
    if not any(row["label"].strip() not in (UNKNOWN, *NO_MUSIC) for row in rows):
        raise InputError(f"{path}: no recording has a label.")
    return rows


DATASET = Dataset(
    name="recordings",
    load=load,
    variants=VARIANTS,
    terms=f"{RESEARCH_ONLY}, not redistributed",
)
