"""Shape what footage belongs to, incidents and cases: bodies that are read, and answers as the contract names them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from services.api.footage_schemas import NumberText, Text, plain, told
from services.api.schemas import Body, Moment, Shape

Officer = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(plain)]


class Place(Body):
    """Where an incident is; degrees of WGS 84."""

    name: Annotated[str, Field(max_length=500), AfterValidator(plain)] | None = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None


class IncidentBody(Body):
    """An incident as dispatch tells it; what is absent stays as it is."""

    unit: Annotated[Text, Field(max_length=64)] | None = None
    type: Annotated[Text, Field(max_length=100)] | None = None
    reported_at: Moment | None = None
    dispatched_at: Moment | None = None
    arrived_at: Moment | None = None
    cleared_at: Moment | None = None
    officers: Annotated[list[Officer], Field(max_length=1000)] = Field(default_factory=list)
    devices: Annotated[list[Annotated[Text, Field(max_length=128)]], Field(max_length=1000)] = Field(
        default_factory=list
    )
    place: Place | None = None
    case: NumberText | None = None

    def told(self) -> dict[str, Any]:
        """Give only what was told."""
        return told(self)


class IncidentItem(IncidentBody):
    """An incident of a batch."""

    number: NumberText


class Incidents(Body):
    """Many incidents; each is judged for itself."""

    items: Annotated[list[Any], Field(max_length=1000)]


class ItemAnswer(Shape):
    """What became of one item: the status and code that it would have got alone; no code: it was taken in."""

    number: str | None
    status: int
    code: str | None
    detail: str | None = None


class ItemAnswers(Shape):
    """What became of each item, in their order."""

    items: list[ItemAnswer]


class Incident(Shape):
    """An incident; `case` is the first by number of the `cases` it belongs to."""

    number: str
    unit: str | None
    type: str | None
    reported_at: datetime | None
    dispatched_at: datetime | None
    arrived_at: datetime | None
    cleared_at: datetime | None
    officers: list[str]
    devices: list[str]
    place: dict[str, Any] | None
    case: str | None
    cases: list[str]
    known: bool
    version: int


class CaseBody(Body):
    """A case as case management tells it; what is absent stays as it is."""

    unit: Annotated[Text, Field(max_length=64)] | None = None
    title: Annotated[Text, Field(max_length=1000)] | None = None
    kind: Annotated[Text, Field(max_length=100)] | None = None
    stage: Annotated[Text, Field(max_length=100)] | None = None
    accepted_at: Moment | None = None
    filed_at: Moment | None = None
    closed_at: Moment | None = None
    officers: Annotated[list[Officer], Field(max_length=1000)] = Field(default_factory=list)
    incidents: Annotated[list[NumberText], Field(max_length=1000)] = Field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """Give only what was told."""
        return told(self)


class CaseSummary(Shape):
    """A case as lists show it; `recordings` counts those that the asker may see."""

    number: str
    title: str | None
    kind: str | None
    stage: str | None
    unit: str | None
    accepted_at: datetime | None
    known: bool
    recordings: int


class Case(CaseSummary):
    """A case."""

    filed_at: datetime | None
    closed_at: datetime | None
    officers: list[str]
    incidents: list[str]
    version: int


class Span(Shape):
    """Where one recording lies in its lane."""

    recording: str
    start: datetime
    end: datetime


class Gap(Shape):
    """A stretch in which nothing was recorded."""

    start: datetime
    end: datetime


class Lane(Shape):
    """One line of the timeline."""

    key: str
    label: str
    spans: list[Span]
    gaps: list[Gap]


class Overlap(Shape):
    """A stretch in which several recordings ran at once."""

    start: datetime
    end: datetime
    recordings: list[str]


class Timeline(Shape):
    """The recordings of a case side by side; ranges are half-open."""

    from_: Annotated[datetime | None, Field(serialization_alias="from")]
    to: datetime | None
    lanes: list[Lane]
    overlaps: list[Overlap]
