"""Say how far the archive's bytes were read again, and which are not what was taken in."""

from datetime import datetime

from services.api.admission import ArchiveDep
from services.api.registry import Routes
from services.api.schemas import Shape
from services.index.fixity import progress

routes = Routes("custody")


class FixityFailure(Shape):
    """A stored original that is not what was taken in: whose it is, since when, in which way."""

    recordings: list[str]
    since: datetime
    outcome: str


class FixityStatus(Shape):
    """
    How far every stored byte was read again within the cycle of `days`; sizes in bytes.

    `failing` originals are not what was taken in (pages show a red banner unless it is 0); `failures` names the oldest
    hundred. `late` originals were not read for longer than a cycle. `oldest_at` is the longest past of all last
    readings; `last_day` the last day whose root is in the ledger.
    """

    days: int
    objects: int
    objects_read: int
    bytes_total: int
    bytes_read: int
    late: int
    oldest_at: datetime | None
    last_day: str | None
    failing: int
    failures: list[FixityFailure]


@routes.declare("GET", "/custody/fixity", action="ledger.see", response_model=FixityStatus)
def see_fixity(archive: ArchiveDep) -> FixityStatus:
    """Show how far the stored originals were read again, and what failed."""
    with archive.reading() as session:
        now = progress(session, archive.clock(), archive.settings.fixity_days)
    return FixityStatus(
        days=now.days,
        objects=now.objects,
        objects_read=now.objects_read,
        bytes_total=now.bytes_total,
        bytes_read=now.bytes_read,
        late=now.late,
        oldest_at=now.oldest_at,
        last_day=now.last_day,
        failing=now.failing,
        failures=[
            FixityFailure(recordings=list(one.recordings), since=one.since, outcome=one.outcome) for one in now.failures
        ],
    )
