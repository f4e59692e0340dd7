"""Who plays, where a field may name several: what is learned and what measures are kept apart.

A name is compared by its letters and digits alone, without case, accents and a leading "the".
Fields are split wherever they could be, "Earth, Wind & Fire" too: who shares a part with
somebody counts as the same artist, so that too many are left out rather than too few. Names
that differ in their letters ("Ke$ha", "Kesha") are not told to be one artist.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from halves import is_measured, owner_of

from tagger.library.walk import find_tracks
from train.datasets.recordings import NO_MUSIC, fold_of

Artists = frozenset[str]
Row = dict[str, str]

BETWEEN = re.compile(r"[,&/;()\[\]]|(?<!\w)(?:feat|ft|featuring|vs|x|with|and)(?:\.|(?=\s))")
SITE = re.compile(r"\.(?:com|net|org|info|cc|in|co|ru)\b")
NOBODY: Artists = frozenset({"", "unknown", "unknownartist", "various", "variousartists"})


def artists_of(field: str) -> Artists:
    """The artists that a field names, and the field as one name, as they are compared.

    >>> sorted(artists_of("One Republic feat. Timbaland"))
    ['onerepublic', 'onerepublicfeattimbaland', 'timbaland']
    """
    text = unicodedata.normalize("NFKC", field).casefold().replace("_", " ")
    parts = [text, *BETWEEN.split(text)]
    return frozenset(_letters(part) for part in parts if not SITE.search(part)) - NOBODY


def artists_of_all(fields: Iterable[str]) -> Artists:
    """The artists of all fields together."""
    return frozenset().union(*map(artists_of, fields))


def measured_artists(data: Path) -> Artists:
    """Who plays on the recordings of `recordings/` that nothing may be learned from."""
    return artists_of_all(_artist(row) for row in _music(data) if _measures(row))


def learned_artists(data: Path, table: Path | None = None) -> Artists:
    """Who plays on what a model learns from, as far as names are known.

    Args:
        data: `recordings/` and the halves of `library` and `genres-8k` are looked at.
        table: `recordings/index.csv` of a folder that `learning_data.py` made: its groups name
            the artists of further music.
    """
    fields = [_artist(row) for row in _music(data) if not _measures(row)]
    shelves = find_tracks([data / "library", data / "genres-8k"])
    fields += [owner_of(path) for path in shelves if not is_measured(path)]
    if table is not None:
        fields += _named(table)
    return artists_of_all(fields)


def artists_by_path(data: Path) -> dict[str, Artists]:
    """Who plays on each recording of `recordings/`, by its path in the table."""
    return {row["path"]: artists_of(_artist(row)) for row in _music(data)}


def _music(data: Path) -> Iterator[Row]:
    with (data / "recordings" / "index.csv").open(encoding="utf-8", newline="") as file:
        yield from (row for row in csv.DictReader(file) if row["label"] not in NO_MUSIC)


def _measures(row: Row) -> bool:
    given = row.get("split")
    return given == "valid" if given else fold_of(row["group"]) == 0


def _artist(row: Row) -> str:
    return row.get("artist") or ""


def _named(table: Path) -> Iterator[str]:
    """Artists of music with a label by name; where none is known, the group names the file."""
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            kind, _, name = row["group"].partition(" ")
            if kind == "artist" and Path(name).name != Path(row["path"]).name:
                yield name


def _letters(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.strip().removeprefix("the "))
    return "".join(letter for letter in plain if letter.isalnum())
