"""Find a recording's essence, and prove by it what an export holds; whatever is not proven does not leave unsaid."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from services.api.stored import Stored
from services.bootstrap import Archive
from services.custody import sidecar
from services.custody.clipcheck import CheckedClip, check_clip
from services.custody.cliplabel import Label, check_label
from services.custody.clipmake import prove_clip
from services.custody.ledger import history
from services.custody.package.stillproof import check_still, prove_still
from services.custody.package.texts import canonical
from services.custody.sidecar import Sidecar
from services.errors import IntegrityError, NotReady, ProofRefused
from services.index.models import Object, Recording
from services.index.recordings import rendition
from services.jobs.lease import ask
from services.jobs.table import JobRow, JobState
from services.media.boxes import Read
from services.media.frames import FrameIndex
from services.media.stretch import BOXED
from services.media.strict import Shown
from services.media.whence import Copied

FINGERPRINT: Final = "fingerprint"
FIRST: Final = 1
"""Priority of a fingerprint that an export waits for."""


@dataclass(frozen=True, slots=True)
class Essence:
    """What the log has, the root and what is shown of each track, and the leaves beside it."""

    root: bytes
    shown: tuple[Shown | None, ...]
    sidecar: Sidecar


@dataclass(frozen=True, slots=True)
class Proven:
    """A proof as its file, and what it proves in words, in both languages; None: nothing could be proven."""

    content: bytes | None
    words: str


def essence_of(archive: Archive, recording_id: str) -> Essence | None:
    """
    Give a recording's essence; None where it has none: another container, or one that can be read in two ways.

    Of entries of one version the first counts, for a verifier believes no later one.

    Raises:
        NotReady: it is being made; it was asked for, ahead of others.
        IntegrityError: the log has it, but its leaves are gone.
    """
    with archive.reading() as session:
        told = (line for line in history(session, recording_id) if line.entry.type == "rec.essence")
        lines = [line for line in told if not line.is_lost]  # a recovery brings entries back, not what they said
        entered = [line.values for line in lines if line.values.get("version") == str(sidecar.VERSION)]
        row = rendition(session, recording_id, "essence")
        recording = session.get_one(Recording, recording_id)
        verified = session.get_one(Object, recording.object_id).verified_at is not None
        expected = not lines and recording.container in BOXED and verified
    if entered and "essence_root" in entered[0]:
        if row is None:
            raise IntegrityError(f"recording {recording_id} has an essence in the log, but its leaves are gone")
        stored = Stored.rendition(row)
        root, tracks = (json.loads(entered[0][name]) for name in ("essence_root", "tracks"))
        shown = tuple(None if one["shown"] is None else Shown(*one["shown"]) for one in tracks)
        opened = Sidecar.open(lambda at, length: _read(archive, stored, at, length))
        return Essence(bytes.fromhex(root), shown, opened)
    if expected:
        _await(archive, recording_id)
    return None


def _read(archive: Archive, stored: Stored, offset: int, length: int) -> bytes:
    return b"".join(stored.open(archive.store, offset, length))


def _await(archive: Archive, recording_id: str) -> None:
    """Ask for the fingerprint; where it was tried in vain the export goes on without it."""
    recipe = str(sidecar.VERSION)
    with archive.plain() as session:
        bell = ask(session, FINGERPRINT, recording_id, archive.clock(), recipe=recipe, priority=FIRST)
        state = session.scalars(select(JobRow.state).where(JobRow.id == bell.job)).one()
    if state in (JobState.QUEUED, JobState.RUNNING):
        archive.ring([bell])
        raise NotReady(f"recording {recording_id} is being fingerprinted")


def prove_file(
    path: Path, copies: Sequence[Copied], index: FrameIndex | None, essence: Essence | None, label: Label
) -> Proven:
    """
    Prove the copied samples of a clip, and check the proof as a stranger will.

    Raises:
        ProofRefused: it does not hold; nothing is proven of a clip that claims to be copied; or it is of another
            moment than its label says.
    """
    if essence is None or index is None:
        return Proven(
            None,
            "录像没有帧指纹，无法逐帧证明 · the recording has no frame fingerprint: nothing is proven frame by frame",
        )
    read, size = reader(path), path.stat().st_size
    found = prove_clip(read, size, copies, index, essence.sidecar).proof if copies else None
    made = label.made
    if found is None:
        if made != "encoded":
            raise ProofRefused(f"nothing could be proven of a {made} clip")
        return Proven(None, "全部重新编码，无法逐帧证明 · encoded anew as a whole: nothing is proven frame by frame")
    checked = check_clip(read, size, found, essence.root, essence.shown)
    if made == "verbatim" and (hidden := sum(track.hidden for track in checked.tracks)):
        raise ProofRefused(f"a verbatim clip hides {hidden} pictures that the recording shows")
    check_label(checked, label, essence.sidecar.headers)
    return Proven(canonical(json.loads(found.to_bytes())), _words(checked))


def prove_frame(index: FrameIndex, sample: int, digest: bytes, essence: Essence) -> Proven:
    """
    Prove the coded frame of a still.

    Raises:
        ProofRefused: it does not hold.
    """
    assert index.video is not None  # noqa: S101  (a frame of it was named)
    told: dict[str, Any] = prove_still(index.video, sample, digest, essence.sidecar)
    check_still(told, essence.root)
    return Proven(
        canonical(told),
        "编码帧属于原件；图像由解码得到 · the coded frame is the original's; the picture was decoded from it",
    )


def reader(path: Path) -> Read:
    """Read stretches of a local file."""

    def read(offset: int, length: int) -> bytes:
        with path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), length, offset)

    return read


def _words(checked: CheckedClip) -> str:
    told = []
    for track in checked.tracks:
        zh, en = ("画面", "pictures") if track.handler == b"vide" else ("声音", "sound")
        others = ", ".join(f"{low}–{high - 1}" for low, high in track.others[:20])
        proven = track.length - sum(high - low for low, high in track.others)
        rest = f"；未证明：{others} · not proven: {others}" if others else ""
        told.append(f"{zh} {proven}/{track.length} 逐位相同 · {en}: {proven} of {track.length} bit for bit{rest}")
    return "; ".join(told)
