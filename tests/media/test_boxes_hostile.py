"""Mutate the index of real files in many ways: the reader answers or refuses, quickly and in little memory."""

import os
import random
import struct
import time
import tracemalloc
from typing import Any

import pytest

from services.errors import MediaError
from services.media.boxes import Read
from services.media.fragments import fragments
from services.media.framefile import pack, unpack
from services.media.samples import Samples
from services.media.survey_movie import survey_movie
from tests.footage import make_footage

TIMES = 2000 if os.environ.get("HUISU_SOAK") else 300
MOST_SECONDS, MOST_BYTES = 1.0, 96 << 20
"""Seconds of CPU: a shared machine's clock says little. Source: issue 3."""
EXTREMES = (0, 1, 2, 7, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "front": ("a.mp4", {"bframes": 2, "layout": "front"}),
    "end": ("a.mp4", {"vfr": True}),
    "jpeg": ("a.mov", {"codec": "mjpeg", "pixel_format": "yuvj420p", "audio": "pcm_s16be"}),
    "fragmented": ("a.mp4", {"bframes": 2, "layout": "fragmented"}),
    "plain-sound": ("a.mov", {"audio": "pcm_s16le"}),
}


def mutated(content: bytes, chance: random.Random, targets: list[range]) -> bytes:
    """Change some bytes, numbers or lengths inside the index; sometimes cut the file."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.choice(chance.choice(targets))
        how = chance.randrange(4)
        if how == 0:
            changed[at] = chance.randrange(256)
        elif how == 1 and at + 4 <= len(changed):
            changed[at : at + 4] = struct.pack(">I", chance.choice(EXTREMES))
        elif how == 2 and at + 8 <= len(changed):
            changed[at : at + 8] = struct.pack(">Q", chance.choice(EXTREMES) << chance.choice((0, 16, 32)))
        else:
            changed[at] ^= 1 << chance.randrange(8)
    return bytes(changed[: chance.randrange(len(changed))] if chance.random() < 0.1 else changed)


def reader(content: bytes) -> Read:
    return lambda offset, length: content[offset : offset + length]


def index_of(content: bytes) -> list[range]:
    """Give where moov and moof boxes lie."""
    found, at = [], 0
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        if kind in {b"moov", b"moof"}:
            found.append(range(at, at + length))
        at += length
    return found


def _lies_inside(samples: Samples, size: int) -> bool:
    return bool((samples.offset >= 0).all() and (samples.end <= size).all())


@pytest.mark.parametrize("kind", KINDS)
def test_a_mutated_index_is_read_or_refused_with_a_typed_error(tmp_path, kind):
    name, options = KINDS[kind]
    content = make_footage(tmp_path / name, frames=60, **options).read_bytes()
    targets = index_of(content)
    chance = random.Random(f"huisu {kind}")
    refused = 0
    tracemalloc.start()
    try:
        for turn in range(TIMES):
            changed = mutated(content, chance, targets)
            tracemalloc.reset_peak()
            began = time.process_time()
            try:
                survey = survey_movie(reader(changed), len(changed))
                assert survey.duration >= 0
                kept = unpack(pack(survey.index))
                assert kept.frame_times == survey.frame_times
                assert all(_lies_inside(track.samples, len(changed)) for track in kept.tracks)
            except MediaError:
                refused += 1
            took, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
            assert took < MOST_SECONDS, f"turn {turn} took {took:.1f} s"
            assert peak < MOST_BYTES, f"turn {turn} took {peak} bytes"
    finally:
        tracemalloc.stop()

    assert 0 < refused < TIMES


def test_mutated_fragments_are_listed_or_refused_with_a_typed_error(tmp_path):
    content = make_footage(tmp_path / "a.mp4", frames=60, bframes=2, layout="fragmented").read_bytes()
    targets = index_of(content)
    chance = random.Random("huisu fragments")
    refused = 0
    for _ in range(TIMES):
        changed = mutated(content, chance, targets)
        try:
            fragments(reader(changed), len(changed))
        except MediaError:
            refused += 1

    assert 0 < refused < TIMES
