"""
Write and read the proof that samples of a clip are those of a recording. Pure; docs/formats/essence.md has every field.

One *run* says that some samples of one clip track, in a row, are the samples [first, first + count) of a track of the
original. What no run names is not proven: it was encoded anew, or is sound cut inside 1,024 instants.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.custody.canonical import decode
from services.custody.essence import MATRIX_BYTES
from services.custody.proof import HASH_BYTES
from services.errors import ProofRefused

VERSION: Final = 1
MOST_TRACKS: Final = 64
MOST_RUNS: Final = 64
MOST_BYTES: Final = 1 << 20
_OF_A_RUN: Final = (
    "clip_track", "clip_first", "track", "first", "count", "dts0", "cts0", "ts", "matrix", "config", "head", "range",
)  # fmt: skip
_MOST_HASHES: Final = 128
"""Of one range proof: twice the height of any tree here, and more."""

_U32, _U61, _I32 = (0, (1 << 32) - 1), (0, (1 << 61) - 1), (-(1 << 31), (1 << 31) - 1)
_I61: Final = (-(1 << 61), (1 << 61) - 1)


@dataclass(frozen=True, slots=True)
class TrackRoot:
    """Name the tree of one track of the original: how many samples it has (its header not counted), and its root."""

    samples: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """
    Say which samples of a clip are which of the original, with what their leaves hold that the clip may have otherwise.

    `clip_first` counts samples of the clip's track, or instants where it is uncompressed sound. `dts` and `cts` are the
    original's of sample `first`; `timescale`, `config` and `matrix` those of its track; `head` proves the header
    leaf, `range` the samples.
    """

    clip_track: int
    clip_first: int
    track: int
    first: int
    count: int
    dts: int
    cts: int
    timescale: int
    matrix: bytes
    config: bytes
    head: tuple[bytes, ...]
    range: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {
            "clip_track": self.clip_track,
            "clip_first": self.clip_first,
            "track": self.track,
            "first": self.first,
            "count": self.count,
            "dts0": self.dts,
            "cts0": self.cts,
            "ts": self.timescale,
            "matrix": _text(self.matrix),
            "config": _text(self.config),
            "head": [_text(one) for one in self.head],
            "range": [_text(one) for one in self.range],
        }


@dataclass(frozen=True, slots=True)
class ClipProof:
    """Hold a whole proof: all tracks of the original, and what of the clip is which of them."""

    tracks: tuple[TrackRoot, ...]
    runs: tuple[Run, ...]

    def to_bytes(self) -> bytes:
        """Write it as one line of JSON."""
        told = {
            "v": VERSION,
            "all_tracks": [{"n": one.samples, "root": _text(one.root)} for one in self.tracks],
            "tracks": [run.to_json() for run in self.runs],
        }
        return json.dumps(told, separators=(",", ":")).encode("ascii") + b"\n"


def read_proof(text: bytes) -> ClipProof:
    """
    Read a proof, refusing whatever is not one: other names, other kinds of values, numbers beyond any recording.

    Raises:
        ProofRefused: it is not a proof of this version.
    """
    if len(text) > MOST_BYTES:
        raise ProofRefused(f"a clip's proof has at most {MOST_BYTES} bytes, not {len(text)}")
    try:
        told = json.loads(text.decode("ascii"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ProofRefused(f"a clip's proof is not the JSON of one: {error}") from error
    _names(told, {"v", "all_tracks", "tracks"})
    if _number(told, "v", _U32) != VERSION:
        raise ProofRefused(f"a clip's proof of version {told['v']} is not known; {VERSION} is")
    tracks = tuple(_track(one) for one in _list(told, "all_tracks", MOST_TRACKS))
    return ClipProof(tracks, tuple(_run(one) for one in _list(told, "tracks", MOST_RUNS)))


def _track(told: Any) -> TrackRoot:
    _names(told, {"n", "root"})
    return TrackRoot(_number(told, "n", _U32), _bytes(told, "root", HASH_BYTES))


def _run(told: Any) -> Run:
    _names(told, set(_OF_A_RUN))
    return Run(
        clip_track=_number(told, "clip_track", _U32),
        clip_first=_number(told, "clip_first", _U61),
        track=_number(told, "track", _U32),
        first=_number(told, "first", _U32),
        count=_number(told, "count", (1, _U32[1])),
        dts=_number(told, "dts0", _I61),
        cts=_number(told, "cts0", _I32),
        timescale=_number(told, "ts", (1, _U32[1])),
        matrix=_bytes(told, "matrix", MATRIX_BYTES),
        config=_bytes(told, "config"),
        head=_hashes(told, "head"),
        range=_hashes(told, "range"),
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in it")
    return found


def _names(told: Any, wanted: set[str]) -> None:
    if not isinstance(told, Mapping) or told.keys() != wanted:
        raise ProofRefused(f"a part of a clip's proof has the names {', '.join(sorted(wanted))} and no others")


def _number(told: Mapping[str, Any], name: str, limits: tuple[int, int]) -> int:
    value = told[name]
    if type(value) is not int or not limits[0] <= value <= limits[1]:
        raise ProofRefused(f"{name} of a clip's proof is a whole number from {limits[0]} to {limits[1]}")
    return value


def _list(told: Mapping[str, Any], name: str, most: int) -> list[Any]:
    value = told[name]
    if not isinstance(value, list) or len(value) > most:
        raise ProofRefused(f"{name} of a clip's proof is a list of at most {most}")
    return value


def _bytes(told: Mapping[str, Any], name: str, length: int | None = None) -> bytes:
    return _decoded(told[name], name, length)


def _hashes(told: Mapping[str, Any], name: str) -> tuple[bytes, ...]:
    return tuple(_decoded(one, name, HASH_BYTES) for one in _list(told, name, _MOST_HASHES))


def _decoded(value: Any, name: str, length: int | None) -> bytes:
    found = decode(value, f"{name} of a clip's proof") if isinstance(value, str) else None
    if found is None or (length is not None and len(found) != length):
        raise ProofRefused(f"{name} of a clip's proof is not base64 of {length or 'some'} bytes")
    return found


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
