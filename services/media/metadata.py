"""Read from a container when and where it says that it was recorded; absurd answers are none."""

import re
from datetime import UTC, datetime, timedelta

from services.errors import MediaError
from services.media.boxes import Node

_MAC_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""No digital camera recorded files before; a clock that was never set says 1904, 1970 or 1980."""

_PLACE = re.compile(r"([+-][0-9]{2,6}(?:\.[0-9]{1,12})?)([+-][0-9]{3,7}(?:\.[0-9]{1,12})?)")
_METADATA_BYTES = 1024


def plausible(moment: datetime | None) -> datetime | None:
    """Give a container's time in UTC, or None where no camera clock can have meant it."""
    if moment is None:
        return None
    moment = moment.astimezone(UTC)
    return moment if _EARLIEST <= moment < _LATEST else None


def parse_moment(text: str) -> datetime | None:
    """Read the time of a metadata field, such as `2020-12-30T13:45:00+0200`; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    try:
        return plausible(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except OverflowError:
        return None


def parse_place(text: str) -> tuple[float, float] | None:
    """
    Read latitude and longitude in degrees from ISO 6709 text such as `+37.7450-122.4301+010.000/`.

    0 north 0 east is what cameras write without a fix, so it is no place.
    """
    found = _PLACE.match(text.strip())
    if found is None:
        return None
    latitude, longitude = _degrees(found[1], 2), _degrees(found[2], 3)
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _degrees(text: str, whole: int) -> float | None:
    """Read ±D, ±DM or ±DMS, told apart by the count of digits before the point. Source: ISO 6709 annex H."""
    sign, digits = (-1 if text[0] == "-" else 1), text[1:]
    before = digits.partition(".")[0]
    if len(before) == whole:
        return sign * float(digits)
    if len(before) == whole + 2:
        return round(sign * (int(digits[:whole]) + float(digits[whole:]) / 60), 9)
    if len(before) == whole + 4:
        minutes, seconds = int(digits[whole : whole + 2]), float(digits[whole + 2 :])
        return round(sign * (int(digits[:whole]) + minutes / 60 + seconds / 3600), 9)
    return None


def recorded_at(moov: Node) -> datetime | None:
    """Read when the movie says it was made, in UTC."""
    mvhd = moov.need(b"mvhd")
    seconds = mvhd.number(4, 8) if mvhd.number(0, 1) == 1 else mvhd.number(4, 4)
    if seconds < 1 << 33:
        moment = plausible(_MAC_EPOCH + timedelta(seconds=seconds))
        if moment:
            return moment
    try:
        text = _keyed(moov).get("com.apple.quicktime.creationdate", "")
    except MediaError:
        return None
    return parse_moment(text)


def location(moov: Node) -> tuple[float, float] | None:
    """Read where the movie says it was made; damaged metadata says nothing."""
    try:
        udta = moov.child(b"udta")
        if udta is not None:
            for child in udta.children():
                place = _place_in(child)
                if place:
                    return place
        return parse_place(_keyed(moov).get("com.apple.quicktime.location.ISO6709", ""))
    except MediaError:
        return None


def _place_in(box: Node) -> tuple[float, float] | None:
    if box.kind == b"\xa9xyz":
        return parse_place(box.bytes(4, min(box.number(0, 2), len(box) - 4)).decode("latin-1"))
    if box.kind == b"loci":  # Source: 3GPP TS 26.244 section 8.13; the name ends with a zero
        after = bytes(box.body[6:_METADATA_BYTES]).find(b"\0") + 8
        longitude, latitude = (box.number(at, 4, signed=True) / 65536 for at in (after, after + 4))
        known = after > 7 and (latitude, longitude) != (0, 0)
        return (latitude, longitude) if known and abs(latitude) <= 90 and abs(longitude) <= 180 else None
    return None


def _keyed(moov: Node) -> dict[str, str]:
    """Read QuickTime's keyed metadata. Source: QuickTime File Format, metadata atoms."""
    meta = moov.child(b"meta")
    if meta is None:
        return {}
    skip = 0 if bytes(meta.body[4:8]) == b"hdlr" else 4  # ISO made it a box with version and flags
    boxes = {child.kind: child for child in meta.children(skip)}
    if b"keys" not in boxes or b"ilst" not in boxes:
        return {}
    names = [bytes(key.body[:_METADATA_BYTES]).decode("utf-8", "replace") for key in boxes[b"keys"].children(skip=8)]
    found = {}
    for item in boxes[b"ilst"].children():
        number, value = int.from_bytes(item.kind, "big"), item.child(b"data")
        if value is not None and 1 <= number <= len(names) and value.number(0, 4) == 1:
            found[names[number - 1]] = bytes(value.body[8:_METADATA_BYTES]).decode("utf-8", "replace")
    return found
