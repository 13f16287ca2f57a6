"""
Write and read the file that shows an entry in the log: its place, its path and the signed head. Pure.

Source: C2SP tlog-proof (`c2sp.org/tlog-proof@v1`). What stands in `extra` is not authenticated by anything.
"""

from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from services.custody.canonical import decode, decode_hashes
from services.custody.checkpoint import Checkpoint, read_checkpoint, read_size
from services.custody.note import read_note
from services.custody.proof import check_inclusion
from services.errors import NoteRefused

HEADER: Final = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class LogProof:
    """An entry's place, its siblings from the leaf up, and the head's note as it was signed."""

    index: int
    path: tuple[bytes, ...]
    note: bytes
    extra: bytes | None = None

    @property
    def content(self) -> bytes:
        """Write the file."""
        extra = [] if self.extra is None else [f"extra {b64encode(self.extra).decode()}"]
        lines = [HEADER, *extra, f"index {self.index}", *(b64encode(one).decode() for one in self.path), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.note

    @property
    def checkpoint(self) -> Checkpoint:
        """Read the head; whose signatures stand under it is for the caller's policy to say."""
        return read_checkpoint(read_note(self.note).text, may_extend=True)

    def check(self, leaf: bytes) -> Checkpoint:
        """
        Check that a leaf (its hash) stands at this place under the head, which is given; check its signatures too.

        Raises:
            ProofRefused: it does not.
        """
        checkpoint = self.checkpoint
        check_inclusion(leaf, self.index, checkpoint.size, self.path, checkpoint.root)
        return checkpoint


def read_logproof(content: bytes) -> LogProof:
    """
    Read a proof file.

    Raises:
        NoteRefused: it has another form.
    """
    head, gap, note = content.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise NoteRefused("the lines of a proof are ASCII") from error
    if first != HEADER or not gap:
        raise NoteRefused(f"a proof begins with {HEADER}, and an empty line stands before its checkpoint")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = decode(lines.pop(0).removeprefix("extra "), "what a proof says besides")
    if not lines or not lines[0].startswith("index "):
        raise NoteRefused("a proof names the entry's place as `index N`")
    read_note(note)
    index = read_size(lines[0].removeprefix("index "))
    return LogProof(index, decode_hashes(lines[1:], "the inclusion proof"), note, extra)
