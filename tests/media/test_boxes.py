import struct
from fractions import Fraction

import numpy as np
import pytest

from services.errors import BadSampleTables, HostileMedia, MediaError, NoIndex, Truncated
from services.media.boxes import DEEPEST, INDEX_BYTES, MOST_CHILDREN, MOST_TOP_BOXES, Box, Node, load, walk
from services.media.edits import Edit, present
from services.media.samples import Samples, expand
from services.media.survey_movie import survey_movie
from tests.footage import make_footage


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def full(kind: bytes, *fields: int | bytes, version: int = 0) -> bytes:
    head = bytes([version, 0, 0, 0])
    return box(kind, head, *(f if isinstance(f, bytes) else struct.pack(">I", f & 0xFFFFFFFF) for f in fields))


def reader(content: bytes):
    return lambda offset, length: content[offset : offset + length]


def kinds(content: bytes) -> list[bytes]:
    return [found.kind for found in walk(reader(content), len(content))]


def table(*boxes: bytes) -> Node:
    return Node(b"stbl", memoryview(b"".join(boxes)))


STTS = full(b"stts", 1, 4, 512)
STSC = full(b"stsc", 1, 1, 2, 1)
STCO = full(b"stco", 2, 100, 500)
STSZ = full(b"stsz", 0, 4, 10, 20, 30, 40)


def tables(
    *, stts: bytes = STTS, stsc: bytes = STSC, stco: bytes = STCO, stsz: bytes = STSZ, more: bytes = b""
) -> Samples:
    return expand(table(stts, stsc, stco, stsz, more), 12800, budget=1000, file_size=1000)


def test_boxes_are_walked_in_order_with_all_three_kinds_of_size():
    long = struct.pack(">I4sQ", 1, b"wide", 24) + bytes(8)
    content = box(b"ftyp", b"isom") + long + struct.pack(">I4s", 0, b"mdat") + bytes(100)

    found = list(walk(reader(content), len(content)))

    assert [(one.kind, one.offset, one.body) for one in found] == [
        (b"ftyp", 0, 8),
        (b"wide", 12, 28),
        (b"mdat", 36, 44),
    ]
    assert found[-1].end == len(content)


@pytest.mark.parametrize("claim", [1 << 63, (1 << 64) - 1, 1 << 62])
def test_a_box_of_two_to_the_63_bytes_is_hostile(claim):
    content = box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"mdat", claim) + bytes(50)

    with pytest.raises(HostileMedia, match=str(claim)):
        kinds(content)


def test_a_cut_box_is_given_and_ends_beyond_the_file():
    content = box(b"ftyp", b"isom") + struct.pack(">I4s", 5000, b"mdat") + bytes(10)

    assert list(walk(reader(content), len(content)))[-1].end == 12 + 5000


def test_a_box_smaller_than_its_header_is_refused():
    with pytest.raises(Truncated):
        kinds(struct.pack(">I4s", 4, b"mdat") + bytes(10))
    with pytest.raises(Truncated):
        kinds(struct.pack(">I4sQ", 1, b"mdat", 8) + bytes(10))


def test_what_follows_a_damage_is_not_trusted():
    assert kinds(box(b"ftyp", b"isom") + b"\x00\x00\x00\x10\x01\x02\x03\x04" + bytes(8)) == [b"ftyp"]
    assert kinds(b"\0\0\0") == []


def test_endless_boxes_are_hostile():
    content = box(b"free")

    with pytest.raises(HostileMedia):
        for _ in walk(lambda offset, length: content + content, (MOST_TOP_BOXES + 2) * 8):
            pass


def test_a_child_may_not_reach_out_of_its_parent():
    node = Node(b"moov", memoryview(box(b"trak", bytes(8))[:-4]))

    with pytest.raises(BadSampleTables):
        list(node.children())


def test_boxes_beyond_any_nesting_or_number_are_hostile():
    node = Node(b"moov", memoryview(box(b"free") * (MOST_CHILDREN + 1)))
    deep = Node(b"moov", memoryview(box(b"trak")), depth=DEEPEST)

    with pytest.raises(HostileMedia):
        list(node.children())
    with pytest.raises(HostileMedia):
        list(deep.children())


def test_an_index_larger_than_any_recording_is_never_read():
    def read(offset: int, length: int) -> bytes:
        raise AssertionError("nothing may be read")

    with pytest.raises(HostileMedia):
        load(read, Box(b"moov", 0, 8, INDEX_BYTES + 1), 1 << 40)
    with pytest.raises(Truncated):
        load(read, Box(b"moov", 0, 8, 2000), 1000)


def test_fields_beyond_a_box_are_typed_errors():
    node = Node(b"stsz", memoryview(bytes(10)))

    for ask in (lambda: node.number(8, 4), lambda: node.bytes(-1, 2), lambda: node.array(0, 3, ">u4")):
        with pytest.raises(BadSampleTables):
            ask()
    with pytest.raises(BadSampleTables, match="no "):
        node.need(b"stts")


def test_tables_are_expanded_to_one_row_a_sample():
    more = full(b"ctts", 2, 1, 1024, 3, -512, version=1) + full(b"stss", 2, 1, 3)

    samples = tables(more=more)

    assert samples.dts.tolist() == [0, 512, 1024, 1536]
    assert samples.pts.tolist() == [1024, 0, 512, 1024]
    assert samples.offset.tolist() == [100, 110, 500, 530]
    assert samples.size.tolist() == [10, 20, 30, 40]
    assert samples.sync.tolist() == [True, False, True, False]


def test_offsets_of_64_bits_and_compact_sizes_are_read():
    compact = full(b"stz2", 16, 4, struct.pack(">4H", 10, 20, 30, 40))
    far = full(b"co64", 2, struct.pack(">2Q", 1 << 33, 1 << 34))

    samples = expand(table(STTS, STSC, compact, far), 12800, budget=100, file_size=1 << 40)

    assert samples.offset.tolist() == [1 << 33, (1 << 33) + 10, 1 << 34, (1 << 34) + 30]


@pytest.mark.parametrize(
    "forged",
    [
        {"stts": full(b"stts", 1, 0x7FFFFFFF, 512)},
        {"stts": full(b"stts", 1, 3, 512)},
        {"stts": full(b"stts", 0xFFFFFFFF, 4, 512)},
        {"stts": full(b"stts", 1, 4, 0x7FFFFFFF)},
        {"stsz": full(b"stsz", 1000, 0x7FFFFFFF)},
        {"stsz": full(b"stsz", 1, 0xFFFFFFFF)},
        {"stsz": full(b"stsz", 0, 0xFFFFFFFF)},
        {"stsz": full(b"stsz", 0, 5, 1, 2, 3, 4)},
        {"stsc": full(b"stsc", 0)},
        {"stsc": full(b"stsc", 1, 2, 2, 1)},
        {"stsc": full(b"stsc", 2, 1, 1, 1, 1, 1, 1)},
        {"stsc": full(b"stsc", 1, 1, 0, 1)},
        {"stsc": full(b"stsc", 2, 1, 2, 1, 3, 2, 1)},
        {"stco": full(b"stco", 0xFFFFFFFF, 100)},
        {"stco": full(b"co64", 2, struct.pack(">2Q", 1 << 63, 1))},
        {"more": full(b"ctts", 1, 5, 0)},
        {"more": full(b"ctts", 1, 4, 0x7FFFFFFF)},
        {"more": full(b"stss", 1, 0)},
        {"more": full(b"stss", 1, 5)},
        {"more": full(b"stss", 0xFFFFFFFF)},
    ],
)
def test_forged_counts_are_refused_before_memory_is_taken(forged):
    with pytest.raises(BadSampleTables):
        tables(**forged)


def test_uncompressed_sound_has_one_sample_a_chunk():
    stbl = table(full(b"stts", 1, 100, 1), full(b"stsc", 1, 1, 50, 1), STCO, full(b"stsz", 1, 100))

    samples = expand(stbl, 48000, budget=10, file_size=1000, frame_bytes=4)

    assert samples.size.tolist() == [200, 200]
    assert samples.dts.tolist() == [0, 50]
    assert samples.offset.tolist() == [100, 500]


def steady(count: int, step: int = 100, *, key: int = 1) -> Samples:
    return Samples(
        np.arange(count, dtype=np.int64) * step,
        np.full(count, step, np.uint32),
        np.zeros(count, np.int32),
        np.zeros(count, np.int64),
        np.ones(count, np.uint32),
        np.arange(count) % key == 0,
    )


def test_an_edit_shows_the_pictures_that_begin_in_it():
    shown = present(steady(10), (Edit(500, 250),), 1000, 1000)

    assert shown.sample.tolist() == [3, 4, 5, 6, 7]
    assert shown.pts.tolist() == [50, 150, 250, 350, 450]


def test_sound_that_reaches_into_an_edit_is_heard_from_its_beginning():
    shown = present(steady(10), (Edit(500, 250),), 1000, 1000, sound=True)

    assert shown.sample.tolist() == [2, 3, 4, 5, 6, 7]
    assert (shown.start, shown.end) == (0, 500)


def test_empty_edits_delay_and_further_edits_follow():
    shown = present(steady(10), (Edit(33, -1), Edit(200, 0), Edit(200, 600)), 1000, 1000)

    assert shown.sample.tolist() == [0, 1, 6, 7]
    assert shown.pts.tolist() == [33, 133, 233, 333]


def test_an_edit_list_that_shows_nothing_is_passed_over():
    assert len(present(steady(10), (Edit(100, 1 << 40),), 1000, 1000)) == 10


def test_an_edit_that_repeats_beyond_bounds_is_refused():
    with pytest.raises(MediaError):
        present(steady(1 << 14), tuple(Edit(1 << 21, 0) for _ in range(2000)), 1000, 1000)
    with pytest.raises(MediaError):
        present(steady(4), (Edit((1 << 64) - 1, 0),), 1000, 1000)


def test_a_file_without_an_index_says_so(tmp_path):
    footage = make_footage(tmp_path / "a.mp4", frames=30).read_bytes()
    without = footage[: footage.rindex(b"moov") - 4]

    with pytest.raises(NoIndex, match="mdat"):
        survey_movie(reader(without), len(without))


def test_facts_count_from_the_first_presented_picture(tmp_path):
    footage = make_footage(tmp_path / "a.mp4", frames=60, bframes=2, layout="fragmented").read_bytes()

    survey = survey_movie(reader(footage), len(footage))

    assert survey.frame_times is not None
    assert survey.frame_times.time_of(0) == 0
    assert survey.frame_times.time_of(59) == Fraction(59, 30)
    assert survey.duration == 2
