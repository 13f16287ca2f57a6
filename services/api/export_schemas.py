"""Shape exports: what is asked for, and answers as the contract names them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from services.api import schemas
from services.api.actions.make_export import MOST_COPIES, MOST_ITEMS, TEXT_CHARACTERS, Order, Wanted
from services.api.deps import Clock
from services.api.schemas import Body, Shape

Text = Annotated[str, Field(min_length=1, max_length=TEXT_CHARACTERS)]


class NewItem(Body):
    """An item to export; `start` and `end` are seconds or HH:MM:SS[.nnn], absent for the whole of it."""

    recording: Annotated[str, Field(max_length=64)]
    kind: Literal["original", "verbatim", "exact", "still"]
    start: Clock | None = None
    end: Clock | None = None


class NewExport(Body):
    """An export to make; `disclosure` `audit` also discloses who did what in the histories."""

    items: Annotated[list[NewItem], Field(min_length=1, max_length=MOST_ITEMS)]
    recipient: Text
    purpose: Text
    case: Annotated[str, Field(max_length=128)] | None = None
    copies: Annotated[int, Field(ge=1, le=MOST_COPIES)] = 1
    disclosure: Literal["minimal", "audit"] = "minimal"

    def told(self) -> Order:
        """Give it as the action takes it."""
        items = [Wanted(one.recording, one.kind, one.start, one.end) for one in self.items]
        return Order(items, self.recipient, self.purpose, self.case, self.copies, self.disclosure)


class Asked(Shape):
    """What became of a request; `job` is null while a second person must approve."""

    id: str
    state: str
    job: str | None


class Answer(Body):
    """Why the second person says so."""

    reason: Annotated[str, Field(max_length=500)] | None = None


class Item(Shape):
    """An item: what was asked for, and once made what it is; `proven` says in words what is copied."""

    n: int
    recording: str
    kind: str
    file: str | None
    made: str | None
    start: str | None
    end: str | None
    size: int | None
    sha256: str | None
    proof: bool
    proven: str | None
    entry: str | None
    receipt: str | None


class Package(Shape):
    """One copy that can be taken."""

    copy_: Annotated[int, Field(alias="copy")]
    filename: str
    size: int
    sha256: str


class Problem(Shape):
    """Why it failed, or what it waits for."""

    code: str
    detail: str


class Export(Shape):
    """
    An export; `state` is `proposed queued entered made failed refused`.

    `witnessed` is `quorum`, `none-in-time` or `no-quorum` once it is made.
    """

    id: str
    state: str
    case: str | None
    recipient: str
    purpose: str
    copies: int
    disclosure: str
    requester: str
    answered_by: str | None
    answer_reason: str | None
    created_at: datetime
    ended_at: datetime | None
    head_size: int | None
    witnessed: str | None
    job: schemas.Job | None
    problems: list[Problem]
    packages: list[Package]
    items: list[Item]
