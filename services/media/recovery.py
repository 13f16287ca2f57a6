"""Look for pictures in a damaged file and try some of them: the part of `recover` that runs in a child process."""

import base64
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from services.errors import BadSampleTables, HuisuError, Unplayable
from services.media.avcc import read_configuration
from services.media.gopdecode import Coded, decoded, decoder
from services.media.nalscan import PREFIX, Bytes, Found, Scan, learn
from services.media.nalscan import Coded as Place
from services.media.parameters import SequenceSet, picture_set_ids
from services.media.slicehead import places_shown

TRIED_FIRST, TRIED_KEYS = 45, 8
"""Pictures from the beginning, and key frames all over the file, that are decoded to see whether they are pictures."""

_GREY, _FULL = 0, 3


def recover_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `recover.recover` inside the child."""
    config = base64.b64decode(request["config"])
    sets = _sets(config)
    with Path(request["reference"]).open("rb") as lent:
        rules = learn(
            Bytes(lent.fileno(), request["reference_bytes"]),
            [(offset, size) for offset, size in request["samples"]],
            sets,
            request["reach"],
        )
    if not rules.headers:
        raise Unplayable("no slice of the reference could be read")
    with Path(request["path"]).open("rb") as file:
        found = Scan(Bytes(file.fileno(), request["end"]), rules).run(request["begin"])
        tried, right = _tried(file.fileno(), found.pictures, config)
    return _answer(found, sets, tried, right)


def _sets(config: bytes) -> dict[int, SequenceSet]:
    """
    Read the sequence sets by the ids of the picture sets on them.

    Raises:
        Unplayable: pictures of this camera are written in a way that is not looked for.
    """
    try:
        known = read_configuration(config)
        by_number = {one.number: one for one in known.sets}
        sets = {picture: by_number[sequence] for picture, sequence in map(picture_set_ids, known.pictures)}
    except (BadSampleTables, KeyError) as error:
        raise Unplayable(f"the reference's parameter sets cannot be read: {error}") from error
    if known.length_bytes != PREFIX or not sets:
        raise Unplayable(f"lengths of {known.length_bytes} bytes are not looked for; {PREFIX} are")
    for one in sets.values():
        if not one.is_progressive or one.picture.chroma in {_GREY, _FULL} or one.order_type == 1:
            raise Unplayable("interlaced pictures, and those numbered by cycles, are not looked for")
    return sets


def _tried(number: int, pictures: Sequence[Place], config: bytes) -> tuple[int, int]:
    """Decode the first pictures in a row, and key frames all over; gives how many, and how many came out."""
    coded = [_coded(number, one, place) for place, one in enumerate(pictures[:TRIED_FIRST])]
    right = _decoded(coded, config)
    keys = [one for one in pictures[TRIED_FIRST:] if one.head.is_refresh]
    chosen = keys[:: max(len(keys) // TRIED_KEYS, 1)][:TRIED_KEYS]
    right += sum(_decoded([_coded(number, one, 0)], config) for one in chosen)
    return len(coded) + len(chosen), right


def _coded(number: int, place: Place, time: int) -> Coded:
    return Coded(os.pread(number, place.end - place.start, place.start), time)


def _decoded(coded: Sequence[Coded], config: bytes) -> int:
    count = 0
    try:
        for frame in decoded(decoder("h264", config, strict=True), coded, strict=True):
            count += not frame.is_corrupt
    except HuisuError:
        pass  # what came out until then counts
    return count


def _answer(found: Found, sets: Mapping[int, SequenceSet], tried: int, right: int) -> dict[str, Any]:
    pictures = found.pictures
    bits: Final = min(one.order_bits for one in sets.values())
    columns = {
        "start": [one.start for one in pictures],
        "size": [one.end - one.start for one in pictures],
        "sync": [int(one.head.is_refresh) for one in pictures],
        "place": places_shown([one.head for one in pictures], bits),
    }
    packed = {name: base64.b64encode(np.array(column, "<i8").tobytes()).decode() for name, column in columns.items()}
    return packed | {"holes": [list(hole) for hole in found.holes], "tried": tried, "decoded": right}
