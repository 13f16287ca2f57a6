"""
Repeat a draw from its proof document alone, and say line by line what holds. Pure: no archive, no network.

```
{"format": "huisu/draw-proof/v1", "id": …,
 "define": {"index", "entry", "disclosure": [{"name","salt","value"}…], "inclusion": [base64…]},
 "checkpoint": the note that first held the definition,
 "vrf": {"key","proof"} in hexadecimal, "inputs": [{"kind","by","value"}…],
 "tickets": base64 of the leaves behind each other,
 "result": {"entry", "disclosure"}}
```
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from services.custody import vrf
from services.custody.canonical import decode, read_hex
from services.custody.checkpoint import Checkpoint, read_checkpoint
from services.custody.entry import Entry, commit_field, commit_payload, leaf_hash, read_entry
from services.custody.note import Note, VerifierKey, read_note
from services.custody.proof import check_inclusion
from services.errors import Invalid, NoteRefused, ProofRefused
from services.oversight.draw import Drawn, Share, draw
from services.oversight.seeds import Source, alpha_of, check_input, parse_sources, seed_of
from services.oversight.tickets import Population, thaw

FORMAT: Final = "huisu/draw-proof/v1"

Verdict = Literal["PASS", "FAIL", "NOT CHECKED"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what it is about, how it ended, and the words for people."""

    check: str
    verdict: Verdict
    words: str

    def __str__(self) -> str:
        """Write the line."""
        return f"{self.verdict} {self.check}: {self.words}"


@dataclass(slots=True)
class _Case:
    """What one check found out for those after it."""

    proof: Mapping[str, Any]
    log_keys: tuple[VerifierKey, ...]
    defined: Mapping[str, Any] = field(default_factory=dict)
    define_hash: bytes = b""
    index: int = -1
    note: Note | None = None
    head: Checkpoint | None = None
    beta: bytes = b""
    inputs: tuple[bytes, ...] = ()
    population: Population | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        return parse_sources(self.defined["seed_sources"])


Said = Iterator[tuple[Verdict, str]]


def replay(proof: Mapping[str, Any], log_keys: Iterable[VerifierKey] = ()) -> tuple[Finding, ...]:
    """
    Check a draw's proof; `log_keys` are the keys of the log that are known from elsewhere.

    A check that needs what failed before it is not made, and says so.
    """
    case = _Case(proof, tuple(log_keys))
    findings: list[Finding] = []
    has_failed = False
    for name, check in _CHECKS.items():
        if has_failed:
            findings.append(Finding(name, "NOT CHECKED", "what it rests on failed"))
            continue
        try:
            findings += [Finding(name, verdict, words) for verdict, words in check(case)]
        except (ProofRefused, Invalid) as error:
            findings.append(Finding(name, "FAIL", str(error)))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
            findings.append(Finding(name, "FAIL", f"the proof is malformed: {type(error).__name__} {error}"[:300]))
        has_failed = findings[-1].verdict == "FAIL"
    return tuple(findings)


def holds(findings: Iterable[Finding]) -> bool:
    """Say whether nothing failed and the draw itself was repeated."""
    said = {(one.check, one.verdict) for one in findings}
    return ("draw", "PASS") in said and not any(verdict == "FAIL" for _, verdict in said)


def is_signed(findings: Iterable[Finding]) -> bool:
    """Say whether the signature of the head was checked and held: without, the log itself may be made up."""
    return next((one.verdict == "PASS" for one in findings if one.check == "checkpoint"), False)


def opened(told: Mapping[str, Any], kind: str) -> tuple[Entry, bytes, dict[str, Any]]:
    """
    Open an entry by its disclosures: what it says, and the hash it has in the log.

    Raises:
        ProofRefused: it is another kind of entry, or a value is not the one it committed to.
        KeyError, TypeError, ValueError: the document is malformed.
    """
    text = told["entry"].encode("ascii")
    entry = read_entry(text)
    if entry.type != kind:
        raise ProofRefused(f"the entry is {entry.type}, not {kind}")
    commitments, values = {}, {}
    for one in told["disclosure"]:
        commitments[one["name"]] = commit_field(one["name"], one["value"], decode(one["salt"], "a salt"))
        values[one["name"]] = json.loads(one["value"])
    if commit_payload(commitments) != entry.commitment:
        raise ProofRefused(f"the values of {kind} are not those that its entry committed to")
    return entry, leaf_hash(text), values


def _definition(case: _Case) -> Said:
    if case.proof["format"] != FORMAT:
        raise ProofRefused(f"the proof has the form {case.proof['format']!r}, not {FORMAT}")
    entry, case.define_hash, case.defined = opened(case.proof["define"], "draw.define")
    if entry.obj != case.proof["id"]:
        raise ProofRefused(f"the entry is about {entry.obj}, not {case.proof['id']}")
    said = case.defined
    yield "PASS", f"{said['programme']}, unit {said['unit']}, {said['from']} to {said['to']}, defined {entry.at:%F %T}Z"


def _inclusion(case: _Case) -> Said:
    case.note = read_note(case.proof["checkpoint"].encode())
    case.head = head = read_checkpoint(case.note.text)
    case.index = case.proof["define"]["index"]
    path = [decode(one, "a hash") for one in case.proof["define"]["inclusion"]]
    check_inclusion(case.define_hash, case.index, head.size, path, head.root)
    yield "PASS", f"the definition is entry {case.index} of {head.origin}, within its head of {head.size}"


def _checkpoint(case: _Case) -> Said:
    assert case.note is not None  # noqa: S101  (the check before set it)
    assert case.head is not None  # noqa: S101
    names = [key for key in case.log_keys if key.name == case.head.origin]
    if not names:
        yield (
            "NOT CHECKED",
            f"no key of {case.head.origin} was given, so the signature of this head was not checked: whoever wrote"
            " this file may have made up the log",
        )
    elif case.note.verified(names):
        yield "PASS", f"signed by {case.head.origin}"
    else:
        raise NoteRefused(f"no known key of {case.head.origin} signed this head")
    if case.head.size == case.index + 1:
        yield "PASS", "no smaller head can hold the definition"
    else:
        yield "NOT CHECKED", "whether a smaller head held the definition: those who keep the log's heads can say"


def _key(case: _Case) -> Said:
    assert case.head is not None  # noqa: S101
    told = case.proof["vrf"]
    if told["key"] != case.defined["vrf_key"]:
        raise ProofRefused(f"the draw's key is {told['key']}, the definition names {case.defined['vrf_key']}")
    alpha = alpha_of(case.define_hash, case.head.root)
    case.beta = vrf.check(read_hex(told["key"], "the draw's key"), alpha, read_hex(told["proof"], "its proof"))
    yield "PASS", "the draw's key gave the one result that it has for this definition and head"


def _inputs(case: _Case) -> Said:
    assert case.head is not None  # noqa: S101
    head = case.head
    sources, given = case.sources, list(case.proof["inputs"])
    if [(one["kind"], one["by"]) for one in given] != [(one.kind, one.by) for one in sources]:
        raise ProofRefused(f"{len(given)} outside inputs are given, the definition names {len(sources)}")
    case.inputs = tuple(
        check_input(source, one["value"], case.define_hash, head) for source, one in zip(sources, given, strict=True)
    )
    for source in sources:
        yield "PASS", f"{source.kind} of {source.by}"
    if not sources:
        yield (
            "NOT CHECKED",
            "agency-seeded: no outside input, so whoever runs log and key could have tried several heads",
        )


def _population(case: _Case) -> Said:
    strata = case.defined["strata"]
    case.population = thaw(decode(case.proof["tickets"], "the list of tickets"), len(strata))
    if case.population.root.hex() != case.defined["pop_root"]:
        raise ProofRefused(f"the tickets have root {case.population.root.hex()}, not {case.defined['pop_root']}")
    counts = [one["population"] for one in strata]
    if list(case.population.counts) != counts or case.population.size != case.defined["population"]:
        raise ProofRefused(f"the strata hold {list(case.population.counts)} tickets, the definition says {counts}")
    yield "PASS", f"{case.population.size} tickets in {len(strata)} strata, as frozen at definition"


def _draw(case: _Case) -> Said:
    assert case.head is not None  # noqa: S101
    assert case.population is not None  # noqa: S101
    entry, _, said = opened(case.proof["result"], "draw.result")
    if entry.obj != case.proof["id"]:
        raise ProofRefused(f"the result is about {entry.obj}, not {case.proof['id']}")
    seed = seed_of(case.define_hash, case.head.size, case.head.root, case.beta, case.inputs)
    if said["seed"] != seed.hex():
        raise ProofRefused(f"the seed is {seed.hex()}, the result says {said['seed']}")
    shares = [Share(one["size"], one["reserve"]) for one in case.defined["strata"]]
    drawn = draw(case.population.leaves, seed, shares)
    if said["drawn"] != as_told(drawn):
        raise ProofRefused("the same draw gives other tickets than the result says")
    count, reserve = (
        sum(len(part) for part in parts) for parts in zip(*((d.sample, d.reserve) for d in drawn), strict=True)
    )
    yield "PASS", f"the same {count} tickets and {reserve} in reserve come out"


_CHECKS: Final[Mapping[str, Callable[[_Case], Said]]] = {
    "definition": _definition,
    "inclusion": _inclusion,
    "checkpoint": _checkpoint,
    "key": _key,
    "inputs": _inputs,
    "population": _population,
    "draw": _draw,
}


def as_told(drawn: Sequence[Drawn]) -> list[dict[str, list[str]]]:
    """Write drawn tickets as an entry does."""
    return [
        {"sample": [one.hex() for one in part.sample], "reserve": [one.hex() for one in part.reserve]} for part in drawn
    ]
