"""Keeping a frame index: nothing is lost, it stays small, and what is no index is refused."""

import dataclasses
import os
import random
import struct
import time
import tracemalloc
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import Invalid
from services.media.columns import pack_column, unpack_column
from services.media.framefile import pack, unpack
from services.media.frames import FrameIndex, IndexedTrack, entries_of
from services.media.samples import Samples

LARGEST_BYTES_AN_HOUR = 1_300_000
"""Source: design 2.8."""


TIMES = 2000 if os.environ.get("HUISU_SOAK") else 300
MOST_SECONDS, MOST_BYTES = 1.0, 96 << 20
HEAD = struct.Struct("<4sBxxxIQ")


def interleaved_hour() -> FrameIndex:
    """Make the index of an hour of 1080p at 30 a second with AAC, frame beside frame, of sizes nobody can guess."""
    chance = np.random.default_rng(7)
    pictures, sounds = 3600 * 30, 3600 * 48000 // 1024
    video_size = np.maximum(chance.lognormal(9.6, 0.5, pictures), 200).astype(np.uint32)
    video_size[::30] *= 8
    sound_size = np.clip(chance.normal(340, 40, sounds), 6, None).astype(np.uint32)
    times = np.concatenate((np.arange(pictures) / 30, np.arange(sounds) * 1024 / 48000))
    order = np.argsort(times, kind="stable")
    sizes = np.concatenate((video_size, sound_size)).astype(np.int64)
    places = np.empty(len(order), np.int64)
    places[order] = np.cumsum(sizes[order]) - sizes[order] + 48
    sync = np.arange(pictures) % 30 == 0
    cts = np.tile(np.array([512, 1280, 512], np.int32), pictures // 3)
    video = Samples(np.arange(pictures) * 512, _full(pictures, 512), cts, places[:pictures], video_size, sync)
    every = np.ones(sounds, np.bool_)
    nothing = np.zeros(sounds, np.int32)
    sound = Samples(np.arange(sounds) * 1024, _full(sounds, 1024), nothing, places[pictures:], sound_size, every)
    tracks = (
        IndexedTrack(0, "video", "h264", 15360, b"x" * 180, video, np.ones(pictures, np.bool_), sync, Fraction(0)),
        IndexedTrack(1, "audio", "aac", 48000, b"x" * 90, sound, every, every, Fraction(-1, 48)),
    )
    return FrameIndex("mp4", int(sizes.sum()) + 48, Fraction(3600), 0, tracks)


def _full(count: int, value: int) -> "np.ndarray[tuple[int], np.dtype[np.uint32]]":
    return np.full(count, value, np.uint32)


def same(before: FrameIndex, after: FrameIndex) -> None:
    """Assert that two indexes say the same."""
    assert (before.container, before.size_bytes, before.duration, before.lead) == (
        after.container,
        after.size_bytes,
        after.duration,
        after.lead,
    )
    for one, other in zip(before.tracks, after.tracks, strict=True):
        for name in ("dts", "duration", "cts", "offset", "size", "sync"):
            mine, theirs = getattr(one.samples, name), getattr(other.samples, name)
            assert mine.dtype == theirs.dtype, name
            assert np.array_equal(mine, theirs), name
        assert np.array_equal(one.shown, other.shown)
        assert np.array_equal(one.closed, other.closed)
        assert (one.moments is None) == (other.moments is None)
        if one.moments is not None and other.moments is not None:
            assert np.array_equal(one.moments, other.moments)
        for name in ("index", "kind", "codec", "timescale", "description", "shift", "width", "height", "matrix"):
            assert getattr(one, name) == getattr(other, name), name
        assert (one.language, one.frame_bytes, one.step) == (other.language, other.frame_bytes, other.step)


def test_an_hour_takes_no_more_room_than_the_design_allows() -> None:
    index = interleaved_hour()

    packed = pack(index)

    assert len(packed) <= LARGEST_BYTES_AN_HOUR
    same(index, unpack(packed))


U32, I32, I64 = st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**62), 2**62)


@st.composite
def tracks(draw: st.DrawFn) -> IndexedTrack:
    """Draw a track of any numbers whatever, some in long runs."""
    count = draw(st.integers(0, 40))

    def numbers(kind: st.SearchStrategy[int], width: str) -> "np.ndarray[tuple[int], np.dtype[Any]]":
        if draw(st.booleans()):
            return np.full(count, draw(kind), width)
        return np.array(draw(st.lists(kind, min_size=count, max_size=count)), width)

    def marks() -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        return np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), np.bool_)

    samples = Samples(
        numbers(I64, "i8"), numbers(U32, "u4"), numbers(I32, "i4"), numbers(I64, "i8"), numbers(U32, "u4"), marks()
    )
    return IndexedTrack(
        index=draw(st.integers(0, 99)),
        kind=draw(st.sampled_from(["video", "audio", "data"])),
        codec=draw(st.text(max_size=8)),
        timescale=draw(st.integers(1, 10**9)),
        description=draw(st.binary(max_size=50)),
        samples=samples,
        shown=marks(),
        closed=marks(),
        shift=draw(st.none() | st.fractions()),
        matrix=draw(st.binary(max_size=36)),
        language=draw(st.none() | st.text(max_size=3)),
        frame_bytes=draw(st.none() | st.integers(1, 64)),
        moments=draw(st.none() | st.lists(I64, max_size=20).map(lambda ticks: np.array(sorted(ticks), np.int64))),
        step=draw(st.integers(1, 1001)),
    )


@given(st.lists(tracks(), max_size=4), st.integers(0, 2**60), st.fractions())
@settings(max_examples=60, deadline=None)
def test_any_index_is_the_same_after_keeping(held: list[IndexedTrack], size: int, duration: Fraction) -> None:
    index = FrameIndex("mp4", size, duration, 0 if held else None, tuple(held))

    same(index, unpack(pack(index)))


@given(st.lists(I64, max_size=200) | st.lists(st.integers(0, 3), max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_column_is_the_same_after_keeping(numbers: list[int]) -> None:
    told, packed = pack_column(np.array(numbers, np.int64))

    assert unpack_column(told, memoryview(packed)).tolist() == numbers


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.booleans()), max_size=30))
@settings(max_examples=200, deadline=None)
def test_entries_are_the_refreshes_that_nothing_crosses(drawn: list[tuple[int, bool, bool]]) -> None:
    pts = np.array([tick for tick, _, _ in drawn], np.int64)
    sync = np.array([key for _, key, _ in drawn], np.bool_)
    refreshes = np.array([mark for _, _, mark in drawn], np.bool_)
    count = len(drawn)
    zeros = np.zeros(count, np.uint32)
    samples = Samples(pts, zeros, np.zeros(count, np.int32), pts, zeros, sync)

    found = entries_of(samples, refreshes)

    assert found.tolist() == [
        bool(sync[n] and refreshes[n] and (pts[:n] < pts[n]).all() and (pts[n:] >= pts[n]).all()) for n in range(count)
    ]


def _small() -> FrameIndex:
    ticks, marks = np.arange(50), np.arange(50) % 10 == 0
    sizes = np.arange(50, dtype=np.uint32) * 997 % 3001
    samples = Samples(
        ticks * 512, _full(50, 512), np.zeros(50, np.int32), np.cumsum(sizes, dtype=np.int64) * 2, sizes, marks
    )
    track = IndexedTrack(0, "video", "h264", 15360, b"x" * 180, samples, np.ones(50, np.bool_), marks, Fraction(0))
    return FrameIndex("mp4", 10**6, Fraction(5), 0, (track, dataclasses.replace(track, index=1, moments=ticks)))


def _mutated(whole: bytes, chance: random.Random) -> bytes:
    """Change bytes of the file as it lies, of its description, or of its columns behind a compression that fits."""
    _, version, head_bytes, body_bytes = HEAD.unpack_from(whole)
    head = bytearray(whole[HEAD.size : HEAD.size + head_bytes])
    body = bytearray(zstandard.ZstdDecompressor().decompress(whole[HEAD.size + head_bytes :]))
    kind = chance.randrange(3)
    changed = bytearray(whole) if kind == 0 else head if kind == 1 else body
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(len(changed))
        if kind == 1 and chance.random() < 0.8:
            at = chance.choice([n for n, byte in enumerate(head) if 48 <= byte < 58])
            changed[at : at + 1] = chance.choice((b"0", b"-1", b"9", b"99999999", b"1e9", b"null", b"[]"))
        else:
            changed[at] = chance.randrange(256)
    if kind == 0:
        return bytes(changed)
    packed = zstandard.ZstdCompressor().compress(bytes(body))
    return HEAD.pack(b"HUFI", version, len(head), body_bytes) + bytes(head) + packed


def test_mutated_index_files_are_read_or_refused_with_a_typed_error() -> None:
    chance, whole, refused = random.Random("huisu index"), pack(_small()), 0

    tracemalloc.start()
    try:
        for turn in range(TIMES):
            changed = _mutated(whole, chance)
            tracemalloc.reset_peak()
            began = time.process_time()
            try:
                same(found := unpack(changed), found)
            except Invalid:
                refused += 1
            assert time.process_time() - began < MOST_SECONDS, turn
            assert tracemalloc.get_traced_memory()[1] < MOST_BYTES, turn
    finally:
        tracemalloc.stop()

    assert 0 < refused < TIMES


def test_a_compression_that_unpacks_to_more_than_it_says_is_stopped() -> None:
    whole = pack(_small())
    _, version, head_bytes, _ = HEAD.unpack_from(whole)
    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 28))

    tracemalloc.start()
    try:
        with pytest.raises(Invalid, match="unpack to 1001 bytes or more, not to 1000"):
            unpack(HEAD.pack(b"HUFI", version, head_bytes, 1000) + whole[HEAD.size : HEAD.size + head_bytes] + bomb)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


def test_runs_that_expand_to_more_than_they_say_are_refused() -> None:
    (form, _, length), packed = pack_column(np.zeros(1000, np.int64))

    with pytest.raises(Invalid, match="1000 numbers together, not 5"):
        unpack_column((form, 5, length), memoryview(packed))
