"""Heads, proofs in files, cosignatures and receipts: one form each, and the specifications' examples."""

import dataclasses
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.custody.checkpoint import Checkpoint, check_origin, open_checkpoint, read_checkpoint
from services.custody.cosignature import (
    DrawRequest,
    Submission,
    check_draw,
    cosign,
    cosignatures,
    read_draw_request,
    read_submission,
    sign_draw,
)
from services.custody.logproof import LogProof, read_logproof
from services.custody.note import Note, parse_vkey, read_note
from services.custody.proof import prove_consistency, prove_inclusion
from services.custody.receipt import make_receipt, read_receipt
from services.errors import NoteRefused, ProofRefused
from tests.custody.notes import LEAVES, NOON, ORIGIN, REAL_CHECKPOINT, REAL_WITNESS, head, key, signed_head, tree

EXAMPLE = b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
"""Source: C2SP tlog-checkpoint."""


def test_the_head_of_the_specification_is_read_and_written() -> None:
    checkpoint = read_checkpoint(EXAMPLE)

    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.body == EXAMPLE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"a\n1\n",
        EXAMPLE[:-1],
        EXAMPLE + b"\n",
        EXAMPLE + b"extension\n",
        EXAMPLE.replace(b"20852163", b"020852163"),
        EXAMPLE.replace(b"20852163", b"+20852163"),
        EXAMPLE.replace(b"20852163", b"-1"),
        EXAMPLE.replace(b"20852163", b""),
        EXAMPLE.replace(b"20852163", "２０".encode()),
        EXAMPLE.replace(b"20852163", b"9223372036854775808"),
        EXAMPLE.replace(b"20852163", b"9" * 5000),
        EXAMPLE.replace(b"20852163", b"0"),
        EXAMPLE.replace(b"2I=", b"2J="),
        EXAMPLE.replace(b"CsUY", b""),
        EXAMPLE.replace(b"example", b"\xffample"),
    ],
)
def test_what_has_another_form_is_no_head(body: bytes) -> None:
    with pytest.raises(NoteRefused):
        read_checkpoint(body)


def test_lines_that_follow_are_kept_where_they_may_stand() -> None:
    longer = read_checkpoint(EXAMPLE + b"more\n", may_extend=True)

    assert longer.extensions == ("more",)
    assert longer.body == EXAMPLE + b"more\n"


def test_a_head_counts_only_under_its_own_name() -> None:
    other = key(2, name="other.example/log")
    body = head(3).body

    with pytest.raises(NoteRefused, match="no key of"):
        open_checkpoint(Note(body, (other.sign(body),)).content, [other.verifier])


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "huisu/receipt/v1", "cosignature/v1"])
def test_a_log_has_no_name_that_another_signed_thing_begins_with(origin: str) -> None:
    with pytest.raises(NoteRefused):
        check_origin(origin)
    check_origin("档案.example/log1")


# --- cosignatures


def test_a_real_cosignature_tells_its_time() -> None:
    witness = parse_vkey(REAL_WITNESS)

    (found,) = cosignatures(read_note(REAL_CHECKPOINT), [witness])

    assert found.at == datetime.fromtimestamp(0x6A122120, UTC)


def test_a_cosignature_holds_for_its_head_and_its_time_only() -> None:
    witness, note = key(5, "w.example", 4), signed_head(4)
    line = cosign(witness, note.text, NOON)

    (found,) = cosignatures(note.with_signatures([line]), [witness.verifier])
    assert found.at == NOON
    later = dataclasses.replace(line, value=(int(NOON.timestamp()) + 1).to_bytes(8, "big") + line.value[8:])
    with pytest.raises(NoteRefused):
        cosignatures(note.with_signatures([later]), [witness.verifier])
    with pytest.raises(NoteRefused):
        cosignatures(signed_head(5).with_signatures([line]), [witness.verifier])


def test_a_submission_is_read_as_it_is_written() -> None:
    asked = Submission(3, tuple(prove_consistency(tree, 3, 7)), signed_head(7).content)

    assert read_submission(asked.content) == asked
    first = Submission(0, (), signed_head(7).content)
    assert read_submission(first.content) == first


@pytest.mark.parametrize(
    "begins",
    ["", "old\n\n", "old 01\n\n", "old 1", "new 1\n\n", "old 1\nAAAA\n\n", "old 1\r\n\r\n", "old １\n\n",
     "old 1\n" + 64 * (b64encode(bytes(32)).decode() + "\n") + "\n"],
)  # fmt: skip
def test_a_submission_of_another_form_is_refused(begins: str) -> None:
    with pytest.raises(NoteRefused):
        read_submission(begins.encode() + signed_head(7).content)


def test_a_draw_is_signed_for_its_definition_and_head_only() -> None:
    witness = key(5, "w.example", 4)
    line = sign_draw(witness, LEAVES[2], head(7))

    check_draw(witness.verifier, LEAVES[2], head(7), line)
    assert line == sign_draw(witness, LEAVES[2], head(7))
    for definition, size, whose in ((LEAVES[3], 7, witness), (LEAVES[2], 8, witness), (LEAVES[2], 7, key(6))):
        with pytest.raises(NoteRefused):
            check_draw(whose.verifier, definition, head(size), line)


def test_a_request_for_a_draw_is_read_as_it_is_written() -> None:
    asked = DrawRequest(LEAVES[2], signed_head(7).content)

    assert read_draw_request(asked.content) == asked
    with pytest.raises(NoteRefused):
        read_draw_request(asked.content.replace(b"\n\n", b"\nmore\n\n", 1))
    with pytest.raises(NoteRefused, match="32 bytes"):
        read_draw_request(DrawRequest(b"short", asked.note).content)


# --- proof files


def log_proof(index: int, size: int, extra: bytes | None = None) -> LogProof:
    return LogProof(index, tuple(prove_inclusion(tree, index, size)), signed_head(size).content, extra)


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (6, 7), (255, 300)])
@pytest.mark.parametrize("extra", [None, b"", b"besides"])
def test_a_proof_file_shows_its_entry(index: int, size: int, extra: bytes | None) -> None:
    proof = read_logproof(log_proof(index, size, extra).content)

    assert proof == log_proof(index, size, extra)
    assert proof.check(LEAVES[index]) == head(size)
    with pytest.raises(ProofRefused):
        proof.check(LEAVES[index + 1])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_proof_file_with_one_octet_changed_shows_nothing_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 40))
    index = data.draw(st.integers(0, size - 1))
    content = log_proof(index, size).content
    place = data.draw(st.integers(0, len(content) - 1))
    changed = content[:place] + bytes([content[place] ^ 1 << data.draw(st.integers(0, 7))]) + content[place + 1 :]

    try:
        proof = read_logproof(changed)
        open_checkpoint(proof.note, [key().verifier])
        proof.check(LEAVES[index])
    except ProofRefused:
        return
    assert (proof.index, proof.checkpoint, proof.path) == (index, head(size), log_proof(index, size).path)


@pytest.mark.parametrize(
    "change",
    [
        (b"@v1", b"@v2"),
        (b"index 6", b"index 06"),
        (b"index 6", b"place 6"),
        (b"\n\n", b"\n"),
        (b"index", b"extra AA\nindex"),
    ],
)
def test_a_proof_file_of_another_form_is_refused(change: tuple[bytes, bytes]) -> None:
    with pytest.raises(NoteRefused):
        read_logproof(log_proof(6, 7).content.replace(*change, 1))


# --- receipts


def test_a_receipt_is_the_logs_word_for_one_entry() -> None:
    receipt = read_receipt(make_receipt(key(), LEAVES[1], 1_772_452_800_000).text)

    assert receipt.check([key(2).verifier, key().verifier]) == key().verifier
    assert receipt.body == b"huisu/receipt/v1\n" + LEAVES[1] + (1_772_452_800_000).to_bytes(8, "big") + (
        60_000
    ).to_bytes(8, "big")
    assert receipt.due == datetime(2026, 3, 2, 12, 1, tzinfo=UTC)
    with pytest.raises(NoteRefused):
        receipt.check([key(2).verifier])
    with pytest.raises(NoteRefused):
        dataclasses.replace(receipt, accepted_ms=receipt.accepted_ms + 1).check([key().verifier])


@pytest.mark.parametrize("text", ["", "AAAA", "?", make_receipt(key(), LEAVES[1], 5).text[:-4]])
def test_what_has_another_form_is_no_receipt(text: str) -> None:
    with pytest.raises(NoteRefused):
        read_receipt(text)


def test_a_receipt_is_no_note_and_a_note_no_receipt() -> None:
    with pytest.raises(NoteRefused):
        check_origin(make_receipt(key(), LEAVES[1], 5).body.split(b"\n")[0].decode())
    assert Checkpoint(ORIGIN, 1, LEAVES[0]).body.split(b"/")[0] == b"huisu.local"
