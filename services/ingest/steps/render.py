"""
Render what people look at, review proxy, poster, storyboard and sound peaks, and judge picture and sound; in one pass
of one program.
"""

import json
from collections.abc import Callable
from typing import Final

from sqlalchemy import select

from services.bootstrap import Archive
from services.custody.work import Work
from services.digest import Digest
from services.errors import NoDecoder, Unplayable
from services.index.flags import replace_findings, set_flags
from services.index.models import Object, Recording, Rendition
from services.index.recordings import rendition
from services.ingest.fragmented import fragmented
from services.ingest.publish import Made, clear, drop, publish
from services.ingest.scratch import scratch
from services.ingest.steps.recover import mark_up_to_damage
from services.media import look_over, suspicion
from services.media.facts import Flag, MediaFacts
from services.media.transcode import DETECTORS, Rendered
from services.media.transcode import render as make

Report = Callable[[float], None]

FORERUNNERS: Final = frozenset({look_over.DETECTOR, suspicion.DETECTOR})
"""What guesses before everything is decoded; a render knows better."""

FOR_A_WHILE: Final = ("remux", "poster", "storyboard")
"""Kinds of rendition that something made in haste may be of, until the render's own are there."""


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
        _clear(archive, digest)
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
            _drop_what_was_for_a_while(work, recording)
            mark_up_to_damage(work, recording)
    _clear(archive, digest)


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
    recipe = {key: rendered.recipe[key] for key in ("tool", "version")} | {
        "kind": "analysis",
        "detectors": dict(sorted({flag.detector: flag.version for flag in rendered.findings}.items())),
    }
    content = json.dumps(rendered.measures, separators=(",", ":")).encode()
    made.append(Made.of_bytes("analysis", "analysis.json", content, recipe, "application/json"))
    return made


def _note_ready(work: Work, recording: Recording, rendered: Rendered) -> None:
    before = list(recording.flags)
    replace_findings(recording, rendered.findings, DETECTORS | FORERUNNERS)
    set_flags(recording, [*recording.flags, *(flag.to_json() for flag in rendered.flags)])
    if recording.flags != before:
        work.append("rec.facts", recording.id, flags=recording.flags)
    if recording.state in {"kept", "playable"}:
        recording.state = "ready"
    recording.version += 1


def _drop_what_was_for_a_while(work: Work, recording: Recording) -> None:
    """Forget copied fragments, and the poster and storyboard of the first look; the render's own stay."""
    rows = select(Rendition).where(Rendition.recording_id == recording.id, Rendition.kind.in_(FOR_A_WHILE))
    for row in work.session.scalars(rows).all():
        if row.kind == "remux" or row.recipe.get("kind") == look_over.KIND:
            drop(work, row, "what the render made is there")


def _clear(archive: Archive, digest: Digest) -> None:
    for kind in FOR_A_WHILE:
        clear(archive, digest, kind)


def _note_undecodable(archive: Archive, recording_id: str, error: NoDecoder | Unplayable) -> None:
    with archive.work() as work:
        recording = work.session.get_one(Recording, recording_id, with_for_update=True)
        flag = Flag(error.code, detail=str(error)[:500]).to_json()
        set_flags(recording, [*recording.flags, flag])
        recording.state, recording.playable, recording.version = "damaged", False, recording.version + 1
        work.append("rec.facts", recording.id, flags=recording.flags, state=recording.state, playable=False)
