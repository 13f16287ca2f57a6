"""
Judge whether copied frames are decoded in a clip as they were in the original, where its configuration differs. Pure.

A smart clip has a few frames encoded anew beside the copied ones, so its `avcC` holds the parameter sets of both. The
copied frames are the same pictures only if theirs are there unchanged and nothing can take their place.
Source: issue 4, point 3; the units' types: ITU-T H.264 table 7-1; the box: ISO/IEC 14496-15 section 5.3.3.1.
"""

import struct
from collections.abc import Iterable
from typing import Final

from services.custody.essence import READ_BYTES, ReadBlock
from services.errors import BadSampleTables
from services.media.avcc import Configuration, read_configuration
from services.media.parameters import picture_set_ids, sequence_set
from services.media.samples import Samples

_PICTURE: Final = struct.Struct(">I4sHH4sI")
"""Of a configuration of pictures: length, entry, width, height, box, length of its payload."""

_FAMILY: Final = frozenset({66, 77, 100})
"""Baseline, Main, High without more: one decoder reads them all alike. Other profiles must be the same."""

_SETS: Final = frozenset({7, 8, 13, 15})
"""Units that set parameters: of sequences, of pictures, their extension, their subset."""

_H264: Final = (b"avc1", b"avc3")
_REFRESH: Final = 5
"""Type of a slice of a picture at which a decoder forgets all before; types 1 to 4 are those of other slices."""

_PLAIN_TRAILER: Final = 4
"""Bytes behind the sets of a High profile: chroma, depths, and how many extensions follow."""


def config_fault(original: bytes, clip: bytes) -> str | None:
    """Say why frames of the original's configuration are not the same pictures under the clip's; None if they are."""
    if original == clip:
        return None
    if len(original) < _PICTURE.size or len(clip) < _PICTURE.size:
        return "the clip is configured otherwise than the original"
    theirs, ours = _PICTURE.unpack_from(original), _PICTURE.unpack_from(clip)
    if theirs[1:5] != ours[1:5] or theirs[1] != b"avc1" or theirs[4] != b"avcC":
        return "the clip is configured otherwise than the original"
    try:
        return _fault(read_configuration(original[_PICTURE.size :]), read_configuration(clip[_PICTURE.size :]))
    except BadSampleTables as error:
        return f"a configuration cannot be read: {error}"


def _fault(original: Configuration, clip: Configuration) -> str | None:
    if clip.profile != original.profile and not {clip.profile, original.profile} <= _FAMILY:
        return f"the clip is of profile {clip.profile}, the original of {original.profile}"
    if clip.length_bytes != original.length_bytes:
        return f"lengths have {clip.length_bytes} bytes in the clip, {original.length_bytes} in the original"
    if clip.trailer != original.trailer and (
        original.trailer or len(clip.trailer) != _PLAIN_TRAILER or clip.trailer[3]
    ):
        return "the clip extends its parameter sets otherwise than the original"
    # decoders go by what a unit says it is, not by the list it stands in
    if any(not unit or unit[0] & 31 != 7 for unit in clip.sequences) or any(
        not unit or unit[0] & 31 != 8 for unit in clip.pictures
    ):
        return "the clip lists something else among its parameter sets"
    return _fault_of_sets(
        [(sequence_set(unit).number, unit) for unit in original.sequences],
        [(sequence_set(unit).number, unit) for unit in clip.sequences],
    ) or _fault_of_sets(
        [(picture_set_ids(unit)[0], unit) for unit in original.pictures],
        [(picture_set_ids(unit)[0], unit) for unit in clip.pictures],
    )


def _fault_of_sets(original: list[tuple[int, bytes]], clip: list[tuple[int, bytes]]) -> str | None:
    for number, unit in original:
        if (number, unit) not in clip:
            return f"the clip lacks the original's parameter set {number}"
        if any(other == number and one != unit for other, one in clip):
            return f"the clip has another parameter set under the original's id {number}"
    return None


def in_band_fault(config: bytes, samples: Samples, read: ReadBlock) -> str | None:
    """
    Say which sample of a track in which frames of two encodings stand sets parameters by the way; None if none does.

    Raises what `read` does.
    """
    if len(config) <= _PICTURE.size + 4 or config[4:8] != b"avc1":
        return "only H.264 (avc1) can hold copied frames beside others and be proven"
    prefix = (config[_PICTURE.size + 4] & 3) + 1
    begin, window = 0, memoryview(b"")
    for number, (offset, size) in enumerate(zip(samples.offset.tolist(), samples.size.tolist(), strict=True)):
        if offset < begin or offset + size > begin + len(window):
            begin, window = offset, memoryview(read(offset, max(size, READ_BYTES)))
        try:
            if _SETS & set(_kinds(window[offset - begin : offset - begin + size], prefix)):
                return f"sample {number} sets parameters by the way"
        except ValueError as error:
            return f"sample {number} cannot be read: {error}"
    return None


def begins_anew(config: bytes, sample: bytes, *, sync: bool) -> bool:
    """
    Say whether nothing before this sample is needed to decode it and what follows.

    Of H.264 its first slice is an instantaneous refresh (type 5); of other codecs the container's mark counts.
    """
    if not sync or len(config) <= _PICTURE.size + 4 or config[4:8] not in _H264:
        return sync
    try:
        kinds = list(_kinds(memoryview(sample), (config[_PICTURE.size + 4] & 3) + 1))
    except ValueError:
        return False
    return next((kind for kind in kinds if 1 <= kind <= _REFRESH), 0) == _REFRESH


def _kinds(sample: memoryview, prefix: int) -> Iterable[int]:
    at, end = 0, len(sample)
    while at < end:
        length = int.from_bytes(sample[at : at + prefix], "big")
        at += prefix
        if length == 0 or at + length > end:
            raise ValueError(f"a unit of {length} bytes does not fit")
        yield sample[at] & 31
        at += length
