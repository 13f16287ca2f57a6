"""Make the items of an export as local files, each from an original that was read whole and is what was taken in."""

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from services.api.actions import exact
from services.api.actions.citation import citation
from services.api.actions.clip import Source, known_source
from services.api.actions.export_essence import Essence, Proven, essence_of, prove_file, prove_frame, reader
from services.api.actions.make_export import frame_at, range_of
from services.api.filesending import FileFlow
from services.bootstrap import Archive
from services.custody.cliplabel import Label
from services.custody.clipmake import copies_of_virtual
from services.custody.clipsearch import copies_by_bytes
from services.custody.package.build import print_file
from services.digest import Digest
from services.errors import DigestMismatch, Gone, NoDecoder, ProofRefused, VerbatimNotPossible
from services.index.exports import ExportItem
from services.index.models import Object, Recording
from services.media.clip import encode_exact, plan_exact
from services.media.framing import index_of_movie
from services.media.movie import read_movie
from services.media.picturefile import with_texts
from services.media.smartcut import SmartCut
from services.media.stills import IndexedStill, still, still_by_index
from services.media.timecode import TimeRange, print_seconds
from services.media.verbatim import cut_verbatim
from services.media.virtual import Extent, VirtualFile

_ENDING: Final = re.compile(r"[a-z0-9]{1,8}")

Report = Callable[[], None]


@dataclass(frozen=True, slots=True)
class MadeItem:
    """An item as a local file: how it was made, what it holds, its proof, and what is proven in words."""

    path: Path
    file: str
    made: str
    start: str | None
    end: str | None
    proof: bytes | None
    words: str | None


@dataclass(frozen=True, slots=True)
class Lent:
    """An original as a local file, found to be what was taken in."""

    recording: str
    filename: str
    path: Path


@contextlib.contextmanager
def lent_original(archive: Archive, recording_id: str, report: Report) -> Iterator[Lent]:
    """
    Lend an original, read whole and compared with the catalogue before anything is made of it.

    Raises:
        DigestMismatch: the stored bytes are others. Raise the alarm.
        Gone: it was set aside or disposed of since it was asked for.
        StoreUnavailable, DiskFull: try again later.
    """
    with archive.reading() as session:
        recording = session.get_one(Recording, recording_id)
        if recording.state in ("quarantined", "disposed"):
            raise Gone(f"recording {recording_id} is {recording.state} by now")
        obj, name = session.get_one(Object, recording.object_id), recording.filename
    with archive.store.lend(obj.key, obj.version_id, Digest.from_hex(obj.sha256)) as path:
        found = print_file(path, lambda _: report())
        if (found.sha256, found.size_bytes) != (obj.sha256, obj.size_bytes):
            has, wanted = (
                f"{size} bytes with digest {digest}"
                for size, digest in ((found.size_bytes, found.sha256), (obj.size_bytes, obj.sha256))
            )
            raise DigestMismatch(f"{obj.key} has {has}, not {wanted}")
        yield Lent(recording_id, name, path)


def make_item(archive: Archive, item: ExportItem, lent: Lent, folder: Path) -> MadeItem:
    """
    Make one item in `folder`, with its proof.

    Raises:
        ProofRefused: what was made could not be proven as it must be.
        IntegrityError: the store contradicts the catalogue.
        And what cutting, encoding and decoding raise.
    """
    stem = f"{item.n:03d}"
    if item.kind == "original":
        ending = lent.filename.rpartition(".")[2].lower() if "." in lent.filename else ""
        name = f"{stem}.{ending if _ENDING.fullmatch(ending) else 'bin'}"
        return MadeItem(lent.path, f"items/{name}", "original", None, None, None, None)
    source, essence = known_source(archive, lent.recording), essence_of(archive, lent.recording)
    start = None if item.asked_start is None else Fraction(item.asked_start)
    if item.kind == "still":
        return _still(archive, _Making(source, essence, lent, folder / f"{stem}.png"), start or Fraction(0))
    wanted = range_of(source, start, None if item.asked_end is None else Fraction(item.asked_end))
    making = _Making(source, essence, lent, folder / f"{stem}.mp4")
    return _verbatim(making, wanted) if item.kind == "verbatim" else _exact(archive, making, wanted)


@dataclass(frozen=True, slots=True)
class _Making:
    """What one clip or still is made from, and where it goes."""

    source: Source
    essence: Essence | None
    lent: Lent
    target: Path

    def made(self, how: str, start: Fraction, end: Fraction | None, proven: Proven) -> MadeItem:
        """Describe what lies at the target now."""
        last = None if end is None else print_seconds(end)
        file = f"items/{self.target.name}"
        return MadeItem(self.target, file, how, print_seconds(start), last, proven.content, proven.words)


def _verbatim(making: _Making, wanted: TimeRange) -> MadeItem:
    if making.source.index is None:
        raise VerbatimNotPossible("the recording has no frame index")
    plan = cut_verbatim(making.source.index, wanted)
    return making.made(
        "verbatim", plan.start, plan.end, _copied(making, plan.file, Label("verbatim", plan.start, plan.end))
    )


def _exact(archive: Archive, making: _Making, wanted: TimeRange) -> MadeItem:
    source, target = making.source, making.target
    plan = plan_exact(source.facts, source.frame_times, wanted)
    smart = exact.cut(archive, source.stored, source.facts, source.index, plan)
    if isinstance(smart, SmartCut):
        return making.made(
            "smart", plan.start, plan.end, _copied(making, smart.file, Label("smart", plan.start, plan.end))
        )
    fragmented = target.with_suffix(".frag.mp4")
    with (
        encode_exact(making.lent.path, source.facts, source.frame_times, plan, index=source.index) as made,
        fragmented.open("wb") as out,
    ):
        out.writelines(made.blocks())
    _write(_unfragmented(fragmented), fragmented, target)
    fragmented.unlink()
    index, copies = source.index, []
    if making.essence is not None and index is not None:
        copies = copies_by_bytes(reader(target), target.stat().st_size, index, making.essence.sidecar)
    proven = prove_file(target, copies, index, making.essence, Label("encoded", plan.start, plan.end))
    return making.made("encoded", plan.start, plan.end, proven)


def _copied(making: _Making, file: VirtualFile, label: Label) -> Proven:
    """Write down a clip that is cut out of the original, and prove it."""
    _write(file, making.lent.path, making.target)
    index = making.source.index
    assert index is not None  # noqa: S101  (it was cut by it)
    copies = [] if making.essence is None else copies_of_virtual(reader(making.target), file, index)
    return prove_file(making.target, copies, index, making.essence, label)


def _write(file: VirtualFile, original: Path, target: Path) -> None:
    """Write a virtual file down, block by block."""
    with target.open("wb") as out:
        flow = FileFlow(file, [original], lambda _: None, contextlib.ExitStack())
        try:
            out.writelines(flow)
        finally:
            flow.close()


def _unfragmented(path: Path) -> VirtualFile:
    """Give all that an encoder wrote in fragments as one plain file: what holds for copies holds for it, too."""
    size, read = path.stat().st_size, reader(path)
    movie = read_movie(read, size)
    index = index_of_movie(movie, movie.tracks[0], "mp4", size, read)
    return cut_verbatim(index, TimeRange(Fraction(0), index.duration)).file


def _still(archive: Archive, making: _Making, at: Fraction) -> MadeItem:
    source, lent = making.source, making.lent
    frame = frame_at(source, at)
    if source.facts.video is None or source.frame_times is None or not source.facts.video.decodable:
        raise NoDecoder("the pictures of this recording cannot be decoded here")
    moment, read = source.frame_times.time_of(frame), reader(lent.path)

    def read_all(extents: Sequence[Extent]) -> bytes:
        return b"".join(read(extent.offset, extent.length) for extent in extents)

    made = None
    if source.index is not None:
        made = still_by_index(source.index, source.facts, frame, read_all, archive.decoders, form="png")
    picture = made.picture if made else still(lent.path, source.facts, source.frame_times, moment, form="png")
    making.target.write_bytes(with_texts(picture, citation(lent.recording, source, source.frame_times, frame, made)))
    return making.made("still", moment, None, _proven_frame(making, frame, made))


def _proven_frame(making: _Making, frame: int, made: IndexedStill | None) -> Proven:
    index, essence = making.source.index, making.essence
    if essence is None or index is None or index.video is None:
        return Proven(None, "录像没有帧指纹 · the recording has no frame fingerprint")
    sample, samples = index.sample_of(frame), index.video.samples
    coded = reader(making.lent.path)(int(samples.offset[sample]), int(samples.size[sample]))
    digest = hashlib.sha256(coded).digest()
    if made is not None and made.coded_sha256 != digest.hex():
        raise ProofRefused(f"frame {frame} was decoded from other bytes than those of sample {sample}")
    return prove_frame(index, sample, digest, essence)
