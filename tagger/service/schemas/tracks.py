"""Tracks, folders, timelines."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from tagger.service.schemas.common import Genre, Model, RowId
from tagger.service.texts import Storable

Status = Literal[
    "new",
    "proposed",
    "written",
    "unchanged",
    "kept",
    "abstained",
    "skipped",
    "failed",
    "missing",
]
Decision = Literal["open", "accepted", "rejected"]
Source = Literal["library", "upload"]
Sort = Literal["folder", "artist", "title", "score", "added"]

_GENRES = Field(examples=[["Techno", "House"]])


class TrackRow(Model):
    """One line of a list of tracks."""

    id: int = Field(examples=[17])
    source: Source
    folder: str = Field(
        examples=["Boards of Canada/Geogaddi/"],
        description="With a slash at its end; '' at top.",
    )
    name: str = Field(examples=["01 Ready Lets Go.flac"])
    title: str = Field(examples=["Ready Lets Go"])
    artist: str = Field(examples=["Boards of Canada"])
    album: str = Field(examples=["Geogaddi"])
    duration_s: float | None = Field(examples=[59.4])
    status: Status = Field(
        description="What the last scan or write said. `new`: not scanned; `missing`: no file."
    )
    decision: Decision
    is_edited: bool = Field(description="Somebody has changed what was proposed.")
    genres: list[str] = Field(description="What the file holds now.", examples=[["Electronic"]])
    proposed: list[str] = Field(
        description="What it would hold after a write; empty if nothing is proposed.",
        examples=[["Ambient", "Electronic"]],
    )
    top_label: str = Field(examples=["Ambient"])
    top_score: float = Field(examples=[0.81])
    has_cover: bool
    version: int = Field(description="Changes with every change of this track.", examples=[3])


class TrackList(Model):
    """One page of tracks."""

    items: list[TrackRow]
    next_cursor: str | None = Field(
        description="Ask with it for the next page; null at the end."
    )
    total: int | None = Field(description="All that match; null on pages after the first.")


class Score(Model):
    """What the model says of one label, beside what it needs to be believed."""

    label: str = Field(examples=["Ambient"])
    score: float = Field(examples=[0.81])
    threshold: float | None = Field(examples=[0.46])


class TrackDetail(TrackRow):
    """One track with all that is known of it."""

    container: str = Field(examples=["flac"])
    size: int = Field(description="In bytes.", examples=[9_120_311])
    scores: list[Score] = Field(description="The model's genres, best first.")
    others: dict[str, list[Score]] = Field(description="Moods, instruments, voices, by kind.")
    reason: str | None = Field(description="Why it is so, in a sentence.")
    model: str = Field(description="Name and revision of the model that scored it.")
    added_at: datetime
    scanned_at: datetime | None
    suggested: list[str] = Field(description="What the scan proposed, before any edit.")
    last_run_id: int | None = Field(description="The last write that can be undone.")
    media_type: str = Field(examples=["audio/flac"])


class FolderRow(Model):
    """One folder."""

    path: str = Field(examples=["Boards of Canada/"])
    name: str = Field(examples=["Boards of Canada"])
    n_tracks: int = Field(description="In it and below it.", examples=[41])
    n_proposed: int = Field(description="Of these, with an open proposal.", examples=[12])
    has_folders: bool


class FolderList(Model):
    """The folders right below one."""

    parent: str
    items: list[FolderRow]


class TrackFilter(Model):
    """Which tracks are meant: all conditions hold at once."""

    q: Storable = Field(
        default="",
        max_length=200,
        description="Words; each is in title, artist, album, folder or name.",
    )
    title: Storable = Field(default="", max_length=200, description="Is in the title.")
    artist: Storable = Field(default="", max_length=200, description="Is in the artist.")
    album: Storable = Field(default="", max_length=200, description="Is in the album.")
    folder: Storable = Field(
        default="", max_length=2000, description="Lies in or below this folder."
    )
    genre: Storable = Field(
        default="", max_length=200, description="Has this genre now, or would get it."
    )
    label: Storable = Field(
        default="",
        max_length=200,
        description="The label that the scores are of; '' for the best one.",
    )
    min_score: float | None = Field(default=None, ge=0, le=1)
    max_score: float | None = Field(default=None, ge=0, le=1)
    status: list[Status] = Field(
        default_factory=list, max_length=9, description="One of these."
    )
    decision: list[Decision] = Field(default_factory=list, max_length=3)
    source: Source | None = None


class TrackSet(Model):
    """Tracks by their numbers, or all that match a filter."""

    ids: list[RowId] | None = Field(
        default=None, min_length=1, max_length=10_000, examples=[[17, 18]]
    )
    filter: TrackFilter | None = Field(
        default=None, examples=[{"genre": "Techno", "min_score": 0.7}]
    )


class ProposalChange(Model):
    """What is to become of what is proposed for a track."""

    action: Literal["accept", "reject", "edit", "reset"] = Field(
        description="`edit` accepts `genres` instead; `reset` opens what was proposed again."
    )
    genres: list[Genre] | None = Field(default=None, max_length=20, examples=[["Ambient"]])


class BulkChange(TrackSet):
    """The same for many tracks at once."""

    action: Literal["accept", "reject", "edit", "reset"]
    genres: list[Genre] | None = Field(default=None, max_length=20)
    dry_run: bool = Field(
        default=False, description="Only count what would change, and change nothing."
    )


class BulkResult(Model):
    """How many tracks were, or would be, changed."""

    n_matched: int = Field(examples=[1204])
    n_changed: int = Field(
        description="Those with a proposal, where it takes one.", examples=[988]
    )
    dry_run: bool


class SegmentRow(Model):
    """A stretch of a track with one label; null: nothing is sure enough, '': silence."""

    start_s: float
    end_s: float
    label: str | None
    score: float


class Waveform(Model):
    """Lowest and highest sample around evenly spread times, in -1..1."""

    low: list[float]
    high: list[float]


class Taggram(Model):
    """Scores over time."""

    labels: list[str] = Field(description="Best first.")
    thresholds: list[float]
    starts_s: list[float]
    window_s: float
    duration_s: float
    scores: list[list[float]] = Field(description="A row for each of `starts_s`.")
    segments: list[SegmentRow]
    waveform: Waveform


class Link(Model):
    """Where a file can be had for a while without a token."""

    url: str
    expires_at: datetime
    is_presigned: bool = Field(description="It leads to the object store itself.")


class Prediction(Model):
    """What is said of a file that was not kept."""

    name: str
    status: str
    genres: list[str] = _GENRES
    previous: list[str]
    scores: list[Score]
    others: dict[str, list[Score]]
    duration_s: float | None
    reason: str | None
    model: str


class Upload(Model):
    """A file that was uploaded."""

    track: TrackRow
    is_new: bool = Field(description="False: the same audio was there already, as this track.")


class UploadProblem(Model):
    """A file of several that was refused, and why."""

    name: str
    status: int
    detail: str
    remedy: str


class UploadMany(Model):
    """What became of each of several files."""

    uploads: list[Upload]
    problems: list[UploadProblem]


class UploadBegin(Model):
    """An upload in pieces is announced."""

    name: Storable = Field(max_length=1000, examples=["long mix.flac"])
    size: int = Field(ge=1, le=1 << 40, description="In bytes.", examples=[734_003_200])
    folder: Storable = Field(default="", max_length=2000)


class UploadState(Model):
    """How far an upload in pieces is."""

    id: str
    name: str
    size: int
    offset: int = Field(description="Send the next piece from here.")
    upload: Upload | None = Field(description="Once it is complete.")
