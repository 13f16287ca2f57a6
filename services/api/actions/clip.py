"""Cut a clip from the original: the entries first, then its frames, and nothing that was not asked for."""

import contextlib
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.accounts.rights import Principal
from services.api.actions.look import Look, look
from services.api.actions.open_viewing import Wish, require_present
from services.api.actions.play import unmade
from services.api.stored import Stored
from services.bootstrap import Archive
from services.digest import Digest
from services.errors import Invalid, NotPlayable, TooManyRequests, VerbatimNotPossible
from services.index.models import Object
from services.index.visible import fetch
from services.media.clip import ExactPlan, encode_exact, plan_exact
from services.media.facts import FrameTimes, MediaFacts
from services.media.frames import FrameIndex
from services.media.timecode import TimeRange, print_seconds

AT_ONCE: Final = 8
"""Clips that one process encodes at once; further ones wait up to `PATIENCE_S`."""

PATIENCE_S: Final = 30.0
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
    A clip that may leave: what it holds, how it was made, and its bytes as they come.

    `blocks` raises when the clip cannot be finished: break the connection then. Close it when the line is gone.
    """

    kind: str
    start: Fraction
    end: Fraction
    frames: tuple[int, int] | None
    copied: tuple[int, int] | None
    filename: str
    look: Look
    blocks: "Flow"


def clip(
    archive: Archive,
    who: Principal,
    recording_id: str,
    start: Fraction,
    end: Fraction | None,
    mode: str,
    wish: Wish,
) -> Clip:
    """
    Enter that `who` takes [start, end) of a recording (`end` None: to its end), and begin to make it.

    Raises:
        NotFound, NotAllowed, Gone, ReasonRequired: as `look`.
        Invalid: no such mode; as RangeOutside, ClipTooLong: the range cannot be.
        VerbatimNotPossible: this release has no clip from the index yet.
        NotReady, NotPlayable, NoDecoder: there is nothing (yet) to cut from.
        TooManyRequests: too many clips are being made now.
    """
    source = source_of(archive, who, recording_id, "recording.clip")
    wanted = TimeRange(start, source.facts.duration if end is None else end)
    plan = _plan(source, wanted, mode)
    seen = look(archive, who, recording_id, "recording.clip", wish)
    with archive.work() as work:
        work.append(
            "rec.clip", recording_id, actor=who.name, viewing=seen.viewing, mode=mode, start=print_seconds(plan.start),
            end=print_seconds(plan.end),
            first_frame=plan.first_frame, end_frame=plan.end_frame,
        )  # fmt: skip
    seen.note_times(float(plan.start), float(plan.end))
    return make_clip(archive, source, plan, seen)


def make_clip(archive: Archive, source: Source, plan: ExactPlan, seen: Look) -> Clip:
    """
    Make what was planned. The seam of the next release: there a clip comes from the index, copied where it can be.

    The first bytes are made before this returns, so that what fails early is still an answer.
    """
    blocks = _encoded(archive, source, plan)
    first = next(blocks, b"")
    stem = source.filename.rpartition(".")[0] or source.filename
    name = f"{stem}_{print_seconds(plan.start)}-{print_seconds(plan.end)}.mp4"
    frames = (plan.first_frame, plan.end_frame) if plan.frames else None
    return Clip("encoded", plan.start, plan.end, frames, None, name, seen, Flow(seen, first, blocks))


def source_of(archive: Archive, who: Principal, recording_id: str, action: str) -> Source:
    """
    Gather what clips and stills of a recording are made from.

    Raises:
        NotFound, NotAllowed: as `fetch`.
        NotReady, NotPlayable: it is not examined yet, or nothing of it decodes.
    """
    with archive.reading() as session:
        recording = fetch(session, who, action, recording_id)
        require_present(recording)
        if recording.facts is None or not recording.playable:
            raise unmade(session, recording, "its index")
        facts = MediaFacts.from_json(recording.facts)
        stored = Stored.original(session.get_one(Object, recording.object_id))
    frame_times = archive.frame_times_of(recording_id)
    if facts.video is not None and frame_times is None:
        raise NotPlayable("the times of its frames are not known, so none can be named")
    return Source(stored, facts, frame_times, archive.index_of(recording_id), recording.filename)


def _plan(source: Source, wanted: TimeRange, mode: str) -> ExactPlan:
    if mode == "verbatim":
        raise VerbatimNotPossible("this release makes no clip from the frame index yet: ask for mode=exact")
    if mode != "exact":
        raise Invalid(f"a clip's mode is exact or verbatim, not {mode[:40]!r}")
    return plan_exact(source.facts, source.frame_times, wanted)


def _encoded(archive: Archive, source: Source, plan: ExactPlan) -> Generator[bytes, None, None]:
    if not _PLACES.acquire(timeout=PATIENCE_S):
        raise TooManyRequests(f"{AT_ONCE} clips are being made already", retry_after_s=10)
    stored = source.stored
    with contextlib.ExitStack() as held:
        held.callback(_PLACES.release)
        path = held.enter_context(archive.store.lend(stored.key, stored.version, Digest.from_hex(stored.sha256)))
        made = held.enter_context(encode_exact(path, source.facts, source.frame_times, plan))
        yield from made.blocks()


class Flow(Iterator[bytes]):
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
