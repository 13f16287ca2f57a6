"""Name what the API wants done again and again by one process of the archive (`huisu beat`, or `up`)."""

from collections.abc import Callable, Sequence

from services.accounts.denials import flush_denials
from services.accounts.sessions import sweep
from services.bootstrap import Archive


def api_rounds(archive: Archive) -> Sequence[tuple[str, float, Callable[[], object]]]:
    """Give (name, every so many seconds, what to do)."""

    def forget() -> None:
        with archive.plain() as session:
            sweep(session, archive.clock())

    return [
        ("denials", 5, lambda: flush_denials(archive)),
        ("forget", 600, forget),
    ]
