"""What all answers and requests share."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tagger.service.texts import Storable

HIGHEST = (1 << 53) - 1
"""The highest number of a row: what JavaScript can count to."""

RowId = Annotated[int, Field(ge=1, le=HIGHEST)]

Genre = Annotated[
    Storable, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
]


class Model(BaseModel):
    """The base of all: unknown fields are refused, so that a typing error is told."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """What went wrong (RFC 9457), and what to do about it."""

    type: str = Field(examples=["urn:tagger:problem:not-found"])
    title: str = Field(examples=["There is no such thing"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no track 7."])
    remedy: str = Field(examples=["List what there is, and ask for one of these."])
    instance: str = Field(examples=["/api/v1/tracks/7"])


def time_of(seconds: float | None) -> datetime | None:
    """Seconds since 1970 as a time in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def time_at(seconds: float) -> datetime:
    """The same, where there is always one."""
    return datetime.fromtimestamp(seconds, UTC)
