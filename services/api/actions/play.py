"""Play a recording: from its original's own bytes, or its review proxy, or, until there is one, its copied streams."""

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

from services.accounts.rights import Principal
from services.api.actions.look import Look, look
from services.api.actions.open_viewing import Wish, require_present
from services.api.stored import Stored
from services.bootstrap import Archive
from services.errors import Gone, HuisuError, Invalid, NotPlayable, NotReady, VerbatimNotPossible
from services.index.models import Object, Recording, Rendition
from services.index.recordings import rendition
from services.index.visible import fetch, is_id
from services.jobs.lease import of_key
from services.jobs.table import JobState
from services.media import framefile, muxing
from services.media import segments as in_place
from services.media.facts import DAMAGE, MediaFacts
from services.media.fragments import Fragment
from services.media.frames import FrameIndex
from services.media.hls import ByteRange, Listed, segments, written
from services.media.segments import InPlace

PLAYED = ("proxy", "remux")
"""Kinds of rendition that a player is given, the better one first."""

RECOVERED: Final = "recovered"
"""What was brought back of a damaged original: played only by who asks for it."""


@dataclass(frozen=True, slots=True)
class Playing:
    """What a player is given: segments and their init segment, when the first frame was filmed, the look."""

    init: str
    segments: tuple[Listed, ...]
    filmed_at: datetime
    look: Look
    init_bytes: ByteRange | None = None

    def playlist(self) -> str:
        """Write the playlist; its addresses carry the viewing, and name what they are of."""
        return written(self.init, self.segments, init_bytes=self.init_bytes, program_date_time=self.filmed_at)


def play(
    archive: Archive,
    who: Principal,
    recording_id: str,
    wish: Wish,
    *,
    rendition: str | None = None,
    start: Fraction | None = None,
    audio: int | None = None,
) -> Playing:
    """
    Begin to play: enter the look, give the playlist.

    `rendition` is `original`, `proxy` or, of a damaged original, `recovered`; without it the original where browsers
    play it, else the proxy, else, of an original in another container, its copied streams. `start` is where the
    player will begin. `audio` is the number of the stream that is heard: only an original has more than its first.

    Raises:
        NotFound, NotAllowed, Gone, ReasonRequired: as `look`.
        Invalid: there is no such rendition.
        NotReady: nothing playable is made yet.
        NotPlayable: the recording is damaged, or nothing of it decodes; or browsers do not play the original.
    """
    if rendition not in {None, "original", "proxy", RECOVERED}:
        raise Invalid(f"what is played is the original, the proxy or what was recovered, not {rendition!r}")
    with archive.reading() as session:
        recording = fetch(session, who, "recording.play", recording_id)
        filmed_at = corrected_start(recording)
        row = None if rendition == "original" else _made(session, recording, rendition)
        proxy_only = rendition in {"proxy", RECOVERED}
        if proxy_only and row is None:
            raise unmade(session, recording, "its review copy")
    if audio is not None:
        _require_sound(archive, recording_id, audio, proxy_only=proxy_only)
    must = rendition == "original" or row is None or audio is not None
    original = None if proxy_only else original_of(archive, recording_id, must=must, audio=audio)
    seen = look(archive, who, recording_id, "recording.play", wish)
    if original is not None:
        return _playing_original(original, seen, filmed_at, start)
    assert row is not None  # noqa: S101  (else original_of has raised)
    return _playing_made(row, seen, filmed_at)


def _require_sound(archive: Archive, recording_id: str, audio: int, *, proxy_only: bool) -> None:
    """
    Raise unless a stream of sound has this number and can be chosen.

    Raises:
        Invalid: there is no such sound.
        NotPlayable: the review copy has only the first.
    """
    with archive.reading() as session:
        told = session.get_one(Recording, recording_id).facts
    sounds = [] if told is None else [one.index for one in MediaFacts.from_json(told).streams if one.kind == "audio"]
    if audio not in sounds:
        raise Invalid(f"the recording has sound in the streams {sounds}, not in {audio}")
    if proxy_only:
        raise NotPlayable("the review copy has only the first sound: ask for the original")


@dataclass(frozen=True, slots=True)
class Original:
    """
    An original that is played from its own bytes; `version` changes when its addresses would give others.

    `audio` is the number of the stream of sound that was chosen, None: the first.
    """

    stored: Stored
    played: InPlace
    version: str
    audio: int | None = None

    def etag(self, what: str) -> str:
        """Name the bytes of its init segment or of one segment."""
        told = repr((self.stored.sha256, self.version, what, self.audio))
        return f'"{hashlib.sha256(told.encode()).hexdigest()}"'


def _playing_original(original: Original, seen: Look, filmed_at: datetime, start: Fraction | None) -> Playing:
    told = f"?v={original.version}&viewing={seen.viewing}"
    told += "" if original.audio is None else f"&audio={original.audio}"
    parts = tuple(
        Listed(part.duration, f"{part.first}-{part.end}.m4s{told}") for part in original.played.segments(start)
    )
    return Playing(f"init.mp4{told}", parts, filmed_at, seen)


def _playing_made(row: Rendition, seen: Look, filmed_at: datetime) -> Playing:
    address = f"media.mp4?rendition={row.id}&viewing={seen.viewing}"
    listed = tuple(Listed(part.duration, address, part.bytes) for part in segments(_fragments(row.facts["fragments"])))
    return Playing(address, listed, filmed_at, seen, ByteRange(0, int(row.facts["init"])))


VERSION: Final = f"{framefile.VERSION}.{muxing.VERSION}.{in_place.VERSION}"
"""What the addresses of segments stand for: entries as the index numbers them, boxes as they are written now."""

_IN_PLACE: Final[WeakKeyDictionary[FrameIndex, dict[int | None, InPlace]]] = WeakKeyDictionary()
_IN_PLACE_LOCK: Final = threading.Lock()


def original_of(archive: Archive, recording_id: str, *, must: bool, audio: int | None = None) -> Original | None:
    """
    Give the original if browsers play it from its own bytes.

    Raises:
        NotReady, NotPlayable: it `must`, and is not indexed yet, or cannot be.
    """
    with archive.reading() as session:
        recording = session.get_one(Recording, recording_id)
        if recording.facts is None or not recording.playable:
            if must:
                raise unmade(session, recording, "its index")
            return None
        facts = MediaFacts.from_json(recording.facts)
        stored = Stored.original(session.get_one(Object, recording.object_id)).as_part("original:play")
    index = archive.index_of(recording_id)
    try:
        if index is None:
            raise VerbatimNotPossible("it has no frame index yet")
        return Original(stored, _in_place(index, facts, audio), VERSION, audio)
    except VerbatimNotPossible as error:
        if not must:
            return None
        raise _not_from_original(archive, recording_id, error) from error


def _not_from_original(archive: Archive, recording_id: str, why: VerbatimNotPossible) -> HuisuError:
    """Say that the review copy is still being made, or, where there is one, why the original is not played."""
    with archive.reading() as session:
        recording = session.get_one(Recording, recording_id)
        if _made(session, recording, None) is None:
            return unmade(session, recording, "its review copy")
    return NotPlayable(f"the original is not played in place: {why}")


def _in_place(index: FrameIndex, facts: MediaFacts, audio: int | None) -> InPlace:
    with _IN_PLACE_LOCK:
        found = _IN_PLACE.get(index, {}).get(audio)
    if found is None:
        found = InPlace.of(index, facts, audio)
        with _IN_PLACE_LOCK:
            _IN_PLACE.setdefault(index, {})[audio] = found
    return found


def play_original(
    archive: Archive, who: Principal, recording_id: str, version: str | None, wish: Wish, audio: int | None = None
) -> tuple[Original, Look]:
    """
    Give the original whose segments a playlist names; `version` and `audio` are those that it was made of.

    Raises:
        Gone: the addresses mean other bytes by now: read the playlist again.
        And as `play`.
    """
    with archive.reading() as session:
        fetch(session, who, "recording.play", recording_id)
    original = original_of(archive, recording_id, must=True, audio=audio)
    assert original is not None  # noqa: S101  (it must)
    if version is not None and version != original.version:
        raise Gone("these segments were numbered otherwise: read the playlist again")
    return original, look(archive, who, recording_id, "recording.play", wish)


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
            row = _made(session, recording, None)
            if row is None:
                raise unmade(session, recording, "its review copy")
        else:
            found = session.get(Rendition, rendition_id) if is_id(rendition_id) else None
            if found is None or found.recording_id != recording.id or found.kind not in {*PLAYED, RECOVERED}:
                raise Gone("this rendition was replaced by a better one: read the playlist again")
            row = found
        stored = Stored.rendition(row)
    return stored, look(archive, who, recording_id, "recording.play", wish)


def _made(session: Session, recording: Recording, kind: str | None) -> Rendition | None:
    """Find the best rendition that a player may have, or the one of a kind."""
    if kind == RECOVERED:
        return rendition(session, recording.id, kind)
    found = (rendition(session, recording.id, one) for one in PLAYED if kind in {None, one})
    return next((row for row in found if row is not None), None)


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
