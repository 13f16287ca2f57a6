"""Set up a district with two stations, their people and a month of footage; and a log that a real signer signs."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from services.accounts.rights import Principal
from services.api.actions.define_check import define_check
from services.bootstrap import Archive, new_id
from services.custody.cosignature import cosign
from services.custody.heads import head_of, keep_cosignature, sign_head
from services.custody.logtree import log_size
from services.custody.note import read_note
from services.custody.sequencer import integrate
from services.custody.signer_client import Signer
from services.custody.signingkey import SigningKey
from services.index.models import Viewing
from services.oversight.models import SpotCheck, SpotPopulation
from services.oversight.scorecards import Answer, scorecard
from services.oversight.seeds import commit_nonce
from services.oversight.tickets import read_ticket, thaw
from services.oversight.views import CheckFacts
from tests.archive_fixture import add_incident, add_recording, add_unit, add_user, link
from tests.custody.signing import open_signer, served

START = datetime.fromisoformat("2026-02-01T00:00:00+08:00")
NONCE = hashlib.sha256(b"an overseer's secret").digest()

WANTED: Mapping[str, Any] = {
    "programme": "每月抽查",
    "unit": "D",
    "from": "2026-02-01T00:00:00+08:00",
    "to": "2026-03-01T00:00:00+08:00",
    "ticket": "segment",
    "size": 6,
    "reserve": 2,
}
NONCE_SOURCE = {"kind": "nonce", "by": "监督员", "commitment": commit_nonce(NONCE)}


@dataclass(frozen=True, slots=True)
class Bureau:
    """An archive with people, footage and a signed log."""

    archive: Archive
    signer: Signer
    units: Mapping[str, str]
    people: Mapping[str, Principal]
    recordings: tuple[str, ...]
    incidents: tuple[str, ...]

    def grow(self) -> int:
        """Sequence what is pending and have the head signed; gives the log's size."""
        while integrate(self.archive.engine):
            pass
        with self.archive.reading() as session:
            size = log_size(session)
        return sign_head(self.archive.engine, self.signer, size, self.archive.clock()).size

    def cosign(self, key: SigningKey, size: int) -> None:
        """Have a witness cosign the head of this size, and keep its line."""
        now = self.archive.clock()
        with self.archive.reading() as session:
            head = head_of(session, size)
        assert head is not None
        line = cosign(key, read_note(head.note.encode()).text, now).line
        keep_cosignature(self.archive.engine, size, key.name, now, line)

    def watch(self, who: Principal, recording: str, start: float, end: float) -> None:
        """Have somebody watch a stretch."""
        now = self.archive.clock()
        with self.archive.plain() as session:
            session.add(
                Viewing(
                    id=new_id(), recording_id=recording, account_id=who.id, actor=who.name, started_at=now,
                    last_seen=now, time_ranges=[[start, end]],
                )
            )  # fmt: skip


def define(bureau: Bureau, by: str = "chief", **change: Any) -> CheckFacts:
    """Have somebody define a spot check: the usual one, changed so."""
    return define_check(bureau.archive, bureau.people[by], {**WANTED, **change})


def tickets_of(bureau: Bureau, check: str) -> dict[str, list[int]]:
    """Give the frozen population: subjects with their segments."""
    found: dict[str, list[int]] = {}
    with bureau.archive.reading() as session:
        leaves = session.get_one(SpotPopulation, check).leaves
        thaw(leaves, len(session.get_one(SpotCheck, check).definition["strata"]))
    for at in range(0, len(leaves), 25):
        ticket = read_ticket(leaves[at : at + 21])
        found.setdefault(ticket.subject, []).append(ticket.segment)
    return found


def all_answers(**failed: int) -> tuple[Answer, ...]:
    """Answer every line of the scene's card, some of them failed with so many points off."""
    lines = [line.id for line in scorecard("scene").lines]
    return tuple(Answer(one, "fail", failed[one]) if one in failed else Answer(one, "pass") for one in lines)


@contextmanager
def open_bureau(archive: Archive, signer_home: Path) -> Iterator[Bureau]:
    """Fill an empty archive: 12 recordings of D1 (one of them long), 6 of D2, one of E; 5 incidents of D1."""
    district = add_unit(archive, "D")
    units = {
        "D": district,
        "D1": add_unit(archive, "D1", parent=district),
        "D2": add_unit(archive, "D2", parent=district),
    }
    units["E"] = add_unit(archive, "E")
    people = {
        "chief": add_user(archive, "supervisor", units["D"], name="chief", number="1"),
        "deputy": add_user(archive, "supervisor", units["D"], name="deputy", number="2"),
        "local": add_user(archive, "supervisor", units["D1"], name="local", number="3"),
        "reader": add_user(archive, "reviewer", units["D"], name="reader", number="4"),
        "filmed": add_user(archive, "reviewer", units["D"], name="filmed", number="0042"),
        "insider": add_user(archive, "reviewer", units["D1"], name="insider", number="5"),
        "auditor": add_user(archive, "auditor", units["D"], name="auditor", number="6"),
        "officer": add_user(archive, "officer", units["D1"], name="officer", number="0007"),
        "stranger": add_user(archive, "supervisor", units["E"], name="stranger", number="9"),
    }
    recordings = []
    for day in range(18):
        station = "D1" if day < 12 else "D2"
        recordings.append(
            add_recording(
                archive, unit=units[station], started_at=START + timedelta(days=day, hours=9),
                officer="0042" if day % 3 == 0 else "0007", duration=Fraction(3000 if day == 5 else 90),
                category="STOP_CHECK" if day % 2 else "CALL",
            )
        )  # fmt: skip
    add_recording(archive, unit=units["E"], started_at=START + timedelta(days=3), officer="0099")
    incidents = []
    for day in range(5):
        when = START + timedelta(days=day, hours=8)
        made = add_incident(
            archive, f"J{day}", unit=units["D1"], officers=["0007"], dispatched_at=when, window_start=when
        )
        incidents.append(made)
        if day:
            link(archive, recordings[day], "incident", made)
    with (
        open_signer(signer_home, "custody.test.example/log1") as log_signer,
        served(log_signer, archive.settings.paths.signer_socket) as client,
    ):
        yield Bureau(archive, client, units, people, tuple(recordings), tuple(incidents))
