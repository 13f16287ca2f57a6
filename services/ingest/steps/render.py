"""Render what people look at: review proxy, poster, storyboard and sound peaks, in one pass of one program."""

from collections.abc import Callable

from sqlalchemy import select

from services.bootstrap import Archive
from services.custody.work import Work
from services.digest import Digest
from services.errors import NoDecoder, Unplayable
from services.index.flags import set_flags
from services.index.models import Object, Recording, Rendition
from services.index.recordings import rendition
from services.ingest.fragmented import fragmented
from services.ingest.publish import Made, publish
from services.ingest.scratch import scratch
from services.media.facts import Flag, MediaFacts
from services.media.transcode import Rendered
from services.media.transcode import render as make
from services.storage import keys

Report = Callable[[float], None]


def render(archive: Archive, recording_id: str, report: Report) -> None:
    """
    Make the recording's renditions and call it `ready`; progress goes to `report` as a share.

    An original that does not decode after all becomes `damaged`; it stays kept, found and downloadable.
    """
    with archive.reading() as session:
        recording = session.get_one(Recording, recording_id)
        if recording.facts is None or not recording.playable:
            return
        facts = MediaFacts.from_json(recording.facts)
        obj = session.get_one(Object, recording.object_id)
        key, version, digest = obj.key, obj.version_id, Digest.from_hex(obj.sha256)
        made_before = rendition(session, recording_id, "proxy") is not None
    if made_before:
        _clear_remux(archive, digest)
        return
    times = archive.frame_times_of(recording_id)
    with scratch(archive.settings.paths.scratch) as folder:
        try:
            with archive.store.lend(key, version, digest) as path:
                rendered = make(path, facts, folder, on_progress=lambda s: report(float(s)), frame_times=times)
        except (NoDecoder, Unplayable) as error:
            _note_undecodable(archive, recording_id, error)
            return
        with publish(archive, digest, _made(rendered)) as keep, archive.work() as work:
            recording = work.session.get_one(Recording, recording_id, with_for_update=True)
            keep(work, recording)
            _note_ready(work, recording, rendered)
            _drop_remux(work, recording)
    _clear_remux(archive, digest)


def _made(rendered: Rendered) -> list[Made]:
    made = [fragmented("proxy", rendered.proxy, rendered.recipe, {"frames": rendered.frames})]
    if rendered.poster is not None:
        made.append(Made("poster", "poster.jpg", rendered.recipe, "image/jpeg", path=rendered.poster))
    if rendered.sheet is not None and rendered.storyboard is not None:
        told = rendered.storyboard.to_json()
        made.append(
            Made("storyboard", "storyboard.jpg", rendered.recipe, "image/jpeg", path=rendered.sheet, facts=told)
        )
    if rendered.peaks is not None:
        made.append(Made("peaks", "peaks.json", rendered.recipe, "application/json", path=rendered.peaks))
    return made


def _note_ready(work: Work, recording: Recording, rendered: Rendered) -> None:
    if rendered.flags:
        set_flags(recording, [*recording.flags, *(flag.to_json() for flag in rendered.flags)])
        work.append("rec.facts", recording.id, flags=recording.flags)
    if recording.state in {"kept", "playable"}:
        recording.state = "ready"
    recording.version += 1


def _drop_remux(work: Work, recording: Recording) -> None:
    row = rendition(work.session, recording.id, "remux")
    if row is None:
        return
    work.session.delete(work.session.get_one(Rendition, row.id))
    work.append(
        "rec.rendition.drop", recording.id, rendition=row.id, kind="remux", object_key=row.key, sha256=row.sha256,
        reason="the proxy is ready",
    )  # fmt: skip


def _clear_remux(archive: Archive, digest: Digest) -> None:
    """Remove the fragments that no recording of these bytes names any more, also those of a run that was killed."""
    with archive.reading() as session:
        twins = select(Recording.id).where(Recording.sha256 == digest.hex)
        named = select(Rendition.key).where(Rendition.recording_id.in_(twins), Rendition.kind == "remux")
        in_use = set(session.scalars(named))
    for kept in list(archive.store.keys(f"{keys.renditions_of(digest)}remux/")):
        if kept.key not in in_use:
            archive.store.remove_derived(kept.key)


def _note_undecodable(archive: Archive, recording_id: str, error: NoDecoder | Unplayable) -> None:
    with archive.work() as work:
        recording = work.session.get_one(Recording, recording_id, with_for_update=True)
        flag = Flag(error.code, detail=str(error)[:500]).to_json()
        set_flags(recording, [*recording.flags, flag])
        recording.state, recording.playable, recording.version = "damaged", False, recording.version + 1
        work.append("rec.facts", recording.id, flags=recording.flags, state=recording.state, playable=False)
