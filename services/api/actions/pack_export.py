"""
Make the packages of an export: the job behind it. Fail-closed: what does not hold is not released.

Each package is tried by the verifier that it carries, in a clean place, before anybody can take it. A worker may die at
any step: whoever comes next goes on with what was entered, and makes the packages anew.
"""

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select

from services import __version__
from services.api.actions.await_head import Awaited, await_head
from services.api.actions.enter_export import Entered, enter_items
from services.bootstrap import Archive
from services.custody.entry import read_entry
from services.custody.heads import cosigned_note
from services.custody.package.build import File, build_copy, print_file, verifiers
from services.custody.package.clean import try_package
from services.custody.package.history import (
    Disclosure,
    consistency_json,
    count_lost,
    earlier_heads,
    first_index,
    history_files,
    receipts_json,
)
from services.custody.package.papers import Standing
from services.custody.package.texts import About, history_path
from services.custody.policy import Policy
from services.custody.signer_client import Signer, SignerFacts
from services.custody.tables import entry, pending
from services.custody.witnessing import load_policy
from services.db import hold_snapshot
from services.digest import Digest
from services.errors import HuisuError, IntegrityError, MediaError, ProofRefused, Refused, Unavailable
from services.index.exporting import items_of, packages_of
from services.index.exports import ENDED, ENTERED, FAILED, MADE, PROPOSED, Export, ExportPackage
from services.storage import keys
from services.storage.durable import translated
from services.storage.scratch import scratch

log = logging.getLogger(__name__)

Report = Callable[[], None]
_MOST_REASON: Final = 1000


@dataclass(frozen=True, slots=True)
class _Kept:
    """A finished copy in the store."""

    copy: int
    key: str
    version: str | None
    sha256: str
    size_bytes: int


def pack_export(archive: Archive, export_id: str, report: Report, *, is_last_try: bool) -> None:
    """
    Make an export's packages, or find that they cannot be made; an export that ended is left as it is.

    `report` is called often and may raise to stop. Of errors that may pass, the last try's ends the export.

    Raises:
        Unavailable: something does not answer; try again later. Nothing was released.
        HuisuError: it failed for a reason that may pass.
    """
    with archive.reading() as session:
        state = session.get_one(Export, export_id).state
    if state in ENDED:
        _tidy(archive, export_id)  # whoever ended it may have died before this
    if state in ENDED or state == PROPOSED:
        return
    try:
        _make(archive, export_id, report)
    except Unavailable:
        raise
    except (IntegrityError, ProofRefused) as error:
        # whatever contradicts what was recorded, or does not hold when it is tried, is somebody's to look at now
        log.exception("export failed", extra={"export": export_id, "code": error.code})
        _fail(archive, export_id, error)
    except HuisuError as error:
        if not (is_last_try or isinstance(error, (Refused, MediaError))):
            raise
        log.warning("export failed", extra={"export": export_id, "code": error.code, "error": str(error)})
        _fail(archive, export_id, error)


def _make(archive: Archive, export_id: str, report: Report) -> None:
    signer = Signer(archive.settings.paths.signer_socket)
    facts = signer.public()  # before anything is made: without a signer there will be no package
    policy = load_policy(archive.settings.policy_file, facts.all_keys)
    with contextlib.ExitStack() as held:
        held.enter_context(translated("the folder that an export is made in"))
        folder = held.enter_context(scratch(archive.settings.paths.scratch))
        entered = enter_items(archive, export_id, folder, held, report)
        events = [one.event for one in entered]
        receipts = _receipts(archive, signer, events)
        awaited = await_head(archive, events, policy, report)
        made = _gather(archive, export_id, entered, awaited, policy, facts, receipts)
        kept = []
        for copy in range(1, made.about.copies + 1):
            report()
            kept.append(_copy(archive, folder, copy, made, signer))
    _release(archive, made.about, awaited, kept, receipts)
    _tidy(archive, export_id)


def _receipts(archive: Archive, signer: Signer, events: Sequence[str]) -> list[str]:
    """Have the log's word for each entry; the same entry gives the same receipt, however often it is asked."""
    lines: dict[str, tuple[bytes, bytes]] = {}
    with archive.reading() as session:
        for table in (pending, entry):
            query = select(table.c.event_id, table.c.entry, table.c.leaf_hash).where(table.c.event_id.in_(events))
            lines |= {row.event_id: (bytes(row.entry), bytes(row.leaf_hash)) for row in session.execute(query)}
    return [signer.receipt(lines[one][1], round(read_entry(lines[one][0]).at.timestamp() * 1000)) for one in events]


@dataclass(frozen=True, slots=True)
class _Gathered:
    """All that the copies of a package share."""

    about: About
    standing: Standing
    shared: tuple[File, ...]


def _gather(
    archive: Archive,
    export_id: str,
    entered: Sequence[Entered],
    awaited: Awaited,
    policy: Policy,
    facts: SignerFacts,
    receipts: Sequence[str],
) -> _Gathered:
    head, places = awaited.head, awaited.places
    last: dict[str, int] = {}
    for one in entered:
        last[one.item.recording] = max(places[one.event].n, last.get(one.item.recording, 0))
    with archive.reading() as session:
        hold_snapshot(session)
        export = session.get_one(Export, export_id)
        disclosure: Disclosure = "audit" if export.disclosure == "audit" else "minimal"
        own = {one.event for one in entered}
        written = {
            name: list(history_files(session, name, n, head.size, own, disclosure)) for name, n in sorted(last.items())
        }
        stamped = _stamped(archive)
        heads = earlier_heads(session, [first_index(session, name) for name in last], head, stamped)
        logged = {
            "log/checkpoint.txt": cosigned_note(session, head).encode(),
            "log/consistency.json": consistency_json(session, heads, head.size),
            "log/policy.txt": policy.content,
            "log/receipts.json": receipts_json(receipts),
        }
    logged |= {
        f"timestamps/{one.size}.tsr": b"".join(archive.store.read(keys.log_timestamp(one.size)))
        for one in heads
        if one.size in stamped
    }
    about = About(
        export_id, archive.clock(), export.copies, export.recipient, export.purpose, export.case_number, facts.origin,
        __version__, awaited.witnessed, tuple(one.item for one in entered),
    )  # fmt: skip
    standing = Standing(
        head.size, head.root, facts.all_keys, awaited.names, tuple((name, n + 1) for name, n in sorted(last.items())),
        tuple((name, count) for name, one in written.items() if (count := sum(map(count_lost, one)))),
    )  # fmt: skip
    return _Gathered(about, standing, _shared(entered, written, logged))


def _shared(
    entered: Sequence[Entered], written: Mapping[str, Sequence[bytes]], logged: Mapping[str, bytes]
) -> tuple[File, ...]:
    """Name what every copy holds alike: what is known of the items, histories, the log's own files, the verifiers."""
    files = [file for one in entered for file in one.files]
    for name, contents in written.items():
        files += [File.of(history_path(name, part), content) for part, content in enumerate(contents, 1)]
    return *files, *(File.of(name, content) for name, content in logged.items()), *verifiers()


def _stamped(archive: Archive) -> frozenset[int]:
    """Give the sizes of the heads that an authority of time has dated."""
    names = (kept.key.removeprefix(keys.LOG_TIMESTAMPS) for kept in archive.store.keys(keys.LOG_TIMESTAMPS))
    return frozenset(int(name) for name in names if name.isdecimal())


def _copy(archive: Archive, folder: Path, copy: int, made: _Gathered, signer: Signer) -> _Kept:
    """
    Make one copy, have its own verifier try it, and keep it.

    Raises:
        ProofRefused: the verifier does not accept it.
    """
    target, clean = folder / f"{copy}.zip", folder / f"clean-{copy}"
    clean.mkdir()
    build_copy(target, copy, made.about, made.standing, made.shared, signer.package)
    tried = try_package(target, clean)
    if tried.status != 0:
        said = "; ".join(tried.failures)[:_MOST_REASON]
        raise ProofRefused(f"its own verifier refuses copy {copy} with status {tried.status}: {said}")
    printed = print_file(target)
    key = keys.export_package(made.about.export, copy, Digest.from_hex(printed.sha256))
    kept = archive.store.put(key, target, give=True)
    target.unlink()
    return _Kept(copy, key, kept.version, printed.sha256, printed.size_bytes)


def _release(archive: Archive, about: About, awaited: Awaited, kept: Sequence[_Kept], receipts: Sequence[str]) -> None:
    """Let the packages be taken: from this transaction on they exist for people."""
    with archive.work() as work:
        export = work.session.get_one(Export, about.export, with_for_update=True)
        if export.state != ENTERED:
            return
        for item, receipt in zip(items_of(work.session, about.export), receipts, strict=True):
            item.receipt = receipt
        for one in kept:
            work.session.add(
                ExportPackage(
                    export_id=about.export, copy_number=one.copy, key=one.key, version_id=one.version,
                    sha256=one.sha256, size_bytes=one.size_bytes, made_at=work.at,
                )
            )  # fmt: skip
        export.state, export.witnessed, export.head_size = MADE, about.witnessed, awaited.head.size
        export.ended_at, export.version = work.at, export.version + 1
        work.append(
            "export.release", about.export, packages=[[one.copy, one.sha256, one.size_bytes] for one in kept],
            size=awaited.head.size, witnessed=about.witnessed,
        )  # fmt: skip


def _fail(archive: Archive, export_id: str, error: HuisuError) -> None:
    """Enter that an export failed, and remove whatever was made of it."""
    with archive.work() as work:
        export = work.session.get_one(Export, export_id, with_for_update=True)
        if export.state in ENDED:
            return
        export.state, export.ended_at, export.version = FAILED, work.at, export.version + 1
        export.problem_code, export.problem = error.code, str(error)[:_MOST_REASON]
        work.append("export.fail", export_id, code=error.code, reason=export.problem)
    _tidy(archive, export_id)


def _tidy(archive: Archive, export_id: str) -> None:
    """Remove what was made for an export and is no released package: items, copies of a worker that died or failed."""
    with archive.reading() as session:
        released = {one.key for one in packages_of(session, [export_id]).get(export_id, [])}
    for kept in list(archive.store.keys(keys.export_files(export_id))):
        if kept.key not in released:
            archive.store.remove_derived(kept.key)
