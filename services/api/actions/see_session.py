"""See a session: its recordings on one axis, as far as one may see them."""

from collections.abc import Sequence

from services.accounts.rights import Principal
from services.bootstrap import Archive
from services.index.models import Recording, SessionRow
from services.index.session_axis import Laid, fetch_session, lay, wanting_own_clock
from services.index.session_view import SessionFacts, facts, measured
from services.media.ownclock import own_clock


def see_session(archive: Archive, who: Principal, name: str) -> SessionFacts:
    """
    Show a session by its id or number.

    Raises:
        NotFound: there is none, or none of whose recordings `who` may know.
        StoreUnavailable: the clocks inside its recordings cannot be read now.
    """
    laid = lay_out(archive, who, "recording.see", name)
    with archive.reading() as session:
        return facts(laid, measured(session, laid))


def lay_out(archive: Archive, who: Principal, action: str, name: str) -> Laid:
    """Lay out those recordings of a session with which `who` may do `action`; raises as `fetch_session`."""
    with archive.reading() as session:
        row, recordings = fetch_session(session, who, action, name)
    return laid_out(archive, row, recordings)


def laid_out(archive: Archive, row: SessionRow, recordings: Sequence[Recording]) -> Laid:
    """Lay out these recordings, with the clocks that their frames carry."""
    indexes = {name: archive.index_of(name) for name in wanting_own_clock(recordings)}
    own = {name: clock for name, index in indexes.items() if index is not None and (clock := own_clock(index))}
    return lay(row, recordings, own)
