"""Open a viewing: the committed look of one person at one recording."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from services.accounts.rights import NAMED_ONLY_GRADE, Principal
from services.bootstrap import Archive, new_id
from services.custody.work import Work
from services.db import lock_name
from services.errors import Gone, Invalid, ReasonRequired
from services.index.models import Recording, Viewing
from services.index.visible import fetch

LONGEST: Final = timedelta(hours=12)
SILENCE: Final = timedelta(minutes=10)
"""A viewing lasts at most so long, and ends after so much silence. Source: contract, `viewings`."""

REASON_CHARACTERS: Final = 500
PURPOSE_CHARACTERS: Final = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """
    How somebody asks to look: under which viewing, why, and from which address.

    `again`: where that viewing has ended by silence, another one begins for the same reason.
    """

    viewing: str | None = None
    reason: str | None = None
    purpose: str | None = None
    address: str = "unknown"
    again: bool = False


def open_viewing(archive: Archive, who: Principal, recording_id: str, wish: Wish) -> str:
    """
    Enter that `who` begins to look at a recording; gives the viewing's id, by which later requests join it.

    Raises:
        NotFound, NotAllowed: as `fetch`.
        ReasonRequired: a recording of the strictest grade is looked at with a reason only (rule 31).
        Invalid: a reason or purpose of the wrong form.
        Gone: the recording was disposed of.
    """
    wish = Wish(
        None,
        checked_text(wish.reason, "reason", REASON_CHARACTERS),
        checked_text(wish.purpose, "purpose", PURPOSE_CHARACTERS),
        wish.address,
    )
    with archive.work() as work:
        recording = fetch(work.session, who, "recording.play", recording_id)
        return begin(work, who, recording, wish)


def begin(work: Work, who: Principal, recording: Recording, wish: Wish) -> str:
    """Make the viewing and its entry in the caller's transaction, after rights were checked."""
    require_present(recording)
    if recording.grade >= NAMED_ONLY_GRADE and wish.reason is None:
        raise ReasonRequired("recordings of grade 4 are looked at with a reason: X-Access-Reason, or in the viewing")
    viewing = Viewing(
        id=new_id(), recording_id=recording.id, account_id=who.id, actor=who.name, reason=wish.reason,
        purpose=wish.purpose, started_at=work.at, last_seen=work.at, byte_ranges=[], time_ranges=[], bytes_sent=0,
    )  # fmt: skip
    work.session.add(viewing)
    told = {"purpose": wish.purpose, "reason": wish.reason}
    work.append(
        "rec.view.start", recording.id, actor=who.name, role=who.role, viewing=viewing.id, address=wish.address,
        **{name: value for name, value in told.items() if value is not None},
    )  # fmt: skip
    return viewing.id


def begin_or_join(archive: Archive, who: Principal, recording_id: str, action: str, wish: Wish) -> str:
    """
    Give an open viewing of this person at this recording, opening one where there is none.

    Only one whose reason is that of the wish fits, where the wish has one.
    """
    with archive.work() as work:
        recording = fetch(work.session, who, action, recording_id)
        lock_name(work.session, f"viewing:{who.id}:{recording_id}")
        found = find_open(work, who, recording, wish)
        return found if found is not None else begin(work, who, recording, wish)


def find_open(work: Work, who: Principal, recording: Recording, wish: Wish) -> str | None:
    """Find the newest open viewing that a request without one may join."""
    query = select(Viewing).where(
        Viewing.recording_id == recording.id,
        Viewing.account_id == who.id,
        Viewing.ended_at.is_(None),
        Viewing.last_seen > work.at - SILENCE,
        Viewing.started_at > work.at - LONGEST,
    )
    if wish.reason is not None:
        query = query.where(Viewing.reason == wish.reason)
    elif recording.grade >= NAMED_ONLY_GRADE:
        query = query.where(Viewing.reason.is_not(None))
    row = work.session.scalars(query.order_by(Viewing.id.desc()).limit(1)).first()
    return row.id if row is not None else None


def require_present(recording: Recording) -> None:
    """Raise `Gone` for a recording whose bytes were disposed of."""
    if recording.state == "disposed":
        raise Gone("this recording was disposed of; its history remains")


def is_over(viewing: Viewing, last_seen: datetime, now: datetime) -> bool:
    """Say whether a viewing has ended: by its person, by silence or by its length."""
    return viewing.ended_at is not None or now - last_seen >= SILENCE or now - viewing.started_at >= LONGEST


def checked_text(text: str | None, what: str, most: int) -> str | None:
    """
    Give a reason or purpose without spaces around it; None stays None.

    Raises:
        Invalid: empty, longer than `most`, or with control characters or halves of characters.
    """
    if text is None:
        return None
    bare = text.strip()
    if not 1 <= len(bare) <= most:
        raise Invalid(f"a {what} has 1 to {most} characters, not {len(bare)}")
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in bare):
        raise Invalid(f"a {what} has no control characters")
    return bare
