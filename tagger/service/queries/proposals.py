"""Accept, reject, edit, or open again what is proposed: for one track, or for many."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import Session

from tagger.service.db.models import Track
from tagger.service.problems import conflict
from tagger.service.queries.facets import set_facets

DECISIONS = {"accept": "accepted", "edit": "accepted", "reject": "rejected", "reset": "open"}
_GROUP = 500


def change_one(session: Session, track: Track, action: str, genres: Sequence[str]) -> None:
    """Change what is to become of one track's proposal.

    Raises:
        ProblemError: nothing is proposed that could be accepted, or the file is not there.
    """
    if track.status in {"missing", "failed"} and action in {"accept", "edit"}:
        raise conflict(
            f"{track.name} cannot be written: {track.reason or 'its file is not there'}",
            remedy="See to the file, then look for it and scan it again.",
        )
    if action == "accept" and track.status != "proposed":
        raise conflict(
            f"Nothing is proposed for {track.name}.",
            remedy="Edit it to give it genres, or scan it first.",
        )
    if action == "edit":
        propose(track, genres)
        track.is_edited = True
    elif action == "reset":
        propose(track, track.suggested)
        track.is_edited = False
    if action in {"edit", "reset"}:
        set_facets(session, [track])
    track.decision = DECISIONS[action]
    track.version += 1


def propose(track: Track, genres: Sequence[str]) -> None:
    """Let a track propose genres; nothing, if it holds exactly these."""
    track.proposed = [] if list(genres) == track.genres else list(genres)
    if track.proposed:
        track.status = "proposed"
    elif track.status == "proposed":
        track.status = "unchanged" if track.genres else "abstained"


def change_many(
    session: Session,
    which: ColumnElement[bool],
    action: str,
    genres: Sequence[str],
    *,
    dry_run: bool,
) -> tuple[int, int]:
    """The same for all tracks that match.

    Returns:
        How many match, and how many of them are (or would be) changed.
    """
    n_matched = session.scalar(select(func.count()).select_from(Track).where(which)) or 0
    if action in {"edit", "reset"}:
        which = and_(which, Track.status.not_in(["missing", "failed"]))
        n_changed = session.scalar(select(func.count()).select_from(Track).where(which)) or 0
        if not dry_run:
            _change_each(session, which, action, genres)
        return n_matched, n_changed
    decision = DECISIONS[action]
    changes = [which, Track.decision != decision]
    if action == "accept":
        changes += [Track.status == "proposed"]
    elif action == "reject":
        changes += [Track.status.in_(["proposed", "abstained"])]
    n_changed = session.scalar(select(func.count()).select_from(Track).where(*changes)) or 0
    if not dry_run:
        session.execute(
            update(Track)
            .where(*changes)
            .values(decision=decision, version=Track.version + 1)
            .execution_options(synchronize_session=False)
        )
    return n_matched, n_changed


def _change_each(
    session: Session, which: ColumnElement[bool], action: str, genres: Sequence[str]
) -> None:
    ids = session.scalars(select(Track.id).where(which).order_by(Track.id)).all()
    for start in range(0, len(ids), _GROUP):
        group = session.scalars(select(Track).where(Track.id.in_(ids[start : start + _GROUP])))
        for track in group.all():
            change_one(session, track, action, genres)
        session.flush()
        session.expunge_all()
