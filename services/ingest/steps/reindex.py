"""Index again what an older version examined: it has frame times alone, or an index that this version does not read."""

from typing import Final

from sqlalchemy import ColumnElement, select

from services.bootstrap import Archive
from services.digest import Digest
from services.errors import NotFound, Unplayable
from services.index.flags import replace_findings
from services.index.models import Object, Recording, Rendition
from services.ingest.publish import EXAMINER, clear, drop, frame_index, publish
from services.ingest.steps.missing import ask_for_missing
from services.media import continuity, framefile, suspicion
from services.media.probe import examine_in_child

KIND: Final = "index"
RECIPE: Final = str(framefile.VERSION)
"""A job of this recipe is asked for once a recording; the next version asks anew."""

_OURS: Final = frozenset({continuity.DETECTOR, suspicion.DETECTOR})

BEFORE_ALL: Final = "00000000-0000-0000-0000-000000000000"
"""No recording has this id; all stand behind it."""


def reindex(archive: Archive, recording_id: str) -> None:
    """
    Make the frame index of a recording that has none of this version, and flag what the index tells.

    All other facts stay as they were entered.

    Raises:
        NotFound: there is no such recording.
        MediaError: nothing can be read from the original any more.
        StoreUnavailable: the original cannot be read now; nothing is noted.
    """
    with archive.reading() as session:
        recording = session.get(Recording, recording_id)
        if recording is None:
            raise NotFound(f"there is no recording {recording_id}")
        obj = session.get_one(Object, recording.object_id)
        key, version, digest = obj.key, obj.version_id, Digest.from_hex(obj.sha256)
        wanted = session.scalars(select(Recording.id).where(Recording.id == recording_id, _unindexed())).first()
    if wanted is not None:
        with archive.store.lend(key, version, digest) as path:
            found = examine_in_child(path)
        if found.packed is None:
            raise Unplayable(f"the original cannot be read again: {', '.join(flag.kind for flag in found.facts.flags)}")
        with publish(archive, digest, [frame_index(found.packed)]) as keep, archive.work() as work:
            recording = work.session.get_one(Recording, recording_id, with_for_update=True)
            keep(work, recording)
            recording.version += 1
            before = list(recording.flags)
            replace_findings(recording, [flag for flag in found.facts.flags if flag.detector in _OURS], _OURS)
            if recording.flags != before:
                work.append("rec.facts", recording.id, flags=recording.flags, tool=EXAMINER)
            of_it = Rendition.recording_id == recording_id, Rendition.kind == "frame-index"
            for row in work.session.scalars(select(Rendition).where(*of_it, ~_is_current())).all():
                drop(work, row, f"a frame index of version {framefile.VERSION} is there")
    clear(archive, digest, "frame-index")


def ask_for_indexes(archive: Archive, after: str) -> str | None:
    """Ask for the frame indexes that are missing behind the recording `after`, as `ask_for_missing` does."""
    return ask_for_missing(archive, KIND, RECIPE, _unindexed(), after)


def _unindexed() -> ColumnElement[bool]:
    """Choose examined recordings whose original plays, and that have no index of this version."""
    here = Recording.playable & Recording.facts.is_not(None) & Recording.state.not_in(("quarantined", "disposed"))
    of_it = Rendition.recording_id == Recording.id, Rendition.kind == "frame-index"
    return here & ~select(Rendition.id).where(*of_it, _is_current()).exists()


def _is_current() -> ColumnElement[bool]:
    current: ColumnElement[bool] = Rendition.recipe["version"].as_integer() == framefile.VERSION
    return current
