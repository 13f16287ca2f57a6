"""Show a session: its recordings on one axis, channel by channel, with gaps, overlaps and how sure each place is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.index.models import Rendition
from services.index.session_axis import Laid, streams_of
from services.index.timeline import Gap, Lane, Overlap, Piece, Span, lay_out
from services.media.filenumber import sequence_of
from services.media.stitch import Member


@dataclass(frozen=True, slots=True)
class Track:
    """One stream of a member: when it begins, in seconds of the recording; known exactly from its index."""

    index: int
    kind: str
    codec: str
    language: str | None
    start: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """
    A recording in its place: it runs from `offset` seconds of the session's axis for `duration`.

    `started_at` is that place by the wall clock, corrected time. `view_start` is the second of the recording at
    which the view takes it up; what lies before runs beside the recordings before it.
    """

    recording: str
    channel: str | None
    state: str
    playable: bool
    started_at: datetime
    ended_at: datetime
    offset: Fraction
    duration: Fraction
    gap_before: Fraction
    overlap_before: Fraction
    view_start: Fraction
    method: str
    uncertainty: Fraction
    sequence: int | None
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Skew:
    """
    How far a channel runs behind the leading one, in seconds, beyond what its place says; negative: ahead of it.

    `method` is `sound` where it was measured, `clock` where nothing was or could be: then `seconds` is None.
    `score` is the height of the measured peak above its surroundings.
    """

    seconds: Fraction | None
    score: float | None
    method: str


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel: its recordings in order, and its skew against the leading channel (None: it leads)."""

    channel: str | None
    recordings: tuple[str, ...]
    offset: Fraction
    duration: Fraction
    skew: Skew | None


@dataclass(frozen=True, slots=True)
class SessionTimeline:
    """A timeline as cases have it, with the stretches in which no channel recorded."""

    from_: datetime | None
    to: datetime | None
    lanes: tuple[Lane, ...]
    overlaps: tuple[Overlap, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A session as one who asks may see it; second 0 of its axis is `started_at`."""

    id: str
    number: str | None
    kind: str
    device: str | None
    method: str
    started_at: datetime
    ended_at: datetime
    duration: Fraction
    leading: str | None
    channels: tuple[Channel, ...]
    members: tuple[MemberFacts, ...]
    timeline: SessionTimeline


def facts(laid: Laid, skews: Mapping[str | None, Skew]) -> SessionFacts:
    """Show a session; `skews` by channel."""
    row, edits = laid.row, laid.edits
    members = [member for lane in edits.lanes for member in lane.members]
    ordered = sorted(members, key=lambda member: (member.start, member.channel or "", member.recording))
    lead = laid.leading
    return SessionFacts(
        id=row.id,
        number=row.number,
        kind=row.kind,
        device=row.device,
        method=row.method,
        started_at=laid.started_at,
        ended_at=laid.at(edits.duration),
        duration=edits.duration,
        leading=lead,
        channels=tuple(
            Channel(
                lane.channel,
                tuple(member.recording for member in lane.members),
                lane.start,
                lane.end - lane.start,
                None if lane.channel == lead else skews.get(lane.channel, Skew(None, None, "clock")),
            )
            for lane in edits.lanes
        ),
        members=tuple(_shown(laid, member) for member in ordered),
        timeline=timeline(laid),
    )


def _shown(laid: Laid, member: Member) -> MemberFacts:
    recording = laid.rows[member.recording]
    streams = (stream for stream in streams_of(recording) if stream.kind != "data")
    return MemberFacts(
        recording=member.recording,
        channel=member.channel,
        state=recording.state,
        playable=recording.playable,
        started_at=laid.at(member.start),
        ended_at=laid.at(member.end),
        offset=member.start,
        duration=member.duration,
        gap_before=member.gap_before,
        overlap_before=member.overlap_before,
        view_start=member.view_start,
        method=member.method,
        uncertainty=member.uncertainty,
        sequence=sequence_of(recording.filename),
        tracks=tuple(Track(one.index, one.kind, one.codec, one.language, one.start) for one in streams),
    )


def timeline(laid: Laid) -> SessionTimeline:
    """Lay the members side by side by the wall clock; every true gap is one, however short."""
    lanes, pieces = [], []
    for lane in laid.edits.lanes:
        spans, gaps = [], []
        for member in lane.members:
            start, end = laid.at(member.start), laid.at(member.end)
            spans.append(Span(member.recording, start, end))
            pieces.append(Piece(member.recording, start, end))
            if member.gap_before:
                gaps.append(Gap(laid.at(member.start - member.gap_before), start))
        name = laid.row.number or laid.row.id
        label = lane.channel or laid.row.number or laid.row.device or ""
        lanes.append(Lane(f"session:{name}:{lane.channel or ''}", label, tuple(spans), tuple(gaps)))
    whole = lay_out(pieces)
    return SessionTimeline(whole.from_, whole.to, tuple(lanes), whole.overlaps, tuple(_silences(laid)))


def _silences(laid: Laid) -> Iterable[Gap]:
    """Give the stretches in which no channel recorded."""
    members = sorted((m for lane in laid.edits.lanes for m in lane.members), key=lambda member: member.start)
    reach = Fraction(0)
    for member in members:
        if member.start > reach:
            yield Gap(laid.at(reach), laid.at(member.start))
        reach = max(reach, member.end)


def measured(session: Session, laid: Laid) -> Mapping[str | None, Skew]:
    """
    Give the skew of each channel whose sound was compared with the leading one's, the surest measure of each.

    A rendition of kind `skew` says at which second of another recording this one begins by their sound; the skew
    is what that differs from the places on the axis.
    """
    place = {member.recording: member for lane in laid.edits.lanes for member in lane.members}
    lead = laid.leading
    query = select(Rendition).where(Rendition.kind == "skew", Rendition.recording_id.in_(sorted(place)))
    best: dict[str | None, Skew] = {}
    for row in session.scalars(query.order_by(Rendition.id)):
        member, other = place[row.recording_id], place.get(str(row.facts["against"]))
        if other is None or other.channel != lead or member.channel == lead or not row.facts["accepted"]:
            continue
        behind = Fraction(row.facts["begins_at"]) - (member.start - other.start)
        found = Skew(behind, float(row.facts["score"]), "sound")
        if (held := best.get(member.channel)) is None or (held.score or 0.0) < float(row.facts["score"]):
            best[member.channel] = found
    return best
