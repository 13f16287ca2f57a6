"""
Lay out the copies of a package: what all copies share, what differs, the signed list, and one zip file each.

Nothing is held in memory but small texts; footage goes from file to file.
"""

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from services.custody import tree
from services.custody.package.papers import Standing, papers
from services.custody.package.texts import About, Listed, contents_text, package_json
from services.custody.package.zipform import write_zip
from services.digest import Fingerprinter

BLOCK_BYTES: Final = 1 << 20
VERIFIERS: Final = ("verify.html", "verify.py")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a package: what is listed of it, and its bytes or where they are."""

    listed: Listed
    path: Path | None = None
    content: bytes | None = None

    @classmethod
    def of(cls, name: str, content: bytes) -> "File":
        """Take a small file from memory."""
        digest = hashlib.sha256(content).hexdigest()
        return cls(Listed(name, digest, len(content), zlib.crc32(content)), content=content)

    def blocks(self) -> Iterator[bytes]:
        """Give its bytes, a MiB at a time."""
        if self.content is not None:
            yield self.content
        if self.path is not None:
            with self.path.open("rb", buffering=0) as file:
                while block := file.read(BLOCK_BYTES):
                    yield block


@dataclass(frozen=True, slots=True)
class Printed:
    """A file that was read once: its digests, for its entry, the list and the zip file."""

    sha256: str
    size_bytes: int
    chunk_root: bytes
    crc32: int


def print_file(path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> Printed:
    """Read a file once and fingerprint it; `on_bytes` hears of each block."""
    taker, crc, buffer = Fingerprinter(), 0, bytearray(BLOCK_BYTES)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            taker.update(view[:count])
            crc = zlib.crc32(view[:count], crc)
            on_bytes(count)
    found = taker.finish()
    return Printed(found.digest.hex, found.size_bytes, tree.root(found.leaves), crc)


def verifiers() -> list[File]:
    """Give the two verifiers as they are shipped."""
    folder = resources.files("services.custody").joinpath("verifier")
    return [File.of(name, folder.joinpath(name).read_bytes()) for name in VERIFIERS]


def build_copy(
    target: Path, copy: int, about: About, standing: Standing, shared: Sequence[File], sign: Callable[[bytes], bytes]
) -> None:
    """
    Write one copy as a zip file; `sign` turns the list of its files into a signed note.

    Raises:
        IntegrityError: a file is not what its digest says any more.
        SignerUnavailable: nothing was signed.
    """
    own: Mapping[str, bytes] = {"package.json": package_json(about, copy), **papers(about, standing, copy)}
    files = [*shared, *(File.of(name, content) for name, content in own.items())]
    note = sign(contents_text(about.export, copy, about.copies, [file.listed for file in files]))
    ordered = sorted(files, key=lambda file: file.listed.path.encode())
    with target.open("wb", buffering=BLOCK_BYTES) as out:
        write_zip(out, [File.of("contents.txt", note), *ordered])
        out.flush()
        os.fsync(out.fileno())
