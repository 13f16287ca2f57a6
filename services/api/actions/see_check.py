"""See spot checks and drawn items, and the proof of a draw."""

from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from services.accounts.rights import Principal
from services.api.actions.read_history import HistoryLine, history_page
from services.bootstrap import Archive
from services.custody.cosignature import DrawRequest
from services.custody.heads import cosigned_note
from services.errors import Invalid
from services.index.keyset import Page
from services.oversight import items, proofs, views
from services.oversight.models import SpotCheck
from services.oversight.reach import fetch_check
from services.oversight.spotchecks import fixed, missing
from services.oversight.views import CheckFacts, ItemFacts


def list_checks(archive: Archive, who: Principal, limit: int, cursor: str | None) -> Page[CheckFacts]:
    """List the spot checks that `who` may know of, the newest first; raises `Invalid` for a strange cursor."""
    with archive.reading() as session:
        return views.list_checks(session, who, archive.clock(), limit=limit, cursor=cursor)


def see_check(archive: Archive, who: Principal, check_id: str) -> dict[str, Any]:
    """Show a spot check with what it found; raises `NotFound`."""
    with archive.reading() as session:
        row = fetch_check(session, who, "spotcheck.see", check_id)
        told = asdict(views.facts(session, row, archive.clock()))
        found = asdict(views.results(session, row))
        found["advice"] = [dict(zip(("rate", "confidence", "size"), one, strict=True)) for one in found["advice"]]
        return told | {"found": found, "witness_request": _request(session, row)}


def _request(session: Session, row: SpotCheck) -> str | None:
    """Write what is carried to a witness that the draw waits for."""
    if row.state != "SEEDED" or not any(one.kind == "witness" for one in missing(row)):
        return None
    at = fixed(session, row)
    return DrawRequest(at.leaf_hash, cosigned_note(session, at.head).encode()).content.decode() if at else None


def prove_draw(archive: Archive, who: Principal, check_id: str) -> dict[str, Any]:
    """Give the proof of a draw; raises `NotFound`, and as `proof_of`."""
    with archive.reading() as session:
        return proofs.proof_of(session, fetch_check(session, who, "spotcheck.see", check_id))


def list_drawn(archive: Archive, who: Principal, check_id: str, limit: int, cursor: str | None) -> Page[dict[str, Any]]:
    """List drawn items by their numbers; raises `NotFound`, and `Invalid` for a strange cursor."""
    after = 0 if cursor is None else int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 8 else -1
    if after < 0:
        raise Invalid(f"not a cursor of this list: {(cursor or '')[:80]!r}")
    with archive.reading() as session:
        row = fetch_check(session, who, "spotcheck.see", check_id)
        found = views.list_items(session, who, row, archive.clock(), after=after, limit=limit + 1)
    following = str(found[limit - 1].n) if len(found) > limit else None
    return Page(tuple(shape(one) for one in found[:limit]), following)


def see_item(archive: Archive, who: Principal, check_id: str, n: int) -> dict[str, Any]:
    """Show a drawn item; raises `NotFound`."""
    with archive.reading() as session:
        row = fetch_check(session, who, "spotcheck.see", check_id)
        item = items.fetch_item(session, row, n)
        return shape(views.item_facts(session, who, row, item, archive.clock()))


def check_history(archive: Archive, who: Principal, check_id: str, limit: int, cursor: str | None) -> Page[HistoryLine]:
    """Tell everything that ever happened to a spot check, every skip and review; raises `NotFound`, `Invalid`."""
    with archive.reading() as session:
        return history_page(session, fetch_check(session, who, "spotcheck.see", check_id).id, limit, cursor)


def shape(item: ItemFacts) -> dict[str, Any]:
    """Write an item as the API does."""
    stretches = [{"recording": one.recording, "start": one.starts_s, "end": one.ends_s} for one in item.stretches]
    return asdict(item) | {"stretches": stretches}
