"""Ask the signer, from any process of the archive."""

import json
import os
import socket
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.custody.canonical import decode
from services.custody.checkpoint import read_checkpoint
from services.custody.note import VerifierKey, parse_vkey, read_note
from services.errors import Conflict, HeadRefused, HuisuError, Invalid, NoteRefused, ProofRefused, SignerUnavailable

TIMEOUT_S: Final = 5.0
RECEIPT_TIMEOUT_S: Final = 0.5
"""A receipt is a courtesy beside an answer: nobody waits long for it."""
_ANSWER_MAX_BYTES: Final = 1 << 20
_KINDS: Final[dict[str, type[HuisuError]]] = {
    kind.code: kind for kind in (HeadRefused, SignerUnavailable, ProofRefused, NoteRefused, Invalid, Conflict)
}


@dataclass(frozen=True, slots=True)
class SignerFacts:
    """What a signer tells about itself: name and keys of its log, what it signed last, where it runs."""

    origin: str
    keys: tuple[VerifierKey, ...]
    upcoming: VerifierKey | None
    draw_key: bytes
    size: int
    root: bytes
    trouble: str
    user: int
    disk: int

    @property
    def all_keys(self) -> tuple[VerifierKey, ...]:
        """Every key that heads were or are signed by, oldest first."""
        return (*self.keys, *([self.upcoming] if self.upcoming else []))


@dataclass(frozen=True, slots=True)
class Signer:
    """The signer behind a socket. Every call is one connection; nothing is kept between two."""

    socket: Path
    timeout_s: float = TIMEOUT_S

    def public(self) -> SignerFacts:
        """Ask who it is and what it signed last."""
        told = self._ask("public")
        upcoming = told["upcoming"]
        return SignerFacts(
            origin=told["origin"],
            keys=tuple(parse_vkey(text) for text in told["keys"]),
            upcoming=parse_vkey(upcoming) if upcoming else None,
            draw_key=decode(told["draw_key"], "the draw's key"),
            size=told["size"],
            root=decode(told["root"], "the signed root"),
            trouble=told["trouble"],
            user=told["user"],
            disk=told["disk"],
        )

    def head(self) -> tuple[int, bytes]:
        """Ask for size and root of the last head it signed; size 0: none, or the empty one."""
        told = self.public()
        if told.trouble:
            raise SignerUnavailable(told.trouble)
        return told.size, told.root

    def sign(self, size: int, root: bytes, proof: Sequence[bytes] = ()) -> str:
        """
        Have a head signed; `proof` shows that it continues the last signed one. The last one again gives the same note.

        Raises:
            HeadRefused: it does not continue what was signed. Raise the alarm.
            SignerUnavailable: nothing was signed; ask again later, with the proof from its last head as it is then.
        """
        asked = {"size": size, "root": _b64(root), "proof": [_b64(one) for one in proof]}
        note: str = self._ask("sign", **asked)["note"]
        head = read_checkpoint(read_note(note.encode()).text)
        if (head.size, head.root) != (size, root):
            raise HeadRefused(f"the signer signed {head.size} entries with root {head.root.hex()}, not as asked")
        return note

    def receipt(self, leaf_hash: bytes, accepted_ms: int) -> str:
        """Ask for a receipt over an accepted entry; gives its base64. Raises `SignerUnavailable`."""
        quick = Signer(self.socket, min(self.timeout_s, RECEIPT_TIMEOUT_S))
        text: str = quick._ask("receipt", leaf_hash=_b64(leaf_hash), accepted_ms=accepted_ms)["receipt"]
        return text

    def package(self, text: bytes) -> bytes:
        """Have the list of an export package's files signed; gives the note. Raises `SignerUnavailable`."""
        note: str = self._ask("package", text=_b64(text))["note"]
        if read_note(note.encode()).text != text:
            raise SignerUnavailable("the signer signed another list than it was given")
        return note.encode()

    def vrf(self, alpha: bytes) -> bytes:
        """Ask for the proof of the draw's random number for this input, to be checked under `draw_key`."""
        return decode(self._ask("vrf", alpha=_b64(alpha))["proof"], "a proof of the draw's key")

    def rotate(self) -> tuple[VerifierKey, VerifierKey]:
        """Have the next key prepared, or see the one that was; gives the old and the new one."""
        told = self._ask("rotate")
        return parse_vkey(told["old"]), parse_vkey(told["new"])

    def finish_rotation(
        self, entry: bytes, index: int, path: Sequence[bytes], fields: Sequence[tuple[str, bytes, str]]
    ) -> VerifierKey:
        """
        Let the next key sign alone: `entry` is the key.rotate at `index`, `path` its way to the last signed head.

        `fields` are all that it commits to: name, salt, value as its JSON text.

        Raises:
            ProofRefused: it names other keys; the last signed head does not hold it, or is not signed by both yet.
            Conflict: no rotation was begun.
        """
        shown = [[name, _b64(salt), value] for name, salt, value in fields]
        told = self._ask(
            "finish_rotation", entry=_b64(entry), index=index, path=[_b64(one) for one in path], fields=shown
        )
        return parse_vkey(told["key"])

    def _ask(self, what: str, **values: Any) -> dict[str, Any]:
        line = json.dumps({"ask": what, **values}).encode() + b"\n"
        try:
            said = json.loads(self._exchange(line))
        except OSError as error:
            raise SignerUnavailable(f"the signer at {self.socket} does not answer: {error}") from error
        except ValueError as error:
            raise SignerUnavailable(f"the signer at {self.socket} gave no whole answer") from error
        if not isinstance(said, dict) or not ("error" in said or isinstance(said.get("ok"), dict)):
            raise SignerUnavailable(f"the signer at {self.socket} gave no answer of ours")
        if "error" in said:
            raise _KINDS.get(str(said["error"]), SignerUnavailable)(str(said.get("message")))
        answered: dict[str, Any] = said["ok"]
        return answered

    def _exchange(self, line: bytes) -> bytes:
        folder = os.open(self.socket.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.settimeout(self.timeout_s)
                link.connect(f"/proc/self/fd/{folder}/{self.socket.name}")
                link.sendall(line)
                with link.makefile("rb") as answer:
                    return answer.readline(_ANSWER_MAX_BYTES)
        finally:
            os.close(folder)


def _b64(octets: bytes) -> str:
    return b64encode(octets).decode()
