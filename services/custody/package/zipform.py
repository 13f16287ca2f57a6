"""
Write a package as a zip file in its one form: stored, in a fixed order, its bytes a function of its files alone.

Source of every byte: docs/formats/package.md, "The zip's bytes". Both verifiers refuse any other form.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, Protocol

from services.errors import IntegrityError

SHORT: Final = 0xFFFFFFFF
_FEW: Final = 0xFFFF
_VERSION, _WIDE_VERSION = 20, 45
_UTF8, _DATE = 0x0800, 0x0021


class Named(Protocol):
    """What a zip file must know of one file before its bytes."""

    @property
    def path(self) -> str:
        """Its path in the zip file."""

    @property
    def size_bytes(self) -> int:
        """Its length."""

    @property
    def crc32(self) -> int:
        """Its CRC-32."""


class Entry(Protocol):
    """A file to be written: what it is, and its bytes."""

    @property
    def listed(self) -> Named:
        """What it is."""

    def blocks(self) -> Iterator[bytes]:
        """Give its bytes."""


def write_zip(out: BinaryIO, entries: Iterable[Entry]) -> int:
    """
    Write these files in this order; gives the length of the zip file. Nothing but names is held in memory.

    Raises:
        IntegrityError: a file's bytes are not those that its size and CRC-32 say.
    """
    at, central = 0, []
    for entry in entries:
        one = entry.listed
        name = one.path.encode()
        central.append(central_header(name, one.crc32, one.size_bytes, at))
        at += out.write(local_header(name, one.crc32, one.size_bytes))
        size = crc = 0
        for block in entry.blocks():
            size, crc = size + len(block), zlib.crc32(block, crc)
            out.write(block)
        if (size, crc) != (one.size_bytes, one.crc32):
            raise IntegrityError(
                f"{one.path} has {size} bytes with CRC-32 {crc:08x}, not {one.size_bytes} with {one.crc32:08x}"
            )
        at += size
    return at + out.write(end(central, at))


def local_header(name: bytes, crc: int, size: int) -> bytes:
    """Give what stands before a file's bytes."""
    wide = size >= SHORT
    extra = struct.pack("<HHQQ", 1, 16, size, size) if wide else b""
    short = SHORT if wide else size
    return (
        struct.pack(
            "<4s5H3I2H", b"PK\x03\x04", _WIDE_VERSION if wide else _VERSION, _UTF8, 0, 0, _DATE, crc, short, short,
            len(name), len(extra),
        )
        + name
        + extra
    )  # fmt: skip


def central_header(name: bytes, crc: int, size: int, offset: int) -> bytes:
    """Give a file's line in the central directory."""
    wide, far = size >= SHORT, offset >= SHORT
    values = (struct.pack("<QQ", size, size) if wide else b"") + (struct.pack("<Q", offset) if far else b"")
    extra = struct.pack("<HH", 1, len(values)) + values if values else b""
    version, short = (_WIDE_VERSION if wide or far else _VERSION), (SHORT if wide else size)
    return (
        struct.pack(
            "<4s6H3I5H2I", b"PK\x01\x02", version, version, _UTF8, 0, 0, _DATE, crc, short, short, len(name),
            len(extra), 0, 0, 0, 0, SHORT if far else offset,
        )
        + name
        + extra
    )  # fmt: skip


def end(central: list[bytes], offset: int) -> bytes:
    """Give the central directory, which begins at `offset`, and what closes the zip file."""
    body = b"".join(central)
    count, size, wide = len(central), len(body), b""
    if count >= _FEW or size >= SHORT or offset >= SHORT:
        wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
        wide += struct.pack("<4sIQI", b"PK\x06\x07", 0, offset + size, 1)
    few = min(count, _FEW)
    last = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, few, few, min(size, SHORT), min(offset, SHORT), 0)
    return body + wide + last
