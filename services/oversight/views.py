"""Show spot checks: what was defined, how far they are, and what they found, with the bounds that this allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.accounts.rights import Principal
from services.index.keyset import Key, Page, page
from services.oversight.bounds import Estimate, Found, rate_of, sample_size, weighted
from services.oversight.items import subject
from services.oversight.models import SpotCheck, SpotItem
from services.oversight.reach import visible_checks
from services.oversight.scorecards import MOST_SKIPPED, NO_FAULT, RESULTS
from services.oversight.seeds import label_of
from services.oversight.spotchecks import is_overdue, missing, sources_of
from services.oversight.subjects import Stretch, may_see, seen_stretches

ORDER: Final = ("DRAWN", "ASSIGNED", "IN_REVIEW", "SUBMITTED", "CONFIRMED")
REVIEWED: Final = ("SUBMITTED", "CONFIRMED")
PLANNING: Final = ((0.1, 0.95), (0.05, 0.95), (0.05, 0.99), (0.01, 0.95), (0.01, 0.99))
"""Rates and confidences for which the planning aid says how many to check. Source: domain, rule 48."""


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """An item as `who` may see it; `withheld`: its subject is one that they may not know of."""

    n: int
    stratum: str
    state: str
    kind: str
    withheld: bool
    incident: str | None
    stretches: tuple[Stretch, ...]
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


@dataclass(frozen=True, slots=True)
class StratumFacts:
    """A stratum: what it holds, what was drawn and reviewed of it, and its rate of faults."""

    name: str
    filter: dict[str, Any]
    population: int
    size: int
    reserve: int
    reviewed: int
    faults: int
    rate: Estimate


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """A spot check as a page shows it."""

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
    waiting: tuple[str, ...]
    failure: str | None
    counts: dict[str, int]
    overdue: int
    skip_rate: float | None
    findings: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True)
class ResultFacts:
    """
    What was found: each stratum, and the whole weighed by what the strata hold; each result code beside.

    `skips_not_borne_out`: how many items were left out for a reason that the catalogue spoke against.
    """

    strata: tuple[StratumFacts, ...]
    skips_not_borne_out: int
    faults: Estimate
    results: dict[str, Estimate]
    advice: tuple[tuple[float, float, int], ...]


def list_checks(session: Session, who: Principal, now: datetime, *, limit: int, cursor: str | None) -> Page[CheckFacts]:
    """List the spot checks that `who` may know of, the newest first; failed and given-up ones are among them."""
    query = select(SpotCheck).where(visible_checks(who))
    found = page(session, query, [Key(SpotCheck.id, descending=True)], limit=limit, cursor=cursor, of="spot-checks")
    return found.map(lambda rows: [facts(session, row, now) for row in rows])


def facts(session: Session, row: SpotCheck, now: datetime) -> CheckFacts:
    """Show a spot check; its state is that of the least advanced item once it is drawn."""
    states = session.execute(
        select(SpotItem.state, SpotItem.due_at).where(SpotItem.spot_check_id == row.id, SpotItem.state != "RESERVE")
    ).all()
    counts = {name: sum(state == name for state, _ in states) for name in (*ORDER, "SKIPPED")}
    late = sum(state in ("ASSIGNED", "IN_REVIEW") and due is not None and due < now for state, due in states)
    drawn = sum(counts.values())
    skip_rate = counts["SKIPPED"] / drawn if drawn else None
    state = "FAILED" if is_overdue(row, now) else row.state
    if state == "DRAWN":
        state = next((name for name in ORDER if counts[name]), "CONFIRMED")
    return CheckFacts(
        id=row.id,
        number=row.number,
        programme=row.programme,
        unit=row.definition["unit"],
        state=state,
        label=label_of(sources_of(row)),
        definition=dict(row.definition),
        definer=row.definer,
        defined_at=row.defined_at,
        drawn_at=row.drawn_at,
        reveal_until=row.reveal_until if sources_of(row) else None,
        waiting=tuple(f"{one.kind} of {one.by}" for one in missing(row)) if row.state in ("FROZEN", "SEEDED") else (),
        failure=row.failure or ("an outside input was not told in time" if state == "FAILED" else None),
        counts=counts,
        overdue=late,
        skip_rate=skip_rate,
        findings=_findings(row, state, skip_rate, late),
        version=row.version,
    )


def _findings(row: SpotCheck, state: str, skip_rate: float | None, late: int) -> tuple[str, ...]:
    told = {
        "skip-rate": skip_rate is not None and skip_rate > MOST_SKIPPED,
        "overdue": late > 0,
        "second-definition": bool(row.definition["second_of"]),
        "failed": state == "FAILED",
        "agency-seeded": not sources_of(row),
    }
    return tuple(name for name, holds in told.items() if holds)


def results(session: Session, row: SpotCheck) -> ResultFacts:
    """Say what the reviews found, with exact bounds; only what was handed in counts."""
    items = session.execute(
        select(SpotItem.stratum, SpotItem.review).where(SpotItem.spot_check_id == row.id, SpotItem.state.in_(REVIEWED))
    ).all()
    told = [(stratum, review or {}) for stratum, review in items]
    strata = tuple(_stratum(number, one, told) for number, one in enumerate(row.definition["strata"]))
    faults = weighted([Found(one.population, one.reviewed, one.faults) for one in strata])
    seen = {code for _, review in told for code in review["results"]} - NO_FAULT
    by_code = {code: _rate_of_code(code, strata, told) for code in RESULTS if code in seen}
    size = row.definition["population"]
    advice = tuple((rate, sure, sample_size(size, rate, sure)) for rate, sure in PLANNING) if size else ()
    return ResultFacts(strata, _skips_not_borne_out(session, row), faults, by_code, advice)


def _skips_not_borne_out(session: Session, row: SpotCheck) -> int:
    skips = session.scalars(select(SpotItem.skip).where(SpotItem.spot_check_id == row.id, SpotItem.state == "SKIPPED"))
    return sum((one or {}).get("borne_out") is False for one in skips)


def _stratum(number: int, told: Mapping[str, Any], reviews: Sequence[tuple[int, Mapping[str, Any]]]) -> StratumFacts:
    own = [review for stratum, review in reviews if stratum == number]
    faults = sum(bool(review["faulty"]) for review in own)
    return StratumFacts(
        told["name"], dict(told["filter"]), told["population"], told["size"], told["reserve"], len(own), faults,
        rate_of(faults, len(own)),
    )  # fmt: skip


def _rate_of_code(
    code: str, strata: Sequence[StratumFacts], reviews: Sequence[tuple[int, Mapping[str, Any]]]
) -> Estimate:
    counts = [sum(n == number and code in review["results"] for n, review in reviews) for number in range(len(strata))]
    return weighted([Found(one.population, one.reviewed, count) for one, count in zip(strata, counts, strict=True)])


def list_items(
    session: Session, who: Principal, row: SpotCheck, now: datetime, *, after: int = 0, limit: int
) -> list[ItemFacts]:
    """List the drawn items behind number `after`, the reserve only as far as it took a place."""
    drawn = SpotItem.spot_check_id == row.id, SpotItem.state != "RESERVE", SpotItem.n > after
    query = select(SpotItem).where(*drawn).order_by(SpotItem.n).limit(limit)
    return [item_facts(session, who, row, item, now) for item in session.scalars(query).all()]


def item_facts(session: Session, who: Principal, row: SpotCheck, item: SpotItem, now: datetime) -> ItemFacts:
    """Show an item; what `who` may not know of is not there, and that something is withheld is said."""
    about = subject(session, row, item)
    seen = may_see(session, who, item, about)
    late = item.state in ("ASSIGNED", "IN_REVIEW") and item.due_at is not None and item.due_at < now
    return ItemFacts(
        n=item.n,
        stratum=row.definition["strata"][item.stratum]["name"],
        state=item.state,
        kind=item.kind,
        withheld=not seen,
        incident=about.number if seen else None,
        stretches=seen_stretches(session, who, about) if seen else (),
        replaces=item.replaces,
        reviewer=item.reviewer,
        assigned_at=item.assigned_at,
        due_at=item.due_at,
        overdue=late,
        skip=item.skip,
        review=item.review,
        confirmer=item.confirmer,
        confirmed_at=item.confirmed_at,
        version=item.version,
    )
