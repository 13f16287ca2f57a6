"""Shape what crosses the border: bodies that are read, and answers as the description of the API has them."""

from datetime import UTC, datetime
from typing import Annotated, Final, Generic, Literal, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from services.jobs.table import JobState

Item = TypeVar("Item")


EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def _within_reach(moment: datetime) -> datetime:
    """Refuse what no clock of an archive shows: at the calendar's ends a step or another zone leads out of it."""
    if not EARLIEST <= moment < LATEST:
        raise ValueError(f"a time lies between {EARLIEST.isoformat()} and {LATEST.isoformat()}, not {moment!s}")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_within_reach)]
"""An instant with its offset, as it is told to the archive."""


class Body(BaseModel):
    """A body that is read: unknown fields are refused, so that a misspelt one is not lost in silence."""

    model_config = ConfigDict(extra="forbid")


class Shape(BaseModel):
    """A part of an answer, taken from the fields of what an action gives."""

    model_config = ConfigDict(from_attributes=True)


class PageOf(Shape, Generic[Item]):
    """Some items of a list, and the cursor of those that follow."""

    items: list[Item]
    next: str | None


class UnitName(Shape):
    """A unit by its id, number and name."""

    id: str
    number: str
    name: str


class PasswordLogin(Body):
    """Log in by name and password."""

    name: Annotated[str, Field(max_length=200)]
    password: Annotated[str, Field(max_length=1000)]


class LinkLogin(Body):
    """Log in by the secret of a single-use link."""

    link: Annotated[str, Field(max_length=200)]


class Me(Shape):
    """The one who asks: what the pages need to know."""

    id: str
    name: str
    role: str
    unit: UnitName | None
    rights: list[str]
    csrf: str | None
    language: str | None


class Unit(Shape):
    """A unit; `parent` is the number of the unit above."""

    id: str
    number: str
    name: str
    parent: str | None
    case_pattern: str | None
    version: int


class NewUnit(Body):
    """A unit to add."""

    number: str
    name: str
    parent: str | None = None
    case_pattern: str | None = None


class UnitPatch(Body):
    """What of a unit is to change; what is absent stays."""

    name: str | None = None
    parent: str | None = None
    case_pattern: str | None = None


class User(Shape):
    """A person's account."""

    id: str
    name: str
    number: str | None
    role: str
    unit: UnitName
    language: str
    has_password: bool
    disabled_at: datetime | None
    version: int


class NewUser(Body):
    """An account to make; over HTTP it needs a second person, so it is refused for now."""

    name: str
    role: str
    unit: str
    number: str | None = None


class UserPatch(Body):
    """What of an account may change over HTTP: whatever takes nothing but rights away, and the language."""

    language: Literal["zh-CN", "en"] | None = None
    disabled: Literal[True] | None = None


class Token(Shape):
    """A bearer token, without its secret."""

    id: str
    name: str
    role: str
    unit: UnitName | None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class NewToken(Body):
    """A token to issue: for a dock or an integrator, in a unit."""

    name: str
    role: str
    unit: str | None = None
    days: int = 365


class IssuedToken(Token):
    """A token with its secret, which is shown this once."""

    secret: str


class TokenPatch(Body):
    """A token to revoke."""

    revoked: Literal[True]
    reason: Annotated[str, Field(max_length=500)] = ""


class Device(Shape):
    """A device; `unit` is a number."""

    id: str
    number: str
    kind: str
    unit: str | None
    name: str | None
    version: int


class NewDevice(Body):
    """A device to take in."""

    number: str
    kind: str
    unit: str | None = None
    name: str | None = None


class DevicePatch(Body):
    """What of a device is to change; an empty text takes a value away."""

    kind: str | None = None
    unit: str | None = None
    name: str | None = None


class NewRoster(Body):
    """Who carries a device from when to when."""

    officer: str
    starts_at: Moment
    ends_at: Moment | None = None


class Made(Shape):
    """The id of what was made."""

    id: str


class Upload(Shape):
    """
    An upload; `offset` and `size` in bytes, `offset` null where only its gate knows it.

    `receipt`, once it is stored, is the log's signed promise in base64 that the recording's entry will be in the log;
    null in lists and while the signer does not answer.
    """

    id: str
    state: str
    reason: str | None
    offset: int | None
    size: int
    sha256: str | None
    recording: str | None
    duplicate: bool
    filename: str
    kind: str | None
    device: str | None
    officer: str | None
    sender: str
    dock: str | None
    gate: str
    created_at: datetime
    changed_at: datetime
    received_at: datetime | None
    expires_at: datetime
    receipt: str | None = None


class Job(Shape):
    """A job: how far it is; `progress` is a share from 0 to 1, `key` the id of what it is about."""

    id: str
    kind: str
    key: str
    state: JobState
    progress: float | None
    attempts: int
    error_code: str | None
    error: str | None


class LedgerLine(Shape):
    """
    One entry of the ledger, without its payload.

    `index` is its place in the log, null while it waits for one; `entry` its exact bytes as text, of
    which `leaf_hash` (hexadecimal) is the hash.
    """

    index: int | None
    id: str
    type: str
    at: datetime
    obj: str
    n: int
    entry: str
    leaf_hash: str


class Version(Shape):
    """Which version runs, and the schema of the database that it works with."""

    version: str
    db_schema: Annotated[str, Field(serialization_alias="schema")]
