"""Cut a clip from the original: the entries first, then its frames, and nothing that was not asked for."""

import contextlib
import hashlib
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.accounts.rights import Principal
from services.api.actions import exact
from services.api.actions.entered import Entered
from services.api.actions.look import Look, look
from services.api.actions.open_viewing import Wish, require_present
from services.api.actions.play import unmade
from services.api.stored import Stored
from services.bootstrap import Archive
from services.digest import Digest
from services.errors import ClipTooLong, Invalid, NotPlayable, TooManyRequests, VerbatimNotPossible
from services.index.models import Object, Recording
from services.index.visible import fetch
from services.media import framefile, muxing
from services.media.clip import ExactPlan, encode_exact, plan_exact, require_encodable
from services.media.facts import FrameTimes, MediaFacts
from services.media.frames import FrameIndex
from services.media.smartcut import SmartCut
from services.media.smartplan import Unfit
from services.media.timecode import TimeRange, print_seconds
from services.media.verbatim import Verbatim, cut_verbatim
from services.media.virtual import VirtualFile

AT_ONCE: Final = 8
"""Clips that one process encodes at once; further ones wait up to `PATIENCE_S`."""

PATIENCE_S: Final = 30.0
ENTERED: Final = Entered()
_PLACES = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Source:
    """
    What clips and stills are made from: the original, what is known of it, the time of each frame.

    `index` is None where an older version examined it, until it is indexed again.
    """

    stored: Stored
    facts: MediaFacts
    frame_times: FrameTimes | None
    index: FrameIndex | None
    filename: str


@dataclass(frozen=True, slots=True)
class Clip:
    """
    A clip that may leave: what it holds, how it was made, and its bytes.

    `body` is a virtual file, of which any range may be asked for under `etag`; or bytes as they are encoded, which
    raise when the clip cannot be finished: break the connection then, and close them when the line is gone.
    `reason` says why nothing of an exact clip could be copied.
    """

    kind: str
    start: Fraction
    end: Fraction
    frames: tuple[int, int] | None
    copied: tuple[int, int] | None
    filename: str
    look: Look
    stored: Stored
    body: "VirtualFile | EncodedFlow"
    etag: str | None = None
    reason: str | None = None


def clip(
    archive: Archive,
    who: Principal,
    recording_id: str,
    start: Fraction,
    end: Fraction | None,
    mode: str,
    wish: Wish,
    *,
    goes_on: bool = False,
) -> Clip:
    """
    Enter that `who` takes [start, end) of a recording (`end` None: to its end), and begin to make it.

    `goes_on` says that the request may be for a further part of a clip that was entered in this viewing.

    Raises:
        NotFound, NotAllowed, Gone, ReasonRequired: as `look`.
        Invalid: no such mode; as RangeOutside, ClipTooLong: the range cannot be.
        VerbatimNotPossible: the stretch cannot be copied as it is; the message says why.
        NotReady, NotPlayable, NoDecoder: there is nothing (yet) to cut from.
        TooManyRequests: too many clips are being made now.
    """
    source = source_of(archive, who, recording_id, "recording.clip")
    wanted = TimeRange(start, source.facts.duration if end is None else end)
    plan = _plan(source, wanted, mode)
    seen = look(archive, who, recording_id, "recording.clip", wish)
    first, last = plan.frames or (0, 0) if isinstance(plan, Verbatim) else (plan.first_frame, plan.end_frame)
    if not (goes_on and ENTERED.has(seen.viewing, mode, start, end)):
        with archive.work() as work:
            work.append(
                "rec.clip", recording_id, actor=who.name, viewing=seen.viewing, mode=mode,
                start=print_seconds(plan.start), end=print_seconds(plan.end), first_frame=first, end_frame=last,
            )  # fmt: skip
    seen.note_times(float(plan.start), float(plan.end))
    made = make_verbatim(source, plan, seen) if isinstance(plan, Verbatim) else make_exact(archive, source, plan, seen)
    if isinstance(made.body, VirtualFile):  # others come whole each time, whatever range is asked for
        ENTERED.add(seen.viewing, mode, start, end)
    return made


def make_verbatim(source: Source, plan: Verbatim, seen: Look) -> Clip:
    """Give whole groups of pictures as a virtual file: nothing is read before its first byte leaves."""
    etag = _etag(source, "verbatim", plan.samples, plan.start, plan.end)
    return Clip(
        "verbatim", plan.start, plan.end, plan.frames, plan.frames, _filename(source, plan), seen,
        source.stored.as_part("original:clip"), plan.file, etag,
    )  # fmt: skip


def make_exact(archive: Archive, source: Source, plan: ExactPlan, seen: Look) -> Clip:
    """
    Make exactly the frames that were planned: copied but for the seams, and proven; else encoded anew, all of them.

    Of an encoded clip the first bytes are made before this returns, so that what fails early is still an answer.
    """
    frames, name = (plan.first_frame, plan.end_frame) if plan.frames else None, _filename(source, plan)
    smart = exact.cut(archive, source.stored, source.facts, source.index, plan)
    if isinstance(smart, SmartCut):
        stored = source.stored.as_part("original:clip")
        return Clip("smart", plan.start, plan.end, frames, smart.copied, name, seen, stored, smart.file, smart.etag)
    require_encodable(plan)  # also where a copy was planned but could not be proven
    blocks = _encoded(archive, source, plan)
    body = EncodedFlow(seen, next(blocks, b""), blocks)
    return Clip(
        "encoded", plan.start, plan.end, frames, None, name, seen, source.stored, body, reason=smart.reason
    )  # fmt: skip


def _filename(source: Source, plan: "ExactPlan | Verbatim") -> str:
    stem = source.filename.rpartition(".")[0] or source.filename
    return f"{stem}_{print_seconds(plan.start)}-{print_seconds(plan.end)}.mp4"


def _etag(source: Source, *plan: object) -> str:
    """Name a virtual file's bytes: the original's digest, what is taken of it, and the version of its writer."""
    told = repr((source.stored.sha256, muxing.VERSION, framefile.VERSION, *plan))
    return f'"{hashlib.sha256(told.encode()).hexdigest()}"'


def source_of(archive: Archive, who: Principal, recording_id: str, action: str) -> Source:
    """
    Gather what clips and stills of a recording are made from.

    Raises:
        NotFound, NotAllowed: as `fetch`.
        NotReady, NotPlayable: it is not examined yet, or nothing of it decodes.
    """
    with archive.reading() as session:
        fetch(session, who, action, recording_id)
    return known_source(archive, recording_id)


def known_source(archive: Archive, recording_id: str) -> Source:
    """
    Gather the same where rights were asked before.

    Raises:
        Gone: the recording was disposed of.
        NotReady, NotPlayable: it is not examined yet, or nothing of it decodes.
    """
    with archive.reading() as session:
        recording = session.get_one(Recording, recording_id)
        require_present(recording)
        if recording.facts is None or not recording.playable:
            raise unmade(session, recording, "its index")
        facts = MediaFacts.from_json(recording.facts)
        stored = Stored.original(session.get_one(Object, recording.object_id))
    index = archive.index_of(recording_id)
    frame_times = archive.frame_times_of(recording_id) if index is None else index.frame_times
    if facts.video is not None and frame_times is None:
        raise NotPlayable("the times of its frames are not known, so none can be named")
    return Source(stored, facts, frame_times, index, recording.filename)


def _plan(source: Source, wanted: TimeRange, mode: str) -> "ExactPlan | Verbatim":
    if mode == "verbatim":
        if source.index is None:
            raise VerbatimNotPossible("the recording has no frame index yet: ask for mode=exact")
        return cut_verbatim(source.index, wanted)
    if mode != "exact":
        raise Invalid(f"a clip's mode is exact or verbatim, not {mode[:40]!r}")
    plan = plan_exact(source.facts, source.frame_times, wanted)
    try:
        require_encodable(plan)
    except ClipTooLong:  # a clip of any length may be copied; what is short is not planned twice
        if isinstance(exact.plan_copy(source.facts, source.index, plan), Unfit):
            raise
    return plan


def _encoded(archive: Archive, source: Source, plan: ExactPlan) -> Generator[bytes, None, None]:
    if not _PLACES.acquire(timeout=PATIENCE_S):
        raise TooManyRequests(f"{AT_ONCE} clips are being made already", retry_after_s=10)
    stored = source.stored
    with contextlib.ExitStack() as held:
        held.callback(_PLACES.release)
        path = held.enter_context(archive.store.lend(stored.key, stored.version, Digest.from_hex(stored.sha256)))
        made = held.enter_context(encode_exact(path, source.facts, source.frame_times, plan, index=source.index))
        yield from made.blocks()


class EncodedFlow(Iterator[bytes]):
    """Give what was made and what comes, each block noted before it leaves; `close` ends the making."""

    def __init__(self, seen: Look, first: bytes, rest: Generator[bytes, None, None]) -> None:
        self._seen = seen
        self._first: bytes | None = first
        self._rest = rest

    def __next__(self) -> bytes:
        block, self._first = self._first, None
        if block is None:
            block = next(self._rest)
        self._seen.note_sent(len(block))
        return block

    def close(self) -> None:
        """End the encoder; harmless when it has ended."""
        self._rest.close()
