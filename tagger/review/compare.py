"""Two models over the same tracks: where they agree, and which is nearer to their own tags.

It takes results, and knows nothing of where they come from.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tagger.errors import InputError
from tagger.genres.choose import is_sure
from tagger.genres.rules import GenreRules
from tagger.model.spec import ModelSpec
from tagger.review.audit import Auditor
from tagger.scan.results import TrackResult

PATH, GENRE = "path", "genre"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One model over some tracks.

    Attributes:
        spec: of the model.
        rules: the names of genres, which explain what own tags mean.
        results: by path; of tracks that failed none counts.
        seconds: that they took.
    """

    spec: ModelSpec
    rules: GenreRules
    results: Mapping[Path, TrackResult]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFigures:
    """What was counted of one model.

    Attributes:
        name: of the model.
        n_labels: genres that it can say.
        tracks_per_s: scored, decoding included.
        n_chosen: tracks for which a genre is sure enough.
        n_own: tracks whose own genres mean something to both models.
        n_first_right: of these, with a first label that the own genres mean.
        n_written: of these, with a genre that is sure enough.
        n_written_right: of these, with one that the own genres mean.
    """

    name: str
    n_labels: int
    tracks_per_s: float
    n_chosen: int
    n_own: int
    n_first_right: int
    n_written: int
    n_written_right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two models say of the same tracks.

    Attributes:
        models: figures of each.
        n_tracks: that both scored.
        n_same_first: whose first labels mean the same, by name or by either model's tree.
        n_failed: that one of them could not score.
    """

    models: tuple[ModelFigures, ModelFigures]
    n_tracks: int
    n_same_first: int
    n_failed: int

    def to_record(self) -> dict[str, Any]:
        """The comparison as JSON types."""
        return asdict(self) | {"models": [asdict(model) for model in self.models]}


def compare(
    first: Scored, other: Scored, own: Mapping[Path, tuple[str, ...]] | None = None
) -> Comparison:
    """Count agreement and accuracy of two models.

    Accuracy is counted only where the track's own genres mean a label of both, so that a model
    with fewer labels is not judged by what it cannot say.

    Args:
        first: a model.
        other: the second.
        own: genres of tracks from elsewhere, in place of the files' own.
    """
    # An audit's reading of genres: aliases, trees and last words, for each model's own labels.
    auditors = [
        Auditor(scored.spec, scored.rules, threshold=None, limit=3) for scored in (first, other)
    ]
    # Tracks that both have scored: else one would be compared on easier ones.
    paths = [
        path for path in first.results if _is_scored(first, path) and _is_scored(other, path)
    ]
    tagged = {}
    for path in paths:
        genres = own.get(path, ()) if own is not None else first.results[path].previous
        meant = tuple(_meant(auditor, genres) for auditor in auditors)
        if all(meant):  # a model with few labels is not judged by what it cannot say
            tagged[path] = meant
    figures = tuple(
        _figures(scored, paths, {path: meant[i] for path, meant in tagged.items()})
        for i, scored in enumerate((first, other))
    )
    return Comparison(
        models=(figures[0], figures[1]),
        n_tracks=len(paths),
        n_same_first=sum(_same_first(path, first, other, auditors) for path in paths),
        n_failed=len(first.results) - len(paths),
    )


def read_own_genres(table: Path) -> dict[Path, tuple[str, ...]]:
    """The tracks and genres of a CSV file with the columns `path` and `genre`.

    Paths are relative to the table; several genres are parted by semicolons.

    Raises:
        InputError: it cannot be read, or lacks a column.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table}: cannot be read as a table ({error}).") from error
    if not rows or PATH not in rows[0] or GENRE not in rows[0]:
        raise InputError(f"{table}: it needs the columns {PATH} and {GENRE}, and rows.")
    return {
        (table.parent / row[PATH]).resolve(): tuple(
            part.strip() for part in (row[GENRE] or "").split(";") if part.strip()
        )
        for row in rows
        if row[PATH]
    }


def _is_scored(scored: Scored, path: Path) -> bool:
    return path in scored.results and bool(scored.results[path].scores)


def _first(scored: Scored, path: Path) -> str:
    return next(iter(scored.results[path].scores or {}))


def _sure(scored: Scored, path: Path) -> set[str]:
    """The genres that are sure enough to be written."""
    scores = scored.results[path].scores or {}
    return {label for label, score in scores.items() if is_sure(label, score, scored.spec)}


def _meant(auditor: Auditor, genres: Iterable[str]) -> frozenset[str]:
    return frozenset(label for genre in genres for label in auditor.meanings(genre))


def _same_first(path: Path, first: Scored, other: Scored, auditors: list[Auditor]) -> bool:
    """Whether the first label of one is what the other's means, in either direction."""
    mine, theirs = _first(first, path), _first(other, path)
    return mine in auditors[0].meanings(theirs) or theirs in auditors[1].meanings(mine)


def _figures(
    scored: Scored, paths: list[Path], tagged: Mapping[Path, frozenset[str]]
) -> ModelFigures:
    chosen = {path: _sure(scored, path) for path in paths}
    return ModelFigures(
        name=scored.spec.name,
        n_labels=len(scored.spec.labels_of("genre")),
        tracks_per_s=round(len(paths) / scored.seconds, 2) if scored.seconds else 0.0,
        n_chosen=sum(map(bool, chosen.values())),
        n_own=len(tagged),
        n_first_right=sum(_first(scored, path) in meant for path, meant in tagged.items()),
        n_written=sum(bool(chosen[path]) for path in tagged),
        n_written_right=sum(bool(meant & chosen[path]) for path, meant in tagged.items()),
    )
