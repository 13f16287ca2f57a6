"""Write one decoded picture as a file that anybody can open: upright, in its true shape, as JPEG or PNG."""

import struct
import zlib
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final, Literal

from services.errors import Invalid, Unplayable

Form = Literal["jpeg", "png"]

MEDIA_TYPES: Final[Mapping[str, str]] = {"jpeg": "image/jpeg", "png": "image/png"}
QUALITY: Final = 92
WIDEST: Final = 8192

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES = len(_SIGNATURE) + 25
"""The signature and the `IHDR` chunk, which comes first. Source: PNG specification, third edition, section 5.6."""


def check_width(width: int | None) -> None:
    """Raise `Invalid` for a width that no picture is given in."""
    if width is not None and not 1 <= width <= WIDEST:
        raise Invalid(f"a still is 1 to {WIDEST} pixels wide, not {width}")


def picture_file(frame: Any, form: Form, *, shape: Fraction | None, rotation: int, width: int | None) -> bytes:
    """
    Write a decoded frame of libav's, turned clockwise by `rotation` degrees, `width` pixels wide if given.

    Raises:
        Unplayable: the picture cannot be written.
    """
    import cv2  # noqa: PLC0415  in the child only

    picture = frame.to_ndarray(format="bgr24")
    if shape and shape != 1:
        picture = cv2.resize(picture, (max(1, min(round(picture.shape[1] * float(shape)), 4 * WIDEST)), len(picture)))
    turn = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}.get(rotation)
    if turn is not None:
        picture = cv2.rotate(picture, turn)
    if width is not None and width != picture.shape[1]:
        height = max(1, round(picture.shape[0] * width / picture.shape[1]))
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    ending, options = (".jpg", [cv2.IMWRITE_JPEG_QUALITY, QUALITY]) if form == "jpeg" else (".png", [])
    done, coded = cv2.imencode(ending, picture, options)
    if not done:
        raise Unplayable(f"the frame could not be written as {form.upper()}")
    return bytes(coded)


def with_texts(png: bytes, texts: Mapping[str, str]) -> bytes:
    """
    Write texts into a PNG, each under its name, without touching the picture. Source: PNG specification, `iTXt`.

    Raises:
        Unplayable: these bytes are no PNG.
    """
    if not png.startswith(_SIGNATURE) or png[12:16] != b"IHDR":
        raise Unplayable("the picture that came back is no PNG")
    chunks = b"".join(
        _chunk(b"iTXt", name.encode("latin-1") + b"\0\0\0\0\0" + text.encode()) for name, text in texts.items()
    )
    return png[:_HEADER_BYTES] + chunks + png[_HEADER_BYTES:]


def texts_of(png: bytes) -> dict[str, str]:
    """Read the texts that `with_texts` wrote; chunks of other kinds are passed over."""
    found, at = {}, len(_SIGNATURE)
    while at + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, at)
        if png[at + 4 : at + 8] == b"iTXt":
            name, _, rest = png[at + 8 : at + 8 + length].partition(b"\0")
            found[name.decode("latin-1")] = rest[4:].decode()
        at += length + 12
    return found


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
