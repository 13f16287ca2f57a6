"""
Prove a clip of a recording before it leaves: build its proof, check it as a stranger will, and give both.

Fail-closed: a proof that its own check refuses is never given out.
"""

from collections.abc import Callable
from dataclasses import dataclass

from services.api.stored import Stored
from services.bootstrap import Archive
from services.custody.clipcheck import CheckedClip, check_clip
from services.custody.clipmake import copies_of_virtual, prove_clip
from services.custody.clipsearch import copies_by_bytes
from services.index.essence import leaves_row, open_leaves, recorded_root
from services.media.virtual import Flow, VirtualFile
from services.storage.store import Blocks

ReadBytes = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Proven:
    """
    Hold a clip's proof as it is handed out, the root it leads to, and what its check found.

    `unproven` names the clip's tracks of which nothing is proven, each with the reason.
    """

    proof: bytes
    root: bytes
    checked: CheckedClip
    unproven: dict[int, str]


def reader_of(archive: Archive, stored: Stored, file: VirtualFile) -> ReadBytes:
    """Read a virtual file of one stored original anywhere, without making it."""

    def opened_by(_: int, offset: int, length: int) -> Blocks:
        return stored.open(archive.store, offset, length)

    def read(offset: int, length: int) -> bytes:
        start = min(offset, file.size_bytes)
        flow = Flow(file.slice(start, min(length, file.size_bytes - start)), opened_by)
        try:
            return b"".join(block.content for block in flow)
        finally:
            flow.close()

    return read


def prove(
    archive: Archive, recording_id: str, read: ReadBytes, size: int, file: VirtualFile | None = None
) -> Proven | None:
    """
    Prove what a clip of `size` bytes, given by `read`, holds of a recording; None where nothing of it can be proven.

    `file` is the virtual file that the clip is; without it (an encoder wrote the clip) its samples are searched for.

    Raises:
        ProofRefused: the proof did not stand up to its check: the leaves are not those of the recorded root, or the
            clip's bytes not those of the original. Raise the alarm; the clip must not leave as proven.
        IntegrityError, StoreUnavailable: the leaves cannot be read.
    """
    with archive.reading() as session:
        root, row = recorded_root(session, recording_id), leaves_row(session, recording_id)
    index = archive.index_of(recording_id)
    if root is None or row is None or index is None:
        return None
    leaves = open_leaves(archive.store, row)
    copies = copies_by_bytes(read, size, index, leaves) if file is None else copies_of_virtual(read, file, index)
    made = prove_clip(read, size, copies, index, leaves)
    if made.proof is None:
        return None
    return Proven(made.proof.to_bytes(), root, check_clip(read, size, made.proof, root), made.unproven)
