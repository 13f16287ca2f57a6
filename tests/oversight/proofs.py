"""Make whole draws in memory, with real keys, real entries and a real tree, and the proofs that they leave."""

import json
import random
from base64 import b64encode
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.custody import vrf
from services.custody.checkpoint import Checkpoint
from services.custody.cosignature import sign_draw
from services.custody.entry import FIRST_PREV, Entry, Field, commit_payload, entry_bytes, leaf_hash, make_fields
from services.custody.note import PLAIN, Note
from services.custody.proof import prove_inclusion
from services.custody.signingkey import SigningKey
from services.custody.tree import root
from services.oversight.definitions import parse_definition
from services.oversight.draw import allot, draw
from services.oversight.replay import FORMAT, as_told
from services.oversight.seeds import alpha_of, check_input, commit_nonce, seed_of
from services.oversight.tickets import Population, freeze, ticket_bytes

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
ORIGIN = "log.example/1"
DRAW_SEED = bytes(range(32))
WITNESS = SigningKey("witness.example", PLAIN, bytes([7]) * 32)
LOG = SigningKey(ORIGIN, PLAIN, bytes([9]) * 32)

WANTED: Mapping[str, Any] = {
    "programme": "每月抽查",
    "unit": "D1",
    "from": "2026-02-01T00:00:00+08:00",
    "to": "2026-03-01T00:00:00+08:00",
    "ticket": "segment",
    "size": 20,
    "reserve": 3,
}


@dataclass(frozen=True, slots=True)
class Made:
    """A draw's proof, and what made it."""

    proof: dict[str, Any]
    population: Population
    nonce: bytes

    def changed(self, *path: str | int, to: Any) -> dict[str, Any]:
        """Give a copy of the proof with one value changed."""
        copy = deepcopy(self.proof)
        place: Any = copy
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to
        return copy


def population_of(chance: random.Random, size: int, strata: int) -> Population:
    """Make tickets of random recordings in strata of random sizes."""
    weights = [chance.random() + 0.05 for _ in range(strata)]
    leaves = {
        ticket_bytes(2, chance.randbytes(16), chance.randrange(60)): chance.choices(range(strata), weights)[0]
        for _ in range(size)
    }
    return freeze([ticket + stratum.to_bytes(4, "big") for ticket, stratum in leaves.items()], strata)


def sealed(kind: str, obj: str, values: Mapping[str, Any], chance: random.Random) -> tuple[bytes, list[dict[str, str]]]:
    """Write an entry and its disclosures, as the ledger does."""
    fields = make_fields(values, {name: chance.randbytes(16) for name in values})
    text = entry_bytes(
        Entry(kind, str(UUID(bytes=chance.randbytes(16))), AT, obj, 0, FIRST_PREV, commitment_of(fields))
    )
    return text, [disclosed(one) for one in fields]


def commitment_of(fields: Sequence[Field]) -> bytes:
    return commit_payload({field.name: field.commitment for field in fields})


def disclosed(field: Field) -> dict[str, str]:
    return {"name": field.name, "salt": b64encode(field.salt).decode(), "value": field.value}


def make_draw(
    number: int, *, size: int = 200, strata: int = 4, sources: Sequence[str] = ("nonce", "witness"), log_size: int = 9
) -> Made:
    """Define, seed and draw: every step as the archive does it, all chance from `number`."""
    chance = random.Random(number)
    nonce, obj = chance.randbytes(32), str(UUID(bytes=chance.randbytes(16)))
    offered = {
        "nonce": {"kind": "nonce", "by": "监督员", "commitment": commit_nonce(nonce)},
        "witness": {"kind": "witness", "key": WITNESS.verifier.vkey},
    }
    names = [{"name": f"s{n}", "filter": {"category": "CALL"}} for n in range(strata - 1)]
    definition = parse_definition({**WANTED, "strata": names, "seed_sources": [offered[one] for one in sources]})
    population = population_of(chance, size, strata)
    shares = allot(population.counts, definition.wanted, definition.size, definition.reserve)
    told = definition.told(population, shares) | {"vrf_key": vrf.public_of(DRAW_SEED).hex()}
    define, opened = sealed("draw.define", obj, told, chance)

    leaves = [chance.randbytes(32) for _ in range(log_size - 1)]
    index = chance.randrange(log_size)
    leaves.insert(index, leaf_hash(define))
    head = Checkpoint(ORIGIN, log_size, root(leaves))
    path = prove_inclusion(lambda start, end: root(leaves[start:end]), index, log_size)

    pi = vrf.prove(DRAW_SEED, alpha_of(leaf_hash(define), head.root))
    beta = vrf.check(vrf.public_of(DRAW_SEED), alpha_of(leaf_hash(define), head.root), pi)
    given = {
        "nonce": nonce.hex(),
        "witness": b64encode(sign_draw(WITNESS, leaf_hash(define), head).value).decode(),
    }
    values = [given[source.kind] for source in definition.sources]
    inputs = [
        check_input(one, value, leaf_hash(define), head) for one, value in zip(definition.sources, values, strict=True)
    ]
    seed = seed_of(leaf_hash(define), log_size, head.root, beta, inputs)
    drawn = draw(population.leaves, seed, shares)
    result, result_opened = sealed("draw.result", obj, {"seed": seed.hex(), "drawn": as_told(drawn)}, chance)
    proof = {
        "format": FORMAT,
        "id": obj,
        "define": {
            "index": index,
            "entry": define.decode(),
            "disclosure": opened,
            "inclusion": [b64encode(one).decode() for one in path],
        },
        "checkpoint": Note(head.body, (LOG.sign(head.body),)).content.decode(),
        "vrf": {"key": vrf.public_of(DRAW_SEED).hex(), "proof": pi.hex()},
        "inputs": [
            {"kind": one.kind, "by": one.by, "value": value}
            for one, value in zip(definition.sources, values, strict=True)
        ],
        "tickets": b64encode(population.leaves).decode(),
        "result": {"entry": result.decode(), "disclosure": result_opened},
    }
    return Made(json.loads(json.dumps(proof, ensure_ascii=False)), population, nonce)
