"""Take a still: one exact frame of the original, with what names it so that anybody can find it again."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.accounts.rights import Principal
from services.api.actions.citation import citation as _citation
from services.api.actions.clip import Source, source_of
from services.api.actions.look import look
from services.api.actions.open_viewing import Wish
from services.api.stored import Stored
from services.bootstrap import Archive
from services.digest import Digest
from services.errors import NoDecoder, NotPlayable, RangeOutside, ToolFailed, TooManyRequests, Unplayable
from services.media.frametimes import FrameTimes
from services.media.picturefile import Form, with_texts
from services.media.stills import IndexedStill, still, still_by_index
from services.media.timecode import print_seconds
from services.media.virtual import Extent, Flow

log = logging.getLogger(__name__)

AT_ONCE: Final = 8
"""Stills for which a whole file is opened at once; those of an index wait for a decoder in its own line."""

PATIENCE_S: Final = 30.0
_PLACES = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Still:
    """A picture that may leave, and its citation: names and values, the same in headers and in a PNG's texts."""

    picture: bytes
    citation: dict[str, str]


def take_still(
    archive: Archive,
    who: Principal,
    recording_id: str,
    which: Fraction | int,
    wish: Wish,
    *,
    form: Form = "jpeg",
    width: int | None = None,
) -> Still:
    """
    Give the frame that is shown at so many seconds, or (a whole number) the frame with it; the look is entered first.

    Raises:
        NotFound, NotAllowed, Gone, ReasonRequired: as `look`.
        RangeOutside: the recording has no such moment, or no such frame.
        NotReady, NotPlayable, NoDecoder, Unplayable: there is nothing (yet) to show.
        TooManyRequests: too many stills are being made now.
    """
    source = source_of(archive, who, recording_id, "recording.play")
    if source.facts.video is None or source.frame_times is None:
        raise NotPlayable("this recording has no pictures")
    if not source.facts.video.decodable:
        raise NoDecoder(f"no decoder for {source.facts.video.codec} may run here")
    frame = _frame(source, source.frame_times, which)
    moment = source.frame_times.time_of(frame)
    seen = look(archive, who, recording_id, "recording.play", wish)
    seen.note_times(float(moment), float(moment))
    try:
        made = _from_index(archive, source, frame, form, width)
        picture = made.picture if made else _from_file(archive, source, moment, form, width)
    except ToolFailed as error:  # a decoder that dies of a file says something of the file
        log.warning("frame was not decoded", extra={"recording": recording_id, "frame": frame, "error": str(error)})
        raise Unplayable(f"frame {frame} of this recording cannot be decoded: {error}") from error
    citation = _citation(recording_id, source, source.frame_times, frame, made)
    picture = with_texts(picture, citation) if form == "png" else picture
    seen.note_sent(len(picture))
    return Still(picture, citation)


def _frame(source: Source, frame_times: FrameTimes, which: Fraction | int) -> int:
    if isinstance(which, int):
        frame_times.time_of(which)
        return which
    if which >= source.facts.duration:
        raise RangeOutside(
            f"the recording has {print_seconds(source.facts.duration)} seconds; nothing is at {print_seconds(which)}"
        )
    return frame_times.shown_at(which)


def _from_index(archive: Archive, source: Source, frame: int, form: Form, width: int | None) -> IndexedStill | None:
    """Read one group of pictures, usually by one request, and have it decoded."""
    if source.index is None:
        return None

    def read(extents: Sequence[Extent]) -> bytes:
        return read_extents(archive, source.stored, extents)

    return still_by_index(source.index, source.facts, frame, read, archive.decoders, form=form, width=width)


def read_extents(archive: Archive, stored: Stored, extents: Sequence[Extent]) -> bytes:
    """
    Read stretches of a stored file as one.

    Raises:
        IntegrityError: the store has no such object, or a shorter one. Raise the alarm.
        StoreUnavailable: try again later.
    """
    flow = Flow(extents, lambda _, offset, length: stored.open(archive.store, offset, length))
    try:
        return b"".join(block.content for block in flow)
    finally:
        flow.close()


def _from_file(archive: Archive, source: Source, moment: Fraction, form: Form, width: int | None) -> bytes:
    stored = source.stored
    if not _PLACES.acquire(timeout=PATIENCE_S):
        raise TooManyRequests(f"{AT_ONCE} stills are being made already", retry_after_s=5)
    try:
        with archive.store.lend(stored.key, stored.version, Digest.from_hex(stored.sha256)) as path:
            return still(path, source.facts, source.frame_times, moment, form=form, width=width)
    finally:
        _PLACES.release()
