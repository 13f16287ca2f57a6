"""What a package is laid out from: the list, the zip form, histories and heads, as docs/formats/package.md has them."""

import io
import json
import zipfile
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bootstrap import Archive
from services.custody.heads import keep_cosignature, newest_head, sign_head
from services.custody.package.build import File
from services.custody.package.history import consistency_json, earlier_heads, history_files, places_of
from services.custody.package.texts import About, Item, Listed, canonical, contents_text, package_json
from services.custody.package.zipform import central_header, end, local_header, write_zip
from services.custody.proof import check_consistency, check_inclusion
from services.custody.tree import root
from services.custody.verifier import verify
from services.errors import IntegrityError
from tests.archive_fixture import NOON
from tests.custody.growing import grow, leaves
from tests.custody.held_signer import HeldSigner

SIZES = st.sampled_from([0, 1, 0xFFFE, 0xFFFF, (1 << 32) - 2, (1 << 32) - 1, 1 << 32, (1 << 63) - 1]) | st.integers(
    0, 1 << 62
)


@given(name=st.binary(min_size=1, max_size=200), crc=st.integers(0, (1 << 32) - 1), size=SIZES, offset=SIZES)
def test_both_programs_write_the_same_headers(name: bytes, crc: int, size: int, offset: int) -> None:
    assert local_header(name, crc, size) == verify.zip_local(name, crc, size)
    assert central_header(name, crc, size, offset) == verify.zip_central(name, crc, size, offset)
    assert end([name] * 3, offset) == verify.zip_end([name] * 3, offset)


def test_any_zip_program_reads_it() -> None:
    files = [File.of("contents.txt", b"list"), File.of("items/001.bin", bytes(70_000)), File.of("z.txt", b"")]
    out = io.BytesIO()
    length = write_zip(out, files)

    with zipfile.ZipFile(out) as opened:
        assert opened.testzip() is None
        assert [(one.filename, one.compress_type, one.date_time[:3]) for one in opened.infolist()] == [
            (file.listed.path, zipfile.ZIP_STORED, (1980, 1, 1)) for file in files
        ]
        assert opened.read("items/001.bin") == bytes(70_000)
    assert length == len(out.getvalue())


@dataclass(frozen=True)
class Changed:
    """A file whose bytes are not those that were listed."""

    listed: Listed
    content: bytes

    def blocks(self) -> Iterator[bytes]:
        yield self.content


@pytest.mark.parametrize("content", [b"other", b"long and other", b""])
def test_a_file_that_changed_since_it_was_listed_stops_it(content: bytes) -> None:
    listed = File.of("a", b"bytes").listed

    with pytest.raises(IntegrityError, match="a has"):
        write_zip(io.BytesIO(), [Changed(listed, content)])


def test_the_list_is_sorted_by_bytes_and_names_no_more_than_it_must() -> None:
    files = [Listed(path, "00" * 32, n, 0) for n, path in enumerate(["verify.py", "README.txt", "items/001.mp4"])]

    assert contents_text("id", 2, 3, files).decode().splitlines() == [
        "huisu/package/v1", "id", "2 of 3",
        f"{'00' * 32} 1 README.txt", f"{'00' * 32} 2 items/001.mp4", f"{'00' * 32} 0 verify.py",
    ]  # fmt: skip


def test_package_json_is_canonical_and_names_each_recording_once() -> None:
    items = tuple(
        Item(n, f"items/00{n}.mp4", "original", recording, "现场.mp4", None, None, "original", None, "00", 1, b"")
        for n, recording in ((1, "b"), (2, "a"), (3, "b"))
    )
    at = datetime(2026, 3, 2, 12, 0, 0, 999_999, tzinfo=UTC)
    about = About("id", at, 2, "院", "用途", None, "log", "1", "no-quorum", items)
    text = package_json(about, 1)
    told = json.loads(text)

    assert text == canonical(told)
    assert text.isascii()
    assert text.endswith(b"}\n")
    assert told["made_at"] == "2026-03-02T12:00:00Z"
    assert told["recordings"] == [{"id": one, "history": f"history/{one}.json"} for one in ("a", "b")]
    assert (told["case"], told["copy"], told["copies"], told["witnessed"]) == (None, 1, 2, "no-quorum")


def test_a_history_is_whole_proven_and_shows_only_what_it_must(archive: Archive) -> None:
    with archive.work() as work:
        obj = "019387f0-0000-7000-8000-0000000000aa"
        work.append(
            "rec.ingest", obj, sha256="00", size=1, chunk_log2=20, chunk_root="00", container=None, officer="张"
        )
        work.append("rec.preview", obj, actor="李", role="reviewer", day="2026-03-02")
        own = work.append("rec.export", obj, actor="王", export="e", item=1)
        work.append("rec.preview", obj, actor="李", role="reviewer", day="2026-03-03")
    log = grow(archive, 300)
    with archive.reading() as session:
        place = places_of(session, [own])[own]
        (minimal,) = map(json.loads, history_files(session, obj, place.n, len(log), {own}, "minimal"))
        (audit,) = map(json.loads, history_files(session, obj, place.n, len(log), {own}, "audit"))

    assert [json.loads(one["entry"])["n"] for one in minimal["entries"]] == [0, 1, 2]
    for one in minimal["entries"]:
        path = [b64decode(part) for part in one["path"]]
        check_inclusion(log[one["index"]], one["index"], len(log), path, root(log))
    shown = [[field[0] for field in one["fields"] if len(field) == 3] for one in minimal["entries"]]
    assert shown == [["chunk_log2", "chunk_root", "container", "sha256", "size"], [], ["export", "item"]]
    assert all(len(field) == 3 for one in audit["entries"] for field in one["fields"])
    with archive.reading() as session, pytest.raises(IntegrityError, match="not whole"):
        list(history_files(session, obj, place.n, 1, {own}, "minimal"))


def test_a_long_history_is_written_to_several_files(archive: Archive) -> None:
    obj = "019387f0-0000-7000-8000-0000000000bb"
    with archive.work() as work:
        for day in range(1200):  # more than are read of the ledger at once
            work.append("rec.preview", obj, actor="李", role="reviewer", day=str(day))
    log = grow(archive, 1)
    with archive.reading() as session:
        (whole,) = history_files(session, obj, 1199, len(log), set(), "minimal")
        parts = list(history_files(session, obj, 1199, len(log), set(), "minimal", most_bytes=100_000))

    assert len(parts) > 5
    assert all(len(one) < 103_000 for one in parts)
    told = [json.loads(one) for one in parts]
    assert all(one.keys() == {"recording", "size", "entries"} for one in told)
    assert {(one["recording"], one["size"]) for one in told} == {(obj, len(log))}
    assert [entry for one in told for entry in one["entries"]] == json.loads(whole)["entries"]


def test_the_first_head_that_enough_witnesses_signed_is_among_them(archive: Archive) -> None:
    signer = HeldSigner()
    for count in (10, 20, 30, 40):
        grow(archive, count - len(leaves(archive)))
        sign_head(archive.engine, signer, count, NOON)
    for size, names in ((20, "a"), (30, "ab"), (40, "bc")):
        for name in names:
            keep_cosignature(archive.engine, size, f"{name}.example/w", NOON, f"\u2014 {name}.example/w YWJjZGVm\n")

    with archive.reading() as session:
        newest = newest_head(session)
        assert newest is not None
        chosen = earlier_heads(session, [5], newest, most=3)

    assert [one.size for one in chosen] == [20, 30, 40]


def test_earlier_heads_are_the_first_that_hold_a_recording(archive: Archive) -> None:
    signer = HeldSigner()
    for count in (10, 20, 30, 40):
        grow(archive, count - len(leaves(archive)))
        sign_head(archive.engine, signer, count, NOON)
    log = leaves(archive)
    with archive.reading() as session:
        newest = newest_head(session)
        assert newest is not None
        chosen = earlier_heads(session, [5, 12], newest, stamped={30, 7})
        few = earlier_heads(session, [5, 12], newest, stamped={30}, most=2)
        told = json.loads(consistency_json(session, chosen, 40))

    assert [one.size for one in chosen] == [10, 20, 30, 40]
    assert [one.size for one in few] == [30, 40]
    for one, said in zip(chosen, told["heads"], strict=True):
        assert said["note"] == one.note
        path = [b64decode(part) for part in said["path"]]
        if one.size < 40:
            check_consistency(one.size, one.root, 40, root(log), path)
        else:
            assert path == []
