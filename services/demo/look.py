"""Look up in the catalogue what became of the demonstration's files and incidents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.demo.plan import Clip, World
from services.index.models import Arrival, Incident, Link, Proposal, Recording


@dataclass(frozen=True, slots=True)
class Look:
    """One reading session over the catalogue of one world."""

    session: Session
    world: World

    def arrivals(self, clip: Clip) -> Sequence[Arrival]:
        """Give the arrivals of one file."""
        query = select(Arrival).where(Arrival.sender == clip.dock, Arrival.filename == clip.name)
        return self.session.scalars(query).all()

    def planted(self, fault: str) -> list[Recording]:
        """Give the recordings that a fault's files became, each once, in the order of the files."""
        found: dict[str, Recording] = {}
        for clip in self.world.planted(fault):
            for arrival in self.arrivals(clip):
                found[arrival.recording_id] = self.session.get_one(Recording, arrival.recording_id)
        return list(found.values())

    def links(self, recording: Recording, kind: str | None = None) -> list[Link]:
        """Give the live links of a recording, of one kind of target or of all."""
        query = select(Link).where(Link.recording_id == recording.id, Link.ended_at.is_(None))
        return [link for link in self.session.scalars(query) if kind in {None, link.target_type}]

    def proposals(self, recording: Recording) -> Sequence[Proposal]:
        """Give the proposals for a recording, answered ones included."""
        return self.session.scalars(select(Proposal).where(Proposal.recording_id == recording.id)).all()

    def unfilmed(self) -> list[str]:
        """Name the world's incidents that have neither a linked nor a proposed recording."""
        filmed = set(self.session.scalars(select(Link.number).where(Link.target_type == "incident")))
        filmed |= set(self.session.scalars(select(Proposal.number).where(Proposal.target_type == "incident")))
        known = set(self.session.scalars(select(Incident.number).where(Incident.known)))
        return sorted(known & self.world.incidents.keys() - filmed)


def flags(recordings: Iterable[Recording]) -> list[str]:
    """Name the flags of recordings, sorted."""
    return sorted({flag["kind"] for recording in recordings for flag in recording.flags})


def detail(recording: Recording, kind: str) -> str:
    """Give what a recording's first flag of a kind says, empty where there is none."""
    told: list[dict[str, Any]] = [flag for flag in recording.flags if flag["kind"] == kind]
    return str(told[0]["detail"]) if told else ""
