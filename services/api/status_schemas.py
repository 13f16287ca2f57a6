"""Shapes of how the log stands. Durations in seconds."""

from datetime import datetime

from services.api.schemas import Shape


class HeadStatus(Shape):
    """A signed head: entries, root in hexadecimal, when it was signed."""

    size: int
    root: str
    made_at: datetime


class WitnessStatus(Shape):
    """A witness of the policy: its key, whether it is asked over the network, what it signed last and when."""

    name: str
    key: str
    asked: bool
    size: int | None
    last_at: datetime | None


class SignerStatus(Shape):
    """The signer: whether it answers, why it does not sign, whether it shares user or disk with the database."""

    answers: bool
    trouble: str
    shares_user: bool | None
    shares_disk: bool | None


class LogStatus(Shape):
    """
    How the log stands.

    `size` entries are in the log and `pending` wait before it; `lag` is for how long something has waited for a signed
    head. `keys` are those that its heads are signed with, as verifier keys, oldest first. `outside_witnessed` is false
    when too few witnesses of the policy signed within 24 hours, or none is known: then pages warn in red. `missing`
    names the witnesses that count and did not sign lately. `policy_error` and the signer's `trouble` name files to
    admins, auditors and custodians only; others are told that there is something.
    """

    origin: str | None
    keys: list[str]
    size: int
    pending: int
    head: HeadStatus | None
    lag: float
    outside_witnessed: bool
    last_witnessed_at: datetime | None
    missing: list[str]
    witnesses: list[WitnessStatus]
    policy_error: str | None
    signer: SignerStatus
