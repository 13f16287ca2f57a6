"""Show exports: how far they are, what is in them, and what went wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from services.accounts.rights import Principal
from services.api.actions.make_export import KIND
from services.bootstrap import Archive
from services.index.exporting import fetch_export, items_of, list_exports, packages_of
from services.index.exports import ENDED, FAILED, Export, ExportItem, ExportPackage
from services.index.keyset import Page
from services.jobs.lease import of_key
from services.jobs.table import JobState, JobView


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """One item: what was asked for, and once it was made what it is; `receipt` is the log's word for its entry."""

    n: int
    recording: str
    kind: str
    file: str | None
    made: str | None
    start: str | None
    end: str | None
    size: int | None
    sha256: str | None
    proof: bool
    proven: str | None
    entry: str | None
    receipt: str | None


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """One copy that can be taken."""

    copy: int
    filename: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why it failed, or what it waits for."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ExportFacts:
    """
    An export as it stands.

    `witnessed` is `quorum`, `none-in-time` or `no-quorum` once it is made; `head_size` is that of the head in it.
    """

    id: str
    state: str
    case: str | None
    recipient: str
    purpose: str
    copies: int
    disclosure: str
    requester: str
    answered_by: str | None
    answer_reason: str | None
    created_at: datetime
    ended_at: datetime | None
    head_size: int | None
    witnessed: str | None
    job: JobView | None
    problems: Sequence[Problem]
    packages: Sequence[PackageFacts]
    items: Sequence[ItemFacts] = field(default_factory=tuple)


def see_export(archive: Archive, who: Principal, export_id: str) -> ExportFacts:
    """Give an export with its items; raises `NotFound` when there is none that `who` may know of."""
    with archive.reading() as session:
        row = fetch_export(session, who, export_id)
        packages = packages_of(session, [row.id]).get(row.id, [])
        return _facts(session, row, packages, tuple(_item(item) for item in items_of(session, row.id)))


def see_exports(
    archive: Archive, who: Principal, *, state: str | None, limit: int, cursor: str | None
) -> Page[ExportFacts]:
    """List exports without their items, the newest first."""
    with archive.reading() as session:
        found = list_exports(session, who, state=state, limit=limit, cursor=cursor)
        packages = packages_of(session, [row.id for row in found.items])
        return found.map(lambda rows: [_facts(session, row, packages.get(row.id, []), ()) for row in rows])


def filename_of(export_id: str, copy: int) -> str:
    """Name a package as it is downloaded."""
    return f"huisu-{export_id}-{copy}.zip"


def _facts(
    session: Session, row: Export, packages: Sequence[ExportPackage], items: tuple[ItemFacts, ...]
) -> ExportFacts:
    job = next((one for one in reversed(of_key(session, row.id)) if one.kind == KIND), None)
    gave_up = row.state not in ENDED and job is not None and job.state in (JobState.SET_ASIDE, JobState.FAILED)
    return ExportFacts(
        id=row.id, state=FAILED if gave_up else row.state, case=row.case_number, recipient=row.recipient,
        purpose=row.purpose, copies=row.copies, disclosure=row.disclosure, requester=row.requester,
        answered_by=row.answered_by, answer_reason=row.answer_reason, created_at=row.created_at,
        ended_at=row.ended_at, head_size=row.head_size, witnessed=row.witnessed, job=job,
        problems=tuple(_problems(row, job)), items=items,
        packages=tuple(
            PackageFacts(one.copy_number, filename_of(row.id, one.copy_number), one.size_bytes, one.sha256)
            for one in packages
        ),
    )  # fmt: skip


def _problems(row: Export, job: JobView | None) -> list[Problem]:
    if row.problem_code is not None:
        return [Problem(row.problem_code, row.problem or "")]
    if row.state not in ENDED and job is not None and job.error_code is not None:
        return [Problem(job.error_code, job.error or "")]
    return []


def _item(row: ExportItem) -> ItemFacts:
    return ItemFacts(
        row.n, row.recording_id, row.kind, row.file, row.made, row.made_start, row.made_end, row.size_bytes, row.sha256,
        row.proof_sha256 is not None, row.proven, row.event_id, row.receipt,
    )  # fmt: skip
