"""Fail at every named point of signing, witnessing, recovering and drawing: one history, and each thing once."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from services.api.actions.define_check import define_check
from services.api.actions.draw_check import draw_check, reveal_input
from services.api.actions.see_check import prove_draw
from services.bootstrap import Archive
from services.custody.checkpoint import open_checkpoint
from services.custody.events import SYSTEM
from services.custody.ledger import check_chain, history
from services.custody.tables import cosig
from services.custody.witness.memory import Memory
from services.errors import Conflict, HeadRefused, Unavailable
from services.index.upkeep import Recovery
from services.oversight.models import SpotCheck, SpotItem, SpotPopulation
from services.oversight.replay import holds, replay
from tests.archive_fixture import HeldClock, add_unit, add_user, open_for_test
from tests.crash import flows
from tests.crash.points import HOWS, POINTS, Case, cases_of
from tests.crash.pulling import Place, findings, lost, pull
from tests.custody import log_victim
from tests.custody.growing import append, wrong_chains
from tests.custody.notes import head
from tests.custody.signing import open_signer, sign
from tests.ingest.test_recovery import Gate, Site
from tests.oversight.bureau import NONCE, NONCE_SOURCE, WANTED, Bureau, open_bureau


def test_there_are_forty_points_and_more() -> None:
    """The log's own points are failed at in tests.custody.test_log_crash, in the same three ways."""
    named = {str(point) for point in POINTS}

    assert len(named) == len(POINTS)
    assert {point.flow for point in POINTS} <= set(vars(flows)) | {"essence", "recover"}
    assert len(POINTS) + len(log_victim.POINTS) >= 80
    assert len(HOWS) * len(POINTS) >= 120


# --- the signer and a witness -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases_of("sign"), ids=str)
def test_a_signer_that_failed_never_signs_two_histories(tmp_path: Path, case: Case) -> None:
    folder = tmp_path / "signer"
    with open_signer(folder) as signer:
        first = sign(signer, 5)

    pull(case, flows.sign, tmp_path, folder, 9)

    with open_signer(folder) as signer:
        told = signer.public()
        assert (told.trouble, told.root) == ("", head(told.size).root)
        assert told.size in (5, 9)
        if told.size == 5:
            assert signer.sign(5, head(5).root) == first, "the last note is given again"
        for size in (3, 5, told.size):
            with pytest.raises(HeadRefused):
                signer.sign(size, b"\1" * 32)
        note = sign(signer, 9)
        assert open_checkpoint(note, told.keys)[0] == head(9)
        sign(signer, 12)


@pytest.mark.parametrize("case", cases_of("cosign"), ids=str)
def test_what_a_witness_signed_it_remembers_and_the_archive_keeps_once(
    sqlite_archive: Archive, tmp_path: Path, case: Case
) -> None:
    archive, witness = sqlite_archive, tmp_path / "witness"
    site = Site(archive)
    append(archive, 5)
    site.publish()
    with pytest.raises(Unavailable, match="404"):
        flows.ask(archive, witness)
    memory = Memory(witness / "witness.db")
    memory.trust(site.signer.verifier)
    flows.ask(archive, witness)
    append(archive, 4)
    site.publish()

    pull(case, flows.cosign, archive.settings.home, Place.of(archive), witness)

    ((_, seen),) = memory.logs()
    assert seen in (5, 9)
    if 9 in kept(archive):
        assert seen == 9, "no line leaves before its head is remembered"
    assert findings(archive, trusted=[site.signer.verifier]) == []
    flows.ask(archive, witness)
    assert sorted(kept(archive)) == [5, 9]
    assert memory.logs()[0][1] == 9
    assert memory.contradictions(site.signer.verifier.name) == []
    append(archive, 3)
    site.publish()
    flows.ask(archive, witness)


def kept(archive: Archive) -> list[int]:
    with archive.reading() as session:
        return list(session.scalars(select(cosig.c.size)))


# --- recovery -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases_of("recover"), ids=str)
def test_a_recovery_that_failed_goes_on(sqlite_archive: Archive, clock: HeldClock, tmp_path: Path, case: Case) -> None:
    archive, site = sqlite_archive, Site(sqlite_archive)
    unit = add_unit(archive, "U9")
    people = [add_user(archive, "custodian", unit, name=name).id for name in ("li", "wang")]
    gate = Gate(archive)
    gate.send(os.urandom(9000), device="D0")
    site.publish()
    archive.engine.dispose()
    copy = tmp_path / "copy.db"
    shutil.copyfile(str(archive.engine.url.database), copy)
    for number in range(1, 4):
        gate.send(os.urandom(9000), device=f"D{number}")
    append(archive, 300)
    site.publish()
    gate.close()
    before, size = site.facts(), site.signed.size

    with open_for_test(archive.settings.home, f"sqlite:///{copy}", clock) as old:
        pull(case, flows.recovery, old.settings.home, Place.of(old), site.signed, tuple(people))
        assert wrong_chains(old) == []
        again = Site(old, site.signer)
        again.recover()

        assert again.facts() == before
        again.publish()
        assert again.findings() == []
        assert again.signed.size > size
        with old.reading() as session:
            entered = [line for line in history(session, SYSTEM) if line.entry.type == "sys.recover"]
            (row,) = session.scalars(select(Recovery)).all()
        assert [line.entry.id for line in entered] == [row.event_id]


# --- spot checks --------------------------------------------------------------------------------------------------


@pytest.fixture
def bureau(sqlite_archive: Archive, tmp_path: Path) -> Iterator[Bureau]:
    with open_bureau(sqlite_archive, tmp_path / "signer") as opened:
        yield opened


def drawn_once(bureau: Bureau, check: str, *events: str) -> None:
    """See that a draw's entries are these, that its proof holds and that its items are those of the proof."""
    proof = prove_draw(bureau.archive, bureau.people["auditor"], check)
    found = replay(proof, bureau.signer.public().keys)
    assert holds(found), found
    with bureau.archive.reading() as session:
        lines = list(history(session, check))
        numbers = list(session.scalars(select(SpotItem.n).where(SpotItem.spot_check_id == check).order_by(SpotItem.n)))
        assert session.get_one(SpotCheck, check).state == "DRAWN"
    assert check_chain(lines) == []
    assert [line.entry.type for line in lines] == list(events)
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 6


@pytest.mark.parametrize("case", cases_of("define"), ids=str)
def test_a_definition_is_whole_or_was_never_made(bureau: Bureau, case: Case) -> None:
    archive, chief = bureau.archive, bureau.people["chief"]

    pull(case, flows.define, archive.settings.home, Place.of(archive), chief, dict(WANTED))

    assert lost(archive) == []
    with archive.reading() as session:
        assert [session.query(table).count() for table in (SpotCheck, SpotPopulation)] == [0, 0]
    made = define_check(archive, chief, WANTED)
    assert made.number == 1
    bureau.grow()
    draw_check(archive, chief, made.id)
    drawn_once(bureau, made.id, "draw.define", "draw.seed", "draw.result")


@pytest.mark.parametrize("case", cases_of("draw"), ids=str)
def test_a_draw_that_failed_draws_the_same_once(bureau: Bureau, case: Case) -> None:
    archive, chief = bureau.archive, bureau.people["chief"]
    made = define_check(archive, chief, WANTED)
    bureau.grow()

    pull(case, flows.draw, archive.settings.home, Place.of(archive), chief, made.id)

    assert wrong_chains(archive) == []
    bureau.grow()  # more is signed meanwhile: the first head counts
    draw_check(archive, chief, made.id)
    drawn_once(bureau, made.id, "draw.define", "draw.seed", "draw.result")
    with pytest.raises(Conflict):
        draw_check(archive, chief, made.id)


@pytest.mark.parametrize("case", cases_of("reveal"), ids=str)
def test_an_input_that_failed_can_be_told_again_and_counts_once(bureau: Bureau, case: Case) -> None:
    archive, chief = bureau.archive, bureau.people["chief"]
    made = define_check(archive, chief, {**WANTED, "seed_sources": [NONCE_SOURCE]})
    bureau.grow()
    assert draw_check(archive, chief, made.id).state == "SEEDED"

    pull(case, flows.reveal, archive.settings.home, Place.of(archive), chief, made.id, NONCE.hex())

    assert wrong_chains(archive) == []
    reveal_input(archive, chief, made.id, "nonce", NONCE.hex())
    drawn_once(bureau, made.id, "draw.define", "draw.seed", "draw.reveal", "draw.result")
