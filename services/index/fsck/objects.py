"""Check the store: what the catalogue knows is there, unchanged, and nothing is there that it does not know."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from services.custody import tree
from services.digest import Digest, Fingerprinter
from services.errors import Invalid, NotFound
from services.index.fsck.finding import PORTION, Finding, portions
from services.index.models import Arrival, Object, Recording, Rendition, Upload
from services.index.upkeep import Repair
from services.index.visible import is_id
from services.storage import keys
from services.storage.keys import Area
from services.storage.store import Kept, ObjectStore

Step = Callable[[str, int], None]

ARRIVAL_MAX_BYTES: Final = 1 << 20
"""An arrival's object holds an upload's metadata; anything longer is not one."""


@dataclass(frozen=True, slots=True)
class Known:
    """An object as the catalogue knows it."""

    thing: str
    severity: Literal["error", "warning"]
    key: str
    version: str | None
    size_bytes: int
    sha256: str
    chunk_root: bytes | None = None


def check_originals(session: Session, store: ObjectStore, progress: Step, *, deep: bool) -> Iterator[Finding]:
    """Look for the pinned version of every original, with its size; `deep` reads all its bytes."""
    query = select(Object.id, Object.key, Object.version_id, Object.size_bytes, Object.sha256, Object.chunk_root)
    query = query.where(~_is_disposed())
    done = 0
    for rows in portions(session, query, Object.id):
        for _, key, version, size, sha256, chunk_root in rows:
            known = Known(f"original {key}", "error", key, version, size, sha256, bytes(chunk_root))
            proper = keys.original(Digest.from_hex(sha256))
            if key != proper:
                yield Finding("error", "changed", f"key of original {sha256}", proper, key)
            yield from compare(store, known, deep=deep)
            done += 1
            progress("originals", done)


def check_renditions(session: Session, store: ObjectStore, progress: Step, *, deep: bool) -> Iterator[Finding]:
    """Look for every rendition; what is missing or changed can be made again, so it is a warning."""
    query = select(
        Rendition.id,
        Rendition.kind,
        Rendition.recording_id,
        Rendition.key,
        Rendition.version_id,
        Rendition.size_bytes,
        Rendition.sha256,
    )
    done = 0
    for rows in portions(session, query, Rendition.id):
        for row in rows:
            thing = f"{row.kind} of recording {row.recording_id}"
            known = Known(thing, "warning", row.key, row.version_id, row.size_bytes, row.sha256)
            found = list(compare(store, known, deep=deep))
            # It may have been replaced or dropped since its row was read: only one that still stands counts.
            if found and _stands(session, row.id, row.sha256):
                yield from found
            done += 1
            progress("renditions", done)


def _stands(session: Session, rendition_id: str, sha256: str) -> bool:
    now = session.scalars(select(Rendition.sha256).where(Rendition.id == rendition_id)).one_or_none()
    session.rollback()
    return now == sha256


def compare(store: ObjectStore, known: Known, *, deep: bool) -> Iterator[Finding]:
    """Compare one object with what is known of it."""
    try:
        kept = store.stat(known.key, known.version)
        if kept.size_bytes != known.size_bytes:
            yield _changed(known, f"{known.size_bytes:,} bytes", f"{kept.size_bytes:,}")
        elif deep:
            yield from _read_again(store, known)
    except NotFound:
        version = f" version {known.version}" if known.version else ""
        yield Finding(known.severity, "missing", known.thing, f"{known.key}{version}", _instead(store, known))
    except Invalid as error:
        yield _changed(known, "a key of this archive", str(error))


def _read_again(store: ObjectStore, known: Known) -> Iterator[Finding]:
    taker = Fingerprinter()
    for block in store.read(known.key, known.version):
        taker.update(block)
    found = taker.finish()
    if found.digest.hex != known.sha256:
        yield _changed(known, f"SHA-256 {known.sha256}", found.digest.hex)
    elif known.chunk_root is not None and tree.root(found.leaves) != known.chunk_root:
        yield _changed(known, f"chunk root {known.chunk_root.hex()}", tree.root(found.leaves).hex())


def _instead(store: ObjectStore, known: Known) -> str:
    versions = ", ".join(str(kept.version) for kept in store.versions(known.key))
    return f"versions {versions}" if versions else "nothing"


def _changed(known: Known, expected: str, found: str) -> Finding:
    return Finding(known.severity, "changed", known.thing, expected, found)


def check_arrivals(session: Session, store: ObjectStore, progress: Step, *, deep: bool) -> Iterator[Finding]:
    """Look for the small object of every arrival; `deep` reads it and compares the digest that it names."""
    query = select(Arrival.id, Arrival.key, Recording.sha256).join(Recording, Recording.id == Arrival.recording_id)
    done = 0
    for rows in portions(session, query, Arrival.id):
        for arrival, key, sha256 in rows:
            thing = f"arrival {arrival}"
            try:
                kept = store.stat(key)
                if deep:
                    yield from _read_arrival(store, thing, kept, sha256)
            except NotFound:
                yield Finding("error", "missing", thing, key, "nothing")
            except Invalid as error:
                yield Finding("error", "changed", thing, "a key of this archive", str(error))
            done += 1
            progress("arrivals", done)


def _read_arrival(store: ObjectStore, thing: str, kept: Kept, sha256: str) -> Iterator[Finding]:
    if kept.size_bytes > ARRIVAL_MAX_BYTES:
        yield Finding("error", "changed", thing, f"at most {ARRIVAL_MAX_BYTES:,} bytes", f"{kept.size_bytes:,}")
        return
    text = b"".join(store.read(kept.key, kept.version))
    try:
        said = json.loads(text)["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        yield Finding("error", "changed", thing, "JSON with a sha256", f"{type(error).__name__}: {error}")
        return
    if said != sha256:
        yield Finding("error", "changed", thing, f"SHA-256 {sha256}", str(said)[:80])


def check_untracked(session: Session, store: ObjectStore, progress: Step) -> Iterator[Finding]:
    """
    Name what lies among the originals and is in no row, hidden, or another version than the one that is pinned.

    What an upload is just bringing in, or a repair, is not.
    """
    listed, done = store.keys(f"{Area.ORIGINALS}/"), 0
    while portion := list(islice(listed, PORTION)):
        found = [kept.key for kept in portion]
        # Listed first, looked up after: an object is never listed before its upload's row names its digest.
        tracked = _tracked_originals(session, found) | _tracked_arrivals(session, found)
        pinned = _pinned(session, found)
        session.rollback()
        for kept in portion:
            if kept.key not in tracked:
                yield Finding("error", "untracked", f"object {kept.key}", "a row of the catalogue", "none")
            if kept.is_hidden:
                yield Finding("error", "changed", f"object {kept.key}", "nothing above it", "a delete marker on top")
            if kept.key in pinned and kept.version not in pinned[kept.key]:
                wanted = " or ".join(sorted(map(str, pinned[kept.key])))
                yield Finding("error", "untracked", f"newest version of {kept.key}", wanted, str(kept.version))
        done += len(found)
        progress("untracked", done)


def _pinned(session: Session, found: Sequence[str]) -> dict[str, set[str | None]]:
    """Give the pinned version of each original; while a repair of it is proposed, any newer one may be its copy."""
    rows = session.execute(select(Object.id, Object.key, Object.version_id).where(Object.key.in_(found))).all()
    open_ones = select(Repair.object_id).where(
        Repair.object_id.in_([row.id for row in rows]), Repair.state == "proposed"
    )
    in_repair = set(session.scalars(open_ones))
    return {row.key: {row.version_id} for row in rows if row.id not in in_repair}


def check_disposed(session: Session, store: ObjectStore, progress: Step) -> Iterator[Finding]:
    """Find originals that are still in the store although every recording on them was disposed of."""
    done = 0
    for rows in portions(session, select(Object.id, Object.key).where(_is_disposed()), Object.id):
        for _, key in rows:
            for kept in store.versions(key):
                thing = f"disposed original {key}"
                yield Finding("error", "undone", thing, "no version in the store", f"version {kept.version}")
            done += 1
            progress("disposed", done)


def _is_disposed() -> ColumnElement[bool]:
    of_it = Recording.object_id == Object.id
    gone = exists().where(of_it, Recording.state == "disposed")
    return gone & ~exists().where(of_it, Recording.state != "disposed")


def _tracked_originals(session: Session, found: Sequence[str]) -> set[str]:
    named = {digest.hex: key for key in found if (digest := keys.digest_of_original(key)) is not None}
    # Uploads first: one that becomes a recording between the two questions answers the second.
    coming = select(Upload.sha256).where(Upload.recording_id.is_(None), Upload.sha256.in_(named))
    known = {*session.scalars(coming), *session.scalars(select(Object.sha256).where(Object.sha256.in_(named)))}
    return {key for hexadecimal, key in named.items() if hexadecimal in known}


def _tracked_arrivals(session: Session, found: Sequence[str]) -> set[str]:
    named = {made[1]: key for key in found if (made := keys.arrival_of(key)) is not None}
    uploads = [upload for upload in named if is_id(upload)]
    coming = select(Upload.id).where(Upload.recording_id.is_(None), Upload.id.in_(uploads))
    return {
        *(named[upload] for upload in session.scalars(coming)),
        *session.scalars(select(Arrival.key).where(Arrival.key.in_(named.values()))),
    }
