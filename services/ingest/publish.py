"""
Publish what a step made: objects first, then their rows and entries in the caller's transaction.

A crash between the two leaves objects that the repeated step writes again under the same keys.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from services import __version__
from services.bootstrap import Archive, new_id
from services.custody.work import Work
from services.digest import Digest, fingerprint_file
from services.index.models import Recording, Rendition
from services.media import framefile
from services.storage import keys

EXAMINER = f"huisu {__version__}"
"""The tool that facts and indexes are from, as it stands in entries and recipes."""


@dataclass(frozen=True, slots=True)
class Made:
    """One file made from an original: its kind, its recipe, and its bytes or where they are."""

    kind: str
    name: str
    recipe: dict[str, Any]
    media_type: str
    path: Path | None = None
    content: bytes | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of_bytes(cls, kind: str, name: str, content: bytes, recipe: dict[str, Any], media_type: str) -> "Made":
        """Wrap small bytes."""
        return cls(kind, name, recipe, media_type, content=content)

    @property
    def recipe_id(self) -> str:
        """Name the recipe by its content: the same tools and parameters have the same id."""
        return recipe_id(self.recipe)


def recipe_id(recipe: Mapping[str, Any]) -> str:
    """Name a recipe by its content."""
    text = json.dumps(recipe, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


Keep = Callable[[Work, Recording], None]


@contextmanager
def publish(archive: Archive, parent: Digest, made: Sequence[Made]) -> Iterator[Keep]:
    """Store the files, then give the function that adds their rows and entries inside a transaction."""
    stored = []
    for one in made:
        key = keys.rendition(parent, one.kind, one.recipe_id, one.name)
        if one.path is not None:
            found = fingerprint_file(one.path)
            kept = archive.store.put(key, one.path, give=True)
            stored.append((one, key, kept.version, found.digest.hex, found.size_bytes))
        else:
            content = one.content or b""
            kept = archive.store.put_bytes(key, content)
            stored.append((one, key, kept.version, hashlib.sha256(content).hexdigest(), len(content)))

    def keep(work: Work, recording: Recording) -> None:
        for one, key, version, sha256, size in stored:
            _add(work, recording, one, key, version, sha256, size, parent)

    yield keep


def frame_index(packed: bytes) -> Made:
    """Wrap a frame index as the rendition that `Archive.index_of` reads."""
    recipe = {"tool": EXAMINER, "kind": "frame-index", "version": framefile.VERSION}
    return Made.of_bytes("frame-index", "frame-index.bin", packed, recipe, "application/octet-stream")


def drop(work: Work, row: Rendition, reason: str) -> None:
    """Forget a rendition that is no longer needed, with its entry; `clear` removes its object after the commit."""
    work.session.delete(row)
    work.append(
        "rec.rendition.drop", row.recording_id, rendition=row.id, kind=row.kind, object_key=row.key, sha256=row.sha256,
        reason=reason,
    )  # fmt: skip


def clear(archive: Archive, digest: Digest, kind: str) -> None:
    """Remove objects of a kind that no recording of these bytes names any more, also those of a run that was killed."""
    with archive.reading() as session:
        twins = select(Recording.id).where(Recording.sha256 == digest.hex)
        named = select(Rendition.key).where(Rendition.recording_id.in_(twins), Rendition.kind == kind)
        in_use = set(session.scalars(named))
    for kept in list(archive.store.keys(f"{keys.renditions_of(digest)}{kind}/")):
        if kept.key not in in_use:
            archive.store.remove_derived(kept.key)


def _add(
    work: Work, recording: Recording, one: Made, key: str, version: str | None, sha256: str, size: int, parent: Digest
) -> None:
    row = work.session.execute(
        select(Rendition).where(
            Rendition.recording_id == recording.id, Rendition.kind == one.kind, Rendition.recipe_id == one.recipe_id
        )
    ).scalar_one_or_none()
    if row is not None and row.sha256 == sha256:
        return
    if row is None:
        row = Rendition(id=new_id(), recording_id=recording.id, kind=one.kind, recipe_id=one.recipe_id)
        work.session.add(row)
    row.parent_sha256, row.recipe, row.key, row.version_id = parent.hex, one.recipe, key, version
    row.size_bytes, row.sha256, row.media_type, row.facts, row.made_at = (
        size,
        sha256,
        one.media_type,
        one.facts,
        work.at,
    )
    row.access = "play"
    work.append(
        "rec.rendition", recording.id, rendition=row.id, kind=one.kind, parent=parent.hex, recipe=one.recipe,
        object_key=key, size=size, sha256=sha256,
    )  # fmt: skip
