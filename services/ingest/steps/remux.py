"""Remux a browser-playable original into fragments, so that nobody waits for the proxy to look at it."""

from services.bootstrap import Archive
from services.digest import Digest
from services.errors import MediaError, ToolFailed, VerbatimNotPossible
from services.index.models import Object, Recording
from services.index.recordings import rendition
from services.ingest.fragmented import fragmented
from services.ingest.publish import publish
from services.ingest.scratch import scratch
from services.media.facts import MediaFacts
from services.media.remux import remux as copy_streams
from services.media.stretch import BOXED


def remux(archive: Archive, recording_id: str) -> None:
    """
    Make the copied fragments of an H.264/AAC original in another container than MP4, and call it `playable`.

    MP4, MOV and 3GP are played from their own bytes (`examine` says so), or wait for their proxy. An original that
    cannot be copied after all just waits for its proxy, too; `render` drops the copy.
    """
    with archive.reading() as session:
        recording = session.get_one(Recording, recording_id)
        facts = MediaFacts.from_json(recording.facts) if recording.facts else None
        made_before = rendition(session, recording_id, "remux") or rendition(session, recording_id, "proxy")
        if recording.state != "kept" or facts is None or not facts.browser_playable or made_before:
            return
        if facts.container in BOXED:
            return
        obj = session.get_one(Object, recording.object_id)
        key, version, digest = obj.key, obj.version_id, Digest.from_hex(obj.sha256)
    times = archive.frame_times_of(recording_id)
    with scratch(archive.settings.paths.scratch) as folder:
        try:
            with archive.store.lend(key, version, digest) as path:
                copied = copy_streams(path, facts, folder / "remux.mp4", frame_times=times)
        except (MediaError, ToolFailed, VerbatimNotPossible):
            return
        made = fragmented("remux", copied.path, copied.recipe)
        with publish(archive, digest, [made]) as keep, archive.work() as work:
            recording = work.session.get_one(Recording, recording_id, with_for_update=True)
            keep(work, recording)
            if recording.state == "kept":
                recording.state, recording.version = "playable", recording.version + 1
