"""Ask for an export: who may, of what and for whom is judged here; nothing is queued that could never be made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from sqlalchemy.orm import Session

from services.accounts.rights import Principal
from services.api.actions.clip import Source, source_of
from services.api.actions.open_viewing import checked_text
from services.bootstrap import Archive, new_id
from services.custody.work import Work
from services.errors import Invalid, NotAllowed, NotFound, NotPlayable, RangeOutside, VerbatimNotPossible
from services.index.exports import PROPOSED, QUEUED, Export, ExportItem
from services.index.models import Recording
from services.index.visible import fetch, fetch_case
from services.jobs.lease import ask
from services.media.clip import plan_exact
from services.media.timecode import TimeRange, print_seconds
from services.media.verbatim import cut_verbatim

KIND: Final = "export"
MOST_ITEMS: Final = 100
MOST_COPIES: Final = 20
TEXT_CHARACTERS: Final = 500
SECOND_PERSON_GRADE: Final = 3
"""From this grade on another person approves. Source: domain, "Roles and rights"."""

ItemKind = Literal["original", "verbatim", "exact", "still"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One item that is asked for; `start` and `end` in seconds of the recording, None where nothing was said."""

    recording: str
    kind: ItemKind
    start: Fraction | None = None
    end: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be exported, to whom, why, and in how many copies."""

    items: Sequence[Wanted]
    recipient: str
    purpose: str
    case: str | None = None
    copies: int = 1
    disclosure: Literal["minimal", "audit"] = "minimal"


@dataclass(frozen=True, slots=True)
class Asked:
    """The export that was asked for; `job` None: a second person must approve it first."""

    id: str
    state: str
    job: str | None


def make_export(
    archive: Archive, who: Principal, order: Order, note_unknown: Callable[[str], None] = lambda _: None
) -> Asked:
    """
    Enter that `who` wants an export, and have it made; or, where it takes two persons, propose it.

    `note_unknown` hears of a recording that `who` may not know of: who tries addresses leaves a trail.

    Raises:
        NotAllowed: `who` may know of a recording, but not export it; or is a token, and this takes two persons.
        Invalid: a recording or case that `who` may not know of or that cannot be exported; a bad count or text.
        RangeOutside, ClipTooLong, VerbatimNotPossible: an item's range cannot be; the message names the item.
        NotReady, NotPlayable, NoDecoder: there is nothing (yet) to cut from.
    """
    recipient = checked_text(order.recipient, "recipient", TEXT_CHARACTERS) or ""
    purpose = checked_text(order.purpose, "purpose", TEXT_CHARACTERS) or ""
    if not 1 <= len(order.items) <= MOST_ITEMS or not 1 <= order.copies <= MOST_COPIES:
        counts = f"not {len(order.items)} and {order.copies}"
        raise Invalid(f"an export has 1 to {MOST_ITEMS} items and 1 to {MOST_COPIES} copies, {counts}")
    for n, item in enumerate(order.items, 1):
        _judge(archive, who, n, item, note_unknown)
    with archive.work() as work:
        if order.case is not None:
            _require_case(work, who, order.case)
        recordings = [_exportable(work.session, who, n, item) for n, item in enumerate(order.items, 1)]
        is_alone = all(recording.grade < SECOND_PERSON_GRADE for recording in recordings)
        if not is_alone and who.kind != "user":
            raise NotAllowed("this export takes two persons: a person asks for it, whom a token does not name")
        export = new_id()
        state = QUEUED if is_alone else PROPOSED
        _enter(work, export, who, order, state, recipient, purpose)
        job = queue(archive, work, export) if is_alone else None
    return Asked(export, state, job)


def queue(archive: Archive, work: Work, export: str) -> str:
    """Have an export made once this transaction is durable; gives the job's id."""
    bell = ask(work.session, KIND, export, work.at)
    work.after_commit(lambda: archive.ring([bell]))
    return bell.job


def _require_case(work: Work, who: Principal, number: str) -> None:
    try:
        fetch_case(work.session, who, "case.see", number)
    except NotFound as error:
        raise Invalid(f"there is no case {number[:80]}") from error


def _exportable(session: Session, who: Principal, n: int, item: Wanted) -> Recording:
    """Give an item's recording if `who` may export it and its bytes are there to be trusted."""
    try:
        recording = fetch(session, who, "recording.export", item.recording)
    except NotFound as error:
        raise Invalid(f"item {n}: there is no recording {item.recording[:80]}") from error
    if recording.state in ("quarantined", "disposed"):
        raise Invalid(f"item {n}: recording {recording.id} is {recording.state} and cannot be exported")
    return recording


def _judge(archive: Archive, who: Principal, n: int, item: Wanted, note_unknown: Callable[[str], None]) -> None:
    """Raise for what could never be made; rights are asked first, so that no answer tells of what one may not know."""
    try:
        with archive.reading() as session:
            _exportable(session, who, n, item)
    except Invalid as error:
        if isinstance(error.__cause__, NotFound):
            note_unknown(item.recording)
        raise
    if item.kind == "original":
        if item.start is not None or item.end is not None:
            raise Invalid(f"item {n}: an original is whole; it has no start and no end")
        return
    source = source_of(archive, who, item.recording, "recording.export")
    try:
        _plan(source, item)
    except (Invalid, VerbatimNotPossible) as error:
        raise type(error)(f"item {n}: {error}") from error


def _plan(source: Source, item: Wanted) -> None:
    if item.kind == "still":
        if item.start is None or item.end is not None:
            raise Invalid("a still has a start and no end")
        frame_at(source, item.start)
    elif item.kind == "verbatim":
        if source.index is None:
            raise VerbatimNotPossible("the recording has no frame index: ask for kind exact")
        cut_verbatim(source.index, range_of(source, item.start, item.end))
    else:
        plan_exact(source.facts, source.frame_times, range_of(source, item.start, item.end))


def range_of(source: Source, start: Fraction | None, end: Fraction | None) -> TimeRange:
    """Give the range that is meant: from the first frame, and to the end, where nothing is said."""
    return TimeRange(start or Fraction(0), source.facts.duration if end is None else end)


def frame_at(source: Source, at: Fraction) -> int:
    """
    Give the number of the frame that is shown at so many seconds.

    Raises:
        NotPlayable: there are no pictures.
        RangeOutside: the recording has no such moment.
    """
    if source.facts.video is None or source.frame_times is None:
        raise NotPlayable("this recording has no pictures")
    if not 0 <= at < source.facts.duration:
        raise RangeOutside(
            f"the recording has {print_seconds(source.facts.duration)} s; nothing is at {print_seconds(at)}"
        )
    return source.frame_times.shown_at(at)


def _enter(work: Work, export: str, who: Principal, order: Order, state: str, recipient: str, purpose: str) -> None:
    work.session.add(
        Export(
            id=export, state=state, case_number=order.case, recipient=recipient, purpose=purpose, copies=order.copies,
            disclosure=order.disclosure, requester_id=who.id, requester=who.name, created_at=work.at,
        )
    )  # fmt: skip
    work.session.flush()
    work.session.add_all(
        ExportItem(
            export_id=export, n=n, recording_id=item.recording, kind=item.kind,
            asked_start=None if item.start is None else str(item.start),
            asked_end=None if item.end is None else str(item.end),
        )
        for n, item in enumerate(order.items, 1)
    )  # fmt: skip
    work.append(
        "export.make", export, actor=who.name, recipient=recipient, purpose=purpose, case=order.case,
        copies=order.copies, disclosure=order.disclosure, state=state,
        items=[
            [item.recording, item.kind, *(None if at is None else print_seconds(at) for at in (item.start, item.end))]
            for item in order.items
        ],
    )  # fmt: skip
