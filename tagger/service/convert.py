"""Rows -> what goes over HTTP."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from tagger.model.spec import ModelSpec
from tagger.service.db.models import Job, Track
from tagger.service.schemas.common import time_at, time_of
from tagger.service.schemas.tracks import Score, TrackDetail, TrackRow
from tagger.service.schemas.work import JobRow

MEDIA_TYPES = {
    "aac": "audio/aac",
    "aac-adif": "audio/aac",
    "aiff": "audio/aiff",
    "asf": "audio/x-ms-wma",
    "flac": "audio/flac",
    "matroska": "audio/webm",
    "mp3": "audio/mpeg",
    "mp4": "audio/mp4",
    "ogg-flac": "audio/ogg",
    "ogg-vorbis": "audio/ogg",
    "opus": "audio/ogg",
    "rf64": "audio/wav",
    "speex": "audio/ogg",
    "wav": "audio/wav",
    "wavpack": "audio/x-wavpack",
}
"""By container; whatever else there is, is played by nobody's browser."""


def media_type_of(container: str) -> str:
    """How a browser is told what an audio file is; never as something that it would run."""
    return MEDIA_TYPES.get(container, "audio/x-unknown")


def track_row(track: Track | Row[Any]) -> TrackRow:
    """One line of a list."""
    return TrackRow.model_construct(**_common(track))


def _common(track: Track | Row[Any]) -> dict[str, Any]:
    return {name: getattr(track, name) for name in TrackRow.model_fields}


def track_detail(track: Track, spec: ModelSpec, *, last_run_id: int | None) -> TrackDetail:
    """All of a track; scores beside the thresholds of the model that is used now."""
    return TrackDetail(
        **_common(track),
        container=track.container,
        size=track.size,
        suggested=track.suggested,
        scores=scores_of(track.scores, spec),
        others=others_of(track.others, spec),
        reason=track.reason,
        model=track.model,
        added_at=time_at(track.added_at),
        scanned_at=time_of(track.scanned_at),
        last_run_id=last_run_id,
        media_type=media_type_of(track.container),
    )


def scores_of(scores: Mapping[str, float] | None, spec: ModelSpec) -> list[Score]:
    """Scores, best first: a database that keeps JSON as it likes has lost their order."""
    ranked = sorted((scores or {}).items(), key=lambda item: -item[1])
    return [
        Score(label=label, score=score, threshold=spec.thresholds.get(label))
        for label, score in ranked
    ]


def others_of(
    others: Mapping[str, Mapping[str, float]] | None, spec: ModelSpec
) -> dict[str, list[Score]]:
    """Scores of labels that are no genres, by kind."""
    return {kind: scores_of(scores, spec) for kind, scores in (others or {}).items()}


def job_row(job: Job) -> JobRow:
    """A job."""
    values = {name: getattr(job, name) for name in JobRow.model_fields if name[-3:] != "_at"}
    return JobRow(
        **values,
        created_at=time_at(job.created_at),
        started_at=time_of(job.started_at),
        finished_at=time_of(job.finished_at),
    )
