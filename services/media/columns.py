"""Pack a column of whole numbers into few bytes, and read it back without believing what it says of itself."""

from typing import Any

import numpy as np
import numpy.typing as npt

from services.errors import Invalid
from services.media.samples import MOST_SAMPLES, Ints

_WIDTHS = ("<u1", "<u2", "<u4", "<i1", "<i2", "<i4", "<i8")
_RUN_LENGTH = np.dtype("<u4")

_FEW = 4
"""Runs are kept instead of the numbers themselves where they are on average at least so long."""

Told = tuple[str, int, int]
"""How a column is kept (`p` plain or `r` runs, and the width of a number), how many numbers it has, and its bytes."""


def pack_column(numbers: npt.NDArray[Any]) -> tuple[Told, bytes]:
    """Choose the narrowest form that holds all numbers, first bytes first: so they compress better and sooner."""
    count = len(numbers)
    if count == 0:
        return ("p<u1", 0, 0), b""
    changes = np.flatnonzero(numbers[1:] != numbers[:-1])
    if (len(changes) + 1) * _FEW <= count:
        ends = np.append(changes + 1, count)
        values = _narrow(numbers[ends - 1])
        packed = _planes(np.diff(ends, prepend=0).astype(_RUN_LENGTH)) + _planes(values)
        return (f"r{values.dtype.str.replace('|', '<')}", count, len(packed)), packed
    values = _narrow(numbers)
    packed = _planes(values)
    return (f"p{values.dtype.str.replace('|', '<')}", count, len(packed)), packed


def unpack_column(told: Told, packed: memoryview) -> npt.NDArray[Any]:
    """
    Read what `pack_column` gave, as numbers of whichever width they were kept in.

    Raises:
        Invalid: bytes and description do not fit.
    """
    form, count, length = told
    if form[1:] not in _WIDTHS or form[0] not in "pr" or not 0 <= count <= MOST_SAMPLES or length != len(packed):
        raise Invalid(f"a column of {len(packed)} bytes cannot be {told}")
    width = np.dtype(form[1:])
    if form[0] == "p":
        return _from_planes(packed, count, width)
    runs = length // (_RUN_LENGTH.itemsize + width.itemsize)
    lengths = _from_planes(packed[: runs * _RUN_LENGTH.itemsize], runs, _RUN_LENGTH)
    if int(lengths.sum(dtype=np.uint64)) != count:
        raise Invalid(f"the runs of a column have {lengths.sum(dtype=np.uint64)} numbers together, not {count}")
    return np.repeat(_from_planes(packed[runs * _RUN_LENGTH.itemsize :], runs, width), lengths)


def pack_marks(marks: npt.NDArray[np.bool_]) -> tuple[Told, bytes]:
    """Pack yes or no of each sample into bits."""
    return pack_column(np.packbits(marks))


def unpack_marks(told: Told, packed: memoryview, count: int) -> npt.NDArray[np.bool_]:
    """Read what `pack_marks` gave of `count` samples; raises `Invalid`."""
    bits = unpack_column(told, packed)
    if len(bits) != (count + 7) // 8 or bits.dtype != np.uint8:
        raise Invalid(f"{len(bits)} bytes do not mark {count} samples")
    return np.unpackbits(bits, count=count).view(np.bool_)


def wide(numbers: npt.NDArray[Any]) -> Ints:
    """Give numbers of any width as 64 bits."""
    return numbers.astype(np.int64, copy=False)


def _narrow(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    low, high = int(numbers.min()), int(numbers.max())
    for width in _WIDTHS:
        limits = np.iinfo(width)
        if limits.min <= low and high <= limits.max:
            return numbers.astype(width)
    raise AssertionError(f"{low} to {high} are more than 64 bits")


def _planes(numbers: npt.NDArray[Any]) -> bytes:
    return numbers.view(np.uint8).reshape(len(numbers), numbers.itemsize).T.tobytes()


def _from_planes(packed: memoryview, count: int, width: np.dtype[Any]) -> npt.NDArray[Any]:
    if len(packed) != count * width.itemsize:
        raise Invalid(f"{len(packed)} bytes are not {count} numbers of {width.itemsize}")
    planes = np.frombuffer(packed, np.uint8).reshape(width.itemsize, count)
    return np.ascontiguousarray(planes.T).reshape(-1).view(width)
