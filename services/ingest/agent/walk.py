"""
Find the footage under the given paths, and what its sidecars say about it.

A sidecar `FILE.huisu.json` is a JSON object of metadata keys; it speaks for one file, so it wins, key by key,
over what the command line says for all of them. Hidden names, sidecars and `*.part` are no footage.
Inside folders symbolic links are not followed: a target inside is found under its own name.
"""

import contextlib
import json
import mimetypes
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.errors import Invalid
from services.ingest.agent.names import as_text

SIDECAR_SUFFIX = ".huisu.json"
SKIPPED_SUFFIXES = (SIDECAR_SUFFIX, ".part")
LARGEST_SIDECAR_BYTES = 64 << 10
METADATA_ROOM_BYTES = 8 << 10
"""UTF-8 bytes of all keys and values; Base64 makes a third more of them, and the archive takes 16 KiB."""
KNOWN_KEYS = (
    "filename", "filetype", "device", "officer", "started_at", "ended_at", "file_mtime", "sha256",
    "kind", "incident", "case", "session", "channel",
)  # fmt: skip
"""The keys that the archive understands; it keeps others as text. Source: contract, `/uploads`."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Footage:
    """A file to send: its real path, the metadata known before it is read, and how urgent it is."""

    path: Path
    metadata: Mapping[str, str]
    started: float
    """Start in seconds since 1970, for the order only."""

    @property
    def rank(self) -> tuple[int, float]:
        """Interviews first, then the oldest start (domain rule 9)."""
        return (0 if self.metadata.get("kind") == "interview" else 1, self.started)


@dataclass(frozen=True, slots=True)
class Found:
    """What a walk met: footage in path order, what could not be looked at and why, links that were not followed."""

    files: tuple[Path, ...]
    left_out: tuple[tuple[Path, str], ...]
    links: tuple[Path, ...]


def check_paths(paths: Iterable[Path]) -> None:
    """Raises `Invalid` for the first path that does not exist: a mistyped name must not look like success."""
    for path in paths:
        if not path.exists():
            raise Invalid(f"no such file or folder: {path}")


def find(paths: Iterable[Path], *, skip: Path) -> Found:
    """Find every footage file once; `skip` is the agent's own folder."""
    files: dict[Path, None] = {}
    left_out: list[tuple[Path, str]] = []
    links: list[Path] = []
    for given in paths:
        path = Path(os.path.realpath(given))
        if path.is_dir():
            files.update(dict.fromkeys(_inside(path, Path(os.path.realpath(skip)), left_out, links)))
        elif not path.is_file():
            left_out.append((path, "is neither a file nor a folder"))
        elif not path.name.lower().endswith(SKIPPED_SUFFIXES):
            files[path] = None
    return Found(tuple(files), tuple(left_out), tuple(links))


def _inside(root: Path, skip: Path, left_out: list[tuple[Path, str]], links: list[Path]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        left_out.append((Path(error.filename), f"cannot be read: {error.strerror}"))

    for folder, folders, names in os.walk(root, onerror=unreadable):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and here / name != skip)
        links += [here / name for name in folders if (here / name).is_symlink()]
        for name in sorted(names):
            path = here / name
            if name.startswith(".") or name.lower().endswith(SKIPPED_SUFFIXES):
                continue
            try:
                mode = path.lstat().st_mode
            except OSError as error:
                left_out.append((path, f"cannot be read: {error.strerror}"))
                continue
            if stat.S_ISREG(mode):
                yield path
            elif stat.S_ISLNK(mode):
                links.append(path)


def look(path: Path, for_all: Mapping[str, str]) -> Footage:
    """Gather what is known of a file before it is read. Raises `OSError` if it is gone."""
    metadata = {**for_all, **read_sidecar(sidecar_of(path))}
    return Footage(path, metadata, _start_of(metadata.get("started_at", ""), path.stat().st_mtime))


def sidecar_of(path: Path) -> Path:
    """Name the sidecar of a file."""
    return path.with_name(path.name + SIDECAR_SUFFIX)


def read_sidecar(path: Path) -> dict[str, str]:
    """
    Read a sidecar's keys as texts; none if there is none.

    One that cannot be read never keeps footage back: its beginning travels as `sidecar_unread`, for a person.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_SIDECAR_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        return {"sidecar_unread": str(error.strerror)}
    try:
        keys = json.loads(raw.decode("utf-8-sig"))
        if not isinstance(keys, dict) or len(raw) > LARGEST_SIDECAR_BYTES:
            raise ValueError("not an object, or too long")
    except (ValueError, RecursionError):
        return {"sidecar_unread": raw[:500].decode("utf-8", "replace")}
    return {key: _as_value(value) for key, value in keys.items() if _is_key(key) and value is not None}


def _is_key(key: str) -> bool:
    """Keys are ASCII without spaces and commas. Source: tus 1.0.0, Upload-Metadata."""
    return key.isascii() and key.isprintable() and bool(key) and not set(key) & {" ", ","}


def _as_value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _start_of(text: str, mtime: float) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return mtime


def describe(footage: Footage, mtime_ns: int, sha256: str) -> dict[str, str]:
    """Complete the metadata with what the file itself tells; what is stated already wins."""
    known = {"filename": as_text(footage.path.name), "sha256": sha256}
    if filetype := mimetypes.guess_type(footage.path.name)[0]:
        known["filetype"] = filetype
    with contextlib.suppress(OverflowError):  # a file system's clock may name a year that no calendar has
        known["file_mtime"] = (_EPOCH + timedelta(microseconds=mtime_ns // 1000)).isoformat()
    return _fitting({**known, **footage.metadata})


def _fitting(metadata: Mapping[str, str]) -> dict[str, str]:
    """Leave out, and name, what is too long to travel: too much metadata never keeps footage back."""
    fitting: dict[str, str] = {}
    left_out: list[str] = []
    room = METADATA_ROOM_BYTES
    for key in sorted(metadata, key=lambda key: (key not in KNOWN_KEYS, key)):
        need = len(key) + len(metadata[key].encode("utf-8", "replace")) + 8
        if need <= room:
            fitting[key], room = metadata[key], room - need
        else:
            left_out.append(key)
    return {**fitting, "metadata_left_out": ", ".join(left_out)[:500]} if left_out else fitting
