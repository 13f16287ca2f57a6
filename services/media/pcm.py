"""Read plain samples from the file that a render leaves them in: its header says how many channels there really are."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from services.errors import Invalid

MOST_CHANNELS = 32
"""More than any recorder has; what claims more is mixed down."""

_HEAD = struct.Struct(">4sIIIII")
_MAGIC, _SIXTEEN_BITS = b".snd", 3
"""Source: the NeXT/Sun audio format, as libavformat/auenc.c writes it."""

Rows = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Pcm:
    """Hold an open file of 16-bit samples: `samples` of each of its `channels`, `rate` a second."""

    file: IO[bytes]
    channels: int
    rate: int
    samples: int

    def blocks(self, rows: int) -> Iterator[Rows]:
        """Give the samples in order, as blocks of `rows` (the last may be shorter) of one column a channel."""
        while block := self.file.read(rows * 2 * self.channels):
            whole = len(block) // (2 * self.channels)
            if whole:
                yield np.frombuffer(block, ">i2", whole * self.channels).astype(np.int16).reshape(-1, self.channels)


@contextmanager
def open_pcm(path: Path) -> Iterator[Pcm]:
    """
    Open samples that ffmpeg wrote (`-f au`, 16 bits).

    Raises:
        Invalid: this is no such file, or it has more channels than any recorder.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise Invalid(f"samples begin with {_HEAD.size} bytes, not {len(head)}")
        magic, begin, _, form, rate, channels = _HEAD.unpack(head)
        if (magic, form) != (_MAGIC, _SIXTEEN_BITS) or not _HEAD.size <= begin <= 1 << 16 or rate == 0:
            raise Invalid(f"these are no 16-bit samples: {head!r}")
        if not 1 <= channels <= MOST_CHANNELS:
            raise Invalid(f"sound has 1 to {MOST_CHANNELS} channels, not {channels}")
        file.seek(begin)
        yield Pcm(file, channels, rate, max(size - begin, 0) // (2 * channels))
