"""
Keep objects as files of one folder on a local disk.

Write order (the only one of five that loses nothing in a power cut): temporary → write → fsync → link →
fsync folder. `link` fails where the name exists, so two writers can never overwrite each other, and a crash
leaves only temporaries for `sweep_temporary`. The folder must not be on a network file system.

A write-once object has one version, "1". Only `mend` makes another: what was kept moves aside (`.<name>.v1`), the good
copy takes its name and is the next version.

Locks and holds are written beside the object (`.<name>.lock.json`): facts for the archive and for a later move to
S3, not a protection. Nothing here ever deletes an original.
"""

import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from errno import EMLINK, ENOTSUP, EPERM, EXDEV
from pathlib import Path

from services.digest import Digest
from services.errors import IntegrityError, NotAllowed, NotFound, ObjectConflict, StoreUnavailable
from services.storage import aside, keys
from services.storage.durable import make_folders, same_bytes, source_size, sync_file, sync_folder, translated
from services.storage.keys import Area
from services.storage.store import NO_LOCK, Blocks, Kept, Lock, LockMode, WormReport, check_range

READ_ONLY = 0o400

CANNOT_LINK = frozenset({EXDEV, EMLINK, EPERM, ENOTSUP})
"""Another disk, too many names, or a file system without hard links: copy instead."""


class FolderStore:
    """An `ObjectStore` (all promises are there) in the folder `root`; `prepare` creates it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._temporary = root / ".tmp"

    def prepare(self) -> None:
        """Create the folder and its place for temporaries; repeating it is harmless."""
        with translated(str(self._root)):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._temporary.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._root)
            sync_folder(self._root.parent)

    def put(self, key: str, source: Path, *, give: bool = False) -> Kept:
        """Keep a file; with `give` on the same disk it is linked and made read-only, not written again."""
        path = self._place(key)
        source_size(source)
        with translated(key):
            if kept := self._already(key, path, source):
                return kept
            if give and self._link(key, path, source):
                return self._kept(key, path)
            with self._temporary_file() as temporary:
                shutil.copyfile(source, temporary)  # sendfile: the bytes stay in the kernel
                self._publish(key, path, temporary)
            return self._kept(key, path)

    def put_bytes(self, key: str, content: bytes) -> Kept:
        """Keep a small content, whole or not at all."""
        path = self._place(key)
        with translated(key), self._temporary_file() as temporary:
            temporary.write_bytes(content)
            if not self._already(key, path, temporary):
                self._publish(key, path, temporary)
            return self._kept(key, path)

    def mend(self, key: str, source: Path) -> Kept:
        """Move what is kept aside and keep the good copy under its name; a kill between the two is mended again."""
        if not keys.area(key).is_write_once:
            raise NotAllowed(f"{key}: derived objects are made again, not mended")
        path = self._place(key)
        source_size(source)
        with translated(key), self._alone():
            for kept in self.versions(key):
                if _equal(self._found(key, kept.version), source):
                    return kept
            with self._temporary_file() as good:
                shutil.copyfile(source, good)
                good.chmod(READ_ONLY)
                sync_file(good)
                make_folders(path.parent, below=self._root)
                if path.is_file() and not aside.is_moved(path):
                    os.link(path, aside.place(path, aside.count(path) + 1))
                    sync_folder(path.parent)
                good.replace(path)
                sync_folder(path.parent)
            return self._kept(key, path)

    def stat(self, key: str, version: str | None = None) -> Kept:
        """Tell version and size."""
        with translated(key):
            return self._kept(key, self._found(key, version))

    def read(self, key: str, version: str | None = None, *, offset: int = 0, length: int | None = None) -> Blocks:
        """Give exactly the bytes of the range, or refuse before the first one."""
        with translated(key):
            file = self._found(key, version).open("rb", buffering=0)
        try:
            count = check_range(key, offset, length, os.fstat(file.fileno()).st_size)
            file.seek(offset)
        except BaseException:
            file.close()
            raise

        def take(most: int) -> bytes:
            with translated(key):
                return file.read(most)

        return Blocks(key, count, take, file.close)

    def versions(self, key: str) -> list[Kept]:
        """List the one version, or none; behind what repairs moved aside."""
        path = self._place(key)
        with translated(key):
            former = [aside.place(path, number) for number in range(1, aside.count(path) + 1)]
            now = [path] if path.is_file() and not aside.is_moved(path) else []
            return [self._kept(key, each) for each in (*former, *now)]

    def keys(self, prefix: str) -> Iterator[Kept]:
        """List the objects whose key starts with `prefix`; temporaries and lock files are no objects."""
        keys.area_of_prefix(prefix)
        self._check_mounted(prefix)
        whole = self._root / prefix
        start = whole if prefix.endswith("/") else whole.parent
        for folder, below, names in os.walk(start):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(names):
                path = Path(folder, name)
                key = path.relative_to(self._root).as_posix()
                if not name.startswith(".") and key.startswith(prefix):
                    with suppress(FileNotFoundError):  # derived, removed since the folder was read
                        yield self._kept(key, path)

    def lock(self, key: str, version: str | None, *, mode: LockMode, until: datetime) -> Lock:
        """Note a lock beside the object; never a weaker or shorter one than is noted."""
        path = self._lockable(key, version)
        with translated(key), self._alone():
            return self._write_lock(path, self._read_lock(path).raised(mode, until))

    def hold(self, key: str, version: str | None, *, on: bool) -> Lock:
        """Note or lift a hold beside the object."""
        path = self._lockable(key, version)
        with translated(key), self._alone():
            now = self._read_lock(path)
            return self._write_lock(path, Lock(now.mode, now.until, on))

    def lock_state(self, key: str, version: str | None) -> Lock:
        """Read what is noted beside the object."""
        self._found(key, version)
        return self._read_lock(self._place(key))

    def remove_derived(self, key: str) -> None:
        """Remove what can be made again; refuse anything else."""
        path = self._place(key)
        if keys.area(key).is_write_once:
            raise NotAllowed(f"{key}: only derived objects are removed here")
        with translated(key), suppress(FileNotFoundError):
            path.unlink()
            sync_folder(path.parent)

    @contextmanager
    def lend(self, key: str, version: str | None, digest: Digest) -> Iterator[Path]:  # noqa: ARG002 (S3 checks it)
        """Lend the object itself; no byte is read or copied."""
        yield self._found(key, version)

    def sweep_temporary(self, older_than: datetime) -> int:
        """Remove the temporaries of puts that were killed."""
        swept = 0
        with translated(str(self._temporary)):
            for path in self._temporary.iterdir():
                with suppress(FileNotFoundError):
                    if path.stat().st_ctime < older_than.timestamp():  # a linked source keeps its old mtime
                        path.unlink()
                        swept += 1
        return swept

    def probe(self, now: datetime) -> WormReport:  # noqa: ARG002 (a folder enforces no dates)
        """Say what a folder cannot do, and whether this very process could write over what is kept."""
        key = f"{Area.PROBE}/canary"
        self.put_bytes(key, b"canary\n")
        findings = ["folder: no lock against the administrator; only file permissions and this program's own rules"]
        try:
            self.put_bytes(key, b"other bytes\n")
            findings.append("folder: other bytes were kept over a canary; do not use this disk")
        except ObjectConflict:
            pass
        if os.access(self._root / key, os.W_OK):
            findings.append("folder: this process may write to kept files (it runs as root); run it as its own user")
        return WormReport(enforced=False, findings=tuple(findings))

    def _place(self, key: str) -> Path:
        keys.area(key)
        self._check_mounted(key)
        return self._root / key

    def _check_mounted(self, what: str) -> None:
        if not self._temporary.is_dir():
            raise StoreUnavailable(f"{what}: {self._root} is not a prepared store (is its disk mounted?)")

    def _found(self, key: str, version: str | None) -> Path:
        path = self._place(key)
        with translated(key):
            if version is None and path.is_file():
                return path
            if version is not None and keys.area(key).is_write_once and aside.VERSION.match(version):
                number = int(version)
                former = aside.place(path, number)
                if former.is_file():
                    return former
                if path.is_file() and (number == 1 or aside.place(path, number - 1).is_file()):
                    return path
        raise NotFound(f"no object {key}" + (f" of version {version}" if version else ""))

    def _lockable(self, key: str, version: str | None) -> Path:
        if not keys.area(key).is_write_once:
            raise NotAllowed(f"{key}: derived objects are never locked")
        self._found(key, version)
        return self._place(key)

    def _kept(self, key: str, path: Path) -> Kept:
        version = str(aside.number(path)) if keys.area(key).is_write_once else None
        return Kept(key, version, path.stat().st_size)

    def _already(self, key: str, path: Path, source: Path) -> Kept | None:
        if not path.is_file():
            return None
        if same_bytes(path, source):
            sync_folder(path.parent)  # an earlier put may have been killed between its link and its fsync
            return self._kept(key, path)
        if keys.area(key).is_write_once:
            sizes = f"{path.stat().st_size:,} bytes are kept, {source.stat().st_size:,} came"
            raise ObjectConflict(f"{key}: other bytes are already kept under this key ({sizes})")
        return None

    def _link(self, key: str, path: Path, source: Path) -> bool:
        """Give the source's bytes their second name; False where the file system cannot."""
        trial = self._temporary / f"given-{secrets.token_hex(16)}"
        try:
            os.link(source, trial)
        except OSError as error:
            if error.errno in CANNOT_LINK:
                return False
            raise
        else:
            self._publish(key, path, trial)
            return True
        finally:
            trial.unlink(missing_ok=True)

    @contextmanager
    def _temporary_file(self) -> Iterator[Path]:
        handle, name = tempfile.mkstemp(dir=self._temporary)
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def _publish(self, key: str, path: Path, complete: Path) -> None:
        complete.chmod(READ_ONLY)
        sync_file(complete)
        make_folders(path.parent, below=self._root)
        if keys.area(key).is_write_once:
            try:
                os.link(complete, path)
            except FileExistsError as error:  # another writer was faster: equal bytes are as good as ours
                if not self._already(key, path, complete):
                    raise ObjectConflict(f"{key}: the store has a folder of this name") from error
        else:
            complete.replace(path)
        sync_folder(path.parent)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process at a time read, change and write a lock."""
        with (self._temporary.parent / ".locks").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _read_lock(self, path: Path) -> Lock:
        beside = _lock_file(path)
        try:
            noted = json.loads(beside.read_text("utf-8"))
            until = noted["until"]
            return Lock(
                mode=LockMode(noted["mode"]) if noted["mode"] else None,
                until=datetime.fromisoformat(until) if until else None,
                hold=bool(noted["hold"]),
            )
        except FileNotFoundError:
            return NO_LOCK
        except OSError as error:
            raise StoreUnavailable(f"{beside}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError(f"{beside}: not a lock that this archive wrote: {error}") from error

    def _write_lock(self, path: Path, lock: Lock) -> Lock:
        noted = {"mode": lock.mode, "until": lock.until.isoformat() if lock.until else None, "hold": lock.hold}
        with self._temporary_file() as temporary:
            temporary.write_text(json.dumps(noted) + "\n", "utf-8")
            sync_file(temporary)
            temporary.replace(_lock_file(path))
        sync_folder(path.parent)
        return self._read_lock(path)


def _equal(kept: Path, source: Path) -> bool:
    """Compare; a kept file that the disk does not give whole is no equal one."""
    try:
        return same_bytes(kept, source)
    except OSError:
        return False


def _lock_file(path: Path) -> Path:
    return path.parent / f".{path.name}.lock.json"
