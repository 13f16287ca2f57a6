"""Examine an original: container, streams, frame times, what is wrong with it; then its place in a session."""

from datetime import timedelta
from fractions import Fraction
from pathlib import Path

from sqlalchemy import select

from services.bootstrap import Archive
from services.custody.work import Work
from services.digest import Digest
from services.errors import MediaError, NotFound, ToolFailed, VerbatimNotPossible
from services.index.flags import set_flags
from services.index.models import Arrival, Object, Recording
from services.index.sessions import group
from services.ingest.given import AHEAD, OLDEST_CLOCK
from services.ingest.publish import EXAMINER, frame_index, publish
from services.ingest.steps.record import recording_id_of
from services.media import framefile
from services.media.facts import Flag, MediaFacts
from services.media.probe import Examination, examine_in_child
from services.media.segments import InPlace

MICROSECOND = timedelta(microseconds=1)


def examine(archive: Archive, recording_id: str) -> None:
    """
    Note what an original really is; a broken or hostile one becomes `damaged`, with its reasons.

    Raises:
        StoreUnavailable: the original cannot be read now; nothing is noted.
    """
    with archive.reading() as session:
        recording = session.get(Recording, recording_id)
        if recording is None:
            raise NotFound(f"there is no recording {recording_id}")
        if recording.facts is not None or recording.state in {"quarantined", "disposed"}:
            return
        obj = session.get_one(Object, recording.object_id)
        key, version, digest = obj.key, obj.version_id, Digest.from_hex(obj.sha256)
    with archive.store.lend(key, version, digest) as path:
        found = _look(path)
    made = [] if found.packed is None else [frame_index(found.packed)]
    plays_now = _plays_now(found)
    with publish(archive, digest, made) as kept, archive.work() as work:
        recording = work.session.get_one(Recording, recording_id, with_for_update=True)
        if recording.facts is None:
            _note(work, recording, found.facts, plays_now=plays_now)
            kept(work, recording)
            _split_equal_wrecks(work, recording)
            group(work, recording, timedelta(seconds=archive.settings.session_gap_s))


def _look(path: Path) -> Examination:
    try:
        return examine_in_child(path)
    except (MediaError, ToolFailed) as error:
        kind = error.code if isinstance(error, MediaError) else "unplayable"
        return Examination(MediaFacts(container="", flags=(Flag(kind, detail=str(error)[:500]),)), None)


def _plays_now(found: Examination) -> bool:
    """Say whether browsers play the original from its own bytes, so that nobody waits for anything to be made."""
    if found.packed is None or not found.facts.browser_playable:
        return False
    try:
        InPlace.of(framefile.unpack(found.packed), found.facts)
    except VerbatimNotPossible:
        return False
    return True


def _note(work: Work, recording: Recording, facts: MediaFacts, *, plays_now: bool) -> None:
    recording.facts = facts.to_json()
    recording.container = facts.container or None
    recording.duration = f"{facts.duration.numerator}/{facts.duration.denominator}"
    recording.playable = facts.playable
    whole = "playable" if plays_now else "kept"
    recording.state = "damaged" if facts.damaged or not facts.playable else whole
    set_flags(recording, [*recording.flags, *(flag.to_json() for flag in facts.flags), *_clock_flags(recording, facts)])
    if facts.recorded_at is not None and recording.started_source in {"file", "arrival"}:
        recording.started_at, recording.started_source = facts.recorded_at, "container"
    if facts.duration > 0:
        recording.ended_at = recording.started_at + _timedelta(facts.duration)
    recording.version += 1
    work.append(
        "rec.facts",
        recording.id,
        container=facts.container,
        duration=recording.duration,
        streams=[stream.to_json() for stream in facts.streams],
        recorded_at=facts.recorded_at.isoformat() if facts.recorded_at else None,
        location=facts.location,
        flags=recording.flags,
        playable=facts.playable,
        rec_start=recording.started_at.isoformat(),
        rec_end=recording.ended_at.isoformat() if recording.ended_at else None,
        start_source=recording.started_source,
        state=recording.state,
        tool=EXAMINER,
    )


def _clock_flags(recording: Recording, facts: MediaFacts) -> list[dict[str, object]]:
    """Say when the container's clock cannot be right, or is far from the start that was given."""
    told = facts.recorded_at
    if told is None:
        return []
    if not OLDEST_CLOCK <= told <= recording.received_at + AHEAD:
        return [Flag("clock-implausible", detail=f"container time {told.isoformat()}").to_json()]
    off = told - recording.started_at
    if recording.started_source == "given" and abs(off) > timedelta(seconds=30):
        detail = f"container time is {off.total_seconds():+.0f} s from the given start"
        return [Flag("clock-differs", detail=detail).to_json()]
    return []


def _timedelta(seconds: Fraction) -> timedelta:
    return int(seconds * 1_000_000) * MICROSECOND


def _split_equal_wrecks(work: Work, recording: Recording) -> None:
    """
    Give each further arrival of an undecodable original its own recording, both flagged `same-bytes`.

    Equal wrecks say nothing about being one recording (design 2.0); only now is it known to be one.
    """
    if recording.playable:
        return
    arrivals = work.session.execute(
        select(Arrival).where(Arrival.recording_id == recording.id).order_by(Arrival.received_at, Arrival.id)
    ).scalars().all()  # fmt: skip
    for arrival in arrivals[1:]:
        twin = _twin(recording, arrival)
        work.session.add(twin)
        work.session.flush()
        arrival.recording_id = twin.id
        work.append("rec.arrival", recording.id, arrival=arrival.id, sha256=recording.sha256, filename=arrival.filename)
        work.append(
            "rec.ingest", twin.id, sha256=twin.sha256, size=twin.size_bytes, arrival=arrival.id,
            filename=arrival.filename, sender=arrival.sender, dock_id=arrival.dock,
            received_at=arrival.received_at.isoformat(),
            metadata=arrival.given, rec_start=twin.started_at.isoformat(), start_source=twin.started_source,
            kind=twin.kind, state=twin.state,
        )  # fmt: skip
    if arrivals[1:]:
        flag = Flag("same-bytes", detail="another recording has the same bytes").to_json()
        set_flags(recording, [*recording.flags, flag])


def _twin(recording: Recording, arrival: Arrival) -> Recording:
    columns = {c.key: getattr(recording, c.key) for c in Recording.__table__.columns}
    flag = Flag("same-bytes", detail=f"the same bytes are recording {recording.id}").to_json()
    columns |= {
        "id": recording_id_of(arrival.upload_id, arrival.received_at),
        "dock": arrival.dock,
        "filename": arrival.filename,
        "received_at": arrival.received_at,
        "given": arrival.given,
        "version": 1,
        "unlinked_at": None,
    }
    twin = Recording(**columns)
    set_flags(twin, [*recording.flags, flag])
    return twin
