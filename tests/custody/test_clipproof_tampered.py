"""A clip's proof says one thing in one way: shortened, lengthened, altered, or of another recording, it is refused."""

import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.custody.clipproof import MOST_BYTES, ClipProof, Run, read_proof
from services.errors import ProofRefused
from services.media.whence import Copied
from tests.custody.clips import Clip, Shot
from tests.footage import make_footage

EXAMPLES = 1000 if os.environ.get("HUISU_SOAK") else 150


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shots")


@pytest.fixture(scope="module")
def shot(folder: Path) -> Shot:
    return Shot.of(make_footage(folder / "a.mp4", frames=300, bframes=2))


@pytest.fixture(scope="module")
def clip(shot: Shot) -> Clip:
    return shot.clip(2.2, 4.1)


def with_run(proof: ClipProof, number: int, **changes: Any) -> ClipProof:
    runs = list(proof.runs)
    runs[number] = replace(runs[number], **changes)
    return ClipProof(proof.tracks, tuple(runs))


def flipped(content: bytes, bit: int) -> bytes:
    at = bit // 8 % len(content)
    return content[:at] + bytes([content[at] ^ 1 << bit % 8]) + content[at + 1 :]


CHANGES: dict[str, Callable[[Run], dict[str, Any]]] = {
    "begins one later in the clip": lambda run: {"clip_first": run.clip_first + 1},
    "begins one later in the original": lambda run: {"first": run.first + 1},
    "begins one earlier in the original": lambda run: {"first": run.first - 1},
    "has one less": lambda run: {"count": run.count - 1},
    "has one more": lambda run: {"count": run.count + 1},
    "is decoded a tick later": lambda run: {"dts": run.dts + 1},
    "is shown a tick later": lambda run: {"cts": run.cts + 1},
    "is counted in other ticks": lambda run: {"timescale": run.timescale * 2},
    "is turned": lambda run: {"matrix": flipped(run.matrix, 70)},
    "is configured otherwise": lambda run: {"config": flipped(run.config, 8 * len(run.config) - 1)},
    "is of another track": lambda run: {"track": 1 - run.track},
    "is of a track that is none": lambda run: {"track": 7},
    "is in another track": lambda run: {"clip_track": 1 - run.clip_track},
    "is in a track that is none": lambda run: {"clip_track": 7},
    "lacks a hash of its header": lambda run: {"head": run.head[:-1]},
    "has a hash too many for its header": lambda run: {"head": (*run.head, run.head[0])},
    "has no hashes for its header": lambda run: {"head": ()},
    "lacks a hash of its samples": lambda run: {"range": run.range[:-1]},
    "has a hash too many for its samples": lambda run: {"range": (*run.range, run.range[-1])},
    "has its hashes in another order": lambda run: {"range": (run.range[1], run.range[0], *run.range[2:])},
    "has a hash changed": lambda run: {"range": (*run.range[:-1], flipped(run.range[-1], 9))},
}


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("change", CHANGES)
def test_a_run_that_says_anything_else_is_refused(clip: Clip, change: str, number: int) -> None:
    altered = with_run(clip.proof, number, **CHANGES[change](clip.proof.runs[number]))

    with pytest.raises(ProofRefused):
        clip.check(proof=read_proof(altered.to_bytes()))


def test_the_proof_of_another_clip_or_recording_is_refused(shot: Shot, clip: Clip, folder: Path) -> None:
    other = Shot.of(make_footage(folder / "b.mp4", frames=300, bframes=2, first=300)).clip(2.2, 4.1)

    with pytest.raises(ProofRefused, match="essence root"):
        clip.check(proof=other.proof)
    with pytest.raises(ProofRefused, match="not those of the original"):
        replace(clip, root=other.root).check(proof=other.proof)
    with pytest.raises(ProofRefused, match=r"not those of the original|overlap"):
        clip.check(proof=shot.clip(5.2, 7.1).proof)


def test_tracks_that_are_left_out_or_changed_do_not_lead_to_the_root(clip: Clip) -> None:
    pictures, sound = clip.proof.tracks
    for tracks in (
        (pictures,),
        (sound, pictures),
        (pictures, sound, sound),
        (replace(pictures, samples=pictures.samples + 1), sound),
        (pictures, replace(sound, root=flipped(sound.root, 3))),
    ):
        with pytest.raises(ProofRefused, match="essence root"):
            clip.check(proof=ClipProof(tracks, clip.proof.runs))


def test_two_tracks_of_a_clip_are_not_one_of_the_original(clip: Clip) -> None:
    run = clip.proof.runs[1]

    with pytest.raises(ProofRefused, match="claim to be track 1"):
        clip.check(proof=ClipProof(clip.proof.tracks, (replace(run, clip_track=0), run)))


def test_a_proof_without_runs_proves_nothing(clip: Clip) -> None:
    with pytest.raises(ProofRefused, match="proves nothing"):
        clip.check(proof=ClipProof(clip.proof.tracks, ()))


def test_a_run_that_is_left_out_is_not_claimed_to_be_proven(clip: Clip) -> None:
    pictures, sound = clip.check(proof=ClipProof(clip.proof.tracks, clip.proof.runs[:1])).tracks

    assert pictures.is_proven
    assert (sound.runs, sound.others) == ((), ((0, sound.length),))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_any_byte_of_a_proof_changed_is_refused_or_means_the_same(clip: Clip, data: st.DataObject) -> None:
    text = clip.proof.to_bytes()
    at = data.draw(st.integers(0, len(text) - 1))
    altered = text[:at] + bytes([data.draw(st.integers(0, 255))]) + text[at + 1 :]

    try:
        proof = read_proof(altered)
    except ProofRefused:
        return
    if proof != clip.proof:
        with pytest.raises(ProofRefused):
            clip.check(proof=proof)


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(st.data())
def test_any_part_of_the_copied_sound_is_proven_as_what_it_is(shot: Shot, clip: Clip, data: st.DataObject) -> None:
    whole = clip.proof.runs[1]
    low = data.draw(st.integers(0, whole.count - 1))
    count = data.draw(st.integers(1, whole.count - low))

    part = shot.proven_by(clip.content, [Copied(1, low, 1, whole.first + low, count)])
    (_, sound) = part.check().tracks

    covered = [(run.clip_first, run.count) for run in sound.runs]
    assert covered == [(low, count)]
    assert sum(high - low for low, high in sound.others) == whole.count - count


JUNK: dict[str, Callable[[dict[str, Any]], object]] = {
    "another version": lambda told: told.update(v=2),
    "a version that is a truth": lambda told: told.update(v=True),
    "a name too many": lambda told: told.update(extra=1),
    "a name too few": lambda told: told.pop("all_tracks"),
    "a track that is a list": lambda told: told["all_tracks"].append([]),
    "a fraction": lambda told: told["tracks"][0].update(first=1.0),
    "a negative number": lambda told: told["tracks"][0].update(count=-1),
    "nothing to prove": lambda told: told["tracks"][0].update(count=0),
    "a number beyond any": lambda told: told["tracks"][0].update(dts0=1 << 62),
    "a short hash": lambda told: told["tracks"][0]["head"].append("AAAA"),
    "base64 in another form": lambda told: told["tracks"][0].update(config="QQ=="[:3]),
    "base64 with loose bits": lambda told: told["tracks"][0].update(config="QR=="),
    "bytes that are a number": lambda told: told["tracks"][0].update(config=7),
    "a short matrix": lambda told: told["tracks"][0].update(matrix="AAAA"),
    "more runs than any clip has": lambda told: told.update(tracks=told["tracks"] * 40),
    "more hashes than any tree is high": lambda told: told["tracks"][0].update(head=told["tracks"][0]["head"] * 40),
}


@pytest.mark.parametrize("name", JUNK)
def test_what_is_not_a_proof_is_refused(clip: Clip, name: str) -> None:
    told = json.loads(clip.proof.to_bytes())
    JUNK[name](told)

    with pytest.raises(ProofRefused):
        read_proof(json.dumps(told).encode())


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b'{"v":1,"v":1,"all_tracks":[],"tracks":[]}', "{“v”}".encode(), b"[" * 100_000]
)
def test_other_text_is_refused(text: bytes) -> None:
    with pytest.raises(ProofRefused):
        read_proof(text)


def test_a_text_longer_than_any_proof_is_not_read() -> None:
    with pytest.raises(ProofRefused, match="at most"):
        read_proof(b" " * (MOST_BYTES + 1))


def test_random_pairs_of_clips_and_proofs_never_agree(shot: Shot) -> None:
    chance = random.Random(7)
    starts = sorted(chance.sample(range(9), 4))
    clips = [shot.clip(start, start + 1) for start in starts]

    for one in clips:
        for other in clips:
            if one is not other:
                with pytest.raises(ProofRefused):
                    one.check(proof=other.proof)
