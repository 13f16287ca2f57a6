"""Recover: two persons bring an archive forward whose database was lawfully set back, and one entry says how far."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from services.accounts.models import User
from services.bootstrap import Archive, new_id
from services.custody.events import SYSTEM
from services.custody.forward import bring_forward, find_missing, keep_published_heads, recovering
from services.custody.publish import published_head
from services.custody.published import PublishedLog
from services.custody.witnessing import load_policy
from services.errors import HeadRefused
from services.index.upkeep import Recovery
from services.ingest.recovery.footage import Rebuilt, rebuild
from services.ingest.recovery.losses import Losses, count_since, list_losses
from services.ingest.recovery.signed import Signed


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a recovery came to; `event` is its entry, None: there was nothing to recover."""

    first: int
    end: int
    unsigned: int
    displaced: int
    heads: int
    rebuilt: tuple[Rebuilt, ...]
    losses: Losses
    event: str | None

    @property
    def table(self) -> Iterator[tuple[str, ...]]:
        """Tell it line by line: what came back, and what is lost."""
        yield "entries", "back", str(self.end - self.first)
        yield "entries", "not signed yet", str(self.unsigned)
        yield "entries", "given later places", str(self.displaced)
        yield "entries", "lost their values", str(self.losses.values)
        yield "heads", "back", str(self.heads)
        for one in self.rebuilt:
            yield (
                ("lost", "arrival", one.arrival, one.trouble)
                if one.trouble
                else ("back", "arrival", one.arrival, str(one.recording))
            )
        for thing in self.losses.things:
            yield "lost", thing.about, thing.obj, thing.event, thing.at.isoformat()
        for event, count in self.losses.events.items():
            yield "lost", "values", event, str(count)


def recover(archive: Archive, signed: Signed, persons: tuple[User, User]) -> Recovered:
    """
    Bring log and catalogue forward to what was published and signed. Repeating it goes on where it ended.

    Raises:
        HeadRefused: the database, what was published and what was signed are not one history; nothing was changed.
        ProofRefused: what was published is damaged; nothing was changed.
        Misconfigured: the policy that names the witnesses cannot be read; nothing was changed.
        StoreUnavailable, DatabaseBusy: it was cut short; repeat it.
    """
    if signed.size == 0 and published_head(archive.store) is not None:
        raise HeadRefused("a head was published, but the signer remembers none: give it its memory back first")
    published, witnesses = PublishedLog(archive.store), load_policy(archive.settings.policy_file).witness_keys
    begun = _forward(archive, published, signed)
    heads = keep_published_heads(archive.engine, published, signed.keys, witnesses, archive.clock())
    rebuilt = tuple(rebuild(archive))
    with archive.reading() as session:
        losses = list_losses(session, begun.first, begun.end)
    is_nothing = begun.first == begun.end and not any(one.trouble is None for one in rebuilt)
    event = None if is_nothing else _enter(archive, begun, signed, persons, losses)
    return Recovered(begun.first, begun.end, begun.unsigned, begun.displaced, heads, rebuilt, losses, event)


def _forward(archive: Archive, published: PublishedLog, signed: Signed) -> Recovery:
    """Enter what is missing, and note it in the same transaction; give the noted one where a run was cut short."""
    missing = find_missing(archive.engine, published, signed.size, signed.root)
    if missing.first == missing.end:
        with archive.reading() as session:
            open_one = session.scalars(
                select(Recovery).where(Recovery.event_id.is_(None)).order_by(Recovery.id)
            ).first()
        return open_one or Recovery(
            id=new_id(), first=missing.end, end=missing.end, unsigned=0, displaced=0, begun_at=archive.clock()
        )
    now = archive.clock()
    with recovering(archive.engine) as session:
        moved = bring_forward(session, published, missing, now)
        row = Recovery(
            id=new_id(), first=missing.first, end=missing.end, unsigned=missing.unsigned, displaced=moved, begun_at=now
        )
        session.add(row)
    return row


def _enter(
    archive: Archive,
    begun: Recovery,
    signed: Signed,
    persons: tuple[User, User],
    losses: Losses,
) -> str:
    with archive.work() as work:
        row = work.session.get(Recovery, begun.id, with_for_update=True)
        if row is None:
            row = begun
            work.session.add(row)
        row.event_id = work.append(
            "sys.recover",
            SYSTEM,
            actor=persons[0].name,
            approver=persons[1].name,
            recovery=row.id,
            first=row.first,
            end=row.end,
            unsigned=row.unsigned,
            displaced=row.displaced,
            head_size=signed.size,
            head_root=signed.root.hex(),
            rebuilt=count_since(work.session, row.end, "rec.rebuild"),
            values_lost=losses.values,
            lost=losses.counts,
        )
        return row.event_id
