"""
Examine one file whole: what it is, what is in it, when each picture is shown, what is wrong with it.

Facts come from the bytes; a few samples at the beginning, in the middle and at the end are decoded to
see that there is something behind the claims.
"""

import base64
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from services.errors import MediaError, ToolFailed, Unplayable
from services.media.boxes import Read
from services.media.containers import Container, recognise
from services.media.demux import decode_at
from services.media.facts import Flag, FrameTimes, MediaFacts, Stream
from services.media.framefile import pack, unpack
from services.media.frames import FrameIndex
from services.media.sandbox import Limits, run_child
from services.media.survey import Survey
from services.media.survey_movie import survey_movie
from services.media.survey_packets import survey_packets

BROWSER_LEVEL = 51
"""Highest H.264 level that browsers decode everywhere. Source: design 2.10, knowledge/media 3."""

_BROWSER_FORMATS = frozenset({"yuv420p", "yuvj420p"})
_BROWSER_SOUND = frozenset({"aac", "mp3"})

CHILD_MEMORY_BYTES = 2 << 30
CHILD_WALL_S, CHILD_CPU_S, CHILD_BYTES_PER_S = 120, 60, 20_000_000
"""A pass over a transport stream reads some 500 MB a second; slow disks and a busy machine get 25 times that."""


@dataclass(frozen=True)
class Examination:
    """Hold everything that examining a file tells. `packed` is its frame index as one file, None where it has none."""

    facts: MediaFacts
    packed: bytes | None

    @cached_property
    def index(self) -> FrameIndex | None:
        """Unpack the frame index."""
        return None if self.packed is None else unpack(self.packed)

    @property
    def frame_times(self) -> FrameTimes | None:
        """List when each picture is shown; None where no picture is."""
        return None if self.index is None else self.index.frame_times

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        packed = None if self.packed is None else base64.b64encode(self.packed).decode()
        return {"facts": self.facts.to_json(), "index": packed}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Examination":
        """Read what `to_json` gave."""
        packed = value["index"]
        return cls(MediaFacts.from_json(value["facts"]), None if packed is None else base64.b64decode(packed))


def examine(path: Path) -> Examination:
    """
    Examine a local file; whatever is wrong with it becomes a flag, never an error.

    Call it in a child process: it hands bytes of strangers to decoders.

    Raises:
        OSError: the file itself cannot be read.
    """
    container = None
    with reading(path) as (read, size):
        try:
            container = recognise(read, size)
            if container.has_boxes:
                survey = survey_movie(read, size, container.name)
            else:
                survey = survey_packets(path, container, read, size)
        except MediaError as error:
            flag = Flag(error.code, detail=str(error))
            return Examination(MediaFacts(container.name if container else "", flags=(flag,)), None)
    return _concluded(path, container, survey)


def examine_in_child(path: Path) -> Examination:
    """
    Examine a file in a limited process of its own.

    Raises:
        Unplayable: the process crashed, took too long or too much memory over it.
    """
    patience = path.stat().st_size // CHILD_BYTES_PER_S
    limits = Limits(
        wall_s=CHILD_WALL_S + patience,
        cpu_s=CHILD_CPU_S + patience,
        memory_bytes=CHILD_MEMORY_BYTES,
        file_bytes=1 << 20,
    )
    request = {"path": str(path.absolute())}
    try:
        answer = run_child("services.media.probe:examine_request", request, limits=limits, readable=[path.absolute()])
    except ToolFailed as error:
        raise Unplayable(f"the file could not be examined: {error}") from error
    return Examination.from_json(answer)


def examine_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `{"path": …}` inside the child process with an examination as JSON values."""
    return examine(Path(request["path"])).to_json()


@contextmanager
def reading(path: Path) -> Iterator[tuple[Read, int]]:
    """Lend a local file as `read(offset, length)` and its size."""
    with path.open("rb") as file:
        number = file.fileno()

        def read(offset: int, length: int) -> bytes:
            return os.pread(number, length, offset)

        yield read, os.fstat(number).st_size


def _concluded(path: Path, container: Container, survey: Survey) -> Examination:
    """Decode at the landmarks, and say from what came out whether the file plays."""
    streams, flags, plays = list(survey.streams), list(survey.flags), []
    for place, stream in enumerate(streams):
        if stream.kind != "data" and not stream.decodable:
            flags.append(Flag("no-decoder", detail=f"stream {stream.index}: {stream.codec}"))
            continue
        landmarks = survey.landmarks.get(stream.index, ())
        if stream.kind == "data" or not landmarks:
            continue
        try:
            decoded = decode_at(path, container, stream.index, landmarks)
        except MediaError as error:
            flags.append(Flag(error.code, detail=str(error)))
            break
        if decoded.silent:
            flags.append(_undecodable(stream, decoded.silent, decoded.tried))
        if len(decoded.silent) < decoded.tried:
            plays.append(stream)
        if stream.kind == "video":
            streams[place] = replace(
                stream,
                pixel_format=stream.pixel_format or decoded.pixel_format,
                bit_depth=stream.bit_depth or decoded.bit_depth,
                rotation=stream.rotation or decoded.rotation,
            )
    facts = MediaFacts(
        container=container.name,
        streams=tuple(streams),
        duration=survey.duration,
        recorded_at=survey.recorded_at,
        location=survey.location,
        flags=tuple(flags),
        playable=bool(plays),
    )
    facts = replace(facts, browser_playable=facts.playable and _for_browsers(facts))
    return Examination(facts, pack(survey.index))


def _undecodable(stream: Stream, silent: tuple[int, ...], tried: int) -> Flag:
    detail = f"stream {stream.index}: nothing could be decoded at {len(silent)} of {tried} places (ticks {silent})"
    return Flag("undecodable", detail=detail)


def _for_browsers(facts: MediaFacts) -> bool:
    """Say whether every browser plays picture and sound as they are, given a container it knows."""
    video, audio = facts.video, facts.audio
    sound_is_known = audio is None or audio.codec in _BROWSER_SOUND
    if video is None:
        return audio is not None and sound_is_known
    fits = video.codec == "h264" and video.pixel_format in _BROWSER_FORMATS and (video.bit_depth or 8) == 8
    return fits and sound_is_known and (video.level or 0) <= BROWSER_LEVEL
