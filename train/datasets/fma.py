"""fma: the Free Music Archive, 8,000 to 106,574 tracks.

Where from: M. Defferrard et al., FMA: A Dataset for Music Analysis, ISMIR 2017;
    https://github.com/mdeff/fma: fma_metadata.zip and one of fma_small.zip, fma_medium.zip,
    fma_large.zip (30 s each) and fma_full.zip (whole tracks).
Licence: the tracks are under Creative Commons licences chosen by their artists; the tables
    under CC BY 4.0.
Checksums: `SHA1` below, as published.
Splits: the official column (80, 10 and 10 of 100; artists on one side only).
Labels: one top genre a track in the spelling of the tables (tracks without one are left
    out), or `fma:small-all`, `fma:large-all`, ...: all genres of a track, any number.
Index: fma_metadata/tracks.csv and genres.csv, below --data, beside it or in --metadata;
    recordings as fma_small/000/000002.mp3. Archives that lie below --data are checked and
    unpacked there.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from tagger.errors import InputError
from train.datasets.archives import is_audio, is_half_unpacked, unpack
from train.datasets.audio import (
    AudioSet,
    Where,
    check_variant,
    first_with,
    only_present,
    without,
)
from train.datasets.base import many_hot
from train.datasets.dataset import BY_ARTIST, Dataset

SUBSETS = ("small", "medium", "large", "full")
VARIANTS = (*SUBSETS, *(f"{subset}-all" for subset in SUBSETS))
SPLIT_OF = {"training": "train", "validation": "valid", "test": "test"}
# The project's wiki, "Excerpts shorter than 30s and erroneous audio length metadata".
BROKEN = (
    1486, 5574, 65753, 80391, 98558, 98559, 98560, 98565, 98566, 98567, 98568, 98569, 98571,
    99134, 105247, 108924, 108925, 126981, 127336, 133297, 143992,
)  # fmt: skip
SHA1 = {
    "metadata": "f0df49ffe5f2a6008d7dc83c6915b31835dfe733",
    "small": "ade154f733639d52e35e32f5593efe5be76c6d70",
    "medium": "c67b69ea232021025fca9231fc1c7c1a063ab50b",
    "large": "497109f4dd721066b5ce5e5f250ec604dc78939e",
    "full": "0f0ace23fbe9ba30ecb7e95f763e435ea802b8ab",
}
TABLE, GENRES = "tracks.csv", "genres.csv"
REMEDY = (
    "Get fma_metadata.zip and fma_{size}.zip from https://github.com/mdeff/fma into one folder,"
    " unpacked or not, and point --data at it (--metadata where the tables lie elsewhere)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    track: int
    split: str
    subset: str
    genre: str
    genres: tuple[int, ...]
    artist: str


def load(where: Where) -> AudioSet:
    """Read the tables and make sure that the tracks are there.

    Raises:
        InputError: a table or tracks are missing, with what to get from where.
    """
    variant = check_variant("fma", where.variant, VARIANTS)
    size, _, which = variant.partition("-")
    remedy = REMEDY.format(size=size)
    for name, holds in (("metadata", TABLE), (size, "000")):
        _unpack(where.root, name, holds=holds)
    tables = _tables(where, remedy=remedy)
    subsets = SUBSETS[: SUBSETS.index(size) + 1]
    rows = [row for row in _read(tables / TABLE) if size == "full" or row.subset in subsets]
    if which:
        names = _genre_names(tables / GENRES)
        tags = [[names[genre] for genre in row.genres if genre in names] for row in rows]
    else:
        tags = [[row.genre] if row.genre else [] for row in rows]
    labels, targets = many_hot(tags)
    audio = first_with(where.root, (f"fma_{size}", ""), holds="000") or where.root
    clips = AudioSet(
        name=f"fma:{variant}",
        labels=labels,
        paths=tuple(audio / f"{row.track:06d}"[:3] / f"{row.track:06d}.mp3" for row in rows),
        ids=np.array([str(row.track) for row in rows]),
        targets=targets,
        splits=np.array([row.split for row in rows]),
        groups=np.array([row.artist for row in rows]),
        kind="multi" if which else "single",
    )
    clips = _labelled(clips)
    clips = without(
        clips, [str(number) for number in BROKEN], why="known to be empty or cut short"
    )
    return only_present(clips, where, remedy=remedy)


def _unpack(root: Path, name: str, *, holds: str) -> None:
    """Unpack an archive unless what it holds is there."""
    archive = root / f"fma_{name}.zip"
    is_there = (root / f"fma_{name}" / holds).exists()
    if archive.is_file() and (not is_there or is_half_unpacked(archive, root)):
        unpack([archive], root, is_taken=_is_part, sha1=SHA1[name])


def _is_part(name: PurePosixPath) -> bool:
    """Recordings and the two tables; not the features, which are 1.4 GB."""
    return is_audio(name) or name.name in {TABLE, GENRES}


def _labelled(clips: AudioSet) -> AudioSet:
    """The tracks that have a genre."""
    has = clips.targets.any(axis=1)
    if has.all():
        return clips
    return clips.take(
        np.flatnonzero(has), f"{int((~has).sum())} tracks without a genre: left out."
    )


def _tables(where: Where, *, remedy: str) -> Path:
    candidates = (where.metadata, where.root, where.root.parent)
    for root in candidates:
        if root is None:
            continue
        folder = first_with(root, ("fma_metadata", ""), holds=TABLE)
        if folder is not None:
            return folder
    raise InputError(f"{where.root}: fma_metadata/{TABLE} not found. {remedy}")


def _read(path: Path) -> list[_Row]:
    """The rows of tracks.csv, whose header is two lines of names and one of 'track_id'."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        groups, names = next(lines, []), next(lines, [])
        place = {pair: i for i, pair in enumerate(zip(groups, names, strict=False))}
        rows = [
            ("set", "split"),
            ("set", "subset"),
            ("track", "genre_top"),
            ("track", "genres_all"),
            ("artist", "id"),
        ]
        missing = [" ".join(pair) for pair in rows if pair not in place]
        if missing:
            raise InputError(f"{path}: the columns {', '.join(missing)} are missing.")
        split, subset, genre, every, artist = (place[pair] for pair in rows)
        return [
            _Row(
                track=int(row[0]),
                split=SPLIT_OF[row[split]],
                subset=row[subset],
                genre=row[genre],
                genres=tuple(json.loads(row[every] or "[]")),
                artist=row[artist],
            )
            for row in lines
            if row and row[0].isdigit()
        ]


def _genre_names(path: Path) -> dict[int, str]:
    if not path.is_file():
        raise InputError(f"{path}: not found; it names the genres. It is in fma_metadata.zip.")
    with path.open(encoding="utf-8", newline="") as file:
        return {int(row["genre_id"]): row["title"] for row in csv.DictReader(file)}


DATASET = Dataset(name="fma", load=load, variants=VARIANTS, terms=BY_ARTIST)
