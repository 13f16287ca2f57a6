"""Define spot checks, draw, review what was drawn, and prove the draw to anybody."""

from typing import Annotated, Any

from fastapi import Path, Query

from services.api import schemas
from services.api import spot_schemas as shapes
from services.api.actions.define_check import define_check
from services.api.actions.draw_check import draw_check, reveal_input
from services.api.actions.review_item import assign_item, confirm_reviews, review_item, skip_item
from services.api.actions.see_check import check_history, list_drawn, prove_draw, see_check, see_item, shape
from services.api.actions.see_check import list_checks as list_seen
from services.api.admission import ArchiveDep, Who
from services.api.deps import LIMIT_DEFAULT, Cursor, Limit, ThingId
from services.api.footage_schemas import HistoryLine as HistoryShape
from services.api.registry import Routes
from services.oversight.bounds import CONFIDENCE, MOST, sample_size
from services.oversight.items import Review
from services.oversight.scorecards import RESULTS, SKIPS, Answer, presets
from services.oversight.views import CheckFacts

routes = Routes("spot-checks")

ItemNumber = Annotated[int, Path(alias="n", ge=1, le=1_000_000, description="number of the drawn item")]

EXAMPLE = {
    "programme": "每月抽查",
    "unit": "D1",
    "from": "2026-02-01T00:00:00+08:00",
    "to": "2026-03-01T00:00:00+08:00",
    "ticket": "segment",
    "filter": {"kind": ["body"], "min_length": 60},
    "strata": [{"name": "盘查", "filter": {"category": ["STOP_CHECK"]}, "size": 10}],
    "size": 30,
    "reserve": 5,
    "seed_sources": [{"kind": "nonce", "by": "监督员", "commitment": "00" * 32}],
    "grade_max": 2,
}


@routes.declare(
    "POST", "/spot-checks", action="spotcheck.define", status_code=201, response_model=shapes.SpotCheck,
    example=EXAMPLE,
)  # fmt: skip
def define_spot_check(body: shapes.NewSpotCheck, archive: ArchiveDep, who: Who) -> CheckFacts:
    """Define a spot check and freeze what it is drawn from, in one transaction."""
    return define_check(archive, who, body.told())


@routes.declare("GET", "/spot-checks", action="spotcheck.see", response_model=schemas.PageOf[shapes.SpotCheck])
def list_spot_checks(archive: ArchiveDep, who: Who, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None) -> Any:
    """List spot checks, the newest first; failed ones and those that were given up stay listed."""
    return list_seen(archive, who, limit, cursor)


@routes.declare(
    "GET", "/spot-checks/sample-size", action="spotcheck.see", response_model=shapes.SampleSize
)  # fmt: skip
def advise_size(
    population: Annotated[int, Query(ge=1, le=MOST)],
    rate: Annotated[float, Query(gt=0, lt=1, description="rate of faults to be shown to be lower")],
    confidence: Annotated[float, Query(gt=0, lt=1)] = CONFIDENCE,
) -> dict[str, Any]:
    """Say how many of a population to check, so that finding no fault shows a lower rate than this."""
    size = sample_size(population, rate, confidence)
    return {"population": population, "rate": rate, "confidence": confidence, "size": size}


@routes.declare("GET", "/spot-checks/scorecards", action="spotcheck.see", response_model=shapes.Cards)
def list_scorecards() -> dict[str, Any]:
    """List the scorecards in all their versions, and the closed lists beside them."""
    return {"cards": presets(), "results": RESULTS, "skips": SKIPS}


@routes.declare(
    "GET", "/spot-checks/{id}", action="spotcheck.see", about="spot-check", response_model=shapes.SpotCheckPage
)
def see_spot_check(check: ThingId, archive: ArchiveDep, who: Who) -> dict[str, Any]:
    """Show what was frozen, how far it is, what it waits for and what it found."""
    return see_check(archive, who, check)


@routes.declare(
    "POST", "/spot-checks/{id}/draw", action="spotcheck.define", about="spot-check", response_model=shapes.SpotCheck
)
def draw_spot_check(check: ThingId, archive: ArchiveDep, who: Who) -> CheckFacts:
    """Seed the spot check from the first signed head that holds it, and draw where no outside input is awaited."""
    return draw_check(archive, who, check)


@routes.declare(
    "POST", "/spot-checks/{id}/reveal", action="spotcheck.reveal", about="spot-check",
    response_model=shapes.SpotCheck, example={"kind": "nonce", "value": "00" * 32},
)  # fmt: skip
def reveal_spot_check(check: ThingId, body: shapes.OutsideInput, archive: ArchiveDep, who: Who) -> CheckFacts:
    """Tell an outside input that the definition names; the last one makes the draw."""
    return reveal_input(archive, who, check, body.kind, body.value)


@routes.declare("GET", "/spot-checks/{id}/proof", action="spotcheck.see", about="spot-check")
def prove_spot_check(check: ThingId, archive: ArchiveDep, who: Who) -> dict[str, Any]:
    """Give everything that a stranger needs to repeat the draw, without us and offline."""
    return prove_draw(archive, who, check)


@routes.declare(
    "GET", "/spot-checks/{id}/history", action="spotcheck.see", about="spot-check",
    response_model=schemas.PageOf[HistoryShape],
)  # fmt: skip
def see_spot_check_history(
    check: ThingId, archive: ArchiveDep, who: Who, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Any:
    """Tell everything that ever happened to a spot check: who gave out, left out, reviewed and confirmed what."""
    return check_history(archive, who, check, limit, cursor)


@routes.declare(
    "GET", "/spot-checks/{id}/items", action="spotcheck.see", about="spot-check",
    response_model=schemas.PageOf[shapes.SpotItem],
)  # fmt: skip
def list_spot_items(
    check: ThingId, archive: ArchiveDep, who: Who, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Any:
    """List the drawn items; the reserve shows only as far as it took a place."""
    return list_drawn(archive, who, check, limit, cursor)


@routes.declare(
    "GET", "/spot-checks/{id}/items/{n}", action="spotcheck.see", about="spot-item", response_model=shapes.SpotItem
)
def see_spot_item(check: ThingId, n: ItemNumber, archive: ArchiveDep, who: Who) -> dict[str, Any]:
    """Show a drawn item: what it is about, as far as one may know, and what became of it."""
    return see_item(archive, who, check, n)


@routes.declare(
    "POST", "/spot-checks/{id}/items/{n}/assign", action="spotcheck.define", about="spot-item",
    response_model=shapes.SpotItem, example={"reviewer": "wang"},
)  # fmt: skip
def assign_spot_item(
    check: ThingId, n: ItemNumber, body: shapes.Assignment, archive: ArchiveDep, who: Who
) -> dict[str, Any]:
    """Give an item to a reviewer; nobody reviews themselves."""
    return shape(assign_item(archive, who, check, n, body.reviewer))


@routes.declare(
    "POST", "/spot-checks/{id}/items/{n}/skip", action="spotcheck.review", about="spot-item",
    response_model=shapes.SpotItem, example={"reason": "damaged", "note": "无法播放"},
)  # fmt: skip
def skip_spot_item(check: ThingId, n: ItemNumber, body: shapes.Skip, archive: ArchiveDep, who: Who) -> dict[str, Any]:
    """Leave an item out for a listed reason; the next of its stratum's reserve takes its place."""
    return shape(skip_item(archive, who, check, n, body.reason, body.note))


@routes.declare(
    "POST", "/spot-checks/{id}/items/{n}/review", action="spotcheck.review", about="spot-item",
    response_model=shapes.SpotItem, example={"results": ["none"], "submit": False},
)  # fmt: skip
def review_spot_item(
    check: ThingId, n: ItemNumber, body: shapes.SpotReview, archive: ArchiveDep, who: Who
) -> dict[str, Any]:
    """Keep a review, or hand it in; what of the footage was watched is taken from the reviewer's viewings."""
    said = Review(
        answers=tuple(Answer(one.line, one.verdict, one.deduction, one.veto) for one in body.answers),
        results=tuple(body.results),
        note=body.note,
        evidence=tuple(one.model_dump(exclude_none=True) for one in body.evidence),
        submit=body.submit,
        without_watching=body.without_watching,
    )
    return shape(review_item(archive, who, check, n, said))


@routes.declare(
    "POST", "/spot-checks/{id}/confirm", action="spotcheck.define", about="spot-check",
    response_model=shapes.Confirmed, example={"items": []},
)  # fmt: skip
def confirm_spot_check(
    check: ThingId, archive: ArchiveDep, who: Who, body: shapes.Confirmation | None = None
) -> dict[str, Any]:
    """Confirm handed-in reviews; nobody confirms their own."""
    return {"items": confirm_reviews(archive, who, check, body.items if body else None)}
