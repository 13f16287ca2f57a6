"""
Write a package as a zip file in its one form: stored, in a fixed order, its bytes a function of its files alone.

Source of every byte: docs/formats/package.md, "The zip's bytes". Both verifiers refuse any other form.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, Protocol

from services.errors import IntegrityError

_VERSION, _UTF8, _DATE = 45, 0x0800, 0x0021
_WIDE: Final = b"\xff" * 8
"""Stands for two numbers of 32 bits that are told in 64 behind the name, however small they are."""


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
    fixed = struct.pack("<4s5HI8s2H", b"PK\x03\x04", _VERSION, _UTF8, 0, 0, _DATE, crc, _WIDE, len(name), 20)
    return fixed + name + struct.pack("<HHQQ", 1, 16, size, size)


def central_header(name: bytes, crc: int, size: int, offset: int) -> bytes:
    """Give a file's line in the central directory."""
    version = (_VERSION, _VERSION)
    fixed = struct.pack("<4s6HI8s2H", b"PK\x01\x02", *version, _UTF8, 0, 0, _DATE, crc, _WIDE, len(name), 28)
    return fixed + bytes(10) + _WIDE[:4] + name + struct.pack("<HHQQQ", 1, 24, size, size, offset)


def end(central: list[bytes], offset: int) -> bytes:
    """Give the central directory, which begins at `offset`, and what closes the zip file."""
    body = b"".join(central)
    count, size = len(central), len(body)
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, _VERSION, _VERSION, 0, 0, count, count, size, offset)
    place = struct.pack("<4sIQI", b"PK\x06\x07", 0, offset + size, 1)
    return body + wide + place + b"PK\x05\x06" + bytes(4) + _WIDE + _WIDE[:4] + bytes(2)


def length_of(files: Iterable[Named]) -> int:
    """Say how long the zip file of these files is, before a byte of it is written."""
    at, central = 0, []
    for one in files:
        name = one.path.encode()
        central.append(central_header(name, one.crc32, one.size_bytes, at))
        at += len(local_header(name, one.crc32, one.size_bytes)) + one.size_bytes
    return at + len(end(central, at))
