"""Where the samples of a clip lie is said once: what says it twice, two readers could take from two files."""

import struct
from collections.abc import Sequence

import pytest

from services.media.strict import read_strictly
from tests.footage import make_footage

AROUND = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref")
HERE = struct.pack(">I4sI", 12, b"url ", 1)
ELSEWHERE = struct.pack(">I4sI", 12, b"url ", 0)


def dref(*entries: bytes, claimed: int | None = None) -> bytes:
    body = struct.pack(">II", 0, len(entries) if claimed is None else claimed) + b"".join(entries)
    return struct.pack(">I4s", 8 + len(body), b"dref") + body


def dinf(*boxes: bytes) -> bytes:
    body = b"".join(boxes)
    return struct.pack(">I4s", 8 + len(body), b"dinf") + body


def places(content: bytes, path: Sequence[bytes]) -> list[int]:
    """Find where the first box of each kind of `path` begins, each inside the one before."""
    found, at, end = [], 0, len(content)
    for kind in path:
        while content[at + 4 : at + 8] != kind:
            at += struct.unpack_from(">I", content, at)[0]
            assert at < end, kind
        found.append(at)
        end, at = at + struct.unpack_from(">I", content, at)[0], at + 8
    return found


def with_more(content: bytes, path: Sequence[bytes], more: bytes) -> bytes:
    """Add bytes at the end of the box at `path`; the index stands behind all samples, so that none of them moves."""
    grown, begins = bytearray(content), places(content, path)
    end = begins[-1] + struct.unpack_from(">I", content, begins[-1])[0]
    grown[end:end] = more
    for at in begins:
        struct.pack_into(">I", grown, at, struct.unpack_from(">I", content, at)[0] + len(more))
    return bytes(grown)


def without(content: bytes, kind: bytes) -> bytes:
    at = places(content, AROUND[: AROUND.index(kind) + 1])[-1]
    return content[: at + 4] + b"free" + content[at + 8 :]


def faults(content: bytes, *, clip: bool = True) -> tuple[str, ...]:
    return read_strictly(lambda at, length: content[at : at + length], len(content), clip=clip).faults


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    content = make_footage(tmp_path_factory.mktemp("strict") / "a.mp4", frames=25, audio=False).read_bytes()
    assert content.rfind(b"moov") > content.rfind(b"mdat")
    assert faults(content) == ()
    return content


def test_a_second_place_of_the_samples_is_a_fault(footage: bytes) -> None:
    twice = {
        "a second dinf": with_more(footage, AROUND[:4], dinf(dref(HERE))),
        "a second dinf without a dref": with_more(footage, AROUND[:4], dinf()),
        "a second dref": with_more(footage, AROUND[:5], dref(HERE)),
        "a second entry that is not counted": with_more(footage, AROUND, HERE),
    }

    found = {name: faults(content) for name, content in twice.items()}

    assert found == dict.fromkeys(twice, ("track 0: it does not say once where its samples lie",))


@pytest.mark.parametrize("clip", [True, False])
def test_another_file_behind_the_first_place_is_a_fault_of_clips_and_originals(footage: bytes, clip: bool) -> None:
    hidden = [
        with_more(footage, AROUND[:4], dinf(dref(ELSEWHERE))),
        with_more(footage, AROUND[:5], dref(ELSEWHERE)),
        with_more(footage, AROUND, ELSEWHERE),
    ]

    assert all("track 0: its samples lie in another file" in faults(content, clip=clip) for content in hidden)


@pytest.mark.parametrize("kind", [b"dinf", b"dref"])
def test_a_clip_says_where_its_samples_lie_and_an_old_camera_may_not(footage: bytes, kind: bytes) -> None:
    silent = without(footage, kind)

    assert faults(silent) == ("track 0: it does not say once where its samples lie",)
    assert faults(silent, clip=False) == ()
