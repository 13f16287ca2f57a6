"""Shape spot checks: what is asked for, what was frozen and drawn, what was found."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from services.api.footage_schemas import Text, plain
from services.api.schemas import Body, Moment, Shape

Kind = Literal["body", "vehicle", "facility", "interview"]
Number = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(plain)]
Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(plain)]
Note = Annotated[str, Field(max_length=2000), AfterValidator(plain)]
Reason = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(plain)]


class SpotFilter(Body):
    """
    What may be drawn: keys restrict together, absent ones not at all; `min_length` in whole seconds.

    `late`: taken in more than so many hours after it ended; `linked`: to an incident or a case, an incident to footage.
    """

    unit: Annotated[list[Number], Field(max_length=1000)] | Number | None = None
    kind: Annotated[list[Kind], Field(max_length=10)] | Kind | None = None
    category: Annotated[list[Name], Field(max_length=50)] | Name | None = None
    grade: Annotated[list[int], Field(max_length=10)] | int | None = None
    min_length: Annotated[int, Field(strict=True)] | None = None
    late: Annotated[int, Field(strict=True)] | None = None
    linked: Annotated[bool, Field(strict=True)] | None = None
    incident_type: Annotated[list[Name], Field(max_length=1000)] | Name | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None


class NewStratum(Body):
    """A part that is drawn from by itself; without `size` it gets its share."""

    name: Name
    filter: SpotFilter = Field(default_factory=SpotFilter)
    size: Annotated[int, Field(strict=True)] | None = None


class NewSource(Body):
    """An outside input of the seed: an overseer's committed nonce, or a witness."""

    kind: Annotated[Text, Field(max_length=20)]
    by: Name | None = None
    commitment: Annotated[Text, Field(max_length=64)] | None = None
    key: Annotated[Text, Field(max_length=500)] | None = None


class NewSpotCheck(Body):
    """
    A spot check to define and freeze.

    `grade_max` 1 to 3; `reveal_within` seconds for outside inputs; `reason` only for a second definition.
    """

    programme: Name
    unit: Number
    from_: Annotated[Moment, Field(alias="from")]
    to: Moment
    ticket: Literal["incident", "segment"] = "incident"
    filter: SpotFilter = Field(default_factory=SpotFilter)
    strata: Annotated[list[NewStratum], Field(max_length=200)] = Field(default_factory=list)
    size: Annotated[int, Field(strict=True)]
    reserve: Annotated[int, Field(strict=True)] = 5
    seed_sources: Annotated[list[NewSource], Field(max_length=8)] = Field(default_factory=list)
    grade_max: Annotated[int, Field(strict=True)] = 3
    scorecard: Name = "scene"
    cross: Annotated[bool, Field(strict=True)] = False
    reveal_within: Annotated[int, Field(strict=True)] = 604_800
    reason: Reason | None = None

    def told(self) -> dict[str, Any]:
        """Give only what was told, as the grammar reads it."""
        told: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
        return told


class SpotCheck(Shape):
    """
    A spot check: what was frozen, how far it is, what it waits for.

    `state` is FROZEN, SEEDED, FAILED or that of its least advanced item; `label` names who outside had a part in the
    seed, `agency-seeded` if nobody; `findings` are about the check itself.
    """

    id: str
    number: int
    programme: str
    unit: str
    state: str
    label: str
    definition: dict[str, Any]
    definer: str
    defined_at: datetime
    drawn_at: datetime | None
    reveal_until: datetime | None
    waiting: list[str]
    failure: str | None
    counts: dict[str, int]
    overdue: int
    skip_rate: float | None
    findings: list[str]
    version: int


class Estimate(Shape):
    """A rate between exact bounds that hold with this confidence; null where nothing can be said of some stratum."""

    rate: float | None
    lower: float
    upper: float
    confidence: float


class StratumResult(Shape):
    """What a stratum holds, and what was found in it."""

    name: str
    filter: dict[str, Any]
    population: int
    size: int
    reserve: int
    reviewed: int
    faults: int
    rate: Estimate


class Advice(Shape):
    """How many to check so that finding nothing shows, with this confidence, a lower rate than this."""

    rate: float
    confidence: float
    size: int


class SpotResults(Shape):
    """
    What the handed-in reviews found; the whole is weighed by what the strata hold, never pooled.

    `skips_not_borne_out`: how many items were left out for a reason that the catalogue spoke against.
    """

    strata: list[StratumResult]
    skips_not_borne_out: int
    faults: Estimate
    results: dict[str, Estimate]
    advice: list[Advice]


class SpotCheckPage(SpotCheck):
    """A spot check with what it found; `witness_request` is what a witness of it signs, as text to carry."""

    found: SpotResults
    witness_request: str | None


class Stretch(Shape):
    """A part of a recording, in seconds, half-open; `end` null where its length is not known."""

    recording: str
    start: float
    end: float | None


class SpotItem(Shape):
    """A drawn item; `withheld`: what it is about is something that the asker may not know of."""

    n: int
    stratum: str
    state: str
    kind: str
    withheld: bool
    incident: str | None
    stretches: list[Stretch]
    replaces: int | None
    reviewer: str | None
    assigned_at: datetime | None
    due_at: datetime | None
    overdue: bool
    skip: dict[str, Any] | None
    review: dict[str, Any] | None
    confirmer: str | None
    confirmed_at: datetime | None
    version: int


class Assignment(Body):
    """Who reviews an item: the name of an account."""

    reviewer: Name


class Skip(Body):
    """Why an item is left out."""

    reason: Literal["restricted", "under-investigation", "damaged"]
    note: Note | None = None


class LineAnswer(Body):
    """What a reviewer says of one line of the card."""

    line: Annotated[Text, Field(max_length=40)]
    verdict: Literal["pass", "fail", "not-applicable"]
    deduction: Annotated[int, Field(ge=0, le=100, strict=True)] = 0
    veto: Annotated[bool, Field(strict=True)] = False


class Evidence(Body):
    """A stretch that shows what a line or result says, in seconds."""

    recording: Annotated[Text, Field(max_length=64)]
    start: Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
    end: Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
    line: Annotated[Text, Field(max_length=40)] | None = None


class SpotReview(Body):
    """A review: kept as it is, or handed in with `submit`."""

    answers: Annotated[list[LineAnswer], Field(max_length=50)] = Field(default_factory=list)
    results: Annotated[list[Annotated[Text, Field(max_length=40)]], Field(max_length=20)] = Field(default_factory=list)
    note: Note | None = None
    evidence: Annotated[list[Evidence], Field(max_length=100)] = Field(default_factory=list)
    submit: Annotated[bool, Field(strict=True)] = False
    without_watching: Reason | None = None


class Confirmation(Body):
    """Which items to confirm; without, all that are handed in."""

    items: Annotated[list[Annotated[int, Field(ge=1, strict=True)]], Field(max_length=10_000)] = Field(
        default_factory=list
    )


class Confirmed(Shape):
    """The numbers of the items that are confirmed now."""

    items: list[int]


class OutsideInput(Body):
    """A nonce in hexadecimal, or a witness's signature as its line or in base64."""

    kind: Literal["nonce", "witness"]
    value: Annotated[Text, Field(min_length=1, max_length=1000)]


class SampleSize(Shape):
    """How many of a population to check."""

    population: int
    rate: float
    confidence: float
    size: int


class CardLine(Shape):
    """A line of a card, in both languages."""

    id: str
    points: int
    can_veto: bool
    words: dict[str, str]


class Card(Shape):
    """A scorecard in one of its versions."""

    id: str
    version: int
    title: dict[str, str]
    lines: list[CardLine]


class Cards(Shape):
    """All cards, and the closed lists of results and of reasons to leave an item out."""

    cards: list[Card]
    results: list[str]
    skips: list[str]
