"""
Decide from the bytes what a file is, before any library or program sees it.

Text that makes a reader open other files (playlists, scripts) is refused here, at the beginning of a
file and hidden in the first part of another container: FFmpeg opened local files named in an ffconcat
script and in a DASH manifest saved as `.mp4` (knowledge/media 5.1).
"""

from collections.abc import Callable
from dataclasses import dataclass

from services.errors import EmptyFile, HostileMedia, NotMedia
from services.media.boxes import Read


@dataclass(frozen=True, slots=True)
class Container:
    """Name a kind of file: our own word, and the one demuxer of libav that may read it (`-f`)."""

    name: str
    demuxer: str

    @property
    def has_boxes(self) -> bool:
        """Say whether our own box reader reads it."""
        return self.demuxer == "mov"


MP4, MOV, THREE_GP = Container("mp4", "mov"), Container("mov", "mov"), Container("3gp", "mov")
MATROSKA, WEBM = Container("matroska", "matroska"), Container("webm", "matroska")
AVI, WAV, OGG, FLV = Container("avi", "avi"), Container("wav", "wav"), Container("ogg", "ogg"), Container("flv", "flv")
MPEG_TS, MPEG_PS = Container("mpegts", "mpegts"), Container("mpegps", "mpeg")
MP3, AAC, AMR = Container("mp3", "mp3"), Container("aac", "aac"), Container("amr", "amr")

CONTAINERS = (MP4, MOV, THREE_GP, MATROSKA, WEBM, AVI, WAV, OGG, FLV, MPEG_TS, MPEG_PS, MP3, AAC, AMR)
BY_NAME = {container.name: container for container in CONTAINERS}

FIRST_PART_BYTES = 1 << 20
"""How far hidden playlists are looked for; a demuxer probes no further."""

_SCRIPTS = (
    *(b"#extm3u", b"#ext-x-", b"ffconcat", b"<?xml", b"<mpd", b"[playlist]", b"[reference]", b"v=0", b"<asx", b"<smil"),
    b"<smoothstreamingmedia",
)
_HIDDEN = (b"#EXTM3U", b"#EXT-X-", b"ffconcat version")
"""Long enough never to appear in a megabyte of coded pictures by chance (2⁻³⁶ for the shortest)."""

_LEADING = b"\xef\xbb\xbf\xff\xfe \t\r\n\x0b\x0c\0"
_FIRST_BOXES = frozenset({b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid"})
_STILL_BRANDS = frozenset({b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"crx "})


def recognise(read: Read, size: int) -> Container:
    """
    Name the container of a file from its first megabyte.

    Raises:
        EmptyFile: it has no byte, or nothing but zeros where it was looked at.
        HostileMedia: it is, or hides, text that names other files.
        NotMedia: it is of no kind known here.
    """
    head = read(0, min(size, FIRST_PART_BYTES))
    if not head.strip(b"\0") and not any(read(at, 4096).strip(b"\0") for at in (size // 2, max(size - 4096, 0))):
        raise EmptyFile(f"the file has {size} bytes, none of them other than zero")
    _refuse_scripts(head)
    for look in _LOOKS:
        container = look(head, size)
        if container is not None:
            return container
    raise NotMedia(f"the file begins with {head[:12]!r}, as no container known here does")


def _refuse_scripts(head: bytes) -> None:
    start = head[:256].lstrip(_LEADING).replace(b"\0", b"").lower()
    script = next((text for text in _SCRIPTS if start.startswith(text)), None)
    if script is not None:
        raise HostileMedia(f"the file begins as a list of other files ({script.decode()}), not as a recording")
    hidden = next((text for text in _HIDDEN if text in head), None)
    if hidden is not None:
        raise HostileMedia(f"the file hides a list of other files ({hidden.decode()}) at byte {head.index(hidden)}")


def _boxes(head: bytes, size: int) -> Container | None:
    """Source: ISO/IEC 14496-12 section 4.3; QuickTime files may begin with any of these."""
    kind, length = head[4:8], int.from_bytes(head[:4], "big")
    if kind not in _FIRST_BOXES or 1 < length < 8:
        return None
    if kind in {b"free", b"skip", b"wide", b"pnot", b"uuid"} and not length <= size:
        return None  # "The free lunch" is a text
    brand = head[8:12]
    if kind != b"ftyp":
        return MOV if kind in {b"wide", b"pnot", b"mdat", b"moov", b"skip", b"free"} else MP4
    if brand in _STILL_BRANDS:
        raise NotMedia(f"the file is a picture ({brand.decode()}), not a recording")
    if brand.startswith((b"3gp", b"3g2", b"3ge", b"3gr", b"3gs")):
        return THREE_GP
    return MOV if brand == b"qt  " else MP4


def _ebml(head: bytes, _size: int) -> Container | None:
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    return WEBM if b"webm" in head[:128] else MATROSKA


def _riff(head: bytes, _size: int) -> Container | None:
    if head[:4] == b"RIFF" and head[8:12] in {b"AVI ", b"AVIX"}:
        return AVI
    return WAV if head[:4] in {b"RIFF", b"RF64"} and head[8:12] == b"WAVE" else None


def _marked(head: bytes, _size: int) -> Container | None:
    marks = {b"OggS": OGG, b"FLV\x01": FLV, b"\0\0\x01\xba": MPEG_PS, b"#!AMR\n": AMR, b"#!AMR-WB\n": AMR}
    return next((container for mark, container in marks.items() if head.startswith(mark)), None)


def _transport(head: bytes, _size: int) -> Container | None:
    """Find the sync byte of several packets in a row; a recording may begin inside one. Source: ISO/IEC 13818-1."""
    for step in (188, 192, 204):
        for lead in range(step):
            marks = head[lead : lead + step * 8 : step]
            if marks[:1] == b"\x47" and len(marks) >= 3 + (lead not in {0, 4}) * 2 and not marks.strip(b"\x47"):
                return MPEG_TS
    return None


def _sound(head: bytes, size: int) -> Container | None:
    """Find two frames of MPEG sound in a row, after ID3 tags. Source: ISO/IEC 11172-3, ISO/IEC 14496-3, id3.org."""
    at = 0
    while head[at : at + 3] == b"ID3" and len(head) >= at + 10:
        a, b, c, d = head[at + 6 : at + 10]
        at += 10 + (a << 21 | b << 14 | c << 7 | d)
        if at >= len(head):
            return MP3 if at < size else None  # a long picture lies in the tag
    for container, length_of in ((AAC, _adts_bytes), (MP3, _mpeg_sound_bytes)):
        first = length_of(head[at : at + 6])
        if first and (at + first >= size or length_of(head[at + first : at + first + 6])):
            return container
    return None


def _adts_bytes(head: bytes) -> int:
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else 0


_RATES_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_RATES_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)


def _mpeg_sound_bytes(head: bytes) -> int:
    """Give the length of a layer III frame, 0 if it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, place, speed, padding = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or speed == 3:
        return 0
    rate = (_RATES_MPEG1 if version == 3 else _RATES_MPEG2)[place] * 1000
    sampling = (44100, 48000, 32000)[speed] >> {3: 0, 2: 1, 0: 2}[version]
    return (144 if version == 3 else 72) * rate // sampling + padding if rate else 0


_LOOKS: tuple[Callable[[bytes, int], Container | None], ...] = (_boxes, _ebml, _riff, _marked, _transport, _sound)
