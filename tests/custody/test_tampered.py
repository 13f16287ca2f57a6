"""Change anything that custody rests on, in 5,000 ways: it is refused, or means the same for a reason written here."""

import base64
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from services.custody.bundles import pack_bundle, read_bundle
from services.custody.canonical import decode
from services.custody.checkpoint import open_checkpoint
from services.custody.clipproof import read_proof
from services.custody.entry import commit_field, commit_payload, leaf_hash, read_entry
from services.custody.logproof import LogProof, read_logproof
from services.custody.policy import Group, Log, Policy, Witness
from services.custody.proof import HASH_BYTES, check_consistency, check_inclusion, prove_consistency, prove_inclusion
from services.custody.receipt import make_receipt, read_receipt
from services.custody.tiles import WIDTH, Tile, TiledTree, tiles_of
from services.custody.tree import root
from services.errors import NoteRefused, ProofRefused
from tests.custody.clips import Clip, Shot
from tests.custody.notes import key
from tests.custody.packages import OTHER, RECORDINGS, WITNESSES, Ledger, canonical
from tests.custody.test_clipproof import HARMLESS as HARMLESS_BOXES
from tests.custody.test_clipproof import leaf_box, mdat_of
from tests.footage import make_footage

EACH = 420 if os.environ.get("HUISU_SOAK") else 25
SIZE, OLD = 700, 300
REFUSALS = (NoteRefused, ProofRefused, ValueError, KeyError, TypeError, IndexError)

Judge = Callable[[int, bytes], str]
"""Refuses a changed thing, or names the reason for which the change is harmless; an empty name: it was missed."""

HARMLESS: Mapping[str, Mapping[str, str]] = {
    "payload": {"same fields": "JSON has several forms; committed to is the text of each value, and that is whole"},
    "tile": {"longer": "what stands behind the hashes of a tile is not read (C2SP: a reader takes what it asked for)"},
    "checkpoint": {"foreign line": "lines of keys that nobody knows are ignored, as C2SP asks; the log's own is whole"},
    "cosignature": {
        "foreign line": "lines of keys that nobody knows are ignored, as C2SP asks; those that count are whole"
    },
    "log proof": {
        "foreign line": "lines of keys that nobody knows are ignored, as C2SP asks; the log's own is whole",
        "extra": "what stands in `extra` is authenticated by nothing, as the format says",
    },
    "clip proof": {"same proof": "JSON has several forms; every number and hash of the proof is whole"},
    "moov": {kind.decode(): f"not proven, bound by the file's digest: {why}" for kind, why in HARMLESS_BOXES.items()},
}  # fmt: skip
"""Everything that may be changed without being refused, with the reason. Reviewed: the meaning is the same in each."""


@dataclass(frozen=True, slots=True)
class Area:
    """Things of one kind, and how each is judged; only bytes [low, high) of a thing are changed."""

    things: Sequence[bytes]
    judge: Judge
    within: Callable[[bytes], tuple[int, int]] = lambda content: (0, len(content))


def changed(content: bytes, low: int, high: int, dice: random.Random) -> bytes:
    """Flip, insert, delete, double, reorder or cut, somewhere in [low, high)."""
    while True:
        part = bytearray(content[low:high])
        at, length = dice.randrange(len(part)), dice.choice((1, 1, 2, 4, 32, 44))
        other = dice.randrange(len(part))
        way = dice.choice(("flip", "flip", "flip", "set", "insert", "delete", "double", "reorder", "cut"))
        if way == "flip":
            part[at] ^= 1 << dice.randrange(8)
        elif way == "set":
            part[at] = dice.choice((0, 0xFF, 0x20, 0x0A, 0x30, 0x41))
        elif way == "insert":
            part[at:at] = dice.randbytes(length)
        elif way == "delete":
            del part[at : at + length]
        elif way == "double":
            part[at:at] = part[at : at + length]
        elif way == "reorder":
            part[at : at + length], part[other : other + length] = part[other : other + length], part[at : at + length]
        else:
            del part[at:]
        if bytes(part) != content[low:high]:
            return content[:low] + bytes(part) + content[high:]


# --- the log ------------------------------------------------------------------------------------------------------

LOG = key(1)
POLICY = Policy(
    (Log(LOG.verifier),),
    tuple(Witness(name, one.verifier) for name, one in WITNESSES.items()),
    (Group("both", 2, tuple(WITNESSES)),),
    "both",
)


@cache
def ledger() -> Ledger:
    made = Ledger()
    for number in range(SIZE):
        obj = (*RECORDINGS, OTHER)[number % 3]
        made.add(obj, "rec.verify", {"result": "same", "size": number}, {"sha256": "ab" * 32, "found_size": number})
    return made


@cache
def rows() -> list[dict[str, object]]:
    """Every entry of the log, in its order."""
    found = [row for chain in ledger().chains.values() for row in chain]
    return sorted(found, key=lambda row: int(str(row["index"])))


def text_of(number: int) -> bytes:
    return str(rows()[number]["entry"]).encode()


def entries() -> Area:
    paths = [prove_inclusion(ledger().tree, number, SIZE) for number in range(0, SIZE, 7)]

    def judge(number: int, text: bytes) -> str:
        check_inclusion(leaf_hash(text), 7 * number, SIZE, paths[number], ledger().tree(0, SIZE))
        return ""

    return Area([text_of(number) for number in range(0, SIZE, 7)], judge)


def payloads() -> Area:
    things = [canonical(row["fields"]) for row in rows()[:60]]

    def judge(number: int, content: bytes) -> str:
        told, commitments = json.loads(content), {}
        for place, field in enumerate(told):
            if len(field) == 1:
                commitment = decode(field[0], "a commitment")
            else:
                name, salt, value = field
                commitment = commit_field(name, value, decode(salt, "a salt"))
            commitments[f"{place:04d}"] = commitment
        if commit_payload(commitments) != read_entry(text_of(number)).commitment:
            raise ProofRefused("these are not the fields that the entry commits to")
        return "same fields" if told == json.loads(things[number]) else ""

    return Area(things, judge)


def bundles() -> Area:
    things = [
        pack_bundle(text_of(number) for number in range(first, min(first + WIDTH, SIZE)))
        for first in range(0, SIZE, WIDTH)
    ]

    def judge(number: int, content: bytes) -> str:
        told = [*things[:number], content, *things[number + 1 :]]
        if root([leaf_hash(text) for one in told for text in read_bundle(one)]) != ledger().tree(0, SIZE):
            raise ProofRefused("the bundles are not the signed log")
        return ""

    return Area(things, judge)


def tiles() -> Area:
    whole = {tile: b"".join(_hash(tile, at) for at in range(tile.width)) for tile in tiles_of(SIZE)}
    names = list(whole)

    def judge(number: int, content: bytes) -> str:
        told = whole | {names[number]: content}
        # the siblings of one leaf are made of all others, so a few proofs read every hash of every tile
        for at in range(0, SIZE, 64):
            path = prove_inclusion(TiledTree(SIZE, told.__getitem__), at, SIZE)
            check_inclusion(ledger().leaves[at], at, SIZE, path, ledger().tree(0, SIZE))
        return "longer" if content.startswith(whole[names[number]]) else ""

    return Area(list(whole.values()), judge)


def _hash(tile: Tile, at: int) -> bytes:
    span = WIDTH**tile.level
    first = (tile.index * WIDTH + at) * span
    return ledger().tree(first, first + span)


def _note(*witnesses: str) -> bytes:
    return ledger().head(SIZE, LOG, [WITNESSES[name] for name in witnesses], 700)


def checkpoints() -> Area:
    honest = _note("court")
    head, _ = open_checkpoint(honest, [LOG.verifier])

    def judge(_: int, content: bytes) -> str:
        found, note = open_checkpoint(content, [LOG.verifier])
        assert note.verified([LOG.verifier])
        return "foreign line" if found == head else ""

    return Area([honest], judge)


def cosignatures() -> Area:
    honest = _note(*WITNESSES)
    wanted = POLICY.examine(honest)

    def judge(_: int, content: bytes) -> str:
        found = POLICY.examine(content)
        if not found.verdict.is_met:
            raise NoteRefused("the quorum is not met")
        same = (found.checkpoint, found.cosignatures) == (wanted.checkpoint, wanted.cosignatures)
        return "foreign line" if same else ""

    return Area([honest], judge, lambda content: (content.index(b"\n\n") + 2, len(content)))


def log_proofs() -> Area:
    proofs = [
        LogProof(at, tuple(prove_inclusion(ledger().tree, at, SIZE)), _note(), b"a name" if at % 2 else None)
        for at in range(0, SIZE, 41)
    ]

    def judge(number: int, content: bytes) -> str:
        honest, found = proofs[number], read_logproof(content)
        found.check(ledger().leaves[honest.index])
        open_checkpoint(found.note, [LOG.verifier])
        if (found.index, found.path, found.checkpoint) != (honest.index, honest.path, honest.checkpoint):
            return ""
        return "extra" if found.extra != honest.extra else "foreign line"

    return Area([one.content for one in proofs], judge)


def consistency() -> Area:
    old = [1, 2, 3, 64, 255, 256, OLD, 511, 640, 699]
    things = [b"".join(prove_consistency(ledger().tree, size, SIZE)) for size in old]

    def judge(number: int, content: bytes) -> str:
        path = [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]
        size = old[number]
        check_consistency(size, ledger().tree(0, size), SIZE, ledger().tree(0, SIZE), path)
        return ""

    return Area(things, judge)


def receipts() -> Area:
    things = [make_receipt(LOG, ledger().leaves[at], 1772452800000 + at).text.encode() for at in range(0, SIZE, 50)]

    def judge(_: int, content: bytes) -> str:
        read_receipt(content.decode("ascii")).check([LOG.verifier])
        return ""

    return Area(things, judge)


LOGS: Mapping[str, Callable[[], Area]] = {
    "entry": entries,
    "payload": payloads,
    "bundle": bundles,
    "tile": tiles,
    "checkpoint": checkpoints,
    "cosignature": cosignatures,
    "log proof": log_proofs,
    "consistency": consistency,
    "receipt": receipts,
}


def tried(name: str, area: Area) -> Counter[str]:
    """Change an area's things so often; gives how often each harmless reason came up."""
    dice, found = random.Random(name), Counter[str]()
    for number, thing in enumerate(area.things):
        area.judge(number, thing)  # the honest one holds
    for turn in range(EACH):
        number = turn % len(area.things)
        content = changed(area.things[number], *area.within(area.things[number]), dice)
        try:
            reason = area.judge(number, content)
        except REFUSALS:
            continue
        assert reason in HARMLESS.get(name, {}), (turn, number, reason or "missed")
        found[reason] += 1
    return found


@pytest.mark.parametrize("name", LOGS)
def test_whatever_is_changed_in_the_log_is_refused_or_means_the_same(name: str) -> None:
    found = tried(name, LOGS[name]())

    assert found.total() < EACH * 0.6, found


# --- clips --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    folder: Path = tmp_path_factory.mktemp("shots")
    shot = Shot.of(make_footage(folder / "a.mp4", frames=200, bframes=2, size=(160, 90)))
    plain = Shot.of(make_footage(folder / "b.mov", frames=30, audio="pcm_s16le", size=(160, 90)))
    return [shot.clip(1, 2.2), shot.clip(3, 4), plain.clip(0, 1)]


def test_a_changed_proof_of_a_clip_is_refused_or_is_the_same(clips: list[Clip]) -> None:
    def judge(number: int, content: bytes) -> str:
        clip, proof = clips[number], read_proof(content)
        clip.check(proof=proof)
        return "same proof" if proof == clip.proof else ""

    found = tried("clip proof", Area([clip.proof.to_bytes() for clip in clips], judge))

    assert found.total() < EACH * 0.2


def test_a_changed_frame_is_refused(clips: list[Clip]) -> None:
    assert all(clip.check().is_proven for clip in clips), "of every frame it is said that it is the original's"

    def judge(number: int, content: bytes) -> str:
        clips[number].check(content)
        return ""

    assert tried("frame", Area([clip.content for clip in clips], judge, mdat_of)).total() == 0


def test_a_changed_index_of_a_clip_is_refused_or_shows_the_same_frames(clips: list[Clip]) -> None:
    def judge(number: int, content: bytes) -> str:
        honest = clips[number]
        found, wanted = honest.check(content), honest.check()
        if [(one.length, one.runs, one.others) for one in found.tracks] != [
            (one.length, one.runs, one.others) for one in wanted.tracks
        ]:
            return ""
        if len(content) != len(honest.content):
            return ""
        places = [at for at, (one, two) in enumerate(zip(honest.content, content, strict=True)) if one != two]
        kinds = [leaf_box(honest.content, at).decode("latin-1") for at in places]
        return next((kind for kind in kinds if kind not in HARMLESS["moov"]), kinds[0] if kinds else "")

    def index_of(content: bytes) -> tuple[int, int]:
        low, high = mdat_of(content)
        at = content.index(b"moov") - 4
        return (at, low - 8) if at < low else (high, len(content))

    found = tried("moov", Area([clip.content for clip in clips], judge, index_of))

    assert found.total() < EACH * 0.5, found


def test_there_are_five_thousand_cases_at_full_size() -> None:
    assert 420 * (len(LOGS) + 3) >= 5000


def test_base64_has_one_form() -> None:
    """The signatures and hashes above are judged as bytes: no second text may stand for the same ones."""
    text = base64.b64encode(b"\1" * 32).decode()

    for other in (text[:-2] + "F=", text + "\n", text.rstrip("="), f" {text}"):
        with pytest.raises(NoteRefused):
            decode(other, "a hash")
