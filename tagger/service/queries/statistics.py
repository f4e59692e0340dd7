"""The library in numbers: what is there, and what would be."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from tagger.service.db.models import Facet, Track
from tagger.service.schemas.tracks import FolderRow
from tagger.service.schemas.work import GenreCount, Statistics
from tagger.service.texts import FOLDER_LEN, after_prefix

WAITS = and_(Track.status == "proposed", Track.decision != "rejected")
"""A track whose genres would become others."""

TO_WRITE = and_(Track.decision == "accepted", Track.status == "proposed")
"""A track that a write would change."""


def statistics(session: Session) -> Statistics:
    """All figures of the page of statistics."""
    by_status = _by(session, Track.status)
    by_decision = _by(session, Track.decision)
    sources = _by(session, Track.source)
    now = session.scalar(
        select(func.count(func.distinct(Facet.track_id))).where(Facet.kind == "n")
    )
    after = session.scalar(
        select(func.count(func.distinct(Facet.track_id))).where(
            Facet.kind.in_(["n", "p"]), or_(Facet.kind == "n", _proposed_in_force())
        )
    )
    n_tracks = sum(by_status.values())
    return Statistics(
        n_tracks=n_tracks,
        n_library=sources.get("library", 0),
        n_uploads=sources.get("upload", 0),
        total_s=float(
            session.scalar(select(func.coalesce(func.sum(Track.duration_s), 0))) or 0
        ),
        by_status=by_status,
        by_decision=by_decision,
        n_to_write=session.scalar(select(func.count()).select_from(Track).where(TO_WRITE)) or 0,
        n_without_genre_now=n_tracks - (now or 0),
        n_without_genre_after=n_tracks - (after or 0),
        genres=genre_counts(session),
    )


def _by(session: Session, column: InstrumentedAttribute[str]) -> dict[str, int]:
    query = select(column, func.count()).group_by(column)
    return {str(name): int(n) for name, n in session.execute(query)}


def _proposed_in_force() -> ColumnElement[bool]:
    """A proposed genre counts unless it was rejected."""
    waits = select(Track.id).where(WAITS)
    return and_(Facet.kind == "p", Facet.track_id.in_(waits))


def genre_counts(session: Session) -> list[GenreCount]:
    """Each genre with the number of tracks that have it now, and that would have it."""
    now = _counts(session, Facet.kind == "n")
    waits = select(Track.id).where(WAITS)
    given = _counts(session, _proposed_in_force())
    taken = _counts(session, and_(Facet.kind == "n", Facet.track_id.in_(waits)))
    counts = [
        GenreCount(
            genre=now.get(name, given.get(name, ("", 0)))[0],
            n_now=now.get(name, ("", 0))[1],
            n_after=now.get(name, ("", 0))[1]
            - taken.get(name, ("", 0))[1]
            + given.get(name, ("", 0))[1],
        )
        for name in {*now, *given}
    ]
    return sorted(counts, key=lambda row: (-row.n_after, -row.n_now, row.genre))


def _counts(session: Session, which: ColumnElement[bool]) -> dict[str, tuple[str, int]]:
    query = (
        select(Facet.name, func.max(Facet.label), func.count())
        .where(which)
        .group_by(Facet.name)
    )
    return {name: (label, n) for name, label, n in session.execute(query)}


def folders_below(session: Session, parent: str) -> list[FolderRow]:
    """The folders right below one, each with the tracks in and below it."""
    prefix = f"{parent.strip('/')[: FOLDER_LEN - 1]}/" if parent.strip("/") else ""
    n_proposed = func.count().filter(and_(Track.status == "proposed", Track.decision == "open"))
    query = select(Track.folder, func.count(), n_proposed).group_by(Track.folder)
    if prefix:
        query = query.where(Track.folder >= prefix, Track.folder < after_prefix(prefix))
    return _grouped(prefix, [(folder, n, p) for folder, n, p in session.execute(query)])


def _grouped(prefix: str, counts: Sequence[tuple[str, int, int]]) -> list[FolderRow]:
    groups: dict[str, list[int]] = {}
    for folder, n_tracks, n_proposed in counts:
        name, _, rest = folder[len(prefix) :].partition("/")
        if not name:
            continue  # the tracks right in the parent
        sums = groups.setdefault(name, [0, 0, 0])
        sums[0] += n_tracks
        sums[1] += n_proposed
        sums[2] += bool(rest)
    return [
        FolderRow(
            path=f"{prefix}{name}/",
            name=name,
            n_tracks=sums[0],
            n_proposed=sums[1],
            has_folders=sums[2] > 0,
        )
        for name, sums in sorted(groups.items(), key=lambda item: item[0].casefold())
    ]
