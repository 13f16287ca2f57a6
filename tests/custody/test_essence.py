"""The essence of a file is what its description says, byte for byte; and a file that can be misread has none."""

import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.custody.essence import digests_of, essence_root, header_leaf, leaves_of
from services.custody.fingerprint import Essence, fingerprint
from services.custody.sidecar import Grown, Sidecar
from services.custody.tree import root
from services.errors import Invalid, MediaError
from services.media.samples import Samples
from services.media.strict import StrictTrack, read_strictly
from tests.custody.clips import reader
from tests.custody.plainreader import essence, tree
from tests.footage import make_footage

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "h264": ("a.mp4", {"bframes": 2, "layout": "front"}),
    "fragmented": ("a.mp4", {"bframes": 2, "layout": "fragmented"}),
    "uneven": ("a.mp4", {"bframes": 2, "vfr": True}),
    "negative offsets": ("a.mp4", {"bframes": 2, "options": ["-movflags", "+negative_cts_offsets"]}),
    "hevc": ("a.mp4", {"codec": "libx265", "options": ["-x265-params", "log-level=none"]}),
    "mpeg4": ("a.mp4", {"codec": "mpeg4"}),
    "pcm": ("a.mov", {"audio": "pcm_s16le"}),
    "pcm of 24 bits": ("a.mov", {"audio": "pcm_s24le"}),
    "aac in mov": ("a.mov", {}),
}


def fingerprinted(content: bytes) -> Essence:
    return fingerprint(reader(content), reader(content), len(content))


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_made_from_the_description_alone_finds_the_same_root(tmp_path: Path, kind: str) -> None:
    name, options = KINDS[kind]
    content = make_footage(tmp_path / name, frames=90, **options).read_bytes()

    found = fingerprinted(content)

    assert found.faults == ()
    assert found.root == essence(content)


def test_every_camera_file_with_boxes_has_a_root_or_a_reason(corpus: Path) -> None:
    without = {}
    files = [path for path in sorted(corpus.iterdir()) if path.suffix in {".mp4", ".mov", ".3gp"}]
    for path in files:
        content = path.read_bytes()
        try:
            found = fingerprinted(content)
        except MediaError as error:
            without[path.name] = str(error)
            continue
        if found.faults:
            without[path.name] = found.faults[0]
        else:
            assert found.root == essence(content), path.name

    assert len(files) - len(without) >= 10
    assert all("bad_" in name and reason for name, reason in without.items()), without


def test_leaves_have_the_bytes_that_are_written_down(tmp_path: Path) -> None:
    content = make_footage(tmp_path / "a.mp4", frames=30, audio=False).read_bytes()
    (track,) = read_strictly(reader(content), len(content)).tracks
    samples = track.samples

    first = content[int(samples.offset[0]) : int(samples.end[0])]
    header = b"T1" + struct.pack(">I4sIQ", 0, b"vide", track.timescale, 30) + hashlib.sha256(track.config).digest()
    sample = b"S1" + struct.pack(">IQqiBI", 0, 0, 0, int(samples.cts[0]), 1, len(first))
    leaves = [
        hashlib.sha256(b"\0" + header + track.matrix).digest(),
        hashlib.sha256(b"\0" + sample + hashlib.sha256(first).digest()).digest(),
    ]
    kept = b"".join(fingerprinted(content).sidecar({}))

    assert Sidecar.open(reader(kept)).tree(0)(0, 2) == root(leaves)
    assert len(header + track.matrix) == 90
    assert len(sample) + 32 == 63


def test_a_cut_off_fragmented_file_has_the_tree_of_what_is_there(tmp_path: Path) -> None:
    content = make_footage(tmp_path / "a.mp4", frames=90, layout="fragmented").read_bytes()
    whole = fingerprinted(content)

    cut = fingerprinted(content[: len(content) * 3 // 5])

    assert cut.faults == ()
    assert 0 < cut.headers[0].samples < whole.headers[0].samples
    assert cut.trees[0].levels[0][1:] == whole.trees[0].levels[0][1 : cut.headers[0].samples + 1]


def put(content: bytes, at: bytes, skip: int, new: bytes) -> bytes:
    """Write over what stands `skip` bytes behind the first box of a kind."""
    place = content.index(at) + 4 + skip
    return content[:place] + new + content[place + len(new) :]


TWISTS = {
    "description 2 for all chunks": (lambda c: put(c, b"stsc", 16, b"\0\0\0\2"), "another sample description"),
    "two descriptions claimed": (lambda c: put(c, b"stsd", 4, b"\0\0\0\2"), "1 sample descriptions, 2 are claimed"),
    "a chunk before the media": (lambda c: put(c, b"stco", 8, b"\0\0\0\1"), "lie outside the media"),
    "samples in another file": (lambda c: put(c, b"url ", 0, b"\0\0\0\0"), "lie in another file"),
    "no table of sizes": (lambda c: put(c, b"stsz", -4, b"free"), "box b'stbl' has no b'stz2'"),
    "no table of times": (lambda c: put(c, b"stts", -4, b"free"), "box b'stbl' has no b'stts'"),
    "two tables of times": (lambda c: put(c, b"ctts", -4, b"stts"), "2 tables stts"),
}


@pytest.mark.parametrize("name", TWISTS)
def test_what_two_readers_would_read_differently_has_a_reason(tmp_path: Path, name: str) -> None:
    twist, reason = TWISTS[name]
    content = make_footage(tmp_path / "a.mp4", frames=30, bframes=2, audio=False).read_bytes()

    try:
        found = fingerprinted(twist(content)).faults
    except MediaError as error:
        found = (str(error),)

    assert reason in "; ".join(found)


def test_samples_that_share_bytes_have_no_root(tmp_path: Path) -> None:
    content = make_footage(tmp_path / "a.mp4", frames=30).read_bytes()
    first = content.index(b"stco")
    second = content.index(b"stco", first + 4)
    (place,) = struct.unpack_from(">I", content, first + 12)
    twisted = content[: second + 12] + struct.pack(">I", place + 1) + content[second + 16 :]

    assert fingerprinted(twisted).faults == ("samples share bytes with each other",)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 700), st.sampled_from([2, 4, 6]))
def test_however_samples_are_scattered_each_is_hashed_once(seed: int, count: int, frame: int) -> None:
    chance = np.random.default_rng(seed)
    content = chance.bytes(4 << 20)
    size = chance.integers(0, 9000, count) * (chance.random(count) < 0.9)
    size[chance.integers(0, count)] = 1 << 20
    offset = np.cumsum(size + chance.integers(0, 3, count) * 70_000) - size
    kept = offset + size < len(content)
    coded = _track(offset[kept], size[kept], None)
    units = chance.integers(1, 3000, 20)
    plain = _track(np.cumsum(units * frame) - units * frame, units * frame, frame)

    found = digests_of([leaves_of(coded), leaves_of(plain)], reader(content))

    wanted = [hashlib.sha256(content[o : o + s]).digest() for o, s in zip(offset[kept], size[kept], strict=True)]
    sound = content[: int(units.sum()) * frame]
    groups = [hashlib.sha256(sound[at : at + 1024 * frame]).digest() for at in range(0, len(sound), 1024 * frame)]
    assert [one.tobytes() for one in found[0]] == wanted
    assert [one.tobytes() for one in found[1]] == groups


def _track(offset: Any, size: Any, frame: int | None) -> StrictTrack:
    duration = (size // (frame or 1)).astype(np.uint32)
    dts = np.cumsum(duration.astype(np.int64)) - duration
    marks = np.ones(len(size), np.bool_)
    samples = Samples(dts, duration, np.zeros(len(size), np.int32), offset, size.astype(np.uint32), marks)
    return StrictTrack(0, b"soun", 48000, bytes(36), b"", samples, frame)


def test_a_file_that_ends_inside_a_sample_is_said_to(tmp_path: Path) -> None:
    content = make_footage(tmp_path / "a.mp4", frames=30).read_bytes()
    size = len(content)

    def short(at: int, length: int) -> bytes:
        return content[:2000][at : at + length]

    with pytest.raises(EOFError):
        fingerprint(reader(content), short, size)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513, 65_536, 65_537, 66_000])
def test_a_sidecar_gives_the_tree_of_its_leaves(size: int) -> None:
    leaves = [hashlib.sha256(str(n).encode()).digest() for n in range(size)]

    assert Grown.of(leaves).root == tree(leaves)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda b: b"HUES\1\0\0\0\0\0\0" + bytes([len(b)]) + b))
def test_what_is_no_sidecar_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        Sidecar.open(reader(content))


def test_a_header_of_other_lengths_is_an_error() -> None:
    with pytest.raises(ValueError, match="handler of 4"):
        header_leaf(0, b"video", 1, 1, b"", bytes(36))
    assert essence_root([]) == hashlib.sha256(b"").digest()
