"""
Write and read what a log signs: its name, its size and its root. Pure.

Source: C2SP tlog-checkpoint. We write no extension lines, because witnesses do not vouch for them, and take none in a
checkpoint of ours.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from services.custody.canonical import decode
from services.custody.note import Note, VerifierKey, check_name, open_note
from services.custody.proof import HASH_BYTES
from services.custody.tree import EMPTY_ROOT
from services.errors import NoteRefused

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
RESERVED: Final = ("cosignature/", "huisu/")
"""How other things begin that the same keys sign; no log of ours may have such a name."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's head: `size` leaves under `root`."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def body(self) -> bytes:
        """Write the text that is signed."""
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines).encode()


def read_checkpoint(body: bytes, *, may_extend: bool = False) -> Checkpoint:
    """
    Read the text of a checkpoint; `may_extend` lets lines follow, as some other logs write them.

    Raises:
        NoteRefused: it is none.
    """
    lines = body.decode("utf-8", "replace").removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines):
        raise NoteRefused(f"a checkpoint has three lines and no empty one, this one {len(lines)}")
    origin, size, root, *extensions = lines
    if extensions and not may_extend:
        raise NoteRefused(f"the checkpoint of {origin} has {len(extensions)} lines too many")
    checkpoint = Checkpoint(origin, read_size(size), decode(root, f"the root of {origin}"), tuple(extensions))
    if len(checkpoint.root) != HASH_BYTES:
        raise NoteRefused(f"the root of {origin} has {len(checkpoint.root)} bytes, not {HASH_BYTES}")
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise NoteRefused(f"{origin} has no leaves but the root {checkpoint.root.hex()}")
    if checkpoint.body != body:
        raise NoteRefused(f"the checkpoint of {origin} is not in the one form that it has")
    return checkpoint


def open_checkpoint(content: bytes, keys: Iterable[VerifierKey]) -> tuple[Checkpoint, Note]:
    """
    Read a checkpoint that its own log signed: one of these keys, under the name of the log.

    Raises:
        NoteRefused: it is none, or none of the keys of this name signed it, or one of `keys` did not sign its line.
    """
    known = tuple(keys)
    note = open_note(content, known)
    checkpoint = read_checkpoint(note.text)
    if not any(key.name == checkpoint.origin for key, _ in note.verified(known)):
        raise NoteRefused(f"no key of {checkpoint.origin} signed this checkpoint")
    return checkpoint, note


def read_size(text: str) -> int:
    """Read a number of leaves: decimal, no leading zeroes, below 2^63. Raises `NoteRefused`."""
    if not _SIZE.fullmatch(text) or (size := int(text)) >= 1 << 63:
        raise NoteRefused(f"this is no size of a log: {text[:40]!r}")
    return size


def check_origin(origin: str) -> None:
    """Raise `NoteRefused` where a log of ours may not have this name."""
    check_name(origin)
    if origin.startswith(RESERVED):
        raise NoteRefused(f"a log may not be named {origin!r}: other signed things begin so")
