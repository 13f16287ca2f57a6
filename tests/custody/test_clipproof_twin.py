"""The verifier that leaves with each package was made from the description alone; of clips it says what ours says."""

import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.custody.clipproof import ClipProof
from services.custody.verifier import verify
from services.errors import ProofRefused
from tests.custody.clips import Clip, Shot
from tests.custody.test_clipproof import mdat_of
from tests.custody.test_clipproof_smart import leaning, made
from tests.custody.test_clipproof_tampered import CHANGES, with_run
from tests.footage import make_footage
from tests.media.cutting import Film, decoders

FLIPS = 500 if os.environ.get("HUISU_SOAK") else 80


@dataclass
class Held:
    """One file of a package, in memory."""

    content: bytes

    @property
    def places(self) -> dict[str, tuple[str, int, int]]:
        return {"x": ("x", 0, len(self.content))}

    def read(self, _: str, start: int, length: int) -> bytes:
        return self.content[start : start + length]


def they_accept(clip: Clip, content: bytes, proof: ClipProof) -> bool:
    held: Any = Held(content)
    item = SimpleNamespace(file="x", proof="p", made="smart", start="0.000000", end="0.000000")
    report: Any = SimpleNamespace(say=lambda *_, **__: None)
    try:
        tracks = verify.read_movie(held, "x")
        # no lengths: nothing is compared with the label
        told = [SimpleNamespace(handler="", timescale=1, n=0, shown=one and one.numbers) for one in clip.shown]
        essence = verify.Essence(json.dumps(clip.root.hex()), 1, "2026-03-02T12:00:00.000Z", told, False)
        verify.check_clip(held, item, json.loads(proof.to_bytes()), essence, tracks, "PASS", report)
    except verify.Wrong:
        return False
    return True


def we_accept(clip: Clip, content: bytes, proof: ClipProof) -> bool:
    try:
        clip.check(content, proof)
    except ProofRefused:
        return False
    return True


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Clip]]:
    folder = tmp_path_factory.mktemp("twin")
    path = make_footage(folder / "a.mp4", frames=300, bframes=2)
    quick = make_footage(folder / "b.mov", frames=300, audio="pcm_s16le")
    with decoders() as pool:
        yield {
            "verbatim": Shot.of(path).clip(2.2, 4.1),
            "uncompressed sound": Shot.of(quick).clip(2.2, 4.1),
            "smart": Shot.of(path).proven(made(Film.of(path), 37, 187, pool).cut.file),
        }


def test_neither_accepts_pictures_without_the_key_frame_that_they_lean_on(tmp_path: Path) -> None:
    path = make_footage(tmp_path / "a.mp4", frames=300, bframes=2)
    with decoders() as pool:
        clip = Shot.of(path).proven(made(Film.of(path), 37, 187, pool).cut.file)
    claimed = leaning(clip, Shot.of(path))

    assert not we_accept(clip, clip.content, claimed)
    assert not they_accept(clip, clip.content, claimed)


KINDS = ("verbatim", "uncompressed sound", "smart")


@pytest.mark.parametrize("kind", KINDS)
def test_both_accept_a_proof_and_refuse_each_change_of_it(clips: dict[str, Clip], kind: str) -> None:
    clip = clips[kind]

    assert they_accept(clip, clip.content, clip.proof)
    for change in CHANGES.values():
        for number, run in enumerate(clip.proof.runs):
            altered = with_run(clip.proof, number, **change(run))
            assert not we_accept(clip, clip.content, altered)
            assert not they_accept(clip, clip.content, altered)


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_that_one_refuses_the_other_does_too(clips: dict[str, Clip], kind: str) -> None:
    clip, chance = clips[kind], random.Random(11)
    low, high = mdat_of(clip.content)

    for _ in range(FLIPS):
        content = bytearray(clip.content)
        content[chance.randrange(low, high)] ^= 1 << chance.randrange(8)
        assert they_accept(clip, bytes(content), clip.proof) == we_accept(clip, bytes(content), clip.proof)


@pytest.mark.parametrize("kind", KINDS)
def test_no_index_that_the_archive_lets_out_is_refused_outside(clips: dict[str, Clip], kind: str) -> None:
    clip, chance = clips[kind], random.Random(12)
    end, _ = mdat_of(clip.content)
    accepted = 0

    for _ in range(3 * FLIPS):
        content = bytearray(clip.content)
        content[chance.randrange(end)] ^= 1 << chance.randrange(8)
        if we_accept(clip, bytes(content), clip.proof):
            accepted += 1
            assert they_accept(clip, bytes(content), clip.proof)

    assert accepted > 0
