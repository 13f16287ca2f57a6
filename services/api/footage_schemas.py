"""Shape footage and looks at it: bodies that are read, and answers as the contract names them."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from services.accounts.names import check_number
from services.api.actions.change_meta import Category
from services.api.schemas import Body, Shape
from services.media.timecode import print_seconds


def _decimal(value: Any) -> Any:
    """Give exact seconds as a decimal, rounded down to the microsecond."""
    return float(print_seconds(value)) if isinstance(value, Fraction) else value


def plain(text: str) -> str:
    """Refuse what no text here may hold."""
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("text holds a NUL or half a character")
    return text


def _number(text: str) -> str:
    return check_number(text, "thing's", 128)


Seconds = Annotated[float, BeforeValidator(_decimal)]
Text = Annotated[str, AfterValidator(plain)]
NumberText = Annotated[str, AfterValidator(_number)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]


class Dismissal(Shape):
    """Who found nothing in a flag, when and why."""

    by: str
    at: datetime
    reason: str


class Flag(Shape):
    """
    What a machine found; `start` and `end` in seconds, null where it is about the whole.

    `detector` and `version` are empty and `score` (0 to 1, how plain it is) null where the file itself says so.
    """

    id: str
    kind: str
    start: Seconds | None
    end: Seconds | None
    detail: str
    detector: str
    version: str
    score: float | None
    channel: str
    dismissed: Dismissal | None


class FlagAnswer(Body):
    """Whether there is nothing in a flag, and why; a dismissal needs its reason."""

    dismissed: Annotated[bool, Field(strict=True)]
    reason: Annotated[str, Field(max_length=500), AfterValidator(plain)] | None = None


class Recording(Shape):
    """A recording as lists show it."""

    id: str
    state: str
    kind: str
    unit: str | None
    officer: str | None
    device: str | None
    started_at: datetime
    ended_at: datetime | None
    duration: Seconds | None
    size: int
    sha256: str
    flags: list[Flag]
    cases: list[str]
    incidents: list[str]


class Stream(Shape):
    """One track of the original."""

    index: int
    kind: str
    codec: str
    profile: str | None
    width: int | None
    height: int | None
    rotation: int
    rate: Seconds | None
    variable_rate: bool
    pixel_format: str | None
    bit_depth: int | None
    channels: int | None
    sample_rate: int | None
    language: str | None
    duration: Seconds
    frames: int | None
    start: Seconds


class Arrival(Shape):
    """One upload of the recording's bytes."""

    id: str
    upload: str
    gate: str
    sender: str
    dock: str | None
    filename: str
    claimed_sha256: str | None
    received_at: datetime
    given: dict[str, str]


class Link(Shape):
    """Why a recording belongs to an incident or a case; `target` is `incident` or `case`."""

    id: str
    target: str
    number: str
    origin: str
    rule: str
    score: float
    reasons: list[dict[str, Any]]
    actor: str | None
    made_at: datetime


class Retention(Shape):
    """How long the recording is kept at least, and by which rule; null: no end that time alone brings."""

    until: datetime | None
    rule: str


class RecordingPage(Recording):
    """All that is known about a recording; `progress` is how far its review copy is made, 0 to 1."""

    filename: str
    received_at: datetime
    started_source: str
    started_given: str | None
    clock_offset: float | None
    container: str | None
    streams: list[Stream]
    playable: bool
    recovered: dict[str, Any] | None
    progress: float | None
    dock: str | None
    session: str | None
    channel: str | None
    arrivals: list[Arrival]
    category: str
    grade: int
    note: str | None
    retention: Retention
    links: list[Link]
    renditions: list[str]
    version: int


class RecordingPatch(Body):
    """What people say of a recording; what is absent stays."""

    category: Category = "UNCATEGORISED"
    grade: Annotated[int, Field(ge=1, le=4, strict=True)] = 1
    note: Annotated[str, Field(max_length=5000), AfterValidator(plain)] | None = None


class NewViewing(Body):
    """Why one looks, as far as one says it."""

    reason: Annotated[str, Field(max_length=500)] | None = None
    purpose: Annotated[str, Field(max_length=100)] | None = None


class Opened(Shape):
    """The id of a viewing."""

    id: str


class Watched(Body):
    """Stretches that were watched, in seconds; `ended` closes the viewing."""

    watched: Annotated[list[tuple[float, float]], Field(max_length=10_000)] = Field(default_factory=list)
    ended: bool = False


class HistoryLine(Shape):
    """
    One entry of a recording's chain: its values as they were; withheld ones are named.

    `index` is its place in the log, null while it waits for one. `entry` is its exact bytes as text, of which
    `leaf_hash` (hexadecimal) is the hash; `fields` what it committed to, in the order of the names: name, salt in
    base64 and value as JSON, or the commitment alone of a withheld one. `values_lost`: the entry came back after a
    restore and what it committed to did not, so that `detail` and `fields` are empty.
    """

    n: int
    id: str
    at: datetime
    event: str
    actor: str | None
    detail: dict[str, Any]
    withheld: list[str]
    leaf_hash: str
    index: int | None
    entry: str
    fields: list[list[str]]
    values_lost: bool


class NewLink(Body):
    """An incident or a case that a recording belongs to, and why."""

    target: Literal["incident", "case"]
    number: NumberText
    reason: Reason


class Proposal(Shape):
    """A doubtful link; `target` is `incident` or `case`."""

    id: str
    recording: str
    officer: str | None
    started_at: datetime
    target: str
    number: str
    rule: str
    score: float
    reasons: list[dict[str, Any]]
    state: str
    answered_by: str | None
    answer_reason: str | None
    answered_at: datetime | None
    created_at: datetime


class ProposalAnswer(Body):
    """Why a proposed link is right or wrong."""

    reason: Annotated[str, Field(max_length=500)] | None = None


class Answered(Shape):
    """How a proposal stands after an answer."""

    id: str
    state: str


def told(body: Body) -> dict[str, Any]:
    """Give the values that a body names, as the catalogue takes them."""
    values: Mapping[str, Any] = body.model_dump(exclude_unset=True)
    return dict(values)
