"""
Bring back what can be seen of a damaged original, as a rendition of its own; the original stays damaged and as it is.

Without an index its pictures are found with the help of a sound recording of the same camera. What still plays up to
its damage is already in the review copy: `render` marks that as recovered.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from services import __version__
from services.bootstrap import Archive, new_id
from services.custody.work import Work
from services.digest import Digest
from services.errors import MediaError, ToolFailed
from services.index.flags import replace_findings
from services.index.models import Object, Recording, Rendition
from services.index.recordings import rendition
from services.ingest.fragmented import fragmented
from services.ingest.publish import publish
from services.ingest.scratch import scratch
from services.jobs.lease import Ring, ask, of_key
from services.media.facts import Flag, MediaFacts
from services.media.recover import Recovered, Reference
from services.media.recover import recover as bring_back
from services.media.stretch import BOXED

log = logging.getLogger(__name__)

KIND: Final = "recovered"
DETECTOR: Final = "recovery"
UP_TO_THE_DAMAGE: Final = "up-to-the-damage/1"

HOPEFUL: Final = frozenset({"no-index", "truncated", "bad-sample-tables", "not-media"})
"""Kinds of damage behind which there may be pictures."""

LEAST_BYTES: Final = 1 << 14
MOST_TRIES: Final = 4
MOST_REFERENCES: Final = 6
LOOKED_AT: Final = 50
"""Recordings, nearest in time, among which references are chosen; how many are tried, and how often in all."""


def asks_of(session: Session, recording: Recording, archive: Archive) -> list[Ring]:
    """
    Ask for what a fresh recording makes possible: its own recovery, or with its help that of others of its device.

    Each is tried at most `MOST_TRIES` times: it is read whole each time.
    """
    now = archive.clock()
    if is_hopeful(recording):
        return [ask(session, "recover", recording.id, now, priority=8)]
    if not recording.playable or recording.state == "damaged" or recording.device is None or not _is_boxed(recording):
        return []
    others = select(Recording).where(
        Recording.device == recording.device, Recording.state == "damaged", Recording.playable.is_(False)
    )
    bells = []
    for other in session.scalars(others.limit(LOOKED_AT)):
        tries = sum(job.kind == "recover" for job in of_key(session, other.id))
        if is_hopeful(other) and tries < MOST_TRIES and rendition(session, other.id, KIND) is None:
            bells.append(ask(session, "recover", other.id, now, recipe=f"with {recording.id}", priority=8))
    return bells


def is_hopeful(recording: Recording) -> bool:
    """Say whether there may be pictures that nothing plays."""
    kinds = {flag["kind"] for flag in recording.flags}
    is_damaged = recording.state == "damaged" and not recording.playable and recording.size_bytes >= LEAST_BYTES
    return is_damaged and bool(kinds & HOPEFUL) and "hostile-container" not in kinds


def _is_boxed(recording: Recording) -> bool:
    return recording.container in BOXED


def recover(archive: Archive, recording_id: str) -> None:
    """
    Make the recovered rendition of a recording, if some reference serves; else leave it as it is.

    Raises:
        StoreUnavailable: an original cannot be read now.
    """
    with archive.reading() as session:
        recording = session.get_one(Recording, recording_id)
        if not is_hopeful(recording) or rendition(session, recording_id, KIND) is not None:
            return
        obj = session.get_one(Object, recording.object_id)
        key, version, digest = obj.key, obj.version_id, Digest.from_hex(obj.sha256)
        references = _references(session, recording)
    with archive.store.lend(key, version, digest) as path, scratch(archive.settings.paths.scratch) as folder:
        for lent in references:
            index = archive.index_of(lent.id)
            if index is None:
                continue
            with archive.store.lend(lent.key, lent.version, Digest.from_hex(lent.sha256)) as whole:
                reference = Reference(whole, lent.facts, index, lent.id, lent.sha256)
                try:
                    recovered = bring_back(path, reference, folder)
                except (MediaError, ToolFailed) as error:
                    log.info(
                        "reference did not serve",
                        extra={"recording": recording_id, "reference": lent.id, "error": str(error)[:300]},
                    )
                    continue
            _publish(archive, recording_id, digest, recovered)
            return


@dataclass(frozen=True, slots=True)
class _Lent:
    """Name a recording that may serve as a reference, and where its original lies."""

    id: str
    facts: MediaFacts
    key: str
    version: str | None
    sha256: str


def _references(session: Session, recording: Recording) -> list[_Lent]:
    """Choose sound recordings: of the same device, nearest in time first; then of other devices of the unit."""
    found: list[_Lent] = []
    for near in _nearest(session, recording):
        facts = MediaFacts.from_json(near.facts) if near.facts else None
        if facts is None or facts.damaged or facts.video is None or facts.video.codec != "h264":
            continue
        if len(found) < MOST_REFERENCES:
            obj = session.get_one(Object, near.object_id)
            found.append(_Lent(near.id, facts, obj.key, obj.version_id, obj.sha256))
    return found


def _nearest(session: Session, recording: Recording) -> Iterator[Recording]:
    sound = (
        Recording.playable.is_(True),
        Recording.state.in_(("kept", "playable", "ready")),
        Recording.container.in_(BOXED),
        Recording.id != recording.id,
    )
    same = select(Recording).where(*sound, Recording.device == recording.device)
    others = select(Recording).where(*sound, Recording.device != recording.device, Recording.kind == recording.kind)
    unit = Recording.unit_id == recording.unit_id
    for query in (same, others.where(unit)) if recording.device is not None else (others.where(unit),):
        rows = session.scalars(query.order_by(Recording.started_at.desc(), Recording.id).limit(LOOKED_AT)).all()
        yield from sorted(rows, key=lambda row: abs(row.started_at - recording.started_at))[: MOST_REFERENCES // 2]


def _publish(archive: Archive, recording_id: str, digest: Digest, recovered: Recovered) -> None:
    recipe = recovered.recipe | {"tool": f"huisu {__version__}"}
    made = fragmented(KIND, recovered.path, recipe, {"frames": recovered.frames})
    with publish(archive, digest, [made]) as keep, archive.work() as work:
        recording = work.session.get_one(Recording, recording_id, with_for_update=True)
        keep(work, recording)
        detail = f"{recovered.frames} pictures, {float(recovered.duration):.3f} s; sound {recovered.told['sound']}"
        _note(work, recording, recovered.told, Flag(KIND, detail=detail, detector=DETECTOR, version="1", score=1.0))


def mark_up_to_damage(work: Work, recording: Recording) -> None:
    """Mark the review copy of a damaged original as what was recovered: all that decodes, up to its damage."""
    proxy = rendition(work.session, recording.id, "proxy")
    if recording.state != "damaged" or proxy is None or rendition(work.session, recording.id, KIND) is not None:
        return
    recipe = {**proxy.recipe, "kind": KIND, "method": UP_TO_THE_DAMAGE, "of": "proxy"}
    row = Rendition(
        id=new_id(), recording_id=recording.id, kind=KIND, parent_sha256=proxy.parent_sha256,
        recipe_id=proxy.recipe_id, recipe=recipe, key=proxy.key, version_id=proxy.version_id,
        size_bytes=proxy.size_bytes, sha256=proxy.sha256, media_type=proxy.media_type, facts=proxy.facts,
        access=proxy.access, made_at=work.at,
    )  # fmt: skip
    work.session.add(row)
    work.append(
        "rec.rendition", recording.id, rendition=row.id, kind=KIND, parent=row.parent_sha256, recipe=recipe,
        object_key=row.key, size=row.size_bytes, sha256=row.sha256,
    )  # fmt: skip
    frames = int(proxy.facts.get("frames", 0))
    told = {"method": UP_TO_THE_DAMAGE, "rendition": proxy.id, "frames": frames}
    detail = f"{frames} pictures, all that decode, are in the review copy"
    _note(work, recording, told, Flag(KIND, detail=detail, detector=DETECTOR, version="1", score=1.0))


def _note(work: Work, recording: Recording, told: dict[str, object], flag: Flag) -> None:
    recording.facts = {**(recording.facts or {}), "recovered": told}
    replace_findings(recording, [flag], frozenset({DETECTOR}))
    recording.version += 1
    work.append("rec.facts", recording.id, flags=recording.flags, recovered=told)
