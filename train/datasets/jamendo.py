"""jamendo: MTG-Jamendo, the 55,215 tracks with a genre, 87 genres.

Where from: D. Bogdanov et al., The MTG-Jamendo Dataset for Automatic Music Tagging, ICML
    2019; https://github.com/MTG/mtg-jamendo-dataset (its download script, `autotagging`).
Licence: the tracks are under Creative Commons licences chosen by their artists; the tables
    under CC BY-NC-SA 4.0.
Checksums: the repository lists a SHA-256 for each archive and track.
Splits: the official ones, `jamendo:0` (default) to `jamendo:4`; no artist on two sides.
Labels: the genre tags, any number a track.
Index: autotagging_genre-train.tsv, -validation.tsv and -test.tsv in data/splits/split-0/ of
    the repository, or in --data or --metadata themselves; recordings as 41/241.mp3 or
    41/241.low.mp3 below --data or its audio/.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tagger.errors import InputError
from train.datasets.audio import AudioSet, Where, check_variant, only_present
from train.datasets.base import many_hot
from train.datasets.dataset import BY_ARTIST, Dataset

VARIANTS = ("0", "1", "2", "3", "4")
TABLES = {
    "train": "autotagging_genre-train.tsv",
    "valid": "autotagging_genre-validation.tsv",
    "test": "autotagging_genre-test.tsv",
}
PREFIX = "genre---"
REMEDY = (
    "Clone https://github.com/MTG/mtg-jamendo-dataset for its tables, get the recordings with"
    " its scripts/download/download.py (--dataset raw_30s --type audio, or audio-low) into"
    " audio/, and point --data at the folder that holds audio/ (--metadata at the clone)."
)


@dataclass(frozen=True, slots=True)
class _Row:
    track: str
    artist: str
    path: str
    tags: tuple[str, ...]
    split: str


def load(where: Where) -> AudioSet:
    """Read the tables of one split and make sure that the tracks are there.

    Raises:
        InputError: a table or tracks are missing, with what to get from where.
    """
    variant = check_variant("jamendo", where.variant, VARIANTS)
    folder = _table_folder(where, variant)
    rows = [row for split, name in TABLES.items() for row in _read(folder / name, split)]
    labels, targets = many_hot([row.tags for row in rows])
    audio = where.root / "audio" if (where.root / "audio").is_dir() else where.root
    clips = AudioSet(
        name=f"jamendo:{variant}",
        labels=labels,
        paths=tuple(_recording(audio / row.path) for row in rows),
        ids=np.array([row.track for row in rows]),
        targets=targets,
        splits=np.array([row.split for row in rows]),
        groups=np.array([row.artist for row in rows]),
        kind="multi",
    )
    return only_present(clips, where, remedy=REMEDY)


def _table_folder(where: Where, variant: str) -> Path:
    inner = (f"data/splits/split-{variant}", f"splits/split-{variant}", f"split-{variant}")
    roots = [folder for folder in (where.metadata, where.root) if folder is not None]
    for root in roots:
        # Tables without a folder of their own are taken for split 0.
        for name in (*inner, *([""] if variant == "0" else [])):
            if (root / name / TABLES["train"]).is_file():
                return root / name
    raise InputError(f"{where.root}: {TABLES['train']} of split {variant} not found. {REMEDY}")


def _read(path: Path, split: str) -> list[_Row]:
    """The rows of a table; a row has as many columns as its track has tags."""
    if not path.is_file():
        raise InputError(f"{path}: not found. {REMEDY}")
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or lines[0].split("\t")[:4] != ["TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH"]:
        raise InputError(f"{path}: not a table of MTG-Jamendo.")
    rows = []
    for line in lines[1:]:
        track, artist, _, audio, _, *tags = line.split("\t")
        genres = tuple(tag.removeprefix(PREFIX) for tag in tags if tag.startswith(PREFIX))
        rows.append(_Row(track, artist, audio, genres, split))
    return rows


def _recording(path: Path) -> Path:
    low = path.with_suffix(".low.mp3")
    return low if low.is_file() and not path.is_file() else path


DATASET = Dataset(name="jamendo", load=load, variants=VARIANTS, terms=BY_ARTIST)
