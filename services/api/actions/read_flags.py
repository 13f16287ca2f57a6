"""List what machines found about a recording, with what people said to it."""

from services.accounts.rights import Principal
from services.bootstrap import Archive
from services.index.flags import flags_of
from services.index.visible import fetch
from services.media.facts import Flag


def read_flags(archive: Archive, who: Principal, recording_id: str) -> tuple[list[Flag], int]:
    """
    Give a recording's flags in the order of time, dismissed ones too, and the version they are of.

    Raises:
        NotFound: there is no such recording, or none that `who` may know of.
    """
    with archive.reading() as session:
        row = fetch(session, who, "recording.see", recording_id)
        flags = sorted(flags_of(row), key=lambda flag: (flag.start is not None, flag.start or 0, flag.kind))
        return flags, row.version
