"""The archive and its witnesses: real witnesses over HTTP, a real log, and every way in which one may answer."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from services.bootstrap import Archive
from services.custody.cosignature import cosign
from services.custody.events import SYSTEM
from services.custody.heads import SignedHead, cosigned_note, newest_head, sign_head
from services.custody.ledger import history
from services.custody.note import Note, VerifierKey
from services.custody.policy import Group, Policy, Witness
from services.custody.sequencer import integrate
from services.custody.signer_client import Signer
from services.custody.signingkey import SigningKey
from services.custody.tables import cosig
from services.custody.watched import watched
from services.custody.witness.serving import WitnessServer, serve
from services.custody.witness.witness import Witness as Program
from services.custody.witness.witness import open_witness
from services.custody.witnessclient import ask_for_draw
from services.custody.witnessing import Asking, load_policy, submission, take_file
from services.errors import Misconfigured, NoteRefused
from tests.archive_fixture import HeldClock
from tests.custody.answering import answering, say
from tests.custody.notes import LEAVES, ORIGIN, head, key
from tests.custody.signing import open_signer, served

pytestmark = pytest.mark.parametrize("engine_kind", ["sqlite"])


@pytest.fixture
def signer(tmp_path: Path) -> Iterator[Signer]:
    with open_signer(tmp_path / "s") as one, served(one, tmp_path / "s" / "socket") as client:
        yield client


def grow(archive: Archive, signer: Signer, count: int) -> SignedHead:
    """Add entries, sequence them and have the head signed."""
    for _ in range(count):
        with archive.work() as work:
            work.append("sys.start", SYSTEM, version="test", schema="test")
    integrate(archive.engine)
    with archive.reading() as session:
        from services.custody.logtree import log_size

        size = log_size(session)
    return sign_head(archive.engine, signer, size, archive.clock())


@contextmanager
def running(program: Program) -> Iterator[str]:
    server, stop = WitnessServer(("127.0.0.1", 0), program), threading.Event()
    thread = threading.Thread(target=serve, args=(server, stop))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/w"
    finally:
        stop.set()
        thread.join(20)


@pytest.fixture
def programs(tmp_path: Path, signer: Signer, clock: HeldClock) -> list[Program]:
    made = []
    for number in (1, 2):
        seed = bytes([number + 100]) * 32
        program = open_witness(tmp_path / f"w{number}", f"w{number}.example", lambda seed=seed: seed, clock)  # type: ignore[misc]
        program.memory.trust(signer.public().keys[-1])
        made.append(program)
    return made


@pytest.fixture
def policy(programs: list[Program]) -> Iterator[Policy]:
    with ExitStack() as stack:
        witnesses = tuple(
            Witness(f"法院{number}", program.verifier, stack.enter_context(running(program)))
            for number, program in enumerate(programs, 1)
        )
        yield Policy((), witnesses, (Group("outside", 1, ("法院1", "法院2")),), "outside")


def test_every_witness_signs_each_new_head(archive: Archive, signer: Signer, policy: Policy) -> None:
    asking = Asking(archive.engine, policy, archive.clock)
    assert asking.ask_all() == 0
    for count in (1, 4, 300):
        grow(archive, signer, count)
        assert asking.ask_all() == 2
        assert asking.ask_all() == 0

    with archive.reading() as session:
        newest = newest_head(session)
        assert newest is not None
        judged = policy.with_logs(signer.public().keys).examine(cosigned_note(session, newest).encode())
    assert judged.checkpoint.size == 305
    assert judged.verdict.is_met
    assert judged.cosignatures.keys() == {"法院1", "法院2"}


def test_a_witness_that_saw_more_or_less_than_we_know_says_so(
    archive: Archive, signer: Signer, policy: Policy, programs: list[Program]
) -> None:
    first = grow(archive, signer, 3)
    programs[0].add_checkpoint(submission(archive.engine, first, 0).content)
    grow(archive, signer, 3)

    assert Asking(archive.engine, policy, archive.clock).ask_all() == 2
    with archive.reading() as session:
        assert [row.size for row in session.execute(select(cosig))] == [6, 6]
    forgetful = Asking(archive.engine, policy, archive.clock)
    forgetful._seen = {"法院1": 2, "法院2": 0}
    grow(archive, signer, 3)
    assert forgetful.ask_all() == 2


@pytest.mark.parametrize("expects_errors", [["witness saw another history"]])
def test_a_witness_that_saw_another_history_is_an_alarm_told_once(
    archive: Archive,
    signer: Signer,
    policy: Policy,
    programs: list[Program],
    clock: HeldClock,
    caplog: pytest.LogCaptureFixture,
    expects_errors: list[str],
) -> None:
    expects_errors.append("log did not show that it continues")
    program = programs[0]
    program.memory.trust(key().verifier)
    other = head(9).body
    stolen = SigningKey(ORIGIN, 1, bytes([2]) * 32)  # the signer's own: tests make it from a number
    assert program.add_checkpoint(b"old 0\n\n" + Note(other, (stolen.sign(other),)).content).status == 200, (
        "the key of the log must be the signer's"
    )

    asking = Asking(archive.engine, replace(policy, witnesses=policy.witnesses[:1]), archive.clock)
    for count in (3, 5, 3):  # to 3, 9 and 13 entries: each alarm is an entry, too
        grow(archive, signer, count)
        assert asking.ask_all() == 0
        assert asking.ask_all() == 0
        clock.advance(3600)

    told = [record for record in caplog.records if record.message == "witness saw another history"]
    alarms = [str(getattr(record, "error", "")) for record in told]
    assert len(alarms) == 3
    with archive.reading() as session:
        entered = [line for line in history(session, SYSTEM) if line.entry.type == "witness.refuse"]
    assert [json.loads(line.values["reason"]) for line in entered] == alarms
    for alarm, why in zip(alarms, ("the log has 3", "another root", "rewritten"), strict=True):
        assert why in alarm


def test_silent_lying_and_unreachable_witnesses_hold_up_nobody(
    archive: Archive, signer: Signer, policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    grown = grow(archive, signer, 3)
    good = policy.witnesses[0]
    stranger = key(77, "stranger.example", 4)
    body = grown.note.encode().partition(b"\n\n")[0] + b"\n"
    future = cosign(SigningKey(good.key.name, 4, bytes([101]) * 32), body, archive.clock() + timedelta(days=400))
    answers: list[tuple[int, str, bytes]] = [
        (200, "text/plain", b""),
        (200, "text/plain", b"no line\n"),
        (200, "text/plain", b"\xff" * 100),
        (200, "text/plain", b"x" * 200_000),
        (200, "text/plain", cosign(stranger, body, archive.clock()).line.encode()),
        (200, "text/plain", future.line.encode()),
        (200, "text/plain", replace(future, value=future.value[:-1] + b"\x00").line.encode()),
        (301, "text/plain", b""),
        (409, "text/x.tlog.size", b"many\n"),
        (409, "text/x.tlog.size", b"1\n"),
        (500, "text/plain", b"broken"),
    ]
    for status, kind, told in answers:
        headers = [("Content-Type", kind), ("Content-Length", str(len(told)))]
        headers += [("Location", "http://127.0.0.1:9/")] if status == 301 else []
        with answering(say(told, *headers, status=status)) as address:
            asking = Asking(archive.engine, replace(policy, witnesses=(replace(good, url=address),)), archive.clock)
            assert asking.ask_all() == 0
            assert asking.ask_all() == 0
    for url in ("http://127.0.0.1:9", "http://[::1", "nonsense://x", "http://"):
        asking = Asking(archive.engine, replace(policy, witnesses=(replace(good, url=url),)), archive.clock)
        assert asking.ask_all() == 0
    with archive.reading() as session:
        assert session.execute(select(cosig)).all() == []
    assert "witness did not sign" in {record.message for record in caplog.records}


def test_lines_come_by_file_too(
    archive: Archive, signer: Signer, policy: Policy, programs: list[Program], clock: HeldClock
) -> None:
    grown = grow(archive, signer, 5)
    lines = programs[1].answer_file(submission(archive.engine, grown, 0).content).body.encode()
    grow(archive, signer, 2)

    ((witness, size),) = take_file(archive.engine, policy, lines, clock())

    assert (witness.name, size) == ("法院2", 5)
    with pytest.raises(NoteRefused, match="no witness of the policy"):
        take_file(archive.engine, Policy(), lines, clock())
    foreign = cosign(SigningKey("w2.example", 4, bytes([102]) * 32), head(4).body, clock()).line.encode()
    with pytest.raises(NoteRefused, match="not over any"):
        take_file(archive.engine, policy, foreign, clock())


def test_people_are_warned_after_a_day_without_an_outside_signature(
    archive: Archive, signer: Signer, policy: Policy, clock: HeldClock
) -> None:
    def state(by: Policy = policy) -> bool:
        with archive.reading() as session:
            return watched(session, by, clock()).is_watched

    assert not state()
    grow(archive, signer, 2)
    assert not state()
    Asking(archive.engine, policy, clock).ask_all()
    assert state()
    clock.advance(30 * 3600)
    assert state(), "a log that did not grow is watched"
    grow(archive, signer, 1)
    assert not state()
    alone = replace(policy, witnesses=(replace(policy.witnesses[0]), replace(policy.witnesses[1], url=None)))
    assert Asking(archive.engine, alone, clock).ask_all() == 1
    assert state()
    assert not state(replace(policy, groups=(Group("outside", 2, ("法院1", "法院2")),)))
    assert not state(Policy())
    with archive.reading() as session:
        told = watched(session, policy, clock())
    assert told.last_at == clock()
    assert told.witnesses["法院2"] is not None
    assert told.witnesses["法院2"].size == 2


def test_a_witness_signs_a_draw_with_a_head_that_it_saw(
    archive: Archive, signer: Signer, policy: Policy, programs: list[Program]
) -> None:
    first = grow(archive, signer, 2)
    witness = policy.witnesses[0]
    with pytest.raises(NoteRefused, match="403"):
        ask_for_draw(witness, LEAVES[0], first.note.encode())
    Asking(archive.engine, policy, archive.clock).ask_all()
    with archive.reading() as session:
        note = cosigned_note(session, first).encode()

    line = ask_for_draw(witness, LEAVES[0], note)

    assert ask_for_draw(witness, LEAVES[0], note) == line
    assert len(line.value) == 64


def test_a_policy_file_is_read_for_our_own_log(tmp_path: Path, policy: Policy, engine_kind: str) -> None:
    file = tmp_path / "policy"
    file.write_bytes(policy.content)

    assert load_policy(file, [key().verifier]) == policy.with_logs([key().verifier])
    assert load_policy(None).quorum is None
    alike = [replace(one, key=VerifierKey("w.example", 4, one.key.public)) for one in policy.witnesses]
    (tmp_path / "alike").write_bytes(replace(policy, witnesses=tuple(alike)).content)
    file.write_text("nonsense\n")
    for path in (file, tmp_path / "nowhere", tmp_path / "alike"):
        with pytest.raises(Misconfigured, match="HUISU_POLICY_FILE"):
            load_policy(path)
