"""
Sign heads of the log, and never two histories: remember the last one, and ask each next one to prove that it continues.

The signer believes nobody about the past. A database restored from an old copy, or rewritten, cannot prove that it
continues what was signed, and fails here, loudly. Source: knowledge integrity 2.3.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.custody.checkpoint import Checkpoint, open_checkpoint
from services.custody.entry import commit_field, commit_payload, leaf_hash, read_entry
from services.custody.note import Note, VerifierKey, check_text, open_note, read_note
from services.custody.proof import check_consistency, check_inclusion
from services.custody.receipt import Receipt, make_receipt
from services.custody.signerhome import NOTHING_SIGNED, Keys, MadeOrigin, MadeSeed, SignerHome
from services.custody.tree import EMPTY_ROOT
from services.custody.vrf import prove, public_of
from services.errors import Conflict, HeadRefused, HuisuError, Invalid, NoteRefused, ProofRefused, SignerUnavailable

Fields = Sequence[tuple[str, bytes, str]]
"""All that an entry commits to: name, salt, value as its JSON text."""

PACKAGE_PREFIX = b"huisu/package/v1\n"
ALPHA_MAX_BYTES = 1024
"""Longest input of the draw's random numbers; ours has 64 bytes."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The last signed head and its note; none before the first."""

    head: Checkpoint
    note: bytes


@dataclass(frozen=True, slots=True)
class Public:
    """All that a signer tells about itself: its log's name and keys, oldest first, and what it signed last."""

    origin: str
    keys: tuple[VerifierKey, ...]
    upcoming: VerifierKey | None
    draw_key: bytes
    size: int
    root: bytes
    trouble: str

    @property
    def current(self) -> VerifierKey:
        """The key that signs."""
        return self.keys[-1]


class LogSigner:
    """The log's key and its memory in one process; every method may be called from any thread."""

    def __init__(self, home: SignerHome, origin: str | None, make_origin: MadeOrigin, make_seed: MadeSeed) -> None:
        """
        Take a signer's folder; the first time, make its keys.

        Raises:
            Misconfigured: another signer has it, or it contradicts itself.
        """
        self._home, self._make_seed = home, make_seed
        self._turn = threading.Lock()
        home.take()
        try:
            self._keys = home.keys(origin, make_origin, make_seed)
            self._trouble, self._last = _recollect(home, self._keys)
        except BaseException:
            home.close()
            raise

    @property
    def is_broken(self) -> bool:
        """The disk refused a head: only a new process, which reads what is there, may go on."""
        return self._trouble == BROKEN

    @property
    def disk(self) -> int:
        """Name the disk of the folder, for comparison with the database's."""
        return self._home.folder.stat().st_dev

    def public(self) -> Public:
        """Tell what everybody may know."""
        keys, last = self._keys, self._last
        return Public(
            origin=keys.origin,
            keys=tuple(key.verifier for key in keys.log),
            upcoming=keys.upcoming.verifier if keys.upcoming else None,
            draw_key=public_of(keys.draw),
            size=last.head.size if last else 0,
            root=last.head.root if last else EMPTY_ROOT,
            trouble=self._trouble,
        )

    def sign(self, size: int, root: bytes, proof: Sequence[bytes] = ()) -> bytes:
        """
        Sign the head of `size` entries; the last one again gives the same note.

        Raises:
            HeadRefused: it does not continue the last one that was signed. Raise the alarm.
            SignerUnavailable: the memory is lost, or could not be written.
        """
        with self._turn:
            self._require_memory()
            last = self._last
            if last is not None and last.head.size == size and last.head.root == root:
                return last.note
            self._require_continues(size, root, proof)
            head = Checkpoint(self._keys.origin, size, root)
            note = Note(head.body, tuple(key.sign(head.body) for key in self._keys.signing)).content
            self._keep(note)
            self._last = Remembered(head, note)
            return note

    def receipt(self, leaf_hash: bytes, accepted_ms: int) -> Receipt:
        """
        Promise that an accepted entry will be in the log.

        Raises:
            SignerUnavailable: nothing can be signed now, so nothing is promised.
        """
        self._require_memory()
        return make_receipt(self._keys.log[-1], leaf_hash, accepted_ms)

    def package(self, text: bytes) -> bytes:
        """
        Sign the list of an export package's files; gives it as a note.

        Raises:
            Invalid: it is another text. No head of the log begins like such a list.
            SignerUnavailable: nothing can be signed now.
        """
        self._require_memory()
        if not text.startswith(PACKAGE_PREFIX) or b"\n\n" in text:
            raise Invalid("a list of a package's files begins with huisu/package/v1 and has no empty line")
        check_text(text)
        return Note(text, (self._keys.log[-1].sign(text),)).content

    def vrf(self, alpha: bytes) -> bytes:
        """Prove the one random number of an input. Raises `Invalid` for one too long."""
        if len(alpha) > ALPHA_MAX_BYTES:
            raise Invalid(f"the input of a draw has at most {ALPHA_MAX_BYTES} bytes, not {len(alpha)}")
        return prove(self._keys.draw, alpha)

    def rotate(self) -> tuple[VerifierKey, VerifierKey]:
        """Prepare the next key and give the old and the new one; heads are signed by both until it is finished."""
        with self._turn:
            self._require_memory()
            self._keys = self._home.prepare_rotation(self._keys, self._make_seed)
            upcoming = self._keys.upcoming
            if upcoming is None:
                raise SignerUnavailable("no next key was made")
            return self._keys.log[-1].verifier, upcoming.verifier

    def finish_rotation(self, entry: bytes, index: int, path: Sequence[bytes], fields: Fields) -> VerifierKey:
        """
        Let the next key sign alone, once the entry that names it stands under a head that both keys signed.

        `fields` are all that the entry commits to. Of an earlier rotation the log has an entry too: only one that names
        these very keys lets the old one go.

        Raises:
            Conflict: no rotation was begun.
            ProofRefused: the entry names other keys, is not in the last signed head, or that is not signed by both.
        """
        with self._turn:
            self._require_memory()
            keys, last = self._keys, self._last
            if keys.upcoming is None or last is None:
                raise Conflict("no rotation of the log's key was begun")
            said = _said_by_rotation(entry, fields)
            for name, key in (("old", keys.log[-1]), ("new", keys.upcoming)):
                if said.get(name) != json.dumps(key.verifier.vkey, ensure_ascii=False):
                    raise ProofRefused(f"the entry of this rotation names the {name} key as {key.verifier.vkey}")
            check_inclusion(leaf_hash(entry), index, last.head.size, path, last.head.root)
            if len(read_note(last.note).verified(key.verifier for key in keys.signing)) < len(keys.signing):
                raise ProofRefused(f"the head of {last.head.size} entries is not signed by the new key yet")
            self._keys = self._home.finish_rotation(keys)
            return self._keys.log[-1].verifier

    def close(self) -> None:
        """Let another process take the folder."""
        self._home.close()

    def _require_memory(self) -> None:
        if self._trouble:
            raise SignerUnavailable(self._trouble)

    def _require_continues(self, size: int, root: bytes, proof: Sequence[bytes]) -> None:
        last = self._last.head if self._last else None
        if size == 0 and root != EMPTY_ROOT:
            raise HeadRefused(f"a log without entries has no root {root.hex()}")
        if last is not None and size < last.size:
            raise HeadRefused(f"asked to sign {size} entries after {last.size}: {OLDER}")
        if last is not None and size == last.size:
            raise HeadRefused(f"{size} entries were signed with root {last.root.hex()}, not {root.hex()}: {OLDER}")
        if last is None or last.size == 0:
            if proof:
                raise HeadRefused(f"the first head continues nothing, but came with {len(proof)} hashes as proof")
            return
        try:
            check_consistency(last.size, last.root, size, root, proof)
        except ProofRefused as error:
            raise HeadRefused(f"the log does not continue the {last.size} entries that were signed: {error}") from error

    def _keep(self, note: bytes) -> None:
        try:
            self._home.remember(note)
        except (HuisuError, OSError) as error:
            # what the disk holds now is unknown; the signature was not released, and none will be
            self._trouble = BROKEN
            raise SignerUnavailable(f"{BROKEN}: {error}") from error


OLDER = "the database is older than what was signed: restore a newer copy or run `huisu recover`"
BROKEN = "the signer could not write its memory and ends; it reads it again when it is started anew"
LOST = (
    "the signer lost its memory of what it signed: give it the newest head that a witness or an export has, "
    "with `huisu signer --resume-from FILE`"
)


def _recollect(home: SignerHome, keys: Keys) -> tuple[str, Remembered | None]:
    """Give what is in the way of signing, if anything, and the last signed head."""
    note = home.recall()
    if note == NOTHING_SIGNED:
        return "", None
    if note is None:
        return LOST, None
    try:
        return "", _own_head(keys, note)
    except NoteRefused as error:
        return f"{LOST} ({error})", None


def _own_head(keys: Keys, note: bytes) -> Remembered:
    head, _ = open_checkpoint(note, [key.verifier for key in keys.log])
    return Remembered(head, note)


def _said_by_rotation(text: bytes, fields: Fields) -> Mapping[str, str]:
    """Give what a key.rotate says, as JSON texts, after it was seen to commit to just that."""
    try:
        entry = read_entry(text)
    except (ValueError, KeyError, TypeError) as error:
        raise ProofRefused("these bytes are no entry of the log") from error
    if entry.type != "key.rotate":
        raise ProofRefused(f"the entry of a rotation is a key.rotate, not a {entry.type}")
    try:
        commitment = commit_payload({name: commit_field(name, value, salt) for name, salt, value in fields})
    except (ValueError, OverflowError) as error:
        raise ProofRefused(f"no entry commits to such values: {error}") from error
    if commitment != entry.commitment:
        raise ProofRefused("the entry of the rotation commits to other values")
    return {name: value for name, _, value in fields}


def resume(home: SignerHome, origin: str | None, note: bytes) -> Checkpoint:
    """
    Give a signer that lost its memory the newest head that others have of it; gives the head.

    Raises:
        Misconfigured: the folder holds no key, or another signer works on it.
        Conflict: it has its memory.
        NoteRefused: the head is not one that its keys signed.
    """
    home.take()
    try:
        if not (home.folder / "log-1.key").exists():
            raise NoteRefused(f"the signer's folder {home.folder} holds no key: there is nothing to resume")
        keys = home.keys(origin, _nothing, _no_seed)
        trouble, last = _recollect(home, keys)
        if not trouble:
            size = last.head.size if last else 0
            raise Conflict(f"the signer remembers what it signed, {size} entries: there is nothing to resume")
        known = [key.verifier for key in (*keys.log, *([keys.upcoming] if keys.upcoming else []))]
        given = open_note(note, known)
        own = tuple(signature for _, signature in given.verified(known))
        remembered = _own_head(keys, Note(given.text, own).content)
        home.remember(remembered.note)
        return remembered.head
    finally:
        home.close()


def _nothing() -> str:
    raise Invalid("a folder that has a key has an origin")


def _no_seed() -> bytes:
    raise Invalid("a folder that has a key makes no other")
