"""Policies: read as written, and satisfied by those witnesses only that they name."""

from datetime import timedelta
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.custody.cosignature import cosign
from services.custody.policy import Group, Log, Policy, Witness, read_policy
from services.errors import NoteRefused, PolicyRefused
from tests.custody.notes import NOON, key, signed_head

NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
WITNESSES = {name: key(number, f"{name}.example", 4) for number, name in enumerate(NAMES, 10)}
LINES = "".join(f"witness {name} {one.verifier.vkey}\n" for name, one in WITNESSES.items())
EXAMPLE = f"""\
# two organisations
log {key().verifier.vkey}

{LINES}
group X-witnesses 2 X1 X2 X3
\tgroup  Y-witnesses any Y1 Y2 Y3 \t
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""
"""Source: C2SP tlog-policy, with keys."""


def test_the_policy_of_the_specification_asks_for_two_and_one() -> None:
    policy = read_policy(EXAMPLE.encode())

    for count in range(7):
        for some in combinations(NAMES, count):
            xs = sum(name[0] == "X" for name in some)
            verdict = policy.judge(set(some))
            assert verdict.is_met == (xs >= 2 and count > xs)
            assert set(verdict.missing) == set(NAMES) - set(some)


def test_a_policy_is_read_as_it_is_written() -> None:
    policy = Policy(
        (Log(key().verifier), Log(key(2).verifier, "https://archive.example/log")),
        (Witness("法院", key(9, "court.example/w", 4).verifier, "https://court.example/w/"),),
        (Group("outside", 1, ("法院",)),),
        "outside",
    )

    assert read_policy(policy.content) == policy
    assert read_policy(b"quorum none\n") == Policy()
    assert Policy().judge(set()).is_met


def test_names_are_octets() -> None:
    line = f"K\xe9 {WITNESSES['X1'].verifier.vkey}".encode("latin-1")
    policy = read_policy(b"witness " + line + b"\nquorum K\xe9\n")

    assert policy.content == b"witness " + line + b"\nquorum K\xe9\n"


def test_a_head_is_judged_by_the_witnesses_under_it() -> None:
    policy, note = read_policy(EXAMPLE.encode()), signed_head(5)
    seen = [cosign(WITNESSES[name], note.text, NOON + timedelta(hours=at)) for at, name in enumerate(("X1", "Y3"))]
    again = cosign(WITNESSES["X1"], note.text, NOON + timedelta(days=1))

    two = policy.examine(note.with_signatures([again, *seen]).content)
    three = policy.examine(note.with_signatures([*seen, cosign(WITNESSES["X3"], note.text, NOON)]).content)

    assert not two.verdict.is_met
    assert two.cosignatures.keys() == {"X1", "Y3"}
    assert two.seen_at == two.cosignatures["X1"].at == NOON
    assert three.verdict.is_met
    assert set(three.verdict.missing) == {"X2", "Y1", "Y2"}


def test_a_cosignature_from_the_future_counts_for_nothing() -> None:
    policy, note = read_policy(EXAMPLE.encode()), signed_head(5)
    later = note.with_signatures([cosign(WITNESSES["X1"], note.text, NOON + timedelta(hours=1))]).content

    assert policy.examine(later, now=NOON).cosignatures == {}


def test_a_head_of_another_log_or_with_a_forged_witness_is_refused() -> None:
    policy, note = read_policy(EXAMPLE.encode()), signed_head(5)
    forged = cosign(WITNESSES["X1"], signed_head(6).text, NOON)

    with pytest.raises(NoteRefused):
        policy.examine(signed_head(5, key(2)).content)
    with pytest.raises(NoteRefused, match="not its own"):
        policy.examine(note.with_signatures([forged]).content)


KEY = WITNESSES["X1"].verifier.vkey


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no quorum"),
        ("quorum none", "cut short"),
        ("quorum none\nquorum none\n", "one quorum"),
        ("quorum X1\n" + LINES, "not defined"),
        (LINES + "group none any X1\nquorum none\n", "taken"),
        (LINES + "group X1 any X2\nquorum none\n", "taken"),
        (LINES + "group g any none\nquorum g\n", "not defined"),
        (LINES + "group g any g\nquorum g\n", "not defined"),
        (LINES + "group g 0 X1\nquorum g\n", "asks for 0"),
        (LINES + "group g 3 X1 X2\nquorum g\n", "asks for 3"),
        (LINES + "group g 01 X1 X2\nquorum g\n", "asks for 01"),
        (LINES + "group g -1 X1 X2\nquorum g\n", "asks for -1"),
        (LINES + "group g most X1 X2\nquorum g\n", "asks for most"),
        (LINES + "group g any\nquorum g\n", "says nothing"),
        (LINES + "group g 2 X1 X1\nquorum g\n", "a member already"),
        (LINES + "group g any X1\ngroup h any X1\nquorum h\n", "a member already"),
        (f"witness a {KEY}\nwitness b {KEY}\nquorum a\n", "named twice"),
        (f"log {key().verifier.vkey}\nlog {key(1, 'other').verifier.vkey}\nquorum none\n", "named twice"),
        (f"log {KEY}\nquorum none\n", "type 0x04"),
        (f"witness a {key().verifier.vkey}\nquorum a\n", "type 0x01"),
        (f"witness a {KEY[:-4]}AAAA\nquorum a\n", "line 1 of the policy"),
        ("quorum none\r\n", "control characters"),
        ("quorum\u3000none\n", "says nothing"),
        ("trust everybody\nquorum none\n", "says nothing"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(text: str, why: str) -> None:
    with pytest.raises(PolicyRefused, match=why):
        read_policy(text.encode())


def test_a_policy_has_limits() -> None:
    with pytest.raises(PolicyRefused, match="at most"):
        read_policy(b"#" * (1 << 18) + b"\n")
    with pytest.raises(PolicyRefused, match="more than 256"):
        chain = "".join(f"group g{n} any {'X1' if n == 0 else f'g{n - 1}'}\n" for n in range(257))
        read_policy((LINES + chain + "quorum none\n").encode())


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_policy_is_refused_or_means_what_it_says(data: st.DataObject) -> None:
    content = EXAMPLE.encode()
    place = data.draw(st.integers(0, len(content) - 1))
    changed = content[:place] + data.draw(st.binary(max_size=2)) + content[place + data.draw(st.integers(0, 2)) :]

    try:
        policy = read_policy(changed)
    except PolicyRefused:
        return
    assert read_policy(policy.content) == policy
    keys = {one.verifier for one in WITNESSES.values()}
    assert {one.key for one in policy.witnesses} <= keys
