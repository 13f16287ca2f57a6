"""Take a still: one frame of the original, decoded in a child of its own."""

import threading
from fractions import Fraction
from typing import Final

from services.accounts.rights import Principal
from services.api.actions.clip import source_of
from services.api.actions.look import look
from services.api.actions.open_viewing import Wish
from services.bootstrap import Archive
from services.digest import Digest
from services.errors import NotPlayable, RangeOutside, TooManyRequests
from services.media.stills import still
from services.media.timecode import print_seconds

AT_ONCE: Final = 8
PATIENCE_S: Final = 30.0
_PLACES = threading.BoundedSemaphore(AT_ONCE)


def take_still(
    archive: Archive, who: Principal, recording_id: str, at: Fraction, width: int | None, wish: Wish
) -> bytes:
    """
    Give the frame that is shown at `at` seconds as JPEG; the look is entered first.

    Raises:
        NotFound, NotAllowed, Gone, ReasonRequired: as `look`.
        RangeOutside: the recording has no such moment.
        NotReady, NotPlayable, NoDecoder, Unplayable: there is nothing (yet) to show.
        TooManyRequests: too many stills are being made now.
    """
    source = source_of(archive, who, recording_id, "recording.play")
    if source.facts.video is None or source.frame_times is None:
        raise NotPlayable("this recording has no pictures")
    if at >= source.facts.duration:
        raise RangeOutside(
            f"the recording has {print_seconds(source.facts.duration)} seconds; nothing is at {print_seconds(at)}"
        )
    seen = look(archive, who, recording_id, "recording.play", wish)
    stored = source.stored
    if not _PLACES.acquire(timeout=PATIENCE_S):
        raise TooManyRequests(f"{AT_ONCE} stills are being made already", retry_after_s=5)
    try:
        with archive.store.lend(stored.key, stored.version, Digest.from_hex(stored.sha256)) as path:
            picture = still(path, source.facts, source.frame_times, at, width=width)
    finally:
        _PLACES.release()
    seen.note_times(float(at), float(at))
    seen.note_sent(len(picture))
    return picture
