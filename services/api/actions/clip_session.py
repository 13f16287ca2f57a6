"""Cut a clip of a session: of one recording where it lies inside it, else across joints, with its gaps stated."""

import contextlib
import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from services.accounts.rights import Principal
from services.api.actions.clip import ENTERED, Clip, Source, clip, source_of
from services.api.actions.look import Look, look
from services.api.actions.open_viewing import Wish
from services.api.actions.play_session import lane_of, wishes_for
from services.api.actions.see_session import lay_out
from services.api.filesending import FileFlow
from services.api.stored import Stored
from services.bootstrap import Archive
from services.digest import Digest
from services.errors import Invalid, RangeOutside, TooManyRequests, VerbatimNotPossible
from services.index.session_axis import Laid
from services.media import framefile, muxing, splice
from services.media.joinexact import Asked, join_exact, plan_join
from services.media.joinverbatim import Taken, Wanted, join_verbatim
from services.media.stitch import Member
from services.media.timecode import TimeRange, print_seconds
from services.media.virtual import VirtualFile
from services.storage.scratch import scratch

AT_ONCE: Final = 2
"""Clips across joints that one process encodes at once: each is whole before its first byte leaves."""

PATIENCE_S: Final = 60.0
_PLACES = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Share:
    """A recording's part in a clip: where it lies on the axis, what of it, and how its original is read."""

    member: Member
    stretch: TimeRange
    source: Source


@dataclass(frozen=True, slots=True)
class JoinedClip:
    """
    A clip of several recordings that may leave; range and gaps in seconds of the session's axis.

    `members` says what it holds of which recording, in order. `body` is a virtual file over their originals
    (`stored`, `looks`) under `etag`, or a file that was made, with its length.
    """

    kind: str
    start: Fraction
    end: Fraction
    gaps: tuple[tuple[Fraction, Fraction], ...]
    members: tuple[tuple[str, Taken], ...]
    filename: str
    looks: tuple[Look, ...]
    stored: tuple[Stored, ...]
    body: VirtualFile | FileFlow
    etag: str = ""


@dataclass(frozen=True, slots=True)
class InOne:
    """A clip that lies inside one recording: that recording's own, and where its second 0 lies on the axis."""

    clip: Clip
    recording: str
    at: Fraction


def clip_session(
    archive: Archive,
    who: Principal,
    name: str,
    channel: str | None,
    start: str,
    end: str | None,
    mode: str,
    wish: Wish,
    *,
    goes_on: bool = False,
) -> JoinedClip | InOne:
    """
    Enter that `who` takes [start, end) of a session's channel, and make it.

    Limits are seconds of the axis or moments of the world; `end` None is the channel's end. What is not visible,
    or was not recorded, is a gap. Frames that two recordings have twice are taken once, from the earlier one.

    Raises:
        NotFound, NotAllowed: as `fetch_session`; or the session has no such channel.
        Gone, ReasonRequired: as `look`, of any recording in the range.
        Invalid: no such mode or time; as RangeOutside, ClipTooLong: the range cannot be.
        VerbatimNotPossible: the recordings cannot be joined as they are; the message says why.
        NotReady, NotPlayable, NoDecoder: a recording in the range gives nothing (yet).
        TooManyRequests: too many clips are being made now.
    """
    if mode not in {"exact", "verbatim"}:
        raise Invalid(f"a clip's mode is exact or verbatim, not {mode[:40]!r}")
    laid = lay_out(archive, who, "recording.clip", name)
    lane = lane_of(laid, channel)
    wanted = TimeRange(laid.second(start), lane.end if end is None else laid.second(end))
    wishes = wishes_for(archive, laid, wish)
    found = [(member, stretch) for member in lane.members if (stretch := _part(member, wanted)) is not None]
    if not found:
        raise RangeOutside(f"nothing was recorded from {wanted} of the session's {print_seconds(lane.end)} seconds")
    if len(found) == 1:
        member, stretch = found[0]
        made = clip(
            archive, who, member.recording, stretch.start, stretch.end, mode, wishes[member.recording], goes_on=goes_on
        )
        return InOne(made, member.recording, member.start)
    shares = [
        Share(member, stretch, source_of(archive, who, member.recording, "recording.clip")) for member, stretch in found
    ]
    if mode == "verbatim":
        return _verbatim(archive, who, laid, shares, wishes, goes_on=goes_on)
    return _exact(archive, who, laid, shares, wishes)


def _part(member: Member, wanted: TimeRange) -> TimeRange | None:
    """Give what of a recording lies in a range of the axis, and is not taken from the recordings before it."""
    start = max(wanted.start - member.start, member.view_start)
    end = min(wanted.end - member.start, member.duration)
    return TimeRange(start, end) if start < end else None


def _verbatim(
    archive: Archive, who: Principal, laid: Laid, shares: Sequence[Share], wishes: Mapping[str, Wish], *, goes_on: bool
) -> JoinedClip:
    wanted = []
    for share in shares:
        if share.source.index is None:
            raise VerbatimNotPossible("a recording of the session has no frame index yet: ask for mode=exact")
        wanted.append(Wanted(share.source.index, share.stretch, share.member.start))
    joined = join_verbatim(wanted)
    looks = _entered(archive, who, shares, joined.taken, "verbatim", wishes, goes_on=goes_on)
    told = [(share.source.stored.sha256, share.member.start, share.stretch) for share in shares]
    version = (framefile.VERSION, muxing.VERSION, splice.VERSION)
    etag = f'"{hashlib.sha256(repr((told, version)).encode()).hexdigest()}"'
    return JoinedClip(
        "verbatim", joined.start, joined.end, joined.gaps, _members(shares, joined.taken), _filename(laid, joined.start,
        joined.end), looks, tuple(share.source.stored.as_part("original:clip") for share in shares), joined.file, etag,
    )  # fmt: skip


def _exact(
    archive: Archive, who: Principal, laid: Laid, shares: Sequence[Share], wishes: Mapping[str, Wish]
) -> JoinedClip:
    if not _PLACES.acquire(timeout=PATIENCE_S):
        raise TooManyRequests(f"{AT_ONCE} clips across joints are being made already", retry_after_s=30)
    with contextlib.ExitStack() as held:
        held.callback(_PLACES.release)
        originals = [held.enter_context(_lent(archive, share.source.stored)) for share in shares]
        asked = [
            Asked(path, share.source.facts, share.source.frame_times, share.stretch, share.member.start)
            for path, share in zip(originals, shares, strict=True)
        ]
        plan = plan_join(asked)
        with_frames = {id(one.asked) for one in plan.shares}
        kept = [share for share, one in zip(shares, asked, strict=True) if id(one) in with_frames]
        looks = _entered(archive, who, kept, plan.taken, "exact", wishes, goes_on=False)
        with contextlib.ExitStack() as folder_held:
            folder = folder_held.enter_context(scratch(archive.settings.paths.scratch))
            joined, files = join_exact(plan, folder)
            flow = FileFlow(joined.file, files, looks[0].note_sent, folder_held.pop_all())
    return JoinedClip(
        "encoded", joined.start, joined.end, joined.gaps, _members(kept, joined.taken),
        _filename(laid, joined.start, joined.end), looks, (), flow,
    )  # fmt: skip


def _lent(archive: Archive, stored: Stored) -> contextlib.AbstractContextManager[Path]:
    return archive.store.lend(stored.key, stored.version, Digest.from_hex(stored.sha256))


def _entered(
    archive: Archive,
    who: Principal,
    shares: Sequence[Share],
    taken: Sequence[Taken],
    mode: str,
    wishes: Mapping[str, Wish],
    *,
    goes_on: bool,
) -> tuple[Look, ...]:
    """Enter all looks, then what is taken of each recording, in one transaction: durable before the first byte."""
    recordings = [share.member.recording for share in shares]
    looks = tuple(look(archive, who, name, "recording.clip", wishes[name]) for name in recordings)
    keys = [(seen.viewing, mode, one.start, one.end) for seen, one in zip(looks, taken, strict=True)]
    if not (goes_on and all(ENTERED.has(*key) for key in keys)):
        with archive.work() as work:
            for share, seen, one in zip(shares, looks, taken, strict=True):
                first, last = one.frames or (0, 0)
                work.append(
                    "rec.clip", share.member.recording, actor=who.name, viewing=seen.viewing, mode=mode,
                    start=print_seconds(one.start), end=print_seconds(one.end), first_frame=first, end_frame=last,
                )  # fmt: skip
        for key in keys:
            ENTERED.add(*key)
    for seen, one in zip(looks, taken, strict=True):
        seen.note_times(float(one.start), float(one.end))
    return looks


def _members(shares: Sequence[Share], taken: Sequence[Taken]) -> tuple[tuple[str, Taken], ...]:
    return tuple((share.member.recording, one) for share, one in zip(shares, taken, strict=True))


def _filename(laid: Laid, start: Fraction, end: Fraction) -> str:
    return f"{laid.row.number or laid.row.id}_{print_seconds(start)}-{print_seconds(end)}.mp4"
