"""Hold what is known about a recording's file as plain values that survive JSON without loss."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, Literal, cast

from services.media.frametimes import FrameTimes

__all__ = [
    "ALLOWED_DECODERS",
    "DAMAGE",
    "Dismissal",
    "Flag",
    "FrameTimes",
    "Kind",
    "MediaFacts",
    "Stream",
    "decoder_of",
]

Kind = Literal["video", "audio", "data"]

ALLOWED_DECODERS = frozenset(
    "h264 hevc av1 libdav1d vp8 vp9 mpeg4 mpeg2video mpeg1video h263 mjpeg theora "  # noqa: SIM905 (a list of words)
    "aac mp3 mp3float mp2 mp2float ac3 opus vorbis amrnb amrwb adpcm_ima_wav g726 "
    "pcm_alaw pcm_mulaw pcm_s16le pcm_s16be pcm_s24le pcm_s32le pcm_f32le pcm_u8".split()
)
"""Decoders that may ever run on a recording. Source: design 2.11; a test finds each in the pinned build."""

_DECODER_OF = {"av1": "libdav1d", "amr_nb": "amrnb", "amr_wb": "amrwb", "adpcm_g726": "g726"}

DAMAGE = frozenset(
    {
        "unplayable",
        "truncated",
        "hostile-container",
        "empty",
        "not-media",
        "bad-sample-tables",
        "no-index",
        "undecodable",
    }
)
"""Kinds of flag that make a recording `damaged`; they are the codes of `MediaError` and its children."""


def decoder_of(codec: str) -> str | None:
    """Give the name of the allowed decoder of a codec (libav's codec name), or None if none may run."""
    name = _DECODER_OF.get(codec, codec)
    return name if name in ALLOWED_DECODERS else None


@dataclass(frozen=True, slots=True)
class Stream:
    """
    Say what one track of a file is.

    `index` is the stream's number in libav's order (`0:index` for ffmpeg). `codec` is libav's codec
    name. `rotation` is clockwise degrees (0, 90, 180, 270) that a player must turn the picture.
    `rate` is the mean rate in frames a second. `start` and `duration` are seconds, `start` counted
    from the recording's first presented video frame (sound-only: its first sample); it can be negative.
    `frames` counts presented pictures, or coded sound frames where the container lists them.
    """

    index: int
    kind: Kind
    codec: str
    profile: str | None = None
    width: int | None = None
    height: int | None = None
    rotation: int = 0
    rate: Fraction | None = None
    variable_rate: bool = False
    pixel_format: str | None = None
    bit_depth: int | None = None
    channels: int | None = None
    sample_rate: int | None = None
    language: str | None = None
    duration: Fraction = Fraction(0)
    frames: int | None = None
    start: Fraction = Fraction(0)
    level: int | None = None

    @property
    def decodable(self) -> bool:
        """Say whether a decoder on our list reads it."""
        return self.kind != "data" and decoder_of(self.codec) is not None

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values; fractions are `"numerator/denominator"`."""
        return {
            "index": self.index,
            "kind": self.kind,
            "codec": self.codec,
            "profile": self.profile,
            "width": self.width,
            "height": self.height,
            "rotation": self.rotation,
            "rate": None if self.rate is None else _print(self.rate),
            "variable_rate": self.variable_rate,
            "pixel_format": self.pixel_format,
            "bit_depth": self.bit_depth,
            "channels": self.channels,
            "sample_rate": self.sample_rate,
            "language": self.language,
            "duration": _print(self.duration),
            "frames": self.frames,
            "start": _print(self.start),
            "level": self.level,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Stream":
        """Read what `to_json` gave."""
        fields = dict(value)
        fields["rate"] = None if fields["rate"] is None else Fraction(fields["rate"])
        fields["duration"] = Fraction(fields["duration"])
        fields["start"] = Fraction(fields["start"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Dismissal:
    """Say that a person looked at a flag and found nothing in it. The flag stays; this stands beside it."""

    by: str
    at: datetime
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {"by": self.by, "at": self.at.isoformat(), "reason": self.reason}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Dismissal":
        """Read what `to_json` gave."""
        return cls(value["by"], datetime.fromisoformat(value["at"]).astimezone(UTC), value["reason"])


@dataclass(frozen=True, slots=True)
class Flag:
    """
    Mark something that a person should know about a file, where it lies, and why it is said.

    `start` and `end` are seconds from the first presented frame, or None where it is about the whole file.
    `detector` and `version` name what found it, "" for what the file itself says; `score` is 0 to 1, how plain it is.
    `channel` names the sound it is about (`stream 1 channel 2`), "" where it is about pictures or everything.
    """

    kind: str
    start: Fraction | None = None
    end: Fraction | None = None
    detail: str = ""
    detector: str = ""
    version: str = ""
    score: float | None = None
    channel: str = ""
    dismissed: Dismissal | None = None

    @property
    def id(self) -> str:
        """
        Name the finding: the same kind, detector, range and channel have the same name in every run.

        Only the words of a flag without a detector belong to its name: several of one kind differ by nothing else.
        """
        said = "" if self.detector else self.detail
        parts = (self.kind, self.detector, str(self.start), str(self.end), self.channel, said)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    def is_same_finding(self, other: "Flag") -> bool:
        """Say whether two flags tell of one thing, though another version or detector drew its edges elsewhere."""
        if self.id == other.id:
            return True
        if (self.kind, self.channel) != (other.kind, other.channel) or not (self.detector and other.detector):
            return False
        if self.start is None or self.end is None or other.start is None or other.end is None:
            return (self.start, self.end) == (other.start, other.end)
        shared = min(self.end, other.end) - max(self.start, other.start)
        return 2 * shared >= max(self.end, other.end) - min(self.start, other.start)

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values; what is empty and younger than the first release is left out."""
        younger: dict[str, Any] = {
            "detector": self.detector,
            "version": self.version,
            "score": self.score,
            "channel": self.channel,
        }
        if self.dismissed is not None:
            younger["dismissed"] = self.dismissed.to_json()
        return {
            "kind": self.kind,
            "start": None if self.start is None else _print(self.start),
            "end": None if self.end is None else _print(self.end),
            "detail": self.detail,
        } | {name: value for name, value in younger.items() if value not in ("", None)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Flag":
        """Read what `to_json` gave, of any release."""
        start, end, dismissed = value["start"], value["end"], value.get("dismissed")
        return cls(
            kind=value["kind"],
            start=None if start is None else Fraction(start),
            end=None if end is None else Fraction(end),
            detail=value["detail"],
            detector=value.get("detector", ""),
            version=value.get("version", ""),
            score=value.get("score"),
            channel=value.get("channel", ""),
            dismissed=None if dismissed is None else Dismissal.from_json(dismissed),
        )


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """
    Say what one file is: found by reading it, never by believing its name.

    `container` is our own name (`containers.Container.name`; "" if unknown). `duration` is what is really
    there, in seconds from the first presented frame. `recorded_at` is the container's own time, None when
    unset or absurd. `location` is (latitude, longitude) in degrees. `playable`: at least one picture or
    sound stream decodes. `browser_playable`: H.264 8-bit 4:2:0 up to level 5.1 with AAC, MP3 or no sound.
    """

    container: str
    streams: tuple[Stream, ...] = ()
    duration: Fraction = Fraction(0)
    recorded_at: datetime | None = None
    location: tuple[float, float] | None = None
    flags: tuple[Flag, ...] = ()
    playable: bool = False
    browser_playable: bool = False

    @property
    def video(self) -> Stream | None:
        """Give the picture stream that is shown: the first one that decodes, else the first."""
        return self._chosen("video")

    @property
    def audio(self) -> Stream | None:
        """Give the sound stream that is heard first: the first one that decodes, else the first."""
        return self._chosen("audio")

    @property
    def damaged(self) -> bool:
        """Say whether the file is not whole, not media, or made to do harm."""
        return any(flag.kind in DAMAGE for flag in self.flags)

    def _chosen(self, kind: Kind) -> Stream | None:
        streams = [stream for stream in self.streams if stream.kind == kind]
        return next((stream for stream in streams if stream.decodable), streams[0] if streams else None)

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values, without loss."""
        return {
            "container": self.container,
            "streams": [stream.to_json() for stream in self.streams],
            "duration": _print(self.duration),
            "recorded_at": None if self.recorded_at is None else self.recorded_at.isoformat(),
            "location": None if self.location is None else list(self.location),
            "flags": [flag.to_json() for flag in self.flags],
            "playable": self.playable,
            "browser_playable": self.browser_playable,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "MediaFacts":
        """Read what `to_json` gave."""
        moment, place = value["recorded_at"], value["location"]
        return cls(
            container=value["container"],
            streams=tuple(Stream.from_json(stream) for stream in value["streams"]),
            duration=Fraction(value["duration"]),
            recorded_at=None if moment is None else datetime.fromisoformat(moment).astimezone(UTC),
            location=None if place is None else cast("tuple[float, float]", tuple(place)),
            flags=tuple(Flag.from_json(flag) for flag in value["flags"]),
            playable=value["playable"],
            browser_playable=value["browser_playable"],
        )


def _print(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
