"""Play a recording without sound among others of a session: its segments, with a track of silence beside them."""

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.accounts.rights import Principal
from services.api.actions.look import Look
from services.api.actions.open_viewing import Wish
from services.api.actions.play import Playing, play_media, play_original
from services.api.stored import Stored
from services.bootstrap import Archive
from services.errors import Invalid, RangeOutside
from services.index.models import Recording, Rendition
from services.media.facts import MediaFacts
from services.media.hls import ByteRange, Listed
from services.media.mute import HEAD_BYTES, MOST_FRAMES, frames_in, muted_init, muted_segment, silent_number
from services.media.virtual import Extent, Flow, VirtualFile

VERSION: Final = 1
"""Raise it when the same address would give other bytes."""


@dataclass(frozen=True, slots=True)
class Part:
    """
    Name one part of a playlist: its init segment (`at` None), or a segment with the frames of silence that it gets.

    Of an original `at` is the pair of entries, of a rendition the pair (offset, length) of its bytes.
    """

    rendition: str | None
    version: str | None
    at: tuple[int, int] | None
    frames: tuple[int, int] = (0, 0)


def silent_playing(playing: Playing) -> Playing:
    """Give the same playlist with the addresses of silent segments."""
    begins, listed = Fraction(0), []
    for one in playing.segments:
        first, end = frames_in(begins, begins + one.duration)
        listed.append(Listed(one.duration, f"{_silent(one.uri, one.bytes)}&from={first}&to={end}"))
        begins += one.duration
    return Playing(_silent(playing.init, None), tuple(listed), playing.filmed_at, playing.look)


def _silent(uri: str, extent: ByteRange | None) -> str:
    """Name a part of a playlist in the address of its silent twin."""
    name, _, query = uri.partition("?")
    if name == "init.mp4" or (name == "media.mp4" and extent is None):
        return f"silent.mp4?{query}"
    if extent is not None:
        return f"silent.mp4?{query}&first={extent.offset}&second={extent.length}"
    first, second = name.removesuffix(".m4s").split("-")
    return f"silent.mp4?{query}&first={first}&second={second}"


def play_silent(
    archive: Archive, who: Principal, recording_id: str, part: Part, wish: Wish
) -> tuple[VirtualFile, Stored, Look, str]:
    """
    Give one part of a silent playlist: its bytes, what they are of, the look, and the name of exactly these bytes.

    Raises:
        As `play_original` and `play_media`.
        Invalid: the frames are none, or too many; as RangeOutside: there are no such bytes.
        NotPlayable: the segment does not begin with a fragment.
    """
    first, end = part.frames
    if not 0 <= end - first <= MOST_FRAMES or first < 0:
        raise Invalid(f"a segment gets at most {MOST_FRAMES} frames of silence, not {first} to {end}")
    if part.rendition is None:
        original, seen = play_original(archive, who, recording_id, part.version, wish)
        stored, init = original.stored, original.played.init()
        told: object = original.version
        file = VirtualFile.of(init) if part.at is None else original.played.segment(*part.at)
    else:
        stored, seen = play_media(archive, who, recording_id, part.rendition, wish)
        length = _init_length(archive, part.rendition)
        init, told = b"".join(stored.open(archive.store, 0, length)), part.rendition
        file = VirtualFile.of(init) if part.at is None else _range(stored, *part.at)
    etag = f'"{hashlib.sha256(repr((VERSION, stored.sha256, told, part)).encode()).hexdigest()}"'
    if part.at is None:
        return VirtualFile.of(muted_init(init)), stored, seen, etag
    head = _head(archive, stored, file)
    return muted_segment(file, head, silent_number(init), first, end), stored, seen, etag


def _init_length(archive: Archive, rendition_id: str) -> int:
    with archive.reading() as session:
        return int(session.get_one(Rendition, rendition_id).facts["init"])


def _range(stored: Stored, offset: int, length: int) -> VirtualFile:
    if not 0 <= offset < offset + length <= stored.size_bytes:
        raise RangeOutside(f"bytes {offset} to {offset + length} are not in the file's {stored.size_bytes}")
    return VirtualFile.of(Extent(offset, length))


def _head(archive: Archive, stored: Stored, file: VirtualFile) -> bytes:
    """Read the beginning of a segment: of an original's that is what was written here, of a rendition's a little."""
    first = file.pieces[0]
    if isinstance(first, bytes):
        return first
    pieces = file.slice(0, min(file.size_bytes, 64 << 10))
    head = b"".join(block.content for block in Flow(pieces, lambda _, at, size: stored.open(archive.store, at, size)))
    needed = int.from_bytes(head[:4], "big") + 16
    if needed <= len(head) or needed > min(HEAD_BYTES, file.size_bytes):
        return head
    more = file.slice(0, needed)
    return b"".join(block.content for block in Flow(more, lambda _, at, size: stored.open(archive.store, at, size)))


def has_sound(archive: Archive, recording_id: str, playing: Playing) -> bool:
    """Say whether what is played of a recording has sound: a proxy has none where its original's does not decode."""
    _, marked, rest = playing.init.partition("rendition=")
    with archive.reading() as session:
        if marked:
            row = session.get_one(Rendition, rest.partition("&")[0])
            told = row.recipe.get("parameters", {}).get("sound")
            if told is not None:
                return bool(told)
        recording = session.get_one(Recording, recording_id)
    return recording.facts is not None and MediaFacts.from_json(recording.facts).audio is not None
