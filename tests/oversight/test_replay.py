"""A draw is repeated from its proof alone; whatever is changed in the proof is found."""

import json
import os
import random
from base64 import b64decode, b64encode
from copy import deepcopy
from typing import Any

import pytest

from services.oversight import tickets
from services.oversight.replay import FORMAT, Finding, holds, is_signed, replay
from services.oversight.seeds import commit_nonce
from tests.oversight.proofs import LOG, WITNESS, Made, make_draw

TIMES = 1000 if os.environ.get("HUISU_SOAK") else 40


def verdicts(findings: tuple[Finding, ...]) -> dict[str, str]:
    return {one.check: one.verdict for one in findings}


@pytest.fixture(scope="module")
def made() -> Made:
    return make_draw(1)


def test_a_draw_comes_out_the_same(made: Made) -> None:
    findings = replay(made.proof, [LOG.verifier])

    assert holds(findings)
    assert {one.check for one in findings if one.verdict == "PASS"} == {
        "definition", "inclusion", "checkpoint", "key", "inputs", "population", "draw",
    }  # fmt: skip


def test_draws_from_random_populations_come_out_the_same() -> None:
    chance = random.Random(4)
    for number in range(TIMES):
        ways = chance.choice([(), ("nonce",), ("witness",), ("nonce", "witness")])
        one = make_draw(
            number, size=chance.randint(1, 400), strata=chance.randint(1, 8), sources=ways,
            log_size=chance.randint(1, 40),
        )  # fmt: skip

        assert holds(replay(one.proof, [LOG.verifier])), number


def test_without_an_outside_input_it_says_so() -> None:
    findings = replay(make_draw(2, sources=()).proof, [LOG.verifier])
    (said,) = [one for one in findings if one.check == "inputs"]

    assert said.verdict == "NOT CHECKED"
    assert "agency-seeded" in said.words
    assert holds(findings)


def test_without_the_logs_key_its_signature_is_not_checked(made: Made) -> None:
    findings = replay(made.proof)

    assert next(one.verdict for one in findings if one.check == "checkpoint") == "NOT CHECKED"
    assert (holds(findings), is_signed(findings)) == (True, False)
    assert is_signed(replay(made.proof, [LOG.verifier]))
    assert not is_signed(replay({}, [LOG.verifier]))


def test_a_later_head_is_pointed_at() -> None:
    last = next(one for one in map(make_draw, range(50)) if one.proof["define"]["index"] == 8)
    early = next(one for one in map(make_draw, range(50)) if one.proof["define"]["index"] < 8)

    assert [one.verdict for one in replay(last.proof) if one.check == "checkpoint"][1] == "PASS"
    assert [one.verdict for one in replay(early.proof) if one.check == "checkpoint"][1] == "NOT CHECKED"


def flipped(text: str, place: int) -> str:
    raw = bytearray(b64decode(text))
    raw[place % len(raw)] ^= 1
    return b64encode(raw).decode()


def test_every_value_that_counts_is_bound() -> None:
    made, other = make_draw(1), make_draw(3)
    proof, tricks = made.proof, []

    def trick(name: str, check: str, *path: str | int, to: Any) -> None:
        found = verdicts(replay(made.changed(*path, to=to), [LOG.verifier]))
        tricks.append(name)
        assert found[check] == "FAIL", (name, found)

    trick("another form", "definition", "format", to="huisu/draw-proof/v2")
    trick("another check", "definition", "id", to=other.proof["id"])
    trick("another definition", "definition", "define", "entry", to=other.proof["define"]["entry"])
    trick("another definition whole", "definition", "define", to=other.proof["define"])
    for number, one in enumerate(proof["define"]["disclosure"]):
        path = ("define", "disclosure", number, "value")
        trick(f"another {one['name']}", "definition", *path, to='"x"')
    trick("a place in the log", "inclusion", "define", "index", to=proof["define"]["index"] ^ 1)
    trick("another head", "inclusion", "checkpoint", to=other.proof["checkpoint"])
    trick("an unsigned head", "inclusion", "checkpoint", to=proof["checkpoint"].split("\n\n")[0] + "\n")
    trick("a head of another size", "inclusion", "checkpoint", to=proof["checkpoint"].replace("\n9\n", "\n8\n"))
    stranger = proof["checkpoint"].replace(proof["checkpoint"][-20:-4], "A" * 16)
    trick("a forged head", "checkpoint", "checkpoint", to=stranger)
    trick("another key", "key", "vrf", "key", to=other.proof["vrf"]["key"].replace("a", "b"))
    trick("another result of the key", "key", "vrf", "proof", to=other.proof["vrf"]["proof"])
    trick("another nonce", "inputs", "inputs", 0, "value", to=other.nonce.hex())
    trick("another signature", "inputs", "inputs", 1, "value", to=other.proof["inputs"][1]["value"])
    trick("an input left out", "inputs", "inputs", to=proof["inputs"][:1])
    trick("an input more", "inputs", "inputs", to=[*proof["inputs"], proof["inputs"][0]])
    trick("a ticket changed", "population", "tickets", to=flipped(proof["tickets"], 30))
    whole = b64decode(proof["tickets"])
    trick("a ticket left out", "population", "tickets", to=b64encode(whole[: -tickets.LEAF_BYTES]).decode())
    trick("tickets in another order", "population", "tickets", to=b64encode(whole[25:] + whole[:25]).decode())
    trick("another result", "draw", "result", to=other.proof["result"])
    trick("another seed", "draw", "result", "disclosure", 1, "value", to='"00"')
    assert len(tricks) > 30


def test_a_result_of_ones_own_choice_is_found(made: Made) -> None:
    """Whoever writes the entry of the result may write what they like; the draw says otherwise."""
    theirs = make_draw(1, size=200)
    result = theirs.changed("result", "disclosure", 0, "value", to=made.proof["result"]["disclosure"][0]["value"])
    chosen = make_draw(5)
    swapped = made.changed("result", to={**chosen.proof["result"]})

    assert holds(replay(result))
    assert verdicts(replay(swapped))["draw"] == "FAIL"


@pytest.mark.parametrize("broken", [{}, {"format": FORMAT}, {"format": 7, "define": []}, {"format": FORMAT, "id": {}}])
def test_noise_is_told_in_words(broken: dict[str, Any]) -> None:
    findings = replay(broken)

    assert findings[0].verdict == "FAIL"
    assert {one.verdict for one in findings[1:]} == {"NOT CHECKED"}
    assert not holds(findings)


def test_any_damaged_proof_is_refused_and_never_breaks_the_reader() -> None:
    """One byte anywhere in a proof is found."""
    made, chance = make_draw(6, size=12, strata=2), random.Random(6)
    whole = json.dumps(made.proof, ensure_ascii=False).encode()
    for _ in range(TIMES * 5):
        spoilt = bytearray(whole)
        spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
        try:
            proof = json.loads(spoilt.decode())
        except ValueError:
            continue
        if isinstance(proof, dict) and said_by(proof) != said_by(made.proof):
            assert not holds(replay(proof, [LOG.verifier])), spoilt


def said_by(proof: dict[str, Any]) -> dict[str, Any]:
    """Leave out what says nothing: when and under which id the result was entered, for it follows from the rest."""
    bare = deepcopy(proof)
    try:
        entry = json.loads(bare["result"]["entry"])
        bare["result"]["entry"] = {
            name: value for name, value in entry.items() if name not in ("id", "ts", "prev", "n")
        }
    except (KeyError, TypeError, ValueError):
        pass
    return bare


def test_the_nonce_is_bound_to_its_overseer() -> None:
    assert commit_nonce(b"a" * 32) != commit_nonce(b"b" * 32)
    assert WITNESS.verifier.type == 1
