"""
Keep the signer's folder: its name, its keys and the last head that it signed, each durable before it counts.

```
lock          held by the one process that works on this folder
origin        the log's name, for life
log-1.key …   the log's keys, oldest first; the last one signs     next.key   the one that a rotation prepares
draw.key      the key of the draw's verifiable random numbers
head          the last signed head, as its note; one empty line before anything was signed
```
The first key is made last: where it is, the folder was set up whole, so that a missing `head` is a loss and never a
beginning. Every write is temporary → fsync → rename → fsync of the folder.
"""

import fcntl
import os
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from services.custody.canonical import decode
from services.custody.checkpoint import check_origin
from services.custody.note import KEY_BYTES, PLAIN
from services.custody.signingkey import SigningKey
from services.errors import Misconfigured, NoteRefused
from services.storage.durable import sync_folder, translated

NOTHING_SIGNED: Final = b"\n"
"""What `head` holds before the first signature."""

MadeOrigin = Callable[[], str]
MadeSeed = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Keys:
    """The log's keys, oldest first and the signing one last; the one being rotated to; the draw's secret seed."""

    origin: str
    log: tuple[SigningKey, ...]
    draw: bytes
    upcoming: SigningKey | None = None

    @property
    def signing(self) -> tuple[SigningKey, ...]:
        """Which keys sign a head: the last one, and during a rotation the next one too."""
        return (self.log[-1], *([self.upcoming] if self.upcoming else []))

    def __repr__(self) -> str:
        """Show whose they are, never what they are."""
        return f"Keys({self.origin}, {len(self.log)} of the log)"


class SignerHome:
    """The folder of one signer. Open it, `take` it, then read or write; `close` lets another process take it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: int | None = None

    def take(self) -> None:
        """
        Make the folder where there is none, and be its only user until `close`.

        Raises:
            Misconfigured: another process works on it: two signers could sign two histories.
        """
        with translated(f"the signer's folder {self.folder}"):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise Misconfigured(f"another signer works on {self.folder}: stop it first") from error
        self._lock = handle

    def close(self) -> None:
        """Let another process take the folder; harmless when repeated."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def keys(self, origin: str | None, make_origin: MadeOrigin, make_seed: MadeSeed) -> Keys:
        """
        Read the keys; the first time, make them under `origin`, or under a name made once.

        Raises:
            Misconfigured: another origin than the one for life, or a key that is gone or unreadable.
        """
        if not self._has("log-1.key"):
            self._set_up(origin, make_origin, make_seed)
        try:
            kept = self._read("origin").decode().strip()
            numbers = range(1, 1 + sum(1 for _ in self.folder.glob("log-*.key")))
            log = tuple(SigningKey.parse(self._read(f"log-{number}.key").decode()) for number in numbers)
            draw = decode(self._read("draw.key").decode().strip(), "the draw's key")
            upcoming = SigningKey.parse(self._read("next.key").decode()) if self._has("next.key") else None
        except (NoteRefused, UnicodeDecodeError) as error:
            raise Misconfigured(f"the signer's folder {self.folder}: {error}") from error
        if origin is not None and origin != kept:
            raise Misconfigured(f"the log is named {kept} for life, not {origin}: mend HUISU_LOG_ORIGIN")
        if any(key.name != kept or key.type != PLAIN for key in log) or len(draw) != KEY_BYTES:
            raise Misconfigured(f"the signer's folder {self.folder} holds keys of another log than {kept}")
        return Keys(kept, log, draw, upcoming)

    def _set_up(self, origin: str | None, make_origin: MadeOrigin, make_seed: MadeSeed) -> None:
        if self._has("head") and self._read("head") != NOTHING_SIGNED:
            raise Misconfigured(f"the signer's folder {self.folder} has signed but lost its key: restore log-1.key")
        if later := sorted(one.name for pattern in ("log-*.key", "next.key") for one in self.folder.glob(pattern)):
            raise Misconfigured(f"the signer's folder {self.folder} has {', '.join(later)}: restore log-1.key")
        if not self._has("origin"):
            name = origin or make_origin()
            check_origin(name)
            self._write("origin", f"{name}\n".encode())
        if not self._has("draw.key"):
            self._write("draw.key", b64encode(make_seed()) + b"\n")
        self._write("head", NOTHING_SIGNED)
        kept = self._read("origin").decode().strip()
        self._write("log-1.key", f"{SigningKey(kept, PLAIN, make_seed()).secret_text}\n".encode())

    def recall(self) -> bytes | None:
        """Give the note of the last signed head, `NOTHING_SIGNED` before the first; None: the memory is lost."""
        return self._read("head") if self._has("head") else None

    def remember(self, note: bytes) -> None:
        """
        Make a signed head durable; only then may it leave this process.

        Raises:
            HuisuError: the disk refused; what it holds now is known only by reading it again in a new process.
        """
        self._write("head", note)

    def prepare_rotation(self, keys: Keys, make_seed: MadeSeed) -> Keys:
        """Make the next key, or give the one that an unfinished rotation made."""
        if keys.upcoming is not None:
            return keys
        key = SigningKey(keys.origin, PLAIN, make_seed())
        self._write("next.key", f"{key.secret_text}\n".encode())
        return replace(keys, upcoming=key)

    def finish_rotation(self, keys: Keys) -> Keys:
        """Let the next key sign from now on; the former ones stay known."""
        if keys.upcoming is None:
            return keys
        with translated(f"the signer's folder {self.folder}"):
            (self.folder / "next.key").rename(self.folder / f"log-{len(keys.log) + 1}.key")
            sync_folder(self.folder)
        return replace(keys, log=(*keys.log, keys.upcoming), upcoming=None)

    def _has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def _read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError as error:
            raise Misconfigured(f"the signer's folder {self.folder} lacks {name}: restore it") from error
        except OSError as error:
            raise Misconfigured(f"the signer's folder {self.folder}: {name}: {error.strerror}") from error

    def _write(self, name: str, content: bytes) -> None:
        temporary = self.folder / f".{name}.new"
        with translated(f"the signer's folder {self.folder}"):
            with suppress(FileNotFoundError):
                temporary.unlink()
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                written = os.write(handle, content)
                os.fsync(handle)
            finally:
                os.close(handle)
            if written != len(content):
                raise OSError(f"wrote {written} of {len(content)} bytes")
            temporary.replace(self.folder / name)
            sync_folder(self.folder)
