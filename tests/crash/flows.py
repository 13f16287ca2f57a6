"""What is run in a process that fails: each flow as the product runs it, on an archive opened anew."""

from pathlib import Path
from unittest.mock import patch

from services.accounts.models import User
from services.accounts.rights import Principal
from services.api import tasks as asked
from services.api.actions.define_check import define_check
from services.api.actions.draw_check import draw_check, reveal_input
from services.bootstrap import Archive
from services.custody.heads import newest_head
from services.custody.policy import Policy, Witness
from services.custody.posting import Answer as Answered
from services.custody.witness.witness import Answer, open_witness
from services.custody.witnessing import Asking
from services.ingest import tasks as ingest
from services.ingest.recovery.run import recover
from services.ingest.recovery.signed import Signed
from services.ingest.upkeep.fixity import keep_fixity
from services.ingest.upkeep.reading import Pace
from services.ingest.upkeep.repair import approve_repair, propose_repair
from services.jobs.worker import drain
from services.media import starting
from tests.archive_fixture import NOON
from tests.crash.pulling import Place
from tests.custody.notes import key
from tests.custody.signing import open_signer
from tests.custody.signing import sign as sign_tree

FAST = Pace(1e15)
WITNESS = key(11, "court.example/w1", 4)
URL = "http://court.example/"

starting.sandbox_kind()  # found once, before anything forks


def upload(place: Place, queues: list[str]) -> None:
    """Do every job of these queues."""
    archive = place.open()
    drain(archive.engine, queues, ingest.tasks(archive), archive.clock)
    archive.close()


def export(place: Place) -> None:
    """Make what was asked for."""
    archive = place.open()
    drain(archive.engine, ["export"], asked.tasks(archive), archive.clock)
    archive.close()


def sign(folder: Path, size: int) -> None:
    """Have a head of the tests' tree signed."""
    with open_signer(folder) as signer:
        sign_tree(signer, size)


def cosign(place: Place, witness_home: Path) -> None:
    """Have the newest head signed by a witness that answers in this process, in the archive's and in its own memory."""
    archive = place.open()
    ask(archive, witness_home)
    archive.close()


def ask(archive: Archive, witness_home: Path) -> None:
    """Ask the witness once."""
    program = open_witness(witness_home, WITNESS.name, lambda: bytes([11]) * 32, lambda: NOON)

    def post(_witness: Witness, _act: str, content: bytes, _patience_s: float) -> Answered:
        answer: Answer = program.add_checkpoint(content)
        return Answered(answer.status, answer.type, answer.body.encode())

    with archive.reading() as session:
        head = newest_head(session)
    assert head is not None
    witness = Witness("court", program.verifier, URL)
    asked_of = Asking(archive.engine, Policy(witnesses=(witness,)), archive.clock)
    with patch("services.custody.witnessing.post", post):
        asked_of.ask(witness, head)


def fixity(place: Place) -> None:
    """Read again what is due, and two chunks drawn."""
    archive = place.open()
    keep_fixity(archive, FAST, draw=lambda chunks: chunks // 2, sample=1)
    archive.close()


def propose(place: Place, recording: str, copy: Path, who: str) -> None:
    """Propose a repair."""
    archive = place.open()
    propose_repair(archive, recording, copy, person(archive, who))
    archive.close()


def approve(place: Place, proposal: str, who: str) -> None:
    """Approve a repair."""
    archive = place.open()
    approve_repair(archive, proposal, person(archive, who))
    archive.close()


def person(archive: Archive, ident: str) -> User:
    with archive.reading() as session:
        return session.get_one(User, ident)


def recovery(place: Place, signed: Signed, persons: tuple[str, str]) -> None:
    """Recover."""
    archive = place.open()
    one, other = (person(archive, ident) for ident in persons)
    recover(archive, signed, (one, other))
    archive.close()


def define(place: Place, who: Principal, wanted: dict[str, object]) -> None:
    """Define a spot check."""
    archive = place.open()
    define_check(archive, who, wanted)
    archive.close()


def draw(place: Place, who: Principal, check: str) -> None:
    """Seed and draw a spot check."""
    archive = place.open()
    draw_check(archive, who, check)
    archive.close()


def reveal(place: Place, who: Principal, check: str, nonce: str) -> None:
    """Tell the overseer's number."""
    archive = place.open()
    reveal_input(archive, who, check, "nonce", nonce)
    archive.close()
