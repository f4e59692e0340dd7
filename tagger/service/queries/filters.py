"""A filter -> conditions that both databases answer from their indexes."""

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import InstrumentedAttribute

from tagger.service.db.models import Facet, Track
from tagger.service.problems import wrong
from tagger.service.schemas.tracks import TrackFilter, TrackSet
from tagger.service.texts import FOLDER_LEN, after_prefix, fold, key

Column = ColumnElement[str] | InstrumentedAttribute[str]


def conditions(asked: TrackFilter, *, is_sqlite: bool) -> list[ColumnElement[bool]]:
    """The conditions of a filter; none for an empty one.

    Raises:
        ProblemError: the lowest score is above the highest.
    """
    words = fold(asked.q).split()
    clauses = [_holds(Track.search, word, is_sqlite=is_sqlite) for word in words]
    for column, text in (
        (Track.title_key, asked.title),
        (Track.artist_key, asked.artist),
        (Track.album_key, asked.album),
    ):
        if text:
            clauses.append(_holds(column, key(text), is_sqlite=is_sqlite))
    if asked.folder:
        prefix = asked.folder.strip("/")[: FOLDER_LEN - 1] + "/"
        clauses += [Track.folder >= prefix, Track.folder < after_prefix(prefix)]
    if asked.genre:
        clauses.append(Track.id.in_(_tracks_with("np", asked.genre)))
    clauses += _score_range(asked)
    for column, values in ((Track.status, asked.status), (Track.decision, asked.decision)):
        if values:
            clauses.append(column.in_(values))
    if asked.source is not None:
        clauses.append(Track.source == asked.source)
    return clauses


def _holds(column: Column, text: str, *, is_sqlite: bool) -> ColumnElement[bool]:
    """Whether a folded text is in a column: bytes are compared, LIKE would fold once more."""
    if is_sqlite:
        return func.instr(column, text) > 0
    return column.contains(text, autoescape=True)


def _tracks_with(kinds: str, name: str) -> Select[int]:
    return select(Facet.track_id).where(Facet.kind.in_(list(kinds)), Facet.name == key(name))


def _score_range(asked: TrackFilter) -> list[ColumnElement[bool]]:
    low, high = asked.min_score, asked.max_score
    if low is not None and high is not None and low > high:
        raise wrong(
            f"min_score {low} is above max_score {high}.", remedy="Give the lower one first."
        )
    if asked.label:
        scored = _tracks_with("s", asked.label)
        if low is not None:
            scored = scored.where(Facet.score >= low)
        if high is not None:
            scored = scored.where(Facet.score <= high)
        return [Track.id.in_(scored)]
    clauses = [] if low is None else [Track.top_score >= low]
    if high is not None:
        clauses += [Track.top_score <= high, Track.top_score > 0]
    return clauses


def chosen(asked: TrackSet, *, is_sqlite: bool) -> ColumnElement[bool]:
    """The condition that a track is one of a set.

    Raises:
        ProblemError: it is given by numbers and by a filter at once.
    """
    if asked.ids is not None and asked.filter is not None:
        raise wrong("Both ids and filter are given.", remedy="Give one of them.")
    if asked.ids is not None:
        return Track.id.in_(asked.ids)
    terms = conditions(asked.filter or TrackFilter(), is_sqlite=is_sqlite)
    return and_(*terms) if terms else Track.id > 0
