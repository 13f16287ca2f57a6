"""Shape sessions as the contract's grammar names them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.api.case_schemas import Gap, Lane, Overlap
from services.api.footage_schemas import Seconds
from services.api.schemas import Shape


class Track(Shape):
    """One stream of a member; `start` in seconds of the recording, exactly as its index says."""

    index: int
    kind: str
    codec: str
    language: str | None
    start: Seconds


class Member(Shape):
    """
    A recording in its place on the session's axis.

    `view_start` is the second of the recording at which the view takes it up: what lies before runs beside the
    recordings before it. `method` is given, clock, sequence or pts; `uncertainty` in seconds.
    """

    recording: str
    channel: str | None
    state: str
    playable: bool
    started_at: datetime
    ended_at: datetime
    offset: Seconds
    duration: Seconds
    gap_before: Seconds
    overlap_before: Seconds
    view_start: Seconds
    method: str
    uncertainty: Seconds
    sequence: int | None
    tracks: list[Track]


class Skew(Shape):
    """How far a channel runs behind the leading one beyond its place, measured by their sound; no stored time."""

    seconds: Seconds | None
    score: float | None
    method: str


class Channel(Shape):
    """The recordings of one channel in order; `skew` is null for the leading one."""

    channel: str | None
    recordings: list[str]
    offset: Seconds
    duration: Seconds
    skew: Skew | None


class SessionTimeline(Shape):
    """The channels side by side; `gaps` are the stretches in which none recorded. Ranges are half-open."""

    from_: Annotated[datetime | None, Field(serialization_alias="from")]
    to: datetime | None
    lanes: list[Lane]
    overlaps: list[Overlap]
    gaps: list[Gap]


class Session(Shape):
    """A session: recordings as one timeline, never a file. Second 0 of its axis is `started_at`."""

    id: str
    number: str | None
    kind: str
    device: str | None
    method: str
    started_at: datetime
    ended_at: datetime
    duration: Seconds
    leading: str | None
    channels: list[Channel]
    members: list[Member]
    timeline: SessionTimeline
