"""Compare the planted faults with their known answers, from the catalogue alone: the server may run or not."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from sqlalchemy import func, select

from services.accounts.rights import Principal
from services.bootstrap import Archive
from services.demo.docks import arrived
from services.demo.faults import PLANTED
from services.demo.look import Look, detail, flags
from services.demo.people import began
from services.demo.plan import (
    CASES,
    CLOCK_AHEAD,
    INTERRUPTION,
    LATE,
    NO_RECORDING,
    TOGETHER_S,
    TWO_INCIDENTS,
    TWO_OFFICERS,
    UNKNOWN_CAMERA,
    World,
    plan,
)
from services.errors import NotFound
from services.index.cases import find_case
from services.index.models import Process, Recording
from services.index.recordings import rendition
from services.index.timeline import case_timeline
from services.jobs.table import JobRow, JobState
from services.media.facts import MediaFacts

log = logging.getLogger(__name__)

PATIENCE_S: Final = 300.0
SILENCE: Final = timedelta(seconds=30)
"""After so long without a heartbeat (every ten seconds) nobody is at work, and waiting is in vain."""

Verdict = tuple[bool, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether one planted fault came out as it must: what was expected, and what the catalogue holds."""

    fault: str
    holds: bool
    expected: str
    found: str


def answers(archive: Archive, *, patience_s: float = PATIENCE_S) -> Iterator[Answer]:
    """
    Give one answer per planted fault, once everything has arrived and no job waits, at the latest after `patience_s`.

    Raises:
        NotFound: the archive holds no demonstration.
    """
    start = began(archive)
    if start is None:
        raise NotFound("this archive holds no demonstration; `huisu up --demo` makes one")
    world = plan(start)
    settled, found = _settle(archive, world, patience_s)
    yield Answer("arrived", settled, "every file came to its end and no job waits", found)
    for fault in PLANTED:
        with archive.reading() as session:
            holds, found = _VERDICTS[fault.key](Look(session, world))
        told = found if holds else f"{found} (expected: {fault.expected})"
        yield Answer(f"{fault.key} · {fault.zh} · {fault.en}", holds, fault.expected, told)


def _settle(archive: Archive, world: World, patience_s: float) -> Verdict:
    wanted = {(clip.dock, clip.name) for clip in world.clips}
    deadline, has_said = time.monotonic() + patience_s, False
    while True:
        came = len(wanted & arrived(archive))
        waiting = select(func.count()).where(JobRow.state.in_([JobState.QUEUED, JobState.RUNNING]))
        aside = select(func.count()).where(JobRow.state == JobState.SET_ASIDE)
        with archive.reading() as session:
            jobs, failed = session.scalars(waiting).one(), session.scalars(aside).one()
            alive = session.scalars(select(func.count()).where(Process.last_seen > archive.clock() - SILENCE)).one()
        text = f"{came} of {len(wanted)} files, {jobs} jobs wait, {failed} were set aside"
        is_done = came == len(wanted) and jobs == 0
        if is_done or time.monotonic() > deadline:
            return is_done and failed == 0, text
        if not alive:
            return False, f"{text}, and no process of this archive runs: start it again with `huisu up --demo`"
        if not has_said:
            log.warning("demonstration is still being made: %s; waiting up to %.0f s", text, patience_s)
            has_said = True
        time.sleep(0.5)


def _interview_gap(look: Look) -> Verdict:
    case = find_case(look.session, CASES[0])
    if case is None:
        return False, "no case"
    anybody = Principal("user", "", "check", "reviewer", None, None, frozenset(), reaches_all=True)
    lanes = [lane for lane in case_timeline(look.session, anybody, case).lanes if lane.key.startswith("session:")]
    gaps = [[gap.end - gap.start for gap in lane.gaps] for lane in lanes]
    text = "; ".join(f"{lane.label}: {[str(gap) for gap in found]}" for lane, found in zip(lanes, gaps, strict=True))
    return len(lanes) == 2 and all(found == [INTERRUPTION] for found in gaps), text or "no lanes"


def _camera_clock(look: Look) -> Verdict:
    found, (clip,) = look.planted("camera-clock"), look.world.planted("camera-clock")
    told = detail(found[0], "clock-differs") if found else ""
    ahead = f"+{CLOCK_AHEAD.total_seconds():.0f} s"
    kept = bool(found) and found[0].started_at == clip.scene.clock - CLOCK_AHEAD
    return kept and ahead in told, told or "no flag"


def _late_upload(look: Look) -> Verdict:
    found = look.planted("late-upload")
    if not found or found[0].ended_at is None:
        return False, "no end"
    late = found[0].received_at - found[0].ended_at
    return late >= LATE - timedelta(milliseconds=500), f"received {late} after its end"


def _no_recording(look: Look) -> Verdict:
    found = look.unfilmed()
    return found == [NO_RECORDING], f"without a recording: {', '.join(found) or 'none'}"


def _two_docks(look: Look) -> Verdict:
    found = look.planted("two-docks")
    came = [arrival.sender for clip in look.world.planted("two-docks") for arrival in look.arrivals(clip)]
    return len(found) == 1 and len(came) == 2, f"{len(found)} recordings, arrivals by {', '.join(came)}"


def _damaged(fault: str, flag: str) -> Callable[[Look], Verdict]:
    def verdict(look: Look) -> Verdict:
        found = look.planted(fault)
        holds = len(found) == 1 and found[0].state == "damaged" and flag in flags(found)
        return holds, _shown(found)

    return verdict


def _shown(found: list[Recording]) -> str:
    return f"{', '.join(one.state for one in found) or 'nothing'}; flags {', '.join(flags(found)) or 'none'}"


def _hevc_g711(look: Look) -> Verdict:
    found = look.planted("hevc-g711")
    if len(found) != 1 or found[0].facts is None:
        return False, _shown(found)
    facts = MediaFacts.from_json(found[0].facts)
    codecs = [stream.codec for stream in facts.streams]
    has_proxy = rendition(look.session, found[0].id, "proxy") is not None
    text = f"{found[0].state}, {' + '.join(codecs)}, {'a' if has_proxy else 'no'} proxy"
    is_expected = codecs == ["hevc", "pcm_mulaw"] and not facts.browser_playable
    return found[0].state == "ready" and is_expected and has_proxy, text


def _uneven_rate(look: Look) -> Verdict:
    found = look.planted("uneven-rate")
    if len(found) != 1 or found[0].facts is None:
        return False, _shown(found)
    video = MediaFacts.from_json(found[0].facts).video
    is_variable = video is not None and video.variable_rate
    return found[0].state == "ready" and is_variable, f"{found[0].state}, variable rate: {is_variable}"


def _two_officers(look: Look) -> Verdict:
    found = look.planted("two-officers")
    if len(found) != 2 or any(one.ended_at is None for one in found):
        return False, _shown(found)
    linked = [sorted(link.number for link in look.links(one, "incident")) for one in found]
    ends = [one.ended_at for one in found if one.ended_at is not None]
    together = min(ends) - max(one.started_at for one in found)
    officers = {link.reasons[0].get("value") for one in found for link in look.links(one, "incident")}
    holds = linked == [[TWO_OFFICERS]] * 2 and together == timedelta(seconds=TOGETHER_S) and len(officers) == 2
    return holds, f"linked to {linked}, {together.total_seconds():.3f} s at once, officers {sorted(map(str, officers))}"


def _two_incidents(look: Look) -> Verdict:
    found = look.planted("two-incidents")
    if len(found) != 1:
        return False, _shown(found)
    proposed = sorted(proposal.number for proposal in look.proposals(found[0]))
    automatic = [link.number for link in look.links(found[0], "incident") if link.origin == "auto"]
    text = f"proposed {', '.join(proposed) or 'nothing'}; linked by rule {', '.join(automatic) or 'nothing'}"
    return proposed == sorted(TWO_INCIDENTS) and not automatic, text


def _unknown_device(look: Look) -> Verdict:
    found = look.planted("unknown-device")
    holds = len(found) == 1 and found[0].state == "ready" and detail(found[0], "unknown-device") == UNKNOWN_CAMERA
    return holds, _shown(found)


def _wrong_digest(look: Look) -> Verdict:
    found = look.planted("wrong-digest")
    links = [link.number for one in found for link in look.links(one)]
    return len(found) == 1 and found[0].state == "quarantined" and not links, f"{_shown(found)}; links {links}"


def _name_kept(fault: str) -> Callable[[Look], Verdict]:
    def verdict(look: Look) -> Verdict:
        found, (clip,) = look.planted(fault), look.world.planted(fault)
        names = [one.filename for one in found]
        return names == [clip.name], f"named {', '.join(names)}"

    return verdict


def _given_case(look: Look) -> Verdict:
    links = [(link.number, link.origin) for one in look.planted("given-case") for link in look.links(one, "case")]
    return links == [(CASES[2], "explicit")], f"linked {links}"


_VERDICTS: Final[Mapping[str, Callable[[Look], Verdict]]] = MappingProxyType(
    {
        "interview-gap": _interview_gap,
        "camera-clock": _camera_clock,
        "late-upload": _late_upload,
        "no-recording": _no_recording,
        "two-docks": _two_docks,
        "no-index": _damaged("no-index", "no-index"),
        "truncated": _damaged("truncated", "truncated"),
        "hevc-g711": _hevc_g711,
        "uneven-rate": _uneven_rate,
        "two-officers": _two_officers,
        "two-incidents": _two_incidents,
        "unknown-device": _unknown_device,
        "wrong-digest": _wrong_digest,
        "text-file": _damaged("text-file", "not-media"),
        "chinese-name": _name_kept("chinese-name"),
        "rtl-name": _name_kept("rtl-name"),
        "given-case": _given_case,
    }
)
