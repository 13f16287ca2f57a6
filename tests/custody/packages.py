"""
Export packages for tests: real footage, real entries, trees and signatures, laid out as docs/formats/package.md says.

Small and always the same: keys, salts and ids come from numbers. A dishonest archive is one that signs other files:
change `Built.files` and seal them again.
"""

import hashlib
import json
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from services.custody.checkpoint import Checkpoint
from services.custody.clipsearch import copies_by_bytes
from services.custody.cosignature import cosign
from services.custody.entry import Entry, commit_payload, entry_bytes, leaf_hash, make_fields
from services.custody.fingerprint import Essence, fingerprint
from services.custody.note import Note
from services.custody.package.build import verifiers
from services.custody.package.zipform import write_zip
from services.custody.policy import Group, Log, Policy, Witness
from services.custody.proof import prove_consistency, prove_inclusion, prove_range
from services.custody.receipt import make_receipt
from services.custody.signingkey import SigningKey
from services.custody.tree import root
from services.media.pool import Pool
from services.media.strict import read_strictly
from services.media.timecode import TimeRange, print_seconds
from services.media.verbatim import cut_verbatim
from tests.custody.clips import FFMPEG, Clip, Shot, reader
from tests.custody.notes import NOON, key
from tests.footage import _run, make_footage
from tests.media.cutting import Film, Made

EXPORT = "0197f2c0-0000-7000-8000-00000000e001"
RECORDINGS = ("0197f2c0-0000-7000-8000-000000000a01", "0197f2c0-0000-7000-8000-000000000b02")
OTHER = "0197f2c0-0000-7000-8000-000000000c03"
WITNESSES = {"court": key(11, "court.example/w1", 4), "press": key(12, "press.example/w2", 4)}
FRAMES = 120


def canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def b64(content: bytes) -> str:
    return b64encode(content).decode()


@dataclass(frozen=True, slots=True)
class Listed:
    """What a zip file must know of a file."""

    path: str
    size_bytes: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Held:
    """A file in memory."""

    listed: Listed
    content: bytes

    def blocks(self) -> Iterator[bytes]:
        yield self.content


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a package: how it was made, of which recording, its bytes and its proof."""

    kind: str
    made: str
    recording: int
    ending: str
    content: bytes
    proof: bytes | None = None
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """A package: its files but for contents.txt, and the key that signs their list."""

    files: Mapping[str, bytes]
    signer: SigningKey
    export: str = EXPORT

    def sealed(self, signer: SigningKey | None = None) -> dict[str, bytes]:
        """Give all files, the list of them signed."""
        told = [
            f"{hashlib.sha256(self.files[name]).hexdigest()} {len(self.files[name])} {name}\n"
            for name in sorted(self.files, key=str.encode)
        ]
        text = f"huisu/package/v1\n{self.export}\n1 of 2\n{''.join(told)}".encode()
        one = signer or self.signer
        return {"contents.txt": Note(text, (one.sign(text),)).content, **self.files}

    def with_files(self, **changed: bytes) -> "Built":
        """Change files; their names are given with `__` for a slash and `_` for the dot of the ending."""
        return replace(self, files={**self.files, **changed})


def write_folder(files: Mapping[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def zipped(files: Mapping[str, bytes], path: Path) -> Path:
    """Write the one zip file that these files are."""
    names = sorted(files, key=lambda name: (name != "contents.txt", name.encode()))
    with path.open("wb") as out:
        write_zip(out, [Held(Listed(name, len(files[name]), zlib.crc32(files[name])), files[name]) for name in names])
    return path


class Ledger:
    """Grows chains and a log of their entries, as the sequencer does."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.chains: dict[str, list[dict[str, Any]]] = {}
        self._prev: dict[str, bytes] = {}

    def add(self, obj: str, kind: str, shown: Mapping[str, Any], hidden: Mapping[str, Any] | None = None) -> bytes:
        chain, values = self.chains.setdefault(obj, []), {**shown, **(hidden or {})}
        number = len(self.leaves)
        salts = {name: hashlib.sha256(f"{number} {name}".encode()).digest()[:16] for name in values}
        fields = make_fields(values, salts)
        text = entry_bytes(
            Entry(
                type=kind,
                id=f"0197f2c0-0000-7000-8000-{number:012x}",
                at=NOON + timedelta(seconds=number),
                obj=obj,
                n=len(chain),
                prev=self._prev.get(obj, bytes(32)),
                commitment=commit_payload({field.name: field.commitment for field in fields}),
            )
        )
        told = [
            [field.name, b64(field.salt), field.value] if field.name in shown else [b64(field.commitment)]
            for field in fields
        ]
        chain.append({"index": number, "entry": text.decode(), "fields": told})
        self._prev[obj] = leaf_hash(text)
        self.leaves.append(self._prev[obj])
        return self._prev[obj]

    def tree(self, start: int, end: int) -> bytes:
        return root(self.leaves[start:end])

    def fill(self, count: int) -> None:
        for _ in range(count):
            self.add(OTHER, "rec.verify", {}, {"result": "same"})

    def history(self, obj: str, size: int) -> bytes:
        rows = [
            {**row, "path": [b64(one) for one in prove_inclusion(self.tree, row["index"], size)]}
            for row in self.chains[obj]
        ]
        return canonical({"recording": obj, "size": size, "entries": rows})

    def head(self, size: int, signer: SigningKey, witnesses: Sequence[SigningKey], at: int = 0) -> bytes:
        body = Checkpoint(signer.name, size, self.tree(0, size)).body
        moment = NOON + timedelta(seconds=at)
        return Note(body, (signer.sign(body), *(cosign(one, body, moment) for one in witnesses))).content


def ingested(content: bytes) -> dict[str, Any]:
    return {**facts_of(content), "container": "mp4"}


def essence_told(essence: Essence, content: bytes) -> dict[str, Any]:
    """Say what the entry of a fingerprint discloses, of which these are the bytes."""
    tracks = [
        {
            "handler": one.handler.decode(), "timescale": one.timescale, "n": one.samples, "root": one.root.hex(),
            "shown": None if one.shown is None else one.shown.numbers,
        }
        for one in essence.headers
    ]  # fmt: skip
    digest = hashlib.sha256(content).hexdigest()
    return {"essence_root": essence.root.hex(), "tracks": tracks, "version": 1, "sha256": digest, "tool": "test"}


def facts_of(content: bytes) -> dict[str, Any]:
    pieces = [content[at : at + (1 << 20)] for at in range(0, len(content), 1 << 20)]
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "chunk_log2": 20,
        "chunk_root": root([hashlib.sha256(b"\0" + piece).digest() for piece in pieces]).hex(),
    }


def enter_essence(ledger: Ledger, number: int, content: bytes) -> None:
    """Enter the frame fingerprint of a recording, as an honest archive does."""
    essence = fingerprint(reader(content), reader(content), len(content))
    ledger.add(RECORDINGS[number], "rec.essence", essence_told(essence, content))


def build(
    originals: Sequence[bytes],
    items: Sequence[Item],
    *,
    quorum: str = "both",
    rights: bool = True,
    enter: Callable[[Ledger, int, bytes], None] = enter_essence,
) -> Built:
    """
    Log, prove and sign everything; `quorum` is a group of both witnesses, `none`, or late: no witness came.

    `enter` writes what the log says of the frames of each recording: a dishonest archive has another.
    """
    signer, ledger = key(1), Ledger()
    ledger.fill(3)
    for number, content in enumerate(originals):
        ledger.add(RECORDINGS[number], "rec.ingest", ingested(content), {"filename": f"录像 {number}.mp4"})
        ledger.fill(2)
    for number, content in enumerate(originals):
        enter(ledger, number, content)
        ledger.add(RECORDINGS[number], "rec.view.start", {}, {"actor": "王", "reason": "办案"})
    early = len(ledger.leaves)
    ledger.fill(5)
    receipts = []
    for n, item in enumerate(items, 1):
        shown = {
            "export": EXPORT, "item": n, "kind": item.kind, "made": item.made, "file": _file(n, item),
            **facts_of(item.content), "start": item.start, "end": item.end, "copies": 2, "recipient": "市人民检察院",
            "purpose": "出庭 \"court\"", "case": "A-2026/17",
        }  # fmt: skip
        leaf = ledger.add(RECORDINGS[item.recording], "rec.export", shown, {"actor": "李"})
        receipts.append(make_receipt(signer, leaf, 1772452800000 + n).text)
    ledger.fill(4)
    size = len(ledger.leaves)
    seen = [] if quorum != "both" else list(WITNESSES.values())
    names = tuple(WITNESSES)
    policy = Policy(
        (Log(signer.verifier),),
        tuple(Witness(name, one.verifier) for name, one in WITNESSES.items()),
        (Group("both", 2, names),),
        None if quorum == "none" else "both",
    )
    heads = [
        {
            "note": ledger.head(one, signer, seen, one).decode(),
            "path": [b64(two) for two in prove_consistency(ledger.tree, one, size)] if one < size else [],
        }
        for one in (early, size)
    ]
    used = sorted({item.recording for item in items})
    told = {
        "format": "huisu/package/v1", "export": EXPORT, "made_at": "2026-03-02T13:00:00Z", "copy": 1, "copies": 2,
        "recipient": "市人民检察院", "purpose": "出庭 \"court\"", "case": "A-2026/17", "origin": signer.name,
        "version": "1.0", "witnessed": {"both": "quorum", "none": "no-quorum"}.get(quorum, "none-in-time"),
        "items": [
            {
                "n": n, "file": _file(n, item), "kind": item.kind, "recording": RECORDINGS[item.recording],
                "filename": f"录像 {item.recording}.mp4", "start": item.start, "end": item.end, "made": item.made,
                "proof": f"proofs/{n:03d}.json" if item.proof else None,
            }
            for n, item in enumerate(items, 1)
        ],
        "recordings": [{"id": RECORDINGS[one], "history": f"history/{RECORDINGS[one]}.json"} for one in used],
    }  # fmt: skip
    files = {_file(n, item): item.content for n, item in enumerate(items, 1)}
    files |= {f"proofs/{n:03d}.json": item.proof for n, item in enumerate(items, 1) if item.proof}
    files |= {f"history/{RECORDINGS[one]}.json": ledger.history(RECORDINGS[one], size) for one in used}
    files |= {
        "package.json": canonical(told),
        "log/checkpoint.txt": ledger.head(size, signer, seen, size),
        "log/consistency.json": canonical({"size": size, "heads": heads}),
        "log/policy.txt": policy.content,
        "log/receipts.json": canonical({"receipts": receipts}),
        "README.txt": "说明\n".encode(),
        "report.html": b"<p>report</p>\n",
        "certificate.html": b"<p>certificate</p>\n",
    }
    if rights:
        files |= {file.listed.path: b"".join(file.blocks()) for file in verifiers()}
    return Built(files, signer)


def _file(n: int, item: Item) -> str:
    return f"items/{n:03d}{item.ending}"


def still_proof(shot: Shot, sample: int) -> bytes:
    """Prove the coded frame with this number of the first track."""
    movie = read_strictly(reader(shot.content), len(shot.content))
    header, samples, tree = shot.sidecar.headers[0], movie.tracks[0].samples, shot.sidecar.tree(0)
    at, size = int(samples.offset[sample]), int(samples.size[sample])
    told = {
        "track": 0, "sample": sample, "dts": int(samples.dts[sample]), "cts": int(samples.cts[sample]),
        "sync": int(samples.sync[sample]), "size": size,
        "sha256": hashlib.sha256(shot.content[at : at + size]).hexdigest(), "ts": header.timescale, "handler": "vide",
        "matrix": b64(header.matrix), "config": b64(header.config),
        "head": [b64(one) for one in prove_range(tree, 0, 1, header.samples + 1)],
        "range": [b64(one) for one in prove_range(tree, sample + 1, sample + 2, header.samples + 1)],
    }  # fmt: skip
    tracks = [{"n": one.samples, "root": b64(one.root)} for one in shot.sidecar.headers]
    return canonical({"v": 1, "all_tracks": tracks, "still": told})


def still_at(shot: Shot, sample: int) -> str:
    """Print when the recording shows the sample with this number of the first track."""
    video = shot.index.video
    assert video is not None
    return print_seconds(video.seconds(int(video.samples.pts[sample])))


def one_of_each(folder: Path, pool: Pool) -> tuple[list[bytes], list[Item]]:
    """Make two recordings, and of them an original, both sorts of verbatim clip, exact clips and a still."""
    path = make_footage(folder / "a.mp4", frames=FRAMES, bframes=2, size=(320, 180))
    shot, film = Shot.of(path), Film.of(path)
    plain = Shot.of(make_footage(folder / "b.mov", frames=FRAMES, audio="pcm_s16le", size=(160, 90)))
    verbatim = shot.clip(1, 2)
    cut = film.cut(37, 110, pool)
    assert isinstance(cut, Made)
    smart = shot.proven(cut.cut.file)
    sound = plain.proven(cut_verbatim(plain.index, TimeRange(Fraction(1), Fraction(2))).file)
    encoded = encoded_with_copied_sound(shot, folder)
    proofs = [one.proof.to_bytes() for one in (verbatim, smart, encoded, sound)]
    items = [
        Item("original", "original", 0, ".mp4", shot.content),
        Item("verbatim", "verbatim", 0, ".mp4", verbatim.content, proofs[0], "1.000000", "2.000000"),
        Item("exact", "smart", 0, ".mp4", smart.content, proofs[1], "1.233333", "3.666667"),
        Item("exact", "encoded", 0, ".mp4", encoded.content, proofs[2], "0.000000", "4.000000"),
        Item("still", "still", 0, ".png", b"\x89PNG not looked at", still_proof(shot, 7), still_at(shot, 7)),
        Item("verbatim", "verbatim", 1, ".mov", sound.content, proofs[3], "1.000000", "2.000000"),
    ]
    return [shot.content, plain.content], items


def encoded_with_copied_sound(shot: Shot, folder: Path) -> Clip:
    """Encode the pictures anew and copy the sound."""
    source, target = folder / "source.mp4", folder / "encoded.mp4"
    source.write_bytes(shot.content)
    command = [*FFMPEG, "-i", f"file:{source}", "-map", "0", "-vf", "negate", "-c:v", "libx264", "-preset", "ultrafast"]
    _run([*command, "-c:a", "copy", "-f", "mp4", f"file:{target}"])
    content = target.read_bytes()
    return shot.proven_by(content, copies_by_bytes(reader(content), len(content), shot.index, shot.sidecar))
