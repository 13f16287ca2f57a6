"""Look a fresh recording over: poster, storyboard and first findings, long before it is rendered."""

import logging

from services.bootstrap import Archive
from services.custody.work import Work
from services.digest import Digest
from services.errors import MediaError, ToolFailed
from services.index.flags import replace_findings
from services.index.models import Object, Recording
from services.index.recordings import rendition
from services.ingest.publish import Made, publish
from services.media import look_over as looking
from services.media.facts import MediaFacts

log = logging.getLogger(__name__)


def look_over(archive: Archive, recording_id: str) -> None:
    """
    Make what a first look gives, unless the render was faster. What cannot be looked at so waits for its render.

    Raises:
        StoreUnavailable: the original cannot be read now.
    """
    with archive.reading() as session:
        recording = session.get_one(Recording, recording_id)
        if recording.facts is None or not recording.playable or _is_done(archive, recording_id):
            return
        facts = MediaFacts.from_json(recording.facts)
        obj = session.get_one(Object, recording.object_id)
        key, version, digest = obj.key, obj.version_id, Digest.from_hex(obj.sha256)
    index = archive.index_of(recording_id)
    if index is None:
        return
    try:
        with archive.store.lend(key, version, digest) as path:
            seen = looking.look_over(path, facts, index)
    except (MediaError, ToolFailed) as error:
        log.info("recording was not looked over", extra={"recording": recording_id, "error": str(error)[:300]})
        return
    if seen is None:
        return
    made = [
        Made.of_bytes("poster", "poster.jpg", seen.poster, seen.recipe, "image/jpeg"),
        Made(
            "storyboard",
            "storyboard.jpg",
            seen.recipe,
            "image/jpeg",
            content=seen.sheet,
            facts=seen.storyboard.to_json(),
        ),
    ]
    with publish(archive, digest, made) as keep, archive.work() as work:
        recording = work.session.get_one(Recording, recording_id, with_for_update=True)
        if rendition(work.session, recording_id, "proxy") is None:
            keep(work, recording)
            _note(work, recording, seen)


def _is_done(archive: Archive, recording_id: str) -> bool:
    with archive.reading() as session:
        return any(rendition(session, recording_id, kind) is not None for kind in ("proxy", "storyboard"))


def _note(work: Work, recording: Recording, seen: looking.FirstLook) -> None:
    before = list(recording.flags)
    replace_findings(recording, seen.findings, frozenset({looking.DETECTOR}))
    recording.version += 1
    if recording.flags != before:
        work.append("rec.facts", recording.id, flags=recording.flags)
