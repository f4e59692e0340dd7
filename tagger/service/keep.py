"""A file in the spool folder -> an upload: its object is stored, then its row."""

import time
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tagger import read_tags
from tagger.errors import TagError
from tagger.library.listing import AUDIO_SUFFIXES
from tagger.service.convert import track_row
from tagger.service.db.models import Track
from tagger.service.jobs.look import described
from tagger.service.jobs.sweep import announce
from tagger.service.objects import key_of
from tagger.service.places import folder_parts, upload_name
from tagger.service.problems import ProblemError
from tagger.service.queries.facets import set_facets
from tagger.service.queries.jobs import scan_upload
from tagger.service.schemas.tracks import Upload
from tagger.service.service import Service
from tagger.system.digest import file_sha256
from tagger.tags.fingerprint import content_of


def keep_upload(
    service: Service, path: Path, *, name: str, folder: str, scan: bool, caller: str
) -> Upload:
    """Keep an uploaded file: once, whatever its name, if its audio is the same.

    Args:
        service: where.
        path: the file.
        name: what the client calls it.
        folder: where it is to be listed.
        scan: also let it be scanned.
        caller: who asked.

    Raises:
        ProblemError: it is no audio file, or its name is none.
    """
    shown = Path(*folder_parts(folder), upload_name(name))
    container = check_audio(path, shown.name)
    content = content_of(path).hex()
    stored = _known(service, content)
    if stored is not None:
        return Upload(track=track_row(stored), is_new=False)
    size = path.stat().st_size
    suffix = shown.suffix.lower() if shown.suffix.lower() in AUDIO_SUFFIXES else f".{container}"
    object_key = key_of(file_sha256(path), suffix)
    announce(service.database, object_key, size)
    service.objects.put(object_key, path)
    track = Track(
        source="upload",
        object_key=object_key,
        content=content,
        size=size,
        added_at=time.time(),
        proposed=[],
        suggested=[],
        **described(path, shown, None),
    )
    try:
        _add(service, track, asked_by=caller if scan else None)
    except IntegrityError:  # somebody has uploaded the same at the same time
        stored = _known(service, content)
        if stored is None:
            raise
        return Upload(track=track_row(stored), is_new=False)
    service.metrics.uploaded.inc(size)
    return Upload(track=track_row(track), is_new=True)


def _add(service: Service, track: Track, *, asked_by: str | None) -> None:
    """Add the row of an upload; to be scanned, unless nobody asked for that."""
    with service.database.writing() as session:
        session.add(track)
        session.flush()
        set_facets(session, [track])
        if asked_by is not None:
            scan_upload(session, track.id, asked_by=asked_by)


def check_audio(path: Path, name: str) -> str:
    """The container of an audio file.

    Raises:
        ProblemError: it is none, whatever its name says.
    """
    try:
        container = read_tags(path).container
    except TagError as error:
        raise _not_audio(name, "its tags are damaged") from error
    if container == "unknown":
        raise _not_audio(name, "its content is of no audio format")
    return container


def _not_audio(name: str, reason: str) -> ProblemError:
    return ProblemError(
        415,
        "not-audio",
        "This is no audio file",
        detail=f"{name}: {reason}; nothing was kept.",
        remedy="Send one that a player can play; `tagger formats` lists what is known.",
    )


def _known(service: Service, content: str) -> Track | None:
    with service.database.reading() as session:
        return session.scalar(select(Track).where(Track.content == content))
