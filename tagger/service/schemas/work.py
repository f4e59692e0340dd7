"""Jobs, runs, models, statistics, and the service itself."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from tagger.service.schemas.common import Model
from tagger.service.schemas.tracks import TrackSet
from tagger.service.texts import Storable
from tagger.service.tokens import Scope

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
JobKind = Literal["look", "scan", "write", "undo", "learn"]


class ScanSettings(Model):
    """How a scan is done; the options of `tagger scan`."""

    policy: Literal["fill", "append", "replace"] = "fill"
    top: int | None = Field(
        default=None, ge=1, le=100, description="The most genres a track gets."
    )
    threshold: float | None = Field(default=None, ge=0, le=1)
    score_all: bool = Field(default=False, description="Score also tracks that `fill` keeps.")
    full: bool = Field(default=False, description="Score all of each track.")
    time_limit_s: float = Field(default=60, ge=1, le=3600)


class NewJob(TrackSet):
    """A scan of tracks (of all, without `ids` and `filter`), or a look for new files."""

    kind: Literal["scan", "look"] = "scan"
    options: ScanSettings = ScanSettings()


class JobRow(Model):
    """A job, and how far it is."""

    id: int
    kind: JobKind
    state: JobState
    about: str = Field(examples=["1,204 tracks"])
    n_total: int
    n_done: int
    n_failed: int
    current: str = Field(description="The file or folder that was finished last.")
    attempts: int
    error: str | None
    asked_by: str
    run_id: int | None = Field(description="What a write or an undo can be taken back by.")
    options: dict[str, Any]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobList(Model):
    """Jobs, the newest first."""

    items: list[JobRow]
    next_cursor: str | None


class WriteRequest(TrackSet):
    """Accepted proposals are written: of these tracks, or of all."""

    dry_run: bool = Field(default=False, description="Only say what would be written.")


class WritePreview(Model):
    """What a write would do."""

    n_files: int = Field(examples=[42])
    n_library: int = Field(description="Files that are changed in place.")
    n_uploads: int
    examples: list["WriteExample"] = Field(description="The first few.")


class WriteExample(Model):
    """What one file would get."""

    id: int
    name: str
    folder: str
    before: list[str]
    after: list[str]


class Started(Model):
    """A job was started; nothing was, in a dry run."""

    job: JobRow | None
    preview: WritePreview


class RunRow(Model):
    """Changes that were made, and can be undone, together."""

    id: int
    kind: Literal["write", "undo"]
    about: str
    model: str
    began_at: datetime
    ended_at: datetime | None
    n_written: int
    n_failed: int
    n_undone: int
    undoes: int | None
    can_undo: bool


class RunList(Model):
    """Runs, the newest first."""

    items: list[RunRow]
    next_cursor: str | None


class ChangeRow(Model):
    """What a run did to one track."""

    track_id: int
    name: str
    folder: str
    before: list[str]
    after: list[str]
    is_undone: bool
    error: str | None


class RunDetail(RunRow):
    """A run with its first thousand changes."""

    changes: list[ChangeRow]


class ModelRow(Model):
    """A model that can be named."""

    name: str = Field(description="Of its file, by which it is chosen.")
    revision: str
    is_used: bool
    labels: list[str]
    thresholds: dict[str, float]
    parents: dict[str, str]
    kinds: dict[str, str]
    window_s: float
    weights_licence: str
    metrics: dict[str, Any]
    problem: str | None


class ModelList(Model):
    """The models of this machine."""

    items: list[ModelRow]


class GenreCount(Model):
    """How often a genre is there, and how often it would be."""

    genre: str = Field(examples=["Ambient"])
    n_now: int = Field(examples=[312])
    n_after: int = Field(examples=[341])


class Statistics(Model):
    """The library in numbers."""

    n_tracks: int
    n_library: int
    n_uploads: int
    total_s: float
    by_status: dict[str, int]
    by_decision: dict[str, int]
    n_to_write: int = Field(description="Accepted, and not written yet.")
    n_without_genre_now: int
    n_without_genre_after: int
    genres: list[GenreCount] = Field(description="The most frequent afterwards first.")


class Vocabulary(Model):
    """Genres to choose from when one is typed: the library's own, then the model's."""

    items: list[GenreCount]


class Info(Model):
    """What this service is, and what its caller may do."""

    version: str
    library: str | None = Field(description="The library's folder.")
    model: str
    scopes: list[Scope]
    needs_token: bool
    name: str = Field(description="Of the caller.")
    max_upload_bytes: int
    can_presign: bool
    suffixes: list[str] = Field(description="Of files that can be uploaded.")


class NewSession(Model):
    """A page logs in: the token moves into a cookie that scripts cannot read."""

    token: Storable = Field(max_length=500)


class Health(Model):
    """Whether what the service needs answers."""

    status: Literal["ok", "failing"]
    checks: dict[str, str] = Field(examples=[{"database": "ok", "objects": "ok"}])
