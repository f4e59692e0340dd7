"""Learning the library's genres: what is asked for, and what comes of it."""

from datetime import datetime

from pydantic import Field

from tagger.service.schemas.common import Genre, Model

_NAME = r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,61}[A-Za-z0-9]$"


class NewLesson(Model):
    """A model is to be learned from the genres that the library's files hold."""

    name: str = Field(
        default="learned", pattern=_NAME, description="Of the model.", examples=["learned"]
    )
    min_tracks: int | None = Field(
        default=None, ge=2, le=10_000, description="That a label needs; usually 8."
    )
    include: list[Genre] = Field(
        default_factory=list, max_length=200, description="The only labels; empty for all."
    )
    exclude: list[Genre] = Field(
        default_factory=list, max_length=200, description="Labels that are not learned."
    )
    precision: float | None = Field(
        default=None,
        ge=0.1,
        le=0.99,
        description="How often a genre that is written shall be right; usually 0.75.",
    )
    keep_labels: bool = Field(
        default=False, description="The usual model's labels stay beside the learned ones."
    )


class Confusion(Model):
    """A label that tracks of another one get instead."""

    label: str = Field(examples=["Ambient"])
    share: float = Field(description="Of the other label's tracks.", examples=[0.18])


class LearnedLabel(Model):
    """One label; all figures are of artists that were held out."""

    label: str = Field(examples=["Krautrock"])
    n_tracks: int
    n_artists: int
    average_precision: float
    prior: float = Field(description="What chance would reach.")
    low: float | None = Field(
        description="Of few tracks: the average precision lies above, with 97.5 %."
    )
    high: float | None = Field(description="Likewise, below.")
    precision: float | None = Field(
        description="How often it is right where it would be written; null if it never would."
    )
    recall: float = Field(description="How many of its tracks would get it.")
    threshold: float
    confused_with: list[Confusion]


class LabelLeftOut(Model):
    """A genre of the library that was not learned."""

    label: str
    n_tracks: int
    reason: str = Field(examples=["3 tracks; 8 are needed"])


class DoubtedTags(Model):
    """A track whose own genres look wrong."""

    track_id: int | None = Field(description="None if no row is of this file any more.")
    folder: str
    name: str
    genres: list[str]
    own_score: float = Field(description="The best of its own genres.")
    suggested: str
    score: float


class LessonRow(Model):
    """A model that was learned here."""

    name: str = Field(examples=["learned"])
    revision: str
    learned_at: datetime
    is_used: bool = Field(description="Scans use it.")
    n_labels: int
    figures: dict[str, float] = Field(
        description="Over all labels, of artists that were held out.",
        examples=[{"macro_average_precision": 0.63, "macro_prior": 0.06}],
    )


class LessonList(Model):
    """The models that were learned here, the newest first."""

    items: list[LessonRow]


class LessonDetail(LessonRow):
    """A model that was learned, with all that was seen."""

    labels: list[LearnedLabel]
    left_out: list[LabelLeftOut]
    doubted: list[DoubtedTags] = Field(description="The most certain first, 200 at most.")
    n_doubted: int
    notes: list[str] = Field(description="What was not learned from, in sentences.")


class ModelChoice(Model):
    """Which model scans use from now on."""

    name: str = Field(min_length=1, max_length=200, examples=["learned"])
