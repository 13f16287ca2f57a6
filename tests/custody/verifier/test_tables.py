"""A clip whose tables leave room for two readings is refused by both programs, as the archive itself refuses it."""

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.custody.verifier.verify import verify
from services.media.strict import read_strictly
from tests.custody.clips import reader
from tests.custody.packages import Built, zipped
from tests.custody.verifier.page import Browser

CLIP, SOUND = "items/002.mp4", "items/006.mov"
TABLES = ("stsd", "stts", "stsc", "stsz", "stco", "stss", "ctts")

Change = Callable[[bytearray], None]


def body_of(content: bytes | bytearray, kind: str, count: int = 0) -> int:
    """Say where the body of a box begins, by its name: of the `count`-th of them in the index."""
    at = content.index(b"moov")
    for _ in range(count + 1):
        at = content.index(kind.encode(), at) + 4
    return at


def first_byte(kind: str, value: int, offset: int = 0) -> Change:
    """Put another number into the version or the flags of a table."""

    def work(content: bytearray) -> None:
        content[body_of(content, kind) + offset] = value

    return work


def number(kind: str, at: int, value: int) -> Change:
    def work(content: bytearray) -> None:
        struct.pack_into(">I", content, body_of(content, kind) + at, value)

    return work


def longer_chunk(content: bytearray) -> None:
    """Let the last chunk of the second track claim a sample more than there are."""
    at = body_of(content, "stsc", 1)
    (rows,) = struct.unpack_from(">I", content, at + 4)
    place = at + 8 + 12 * (rows - 1) + 4
    (held,) = struct.unpack_from(">I", content, place)
    struct.pack_into(">I", content, place, held + 1)


def other_reference(content: bytearray) -> None:
    """Have the sample description name another data reference than the first."""
    entry = body_of(content, "stsd") + 8
    struct.pack_into(">H", content, entry + 14, 2)


def second_reference(content: bytearray) -> None:
    """Say twice where the samples lie, in the room of a box that nobody reads."""
    at = body_of(content, "dref")
    struct.pack_into(">I", content, at + 4, 2)


def renamed(kind: str, to: str) -> Change:
    def work(content: bytearray) -> None:
        at = body_of(content, kind)
        content[at - 4 : at] = to.encode()

    return work


CHANGES: dict[str, Change] = {
    **{f"{kind} of version 1": first_byte(kind, 1) for kind in TABLES if kind != "ctts"},
    "ctts of version 2": first_byte("ctts", 2),
    **{f"{kind} with a flag": first_byte(kind, 1, 3) for kind in TABLES},
    "a chunk of more samples than there are": longer_chunk,
    "times of fewer samples": number("stts", 8, 1),
    "a description that names the second reference": other_reference,
    "two references claimed": second_reference,
    "no reference": number("dref", 4, 0),
    "a reference to another file": first_byte("url ", 0, 3),
    "no place of the data": renamed("dinf", "free"),
    "sizes in half bytes": renamed("stsz", "stz2"),
}


def changed(built: Built, name: str, change: Change) -> Built:
    content = bytearray(built.files[name])
    change(content)
    assert content != built.files[name]
    return replace(built, files={**built.files, name: bytes(content)})


@pytest.mark.browser
@pytest.mark.parametrize("case", CHANGES)
def test_what_could_be_read_in_two_ways_is_refused_by_all_three(
    built: Built, page: Browser, case: str, tmp_path: Path
) -> None:
    spoiled = changed(built, CLIP, CHANGES[case])
    path = zipped(spoiled.sealed(), tmp_path / "p.zip")
    assert read_strictly(reader(built.files[CLIP]), len(built.files[CLIP]), clip=True).faults == ()

    report = verify(str(path))

    assert page.judge_zip(path.read_bytes()) == sorted((one[0], one[1], one[2]) for one in report.findings)
    mine = {(one[0], one[1], one[2]) for one in report.findings if one[3].get("file") == CLIP}
    assert ("FAIL", "STRUCTURE", "structure-bad") in mine
    assert not any(check in ("ORIGIN", "STRUCTURE") for verdict, check, _ in mine if verdict == "PASS")
    if case != "sizes in half bytes":  # which clips of the archive never have
        assert read_strictly(reader(spoiled.files[CLIP]), len(spoiled.files[CLIP]), clip=True).faults


@pytest.mark.browser
@pytest.mark.parametrize("case", ["a chunk of more samples than there are", "times of fewer samples"])
def test_uncompressed_sound_is_held_to_its_tables_too(built: Built, page: Browser, case: str, tmp_path: Path) -> None:
    """The second track is sound without compression, of which chunks hold instants."""

    def change(content: bytearray) -> None:
        at = body_of(content, "stsc", 1)
        (rows,) = struct.unpack_from(">I", content, at + 4)
        place = at + 8 + 12 * (rows - 1) + 4 if case.startswith("a chunk") else body_of(content, "stts", 1) + 8
        (held,) = struct.unpack_from(">I", content, place)
        struct.pack_into(">I", content, place, held + (1 if case.startswith("a chunk") else -1))

    path = zipped(changed(built, SOUND, change).sealed(), tmp_path / "p.zip")

    report = verify(str(path))

    assert page.judge_zip(path.read_bytes()) == sorted((one[0], one[1], one[2]) for one in report.findings)
    mine = {(one[0], one[1], one[2]) for one in report.findings if one[3].get("file") == SOUND}
    assert ("FAIL", "STRUCTURE", "structure-bad") in mine


@pytest.mark.browser
def test_composition_times_may_be_of_both_versions(built: Built, page: Browser, tmp_path: Path) -> None:
    """They are read as signed in either."""
    content = bytearray(built.files[CLIP])
    content[body_of(content, "ctts")] ^= 1
    path = zipped(replace(built, files={**built.files, CLIP: bytes(content)}).sealed(), tmp_path / "p.zip")

    ours = verify(str(path)).findings

    assert ("PASS", "STRUCTURE") in {(one[0], one[1]) for one in ours if one[3].get("file") == CLIP}
    assert ("PASS", "ORIGIN") in {(one[0], one[1]) for one in ours if one[3].get("file") == CLIP}
    assert page.judge_zip(path.read_bytes()) == sorted((one[0], one[1], one[2]) for one in ours)
