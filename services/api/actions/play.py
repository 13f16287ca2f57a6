"""Play a recording: the playlist of its review proxy, or of its copied streams while there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from sqlalchemy.orm import Session

from services.accounts.rights import Principal
from services.api.actions.look import Look, look
from services.api.actions.open_viewing import Wish, require_present
from services.api.stored import Stored
from services.bootstrap import Archive
from services.errors import Gone, HuisuError, NotPlayable, NotReady
from services.index.models import Recording, Rendition
from services.index.recordings import rendition
from services.index.visible import fetch, is_id
from services.jobs.lease import of_key
from services.jobs.table import JobState
from services.media.facts import DAMAGE
from services.media.fragments import Fragment
from services.media.hls import ByteRange, playlist

PLAYED = ("proxy", "remux")
"""Kinds of rendition that a player is given, the better one first."""


@dataclass(frozen=True, slots=True)
class Playing:
    """What a player is given: the rendition, where its parts lie, when its first frame was filmed."""

    rendition: str
    init: ByteRange
    fragments: tuple[Fragment, ...]
    filmed_at: datetime
    look: Look

    def playlist(self) -> str:
        """Write the playlist; its addresses carry the viewing and name the rendition that the ranges are of."""
        address = f"media.mp4?rendition={self.rendition}&viewing={self.look.viewing}"
        return playlist(self.init, self.fragments, address, program_date_time=self.filmed_at)


def play(archive: Archive, who: Principal, recording_id: str, wish: Wish) -> Playing:
    """
    Begin to play: enter the look, give the playlist.

    Raises:
        NotFound, NotAllowed, Gone, ReasonRequired: as `look`.
        NotReady: nothing playable is made yet.
        NotPlayable: the recording is damaged, or nothing of it decodes.
    """
    with archive.reading() as session:
        recording = fetch(session, who, "recording.play", recording_id)
        row = _played(session, recording)
        init, fragments = ByteRange(0, int(row.facts["init"])), tuple(_fragments(row.facts["fragments"]))
        name, filmed_at = row.id, corrected_start(recording)
    seen = look(archive, who, recording_id, "recording.play", wish)
    return Playing(name, init, fragments, filmed_at, seen)


def play_media(
    archive: Archive, who: Principal, recording_id: str, rendition_id: str | None, wish: Wish
) -> tuple[Stored, Look]:
    """
    Give the file whose ranges a playlist names; `rendition_id` is the one that the playlist was made of.

    Raises:
        Gone: that rendition was replaced meanwhile: read the playlist again.
        And as `play`.
    """
    with archive.reading() as session:
        recording = fetch(session, who, "recording.play", recording_id)
        if rendition_id is None:
            row = _played(session, recording)
        else:
            found = session.get(Rendition, rendition_id) if is_id(rendition_id) else None
            if found is None or found.recording_id != recording.id or found.kind not in PLAYED:
                raise Gone("this rendition was replaced by a better one: read the playlist again")
            row = found
        stored = Stored.rendition(row)
    return stored, look(archive, who, recording_id, "recording.play", wish)


def _played(session: Session, recording: Recording) -> Rendition:
    for kind in PLAYED:
        row = rendition(session, recording.id, kind)
        if row is not None:
            return row
    raise unmade(session, recording, "its review copy")


def unmade(session: Session, recording: Recording, what: str) -> HuisuError:
    """Say why something made from a recording is not there: not yet, or never. Raise what it gives."""
    require_present(recording)
    if recording.facts is not None and not recording.playable:
        damage = {flag["kind"] for flag in recording.flags} & DAMAGE
        kinds = ", ".join(sorted(damage)) or "nothing of it decodes"
        return NotPlayable(f"the recording is {recording.state}: {kinds}")
    jobs = [job for job in of_key(session, recording.id) if job.kind in {"examine", "render"}]
    if jobs and jobs[-1].state in {JobState.SET_ASIDE, JobState.FAILED}:
        return NotPlayable(f"{what} could not be made: {jobs[-1].error_code}")
    return NotReady(f"{what} is still being made")


def corrected_start(recording: Recording) -> datetime:
    """Give when the first frame was filmed by true time; `clock_offset` is how far the device's clock is ahead."""
    return recording.started_at - timedelta(seconds=recording.clock_offset or 0.0)


def _fragments(table: Sequence[Sequence[object]]) -> list[Fragment]:
    """Read the table that was kept when the rendition was made; every fragment of ours begins with a key frame."""
    return [
        Fragment(int(str(offset)), int(str(length)), Fraction(str(start)), Fraction(str(duration)), sync=True)
        for offset, length, start, duration in table
    ]
