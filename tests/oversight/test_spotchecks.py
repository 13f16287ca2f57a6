"""A spot check goes from its definition to its draw, and every way round that is closed or visible."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import DBAPIError

from services.accounts.rights import Principal
from services.accounts.units import change_unit
from services.api.actions.define_check import define_check
from services.api.actions.draw_check import draw_check, fail_overdue, reveal_input
from services.api.actions.see_check import list_checks, prove_draw, see_check
from services.custody.checkpoint import read_checkpoint
from services.custody.cosignature import DrawRequest, read_draw_request, sign_draw
from services.custody.ledger import check_chain, history
from services.custody.note import read_note
from services.custody.policy import Group, Policy, Witness
from services.custody.signingkey import SigningKey
from services.custody.tables import object_head
from services.custody.witness.witness import open_witness
from services.custody.witnessing import Asking
from services.db import Watch
from services.errors import (
    Conflict,
    DrawFailed,
    DrawNotReady,
    Invalid,
    NotAllowed,
    NotFound,
    SecondDefinition,
    SignerUnavailable,
    UnrecordedChange,
)
from services.index.models import Recording
from services.oversight.models import SpotCheck, SpotItem
from services.oversight.replay import holds, replay
from services.oversight.spotchecks import fixed, seed
from tests.archive_fixture import HeldClock, add_recording, everywhere
from tests.custody.test_witnessing import running
from tests.oversight.bureau import NONCE, NONCE_SOURCE, START, WANTED, Bureau, define, tickets_of
from tests.oversight.proofs import WITNESS


def events_of(bureau: Bureau, check: str) -> list[str]:
    with bureau.archive.reading() as session:
        lines = list(history(session, check))
    assert check_chain(lines) == []
    return [line.entry.type for line in lines]


def grown(bureau: Bureau) -> int:
    """Have something happen, and the head of it signed; gives the log's size."""
    add_recording(bureau.archive, unit=bureau.units["E"])
    return bureau.grow()


def test_a_check_is_defined_seeded_and_drawn(bureau: Bureau) -> None:
    defined = define(bureau)
    bureau.grow()
    drawn = draw_check(bureau.archive, bureau.people["chief"], defined.id)
    proof = prove_draw(bureau.archive, bureau.people["auditor"], defined.id)

    assert (defined.state, drawn.state, drawn.label) == ("FROZEN", "DRAWN", "agency-seeded")
    assert drawn.counts["DRAWN"] == 6
    assert "agency-seeded" in drawn.findings
    findings = replay(proof, bureau.signer.public().keys)
    assert holds(findings), findings
    assert events_of(bureau, defined.id) == ["draw.define", "draw.seed", "draw.result"]


def test_what_is_drawn_is_what_the_proof_says(bureau: Bureau) -> None:
    defined = define(bureau, strata=[{"name": "盘查", "filter": {"category": ["STOP_CHECK"]}, "size": 2}])
    bureau.grow()
    draw_check(bureau.archive, bureau.people["chief"], defined.id)
    with bureau.archive.reading() as session:
        items = session.scalars(select(SpotItem).where(SpotItem.spot_check_id == defined.id).order_by(SpotItem.n)).all()
        result = next(line for line in history(session, defined.id) if line.entry.type == "draw.result")
        categories = dict(session.execute(select(Recording.id, Recording.category)).all())
    kept = tickets_of(bureau, defined.id)

    assert all(item.segment in kept[item.subject_id] for item in items)
    assert [item.n for item in items] == list(range(1, len(items) + 1))
    assert [item.state for item in items] == ["DRAWN"] * 6 + ["RESERVE"] * 4
    assert [categories[item.subject_id] == "STOP_CHECK" for item in items[:6]] == [True] * 2 + [False] * 4
    assert all(item.subject_id.replace("-", "") in result.values["drawn"] for item in items)


@pytest.mark.parametrize(
    "change",
    [
        {"unit": "E"}, {"unit": "nowhere"}, {"filter": {"unit": "E"}},
        {"strata": [{"name": "a", "filter": {"unit": "E"}}]},
        {"filter": {"kind": "interview"}}, {"from": "2025-01-01T00:00:00Z", "to": "2025-02-01T00:00:00Z"},
        {"filter": {"unit": "D1\0"}},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_out_of_reach_or_empty_is_refused(bureau: Bureau, change: Mapping[str, Any]) -> None:
    with pytest.raises(Invalid):
        define(bureau, **change)
    with bureau.archive.reading() as session:
        assert session.scalars(select(SpotCheck)).all() == []


# --- evasions -----------------------------------------------------------------------------------------------------


def test_a_second_definition_needs_another_person_and_a_reason(bureau: Bureau) -> None:
    first = define(bureau)
    for by, change in [
        ("chief", {}),
        ("chief", {"reason": "再抽一次"}),
        ("deputy", {}),
        ("local", {"unit": "D1"}),
        ("chief", {"programme": " 每月　抽\u200b查 ", "reason": "x"}),
        ("chief", {"from": "2026-02-28T00:00:00+08:00", "to": "2026-03-31T00:00:00+08:00", "reason": "x"}),
        ("chief", {"unit": "D2", "reason": "x"}),
    ]:
        with pytest.raises(SecondDefinition):
            define(bureau, by=by, **change)
    with pytest.raises(SecondDefinition):
        define_check(bureau.archive, everywhere("supervisor"), {**WANTED, "reason": "a token is no person"})
    second = define(bureau, by="deputy", reason="首次定义漏了二所")

    assert second.number == 2
    assert second.definition["second_of"] == [first.id]
    assert "second-definition" in second.findings


def test_the_next_period_and_another_programme_are_no_second_definition(bureau: Bureau) -> None:
    define(bureau)
    add_recording(bureau.archive, unit=bureau.units["D1"], started_at=START + timedelta(days=30))

    assert define(bureau, programme="每周抽查").definition["second_of"] == []
    march = define(bureau, **{"from": "2026-03-01T00:00:00+08:00", "to": "2026-04-01T00:00:00+08:00"})
    assert (march.definition["second_of"], march.number) == ([], 2)


def test_of_two_definitions_at_once_one_is_the_second(bureau: Bureau) -> None:
    with ThreadPoolExecutor(2) as pool:
        tries = [pool.submit(define, bureau, by) for by in ("chief", "deputy")]
        errors = [one.exception() for one in tries]

    assert sorted(type(one).__name__ for one in errors) == ["NoneType", "SecondDefinition"]


def test_of_two_draws_at_once_one_draws(bureau: Bureau) -> None:
    defined = define(bureau)
    bureau.grow()
    with ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(draw_check, bureau.archive, bureau.people["chief"], defined.id) for _ in range(4)]
        errors = [one.exception() for one in tries]

    assert sum(one is None for one in errors) >= 1
    assert all(one is None or isinstance(one, Conflict) for one in errors), errors
    assert events_of(bureau, defined.id) == ["draw.define", "draw.seed", "draw.result"]


def test_a_failed_draw_counts_as_a_first_one(bureau: Bureau, clock: HeldClock) -> None:
    define(bureau, seed_sources=[NONCE_SOURCE], reveal_within=60)
    clock.advance(61)

    with pytest.raises(SecondDefinition):
        define(bureau)


def test_the_population_cannot_be_changed_afterwards(bureau: Bureau) -> None:
    defined = define(bureau)
    before = tickets_of(bureau, defined.id)
    add_recording(bureau.archive, unit=bureau.units["D1"], started_at=START + timedelta(days=1))
    with bureau.archive.work() as work:
        row = work.session.get_one(Recording, bureau.recordings[0])
        row.unit_id, row.grade = bureau.units["E"], 4
        work.append("rec.unit", row.id, unit=row.unit_id, reason="hiding it")
    bureau.grow()
    draw_check(bureau.archive, bureau.people["chief"], defined.id)

    assert tickets_of(bureau, defined.id) == before
    assert holds(replay(prove_draw(bureau.archive, bureau.people["chief"], defined.id)))


def test_the_database_refuses_changes_of_what_is_frozen(bureau: Bureau) -> None:
    """Also to someone who goes round the program: the triggers hold without it."""
    defined = define(bureau)
    with pytest.raises(UnrecordedChange), bureau.archive.plain() as session:
        session.execute(update(SpotCheck).values(state="FAILED"))
    for statement in (
        "UPDATE spot_populations SET leaves = ''",
        "DELETE FROM spot_populations",
        "DELETE FROM spot_checks",
        "UPDATE spot_checks SET definition = '{}'",
    ):
        engine = bureau.archive.engine.execution_options(huisu_writing=True, huisu_watch=Watch("migration"))
        with pytest.raises(DBAPIError), engine.begin() as connection:
            connection.execute(text(statement))
    assert tickets_of(bureau, defined.id)


def test_nothing_is_drawn_before_a_signed_head_holds_the_definition(bureau: Bureau) -> None:
    bureau.grow()
    defined = define(bureau)
    with pytest.raises(DrawNotReady, match="no signed head"):
        draw_check(bureau.archive, bureau.people["chief"], defined.id)
    with pytest.raises(DrawNotReady, match="nothing is drawn"):
        prove_draw(bureau.archive, bureau.people["chief"], defined.id)
    bureau.grow()

    assert draw_check(bureau.archive, bureau.people["chief"], defined.id).state == "DRAWN"


def test_waiting_for_a_better_head_does_not_help(bureau: Bureau) -> None:
    """The first head that holds the definition counts, however late somebody draws."""
    defined = define(bureau)
    first = bureau.grow()
    for _ in range(3):
        grown(bureau)
    draw_check(bureau.archive, bureau.people["chief"], defined.id)
    proof = prove_draw(bureau.archive, bureau.people["chief"], defined.id)

    assert read_checkpoint(read_note(proof["checkpoint"].encode()).text).size == first


def test_a_draw_is_made_once(bureau: Bureau) -> None:
    defined = define(bureau)
    bureau.grow()
    draw_check(bureau.archive, bureau.people["chief"], defined.id)

    with pytest.raises(Conflict, match="drawn already"):
        draw_check(bureau.archive, bureau.people["deputy"], defined.id)
    assert events_of(bureau, defined.id).count("draw.result") == 1


def test_a_nonce_told_after_the_head_makes_the_draw(bureau: Bureau) -> None:
    defined = define(bureau, seed_sources=[NONCE_SOURCE])
    chief, auditor = bureau.people["chief"], bureau.people["auditor"]
    with pytest.raises(DrawNotReady):
        reveal_input(bureau.archive, auditor, defined.id, "nonce", NONCE.hex())
    bureau.grow()
    with pytest.raises(DrawNotReady):
        reveal_input(bureau.archive, auditor, defined.id, "nonce", NONCE.hex())
    seeded = draw_check(bureau.archive, chief, defined.id)
    with pytest.raises(DrawNotReady, match="waits for the nonce"):
        draw_check(bureau.archive, chief, defined.id)
    for wrong in ("00" * 32, NONCE.hex().upper(), "x", NONCE.hex() + "00", ""):
        with pytest.raises(Invalid):
            reveal_input(bureau.archive, auditor, defined.id, "nonce", wrong)
    with pytest.raises(Conflict, match="waits for no witness"):
        reveal_input(bureau.archive, auditor, defined.id, "witness", "x")
    drawn = reveal_input(bureau.archive, auditor, defined.id, "nonce", NONCE.hex())

    assert (seeded.state, seeded.waiting, drawn.state, drawn.label) == (
        "SEEDED",
        ("nonce of 监督员",),
        "DRAWN",
        "nonce",
    )
    assert holds(replay(prove_draw(bureau.archive, chief, defined.id), bureau.signer.public().keys))
    assert events_of(bureau, defined.id) == ["draw.define", "draw.seed", "draw.reveal", "draw.result"]
    with pytest.raises(Conflict):
        reveal_input(bureau.archive, auditor, defined.id, "nonce", NONCE.hex())


def test_a_witness_signs_what_is_carried_to_it(bureau: Bureau) -> None:
    vkey = WITNESS.of_type(4).verifier.vkey
    defined = define(bureau, seed_sources=[{"kind": "witness", "key": vkey}, NONCE_SOURCE])
    chief = bureau.people["chief"]
    bureau.grow()
    with pytest.raises(DrawNotReady, match="lines of its witnesses"):
        draw_check(bureau.archive, chief, defined.id)
    second = bureau.grow()
    bureau.cosign(WITNESS, second)
    draw_check(bureau.archive, chief, defined.id)
    asked = see_check(bureau.archive, chief, defined.id)["witness_request"]
    request: DrawRequest = read_draw_request(asked.encode())
    head = read_checkpoint(read_note(request.note).text)
    line = sign_draw(WITNESS, request.definition, head).line
    with pytest.raises(Invalid):
        reveal_input(bureau.archive, chief, defined.id, "witness", sign_draw(WITNESS, bytes(32), head).line)
    waits = reveal_input(bureau.archive, chief, defined.id, "witness", line)
    drawn = reveal_input(bureau.archive, chief, defined.id, "nonce", NONCE.hex())

    assert (head.size, waits.state, drawn.state, drawn.label) == (second, "SEEDED", "DRAWN", "nonce+witness")


def test_the_first_head_that_the_witness_saw_counts(bureau: Bureau) -> None:
    defined = define(bureau, seed_sources=[{"kind": "witness", "key": WITNESS.verifier.vkey}])
    chief, sizes = bureau.people["chief"], [bureau.grow(), *(grown(bureau) for _ in range(3))]
    for size in (sizes[3], sizes[2]):
        bureau.cosign(WITNESS, size)
    draw_check(bureau.archive, chief, defined.id)
    bureau.cosign(WITNESS, sizes[1])
    with pytest.raises(DrawNotReady, match=r"waits for the witness of witness\.example"):
        draw_check(bureau.archive, chief, defined.id)

    with bureau.archive.reading() as session:
        assert session.get_one(SpotCheck, defined.id).head_size == sizes[2]


def test_a_line_of_an_earlier_key_of_the_same_name_fixes_no_head(bureau: Bureau) -> None:
    defined = define(bureau, seed_sources=[{"kind": "witness", "key": WITNESS.verifier.vkey}])
    chief, earlier, later = bureau.people["chief"], bureau.grow(), grown(bureau)
    bureau.cosign(SigningKey(WITNESS.name, 4, bytes([8]) * 32), earlier)
    with pytest.raises(DrawNotReady, match="lines of its witnesses"):
        draw_check(bureau.archive, chief, defined.id)
    bureau.cosign(WITNESS, later)
    draw_check(bureau.archive, chief, defined.id)

    with bureau.archive.reading() as session:
        assert session.get_one(SpotCheck, defined.id).head_size == later


def test_a_line_under_an_earlier_head_that_comes_before_the_seed_is_entered_moves_it(bureau: Bureau) -> None:
    """The signer answers outside the transaction: what was the first head when it was asked may be no more."""
    defined = define(bureau, seed_sources=[{"kind": "witness", "key": WITNESS.verifier.vkey}])
    chief, earlier, later = bureau.people["chief"], bureau.grow(), grown(bureau)
    bureau.cosign(WITNESS, later)
    with bureau.archive.reading() as session:
        at = fixed(session, session.get_one(SpotCheck, defined.id))
    assert at is not None
    proof = bureau.signer.vrf(at.alpha)
    bureau.cosign(WITNESS, earlier)
    with pytest.raises(DrawNotReady, match=f"by now it is the one of {earlier}"), bureau.archive.work() as work:
        seed(work, chief, work.session.get_one(SpotCheck, defined.id), at, proof)
    draw_check(bureau.archive, chief, defined.id)

    with bureau.archive.reading() as session:
        assert session.get_one(SpotCheck, defined.id).head_size == earlier


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_a_witness_with_an_address_is_asked_by_itself(bureau: Bureau, tmp_path: Path, clock: HeldClock) -> None:
    """A real witness over HTTP: it cosigns a head, then signs the draw with it, and only once."""
    program = open_witness(tmp_path / "w", "court.example", lambda: bytes([5]) * 32, clock)
    program.memory.trust(bureau.signer.public().keys[-1])
    with running(program) as url:
        policy = Policy((), (Witness("法院", program.verifier, url),), (Group("outside", 1, ("法院",)),), "outside")
        (tmp_path / "policy").write_bytes(policy.content)
        settings = bureau.archive.settings.model_copy(update={"policy_file": tmp_path / "policy"})
        archive, chief = replace(bureau.archive, settings=settings), bureau.people["chief"]
        defined = define(bureau, seed_sources=[{"kind": "witness", "key": program.verifier.vkey}])
        bureau.grow()
        Asking(archive.engine, policy, clock).ask_all()
        drawn = draw_check(archive, chief, defined.id)
        proof = prove_draw(archive, chief, defined.id)
    archive.decoders.close()

    assert (drawn.state, drawn.label) == ("DRAWN", "witness")
    findings = replay(proof, bureau.signer.public().keys)
    assert holds(findings), findings
    assert proof["inputs"][0]["value"].startswith("— court.example ")


def test_the_proof_is_written_while_the_sequencer_takes_in_its_entries(bureau: Bureau) -> None:
    """The result waits before the log or is in it, also between two of the proof's questions."""
    defined = define(bureau)
    bureau.grow()
    draw_check(bureau.archive, bureau.people["chief"], defined.id)
    with bureau.archive.reading() as session:
        result = session.get_one(SpotCheck, defined.id).result_event
    asked: list[str] = []

    def sequence(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: Any) -> None:
        if result is not None and any(one in str(parameters) for one in (result, result.replace("-", ""))):
            asked.append(statement)
            if len(asked) == 1:
                bureau.grow()

    event.listen(bureau.archive.engine, "after_cursor_execute", sequence)
    proof = prove_draw(bureau.archive, bureau.people["chief"], defined.id)
    event.remove(bureau.archive.engine, "after_cursor_execute", sequence)

    assert len(asked) > 1
    assert holds(replay(proof, bureau.signer.public().keys))


@pytest.mark.parametrize("seeded", [False, True])
def test_a_nonce_that_comes_too_late_fails_the_draw_for_good(bureau: Bureau, clock: HeldClock, seeded: bool) -> None:
    defined = define(bureau, seed_sources=[NONCE_SOURCE], reveal_within=3600)
    chief = bureau.people["chief"]
    bureau.grow()
    if seeded:
        draw_check(bureau.archive, chief, defined.id)
    clock.advance(3601)
    listed = list_checks(bureau.archive, chief, 10, None).items[0]
    with pytest.raises(DrawFailed, match="监督员"):
        reveal_input(bureau.archive, chief, defined.id, "nonce", NONCE.hex())
    for _ in range(2):
        with pytest.raises(DrawFailed):
            draw_check(bureau.archive, chief, defined.id)
    with pytest.raises(DrawFailed):
        prove_draw(bureau.archive, chief, defined.id)

    assert (listed.state, listed.findings) == ("FAILED", ("failed",))
    assert events_of(bureau, defined.id)[-1] == "draw.fail"
    assert events_of(bureau, defined.id).count("draw.fail") == 1
    assert list_checks(bureau.archive, chief, 10, None).items[0].failure == "not told in time: nonce of 监督员"


def test_the_round_fails_what_nobody_touches(bureau: Bureau, clock: HeldClock) -> None:
    late = define(bureau, seed_sources=[NONCE_SOURCE], reveal_within=60)
    define(bureau, programme="无外部输入")
    define(bureau, programme="还早", seed_sources=[NONCE_SOURCE])
    clock.advance(60)

    assert [fail_overdue(bureau.archive) for _ in range(2)] == [1, 0]
    assert events_of(bureau, late.id) == ["draw.define", "draw.fail"]


def test_another_draw_key_than_the_defined_one_draws_nothing(bureau: Bureau, tmp_path: Any) -> None:
    from tests.custody.signing import open_signer, served

    defined = define(bureau)
    bureau.grow()
    socket = bureau.archive.settings.paths.signer_socket
    socket.rename(socket.with_suffix(".away"))
    with pytest.raises(SignerUnavailable):
        draw_check(bureau.archive, bureau.people["chief"], defined.id)
    with (
        open_signer(tmp_path / "other", "custody.test.example/log1", first_seed=50) as other,
        served(other, socket),
        pytest.raises(DrawNotReady, match="another draw's key"),
    ):
        draw_check(bureau.archive, bureau.people["chief"], defined.id)

    assert events_of(bureau, defined.id) == ["draw.define"]


# --- rights -------------------------------------------------------------------------------------------------------


def test_a_unit_out_of_reach_is_none(bureau: Bureau) -> None:
    with pytest.raises(Invalid, match="there is no unit"):
        define(bureau, by="stranger")
    with pytest.raises(Invalid, match="there is no unit"):
        define(bureau, by="local")


def test_a_check_is_known_within_its_unit_only(bureau: Bureau) -> None:
    defined = define(bureau, unit="D2", size=1)

    def sees(who: Principal) -> bool:
        try:
            see_check(bureau.archive, who, defined.id)
        except NotFound:
            return False
        return True

    known = {name for name, who in bureau.people.items() if sees(who)}
    listed = {name for name, who in bureau.people.items() if list_checks(bureau.archive, who, 10, None).items}
    assert known == listed == {"chief", "deputy", "reader", "filmed", "auditor"}
    with pytest.raises(NotAllowed):
        draw_check(bureau.archive, bureau.people["auditor"], defined.id)
    with pytest.raises(NotFound):
        draw_check(bureau.archive, bureau.people["local"], defined.id)


def test_the_chain_of_a_check_is_whole(bureau: Bureau) -> None:
    defined = define(bureau)
    bureau.grow()
    draw_check(bureau.archive, bureau.people["chief"], defined.id)
    with bureau.archive.reading() as session:
        head = session.execute(select(object_head.c.n).where(object_head.c.obj == defined.id)).scalar_one()

    assert head == 2


def test_moving_a_unit_later_moves_no_check(bureau: Bureau) -> None:
    """What was defined for a unit stays that unit's, and its strata stay as they were frozen."""
    from services.accounts.units import UnitChange, find_unit

    defined = define(bureau, strata=[{"name": "一所", "filter": {"unit": "D1"}}])
    with bureau.archive.work() as work:
        change_unit(work, find_unit(work.session, "D1"), UnitChange(parent="E"), actor="test")
    bureau.grow()
    draw_check(bureau.archive, bureau.people["chief"], defined.id)

    assert holds(replay(prove_draw(bureau.archive, bureau.people["chief"], defined.id)))
