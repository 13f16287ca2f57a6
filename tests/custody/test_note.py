"""Notes: the specification's and other programs' examples, and nothing but the one form."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from services.custody.note import Note, Signature, open_note, parse_vkey, read_note, read_signatures
from services.custody.signingkey import SigningKey
from services.errors import NoteRefused
from tests.custody.notes import GO_NOTE, GO_SKEY, GO_VKEY, REAL_CHECKPOINT, REAL_LOG, REAL_WITNESS, key, signed_head

EXAMPLE = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3Z"
    "ekRwNtIc=\n"
).encode()
"""Source: C2SP signed-note, whose key nobody published."""


def test_the_note_of_another_program_is_opened_and_made_again() -> None:
    secret = SigningKey.parse(GO_SKEY)
    note = open_note(GO_NOTE, [parse_vkey(GO_VKEY)])

    assert secret.verifier.vkey == GO_VKEY
    assert secret.secret_text == GO_SKEY
    assert Note(note.text, (secret.sign(note.text),)).content == GO_NOTE == note.content


def test_the_text_ends_before_the_last_empty_line() -> None:
    note = read_note(EXAMPLE)

    assert note.text.endswith("sole:\n\ned è subito sera.\n".encode())
    assert note.signatures[0].key_id.hex() == "367ba04b"
    assert note.content == EXAMPLE


def test_a_real_head_is_signed_by_its_log_and_by_a_witness() -> None:
    log, witness = parse_vkey(REAL_LOG), parse_vkey(REAL_WITNESS)

    found = read_note(REAL_CHECKPOINT).verified([log, witness])

    assert [one for one, _ in found] == [log, witness]


def test_signatures_of_unknown_keys_are_ignored_even_under_a_known_name() -> None:
    note = signed_head(5)
    stranger = key(2).sign(note.text)
    lent = Signature("someone.else", key().verifier.id, b"x" * 64)

    assert open_note(note.with_signatures([stranger, lent]).content, [key().verifier])
    with pytest.raises(NoteRefused, match="none of the keys"):
        open_note(Note(note.text, (stranger, lent)).content, [key().verifier])


def test_a_bad_signature_of_a_known_key_refuses_the_whole_note() -> None:
    note = signed_head(5)
    bad = Signature(key(3).name, key(3).verifier.id, b"x" * 64)

    with pytest.raises(NoteRefused, match="not its own"):
        open_note(note.with_signatures([bad]).content, [key().verifier, key(3).verifier])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\n",
        GO_NOTE[:-1],
        GO_NOTE + b"\n",
        GO_NOTE + b"x\n",
        GO_NOTE.replace("—".encode(), b"--"),
        GO_NOTE.replace(b"PeterNeumann", b"Peter Neumann"),
        GO_NOTE.replace(b"PeterNeumann", b"Peter+Neumann"),
        GO_NOTE.replace(b"PeterNeumann", "Peter\u3000Neumann".encode()),
        GO_NOTE.replace(b"PeterNeumann ", b" "),
        GO_NOTE.replace(b"problem,", b"problem\r,"),
        GO_NOTE.replace(b"problem,", b"problem\t,"),
        GO_NOTE.replace(b"problem,", b"problem\x00,"),
        GO_NOTE.replace(b"problem,", b"problem\xff,"),
        GO_NOTE.replace(b"JnAM=", b"JnAN="),  # the same bytes with a stray bit
        GO_NOTE.replace(b"JnAM=", b"JnAM"),
        GO_NOTE.replace(b"JnAM=", b"JnAM= "),
        GO_NOTE.replace(b"x08go/ZJ", b"x08go/\nZJ"),
        b"text\n\n" + "— a AAAAAA==\n".encode(),
        b"text\n\n" + 101 * "— a AAAAAAA=\n".encode(),
        b"x" * (1 << 20) + b"\n\n" + "— a AAAAAAA=\n".encode(),
    ],
)
def test_what_has_another_form_is_no_note(content: bytes) -> None:
    with pytest.raises(NoteRefused):
        read_note(content)


def test_a_note_may_have_many_signatures() -> None:
    lines = 100 * "— a AAAAAAA=\n"

    assert len(read_signatures(lines.encode())) == 100


@pytest.mark.parametrize("place", range(len(GO_VKEY)))
def test_a_key_with_one_letter_changed_is_refused(place: int) -> None:
    changed = GO_VKEY[:place] + chr(ord(GO_VKEY[place]) + 1) + GO_VKEY[place + 1 :]

    with pytest.raises(NoteRefused):
        parse_vkey(changed)


def test_no_part_of_a_key_is_a_key() -> None:
    for start in range(len(GO_VKEY)):
        for end in range(start + 1, len(GO_VKEY) + 1):
            if (start, end) != (0, len(GO_VKEY)):
                with pytest.raises(NoteRefused):
                    parse_vkey(GO_VKEY[start:end])


@pytest.mark.parametrize(
    "vkey",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "name+00000000+",
        "name",
    ],
)
def test_keys_of_other_lengths_types_and_writings_are_refused(vkey: str) -> None:
    with pytest.raises(NoteRefused):
        parse_vkey(vkey)


@pytest.mark.parametrize("text", ["", "PRIVATE+KEY+x", GO_SKEY[:-4], GO_SKEY.replace("c74f", "c75f"), GO_VKEY])
def test_a_signing_key_is_read_whole_or_not_and_never_repeated(text: str) -> None:
    with pytest.raises(NoteRefused) as refused:
        SigningKey.parse(text)

    assert "EKFALVFGyNhPJEMzD1QIDr" not in str(refused.value)
    assert "EKFALVFGyNhPJEMzD1QIDr" not in repr(SigningKey.parse(GO_SKEY))


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_a_note_with_anything_changed_says_the_same_or_is_refused(data: st.DataObject) -> None:
    note = signed_head(7).content
    place = data.draw(st.integers(0, len(note) - 1))
    change = data.draw(st.sampled_from(["flip", "cut", "double", "drop", "insert"]))
    changed = {
        "flip": note[:place] + bytes([note[place] ^ 1 << data.draw(st.integers(0, 7))]) + note[place + 1 :],
        "cut": note[:place],
        "double": note[:place] + note[: place + 1] + note[place:],
        "drop": note[:place] + note[place + 1 :],
        "insert": note[:place] + data.draw(st.binary(min_size=1, max_size=8)) + note[place:],
    }[change]

    try:
        opened = open_note(changed, [key().verifier])
    except NoteRefused:
        return
    assert opened.text == signed_head(7).text


def test_another_program_reads_and_verifies_the_same_notes_and_no_others() -> None:
    oracle = pytest.importorskip("sigstore._internal.rekor.checkpoint", reason="sigstore is not installed")
    from sigstore._internal.trust import Keyring
    from sigstore.errors import VerificationError
    from sigstore_models.common import v1

    public = Ed25519PublicKey.from_public_bytes(key().verifier.public)
    spki = b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    keyring = Keyring([v1.PublicKey(raw_bytes=spki, key_details=v1.PublicKeyDetails.PKIX_ED25519)])
    for size in range(1, 60):
        note = signed_head(size)
        seen = oracle.SignedNote.from_text(note.content.decode())
        seen.verify(keyring, key().verifier.id)
        head = oracle.LogCheckpoint.from_text(seen.note)
        assert (head.origin, head.log_size, head.other_content) == (key().name, size, [])
        forged = Note(signed_head(size + 1).text, note.signatures)
        with pytest.raises(VerificationError):
            oracle.SignedNote.from_text(forged.content.decode()).verify(keyring, key().verifier.id)
        with pytest.raises(NoteRefused):
            open_note(forged.content, [key().verifier])


def test_only_cosignatures_have_a_time() -> None:
    with pytest.raises(ValueError, match="has a time"):
        key().sign(b"text\n", at=1)
    with pytest.raises(ValueError, match="has a time"):
        key(kind=4).sign(b"text\n")
    with pytest.raises(NoteRefused, match="no time"):
        key(kind=4).sign(b"text\n", at=1 << 63)
