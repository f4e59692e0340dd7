"""The rows beside a track by which its genres and scores are searched and counted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from tagger.service.db.models import Facet, Track
from tagger.service.texts import key

LOWEST = 0.05
"""Scores below are not searched for: most labels of a track have one."""


def set_facets(session: Session, tracks: Iterable[Track]) -> None:
    """Make the rows of some tracks say what the tracks say."""
    tracks = list(tracks)
    rows = [row for track in tracks for row in _rows(track)]
    session.execute(delete(Facet).where(Facet.track_id.in_([track.id for track in tracks])))
    if rows:
        session.execute(insert(Facet), rows)


def _rows(track: Track) -> list[dict[str, Any]]:
    facets = [*_named(track.id, "n", track.genres), *_named(track.id, "p", track.proposed)]
    scores = {
        key(label): (label, score) for label, score in _likely(track.scores or {}).items()
    }
    return facets + [
        {"track_id": track.id, "kind": "s", "name": name, "label": label, "score": score}
        for name, (label, score) in scores.items()
    ]


def _likely(scores: Mapping[str, float]) -> dict[str, float]:
    return {label: score for label, score in scores.items() if score >= LOWEST}


def _named(track_id: int, kind: str, genres: Sequence[str]) -> list[dict[str, Any]]:
    names = {key(genre): genre for genre in genres}
    return [
        {"track_id": track_id, "kind": kind, "name": name, "label": genre, "score": 1.0}
        for name, genre in names.items()
    ]
