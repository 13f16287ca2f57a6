"""
Take each drawn item from its reviewer to its confirmation, or leave it out for a listed reason.

DRAWN → ASSIGNED → IN_REVIEW → SUBMITTED → CONFIRMED; SKIPPED, and the next of its stratum's reserve is DRAWN.
Whoever is recorded does not review, nor one of the item's own unit in a cross check; whoever reviewed does not confirm.
Nor does whoever is recorded give the item out, leave it out or confirm its review; and a token, which names nobody who
could be told from those, does none of it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.accounts.models import User
from services.accounts.rights import Principal, allows
from services.accounts.sessions import principal_of_user
from services.custody.work import Work
from services.errors import Conflict, Invalid, NotAllowed, NotFound, ReasonRequired
from services.oversight.filters import text_of
from services.oversight.models import SpotCheck, SpotItem
from services.oversight.reach import decide
from services.oversight.scorecards import (
    SKIPS,
    WATCHED_LEAST,
    Answer,
    Scorecard,
    check_results,
    is_faulty,
    score,
    scorecard,
)
from services.oversight.subjects import Subject, may_see, subject_of, watched_share

DUE: Final = timedelta(days=7)
"""A review is due so long after it was given out. Source: domain, rule 50."""

OPEN: Final = ("DRAWN", "ASSIGNED", "IN_REVIEW")


@dataclass(frozen=True, slots=True)
class Review:
    """
    What a reviewer says of an item; `submit` hands it in.

    `without_watching`: why it is handed in though less was watched than is asked.
    """

    answers: tuple[Answer, ...]
    results: tuple[str, ...]
    note: str | None = None
    evidence: tuple[Mapping[str, Any], ...] = ()
    submit: bool = False
    without_watching: str | None = None


def fetch_item(session: Session, row: SpotCheck, n: int, *, to_change: bool = False) -> SpotItem:
    """Give a drawn item by its number. Raises `NotFound`; the reserve is none until it takes a place."""
    key = (row.id, n)
    item = session.get(SpotItem, key, with_for_update=to_change, populate_existing=to_change)
    if item is None or item.state == "RESERVE":
        raise NotFound(f"spot check {row.id} has no drawn item {n}")
    return item


def subject(session: Session, row: SpotCheck, item: SpotItem) -> Subject:
    """Look up what an item is about."""
    return subject_of(session, item, row.definition["grade_max"])


def assign(work: Work, who: Principal, row: SpotCheck, item: SpotItem, reviewer: str) -> None:
    """
    Give an item to a reviewer, due in seven days.

    Raises:
        Conflict: it is past that, the person may not review it, or `who` is recorded.
        Invalid: there is no such account within reach.
        NotAllowed: `who` is a token.
    """
    _require_person(who)
    if item.state not in ("DRAWN", "ASSIGNED"):
        raise Conflict(f"item {item.n} is {item.state}: it is given out no more")
    user = work.session.scalars(select(User).where(User.name == reviewer)).one_or_none()
    if user is None or user.disabled_at is not None or not (who.reaches_all or user.unit_id in who.units):
        raise Invalid(f"there is no account {reviewer[:80]!r}")
    about = subject(work.session, row, item)
    _require_not_theirs(who, item, about, "gives out")
    _require_apart(work.session, row, item, principal_of_user(work.session, user), about)
    before = item.reviewer
    item.reviewer_id, item.reviewer, item.state = user.id, user.name, "ASSIGNED"
    item.assigned_at, item.due_at = work.at, work.at + DUE
    item.version += 1
    told = {"reviewer": user.name, "before": before, "due": text_of(item.due_at)}
    work.append("draw.assign", row.id, actor=who.name, item=item.n, **told)


def _require_person(who: Principal) -> None:
    """Raise `NotAllowed` for a token: whoever is recorded, or reviewed the item, may hold it."""
    if who.kind != "user":
        raise NotAllowed("drawn items are given out, left out and confirmed by a person, whom a token does not name")


def _is_of(person: Principal, about: Subject) -> bool:
    """Say whether somebody is recorded or was sent there, as far as their badge number tells."""
    return person.number is not None and person.number in about.officers


def _require_not_theirs(who: Principal, item: SpotItem, about: Subject, does: str) -> None:
    """Raise `Conflict` where an item is about `who`."""
    if _is_of(who, about):
        raise Conflict(f"{who.name} is recorded in item {item.n} or was sent there: another person {does} it")


def _require_apart(session: Session, row: SpotCheck, item: SpotItem, person: Principal, about: Subject) -> None:
    """Raise `Conflict` where somebody may not review an item."""
    if not decide(person, "spotcheck.review", row.unit_id):
        raise Conflict(f"{person.name} may not review spot checks of this unit")
    if _is_of(person, about):
        raise Conflict(f"{person.name} is recorded or was sent there: nobody reviews themselves")
    if row.definition["cross"] and person.unit == about.unit:
        raise Conflict(f"{person.name} is of the item's own unit, and this is a cross check")
    if not may_see(session, person, item, about, "recording.play"):
        raise Conflict(f"{person.name} may not play all of this footage")


def review(work: Work, who: Principal, row: SpotCheck, item: SpotItem, said: Review) -> None:
    """
    Keep what the reviewer says, and hand it in when it is whole.

    Raises:
        NotAllowed: the item was given to somebody else.
        Conflict: it is handed in already, or the reviewer turned out to be recorded.
        Invalid: answers or results outside their lists, or handed in unfinished.
        ReasonRequired: less was watched than is asked, and no reason is given.
    """
    if item.state not in ("ASSIGNED", "IN_REVIEW"):
        raise Conflict(f"item {item.n} is {item.state}: it is not in review")
    if item.reviewer_id != who.id:
        raise NotAllowed(f"item {item.n} was given to {item.reviewer}")
    about = subject(work.session, row, item)
    _require_apart(work.session, row, item, who, about)
    card = row.definition["scorecard"]
    share = watched_share(work.session, who.id, about.stretches, row.drawn_at)
    kept = _weighed(scorecard(card["id"], card["version"]), said, share, about)
    item.state = "SUBMITTED" if said.submit else "IN_REVIEW"
    item.review = kept | {"at": text_of(work.at)}
    item.version += 1
    told = {name: value for name, value in kept.items() if name not in ("scorecard", "faulty")}
    work.append(
        "draw.review", row.id, actor=who.name, item=item.n, state=item.state, scorecard=card["id"],
        version=card["version"], **told,
    )  # fmt: skip


def _weighed(card: Scorecard, said: Review, share: float | None, about: Subject) -> dict[str, Any]:
    """Weigh what a reviewer says by the card, and give what is kept of it."""
    answers = {one.line: one for one in said.answers}
    if len(answers) != len(said.answers):
        raise Invalid("a line of the card is answered twice")
    points = score(card, answers)
    results = check_results(said.results) if said.results or said.submit else ()
    if said.submit:
        _require_whole(said, results, points, share, about)
    return {
        "scorecard": {"id": card.id, "version": card.version},
        "answers": [_answer_told(one) for one in said.answers],
        "results": list(results),
        "faulty": is_faulty(results),
        "score": points,
        "watched": share,
        "note": said.note,
        "evidence": [dict(one) for one in said.evidence],
        "without_watching": said.without_watching,
    }


def _answer_told(one: Answer) -> dict[str, Any]:
    return {"line": one.line, "verdict": one.verdict, "deduction": one.deduction, "veto": one.is_veto}


def _require_whole(
    said: Review, results: Collection[str], points: int | None, share: float | None, about: Subject
) -> None:
    has_none = not about.stretches
    if has_none and "no-footage" not in results:
        raise Invalid("there is no footage of this item: its result is `no-footage`")
    if "no-footage" in results and not has_none:
        raise Invalid(f"there is footage of this item: {len(about.stretches)} recordings")
    if points is None and not has_none:
        raise Invalid("every line of the card is answered before a review is handed in")
    if not has_none and (share is None or share < WATCHED_LEAST) and said.without_watching is None:
        seen = "nobody can say how much" if share is None else f"{share:.0%}"
        raise ReasonRequired(f"{seen} of the footage was watched, {WATCHED_LEAST:.0%} are asked: say why")


def skip(work: Work, who: Principal, row: SpotCheck, item: SpotItem, reason: str, note: str | None) -> SpotItem | None:
    """
    Leave an item out for a listed reason; gives the item of the reserve that takes its place, if one is left.

    Whether the catalogue bears the reason out is entered with it.

    Raises:
        Conflict: the item is handed in, or left out already, or `who` is recorded in it.
        Invalid: the reason is not one of the list.
        NotAllowed: the item was given to somebody else, and `who` may not define; or `who` is a token.
    """
    _require_person(who)
    if reason not in SKIPS:
        raise Invalid(f"an item is left out for one of {', '.join(SKIPS)}, not {reason[:80]!r}")
    if item.state not in OPEN:
        raise Conflict(f"item {item.n} is {item.state}: it cannot be left out")
    if item.reviewer_id != who.id and not allows(who, "spotcheck.define"):
        if item.reviewer_id is None:
            raise Conflict(f"item {item.n} was given to nobody yet")
        raise NotAllowed(f"item {item.n} was given to {item.reviewer}")
    about = subject(work.session, row, item)
    _require_not_theirs(who, item, about, "leaves out")
    borne_out = {"restricted": about.is_restricted, "damaged": about.is_damaged}.get(reason)
    other = _next_of_reserve(work.session, item)
    item.state = "SKIPPED"
    item.version += 1
    item.skip = {"reason": reason, "note": note, "by": who.name, "at": text_of(work.at), "borne_out": borne_out,
                 "replaced_by": other.n if other else None}  # fmt: skip
    if other is not None:
        other.state, other.replaces = "DRAWN", item.n
        other.version += 1
    work.append(
        "draw.skip", row.id, actor=who.name, item=item.n, reason=reason, note=note, borne_out=borne_out,
        replaced_by=other.n if other else None,
    )  # fmt: skip
    return other


def _next_of_reserve(session: Session, item: SpotItem) -> SpotItem | None:
    """The reserve is used in its order only."""
    query = select(SpotItem).where(
        SpotItem.spot_check_id == item.spot_check_id, SpotItem.stratum == item.stratum, SpotItem.state == "RESERVE"
    )
    return session.scalars(query.order_by(SpotItem.n).limit(1).with_for_update()).first()


def confirm(work: Work, who: Principal, row: SpotCheck, numbers: Sequence[int] | None) -> list[int]:
    """
    Confirm handed-in reviews (None: all of them); gives their numbers.

    Raises:
        NotAllowed: one of them is `who`'s own, or `who` is a token.
        Conflict: one is not handed in, or none is; or `who` is recorded in one.
        NotFound: there is no such item.
    """
    _require_person(who)
    query = select(SpotItem).where(SpotItem.spot_check_id == row.id).order_by(SpotItem.n).with_for_update()
    items = {item.n: item for item in work.session.scalars(query) if item.state != "RESERVE"}
    chosen = sorted(set(numbers)) if numbers else [n for n, item in items.items() if item.state == "SUBMITTED"]
    if missing := [n for n in chosen if n not in items]:
        raise NotFound(f"spot check {row.id} has no drawn item {missing[0]}")
    if not chosen:
        raise Conflict(f"nothing of spot check {row.id} is handed in and not confirmed")
    for item in (items[n] for n in chosen):
        if item.state != "SUBMITTED":
            raise Conflict(f"item {item.n} is {item.state}, not SUBMITTED")
        if item.reviewer_id == who.id:
            raise NotAllowed(f"item {item.n} was reviewed by {who.name}: another person confirms it")
        _require_not_theirs(who, item, subject(work.session, row, item), "confirms")
        item.state, item.confirmer, item.confirmed_at = "CONFIRMED", who.name, work.at
        item.version += 1
    work.append("draw.confirm", row.id, actor=who.name, items=chosen)
    return chosen
