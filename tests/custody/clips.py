"""Originals in memory with their trees, and clips of them with proofs, as the archive makes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

from services.custody.clipcheck import CheckedClip, check_clip
from services.custody.clipmake import MadeProof, copies_of_virtual, prove_clip
from services.custody.clipproof import ClipProof, read_proof
from services.custody.fingerprint import fingerprint
from services.custody.sidecar import Sidecar
from services.media.framefile import unpack
from services.media.frames import FrameIndex
from services.media.probe import examine
from services.media.strict import Shown
from services.media.timecode import TimeRange
from services.media.verbatim import cut_verbatim
from services.media.virtual import VirtualFile
from services.media.whence import Copied
from tests.footage import _run
from tests.media.written import content_of

FFMPEG = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-v", "error", "-y"]


def reader(content: bytes) -> Callable[[int, int], bytes]:
    return lambda at, length: content[at : at + length]


@dataclass(frozen=True)
class Shot:
    """An original, its index and its sidecar."""

    content: bytes
    index: FrameIndex
    kept: bytes
    root: bytes

    @classmethod
    def of(cls, path: Path) -> "Shot":
        packed, content = examine(path).packed, path.read_bytes()
        assert packed is not None
        found = fingerprint(reader(content), reader(content), len(content))
        assert found.faults == ()
        return cls(content, unpack(packed), b"".join(found.sidecar({})), found.root)

    @property
    def sidecar(self) -> Sidecar:
        return Sidecar.open(reader(self.kept))

    def clip(self, start: Fraction | float, end: Fraction | float) -> "Clip":
        """Cut a verbatim clip."""
        return self.proven(cut_verbatim(self.index, TimeRange(Fraction(start), Fraction(end))).file)

    def proven(self, file: VirtualFile) -> "Clip":
        """Prove a virtual file."""
        content = content_of(file, self.content)
        return self.proven_by(content, copies_of_virtual(reader(content), file, self.index))

    def proven_by(self, content: bytes, copies: Sequence[Copied]) -> "Clip":
        made = prove_clip(reader(content), len(content), copies, self.index, self.sidecar)
        return Clip(content, made, self.root, tuple(header.shown for header in self.sidecar.headers))


@dataclass(frozen=True)
class Clip:
    """A clip and what was proven of it."""

    content: bytes
    made: MadeProof
    root: bytes
    shown: tuple[Shown | None, ...]

    @property
    def proof(self) -> ClipProof:
        assert self.made.proof is not None, self.made.unproven
        return read_proof(self.made.proof.to_bytes())

    def check(self, content: bytes | None = None, proof: ClipProof | None = None) -> CheckedClip:
        content = self.content if content is None else content
        return check_clip(reader(content), len(content), proof or self.proof, self.root, self.shown)


def remuxed(content: bytes, folder: Path, suffix: str = ".mp4", *options: str) -> bytes:
    """Have ffmpeg copy every packet into a file of its own making."""
    source, target = folder / "source.mp4", folder / f"target{suffix}"
    source.write_bytes(content)
    form = {".mp4": "mp4", ".mov": "mov"}[suffix]
    _run([*FFMPEG, "-i", f"file:{source}", "-map", "0", "-c", "copy", *options, "-f", form, f"file:{target}"])
    return target.read_bytes()
