"""Read from a sample description which codec a track needs and what its configuration says."""

from dataclasses import dataclass

from services.errors import BadSampleTables
from services.media.boxes import Node
from services.media.parameters import picture_of_h264

PICTURES = {
    **dict.fromkeys((b"avc1", b"avc3"), "h264"),
    **dict.fromkeys((b"hvc1", b"hev1", b"dvh1", b"dvhe"), "hevc"),
    **dict.fromkeys((b"s263", b"h263", b"H263"), "h263"),
    **dict.fromkeys((b"jpeg", b"mjpa", b"AVDJ"), "mjpeg"),
    **dict.fromkeys((b"m2v1", b"mpg2", b"mp2v"), "mpeg2video"),
    **dict.fromkeys((b"m1v1", b"m1v ", b"mpeg"), "mpeg1video"),
    **dict.fromkeys((b"DIVX", b"XVID", b"3IV2"), "mpeg4"),
    b"av01": "av1",
    b"vp08": "vp8",
    b"vp09": "vp9",
}
SOUNDS = {
    b".mp3": "mp3",
    b"ms\x00\x55": "mp3",
    b"samr": "amr_nb",
    b"sawb": "amr_wb",
    b"alaw": "pcm_alaw",
    b"ulaw": "pcm_mulaw",
    b"ac-3": "ac3",
    b"ec-3": "eac3",
    b"Opus": "opus",
    b"ms\x00\x11": "adpcm_ima_wav",
    b"ima4": "adpcm_ima_qt",
    b"fLaC": "flac",
    b"alac": "alac",
}
"""libav's codec names by the four characters of a sample entry. Source: mp4ra.org, QuickTime File Format."""

_OBJECTS = {
    0x20: "mpeg4",
    **dict.fromkeys(range(0x60, 0x66), "mpeg2video"),
    0x6A: "mpeg1video",
    0x6C: "mjpeg",
    **dict.fromkeys((0x40, 0x66, 0x67, 0x68), "aac"),
    **dict.fromkeys((0x69, 0x6B), "mp3"),
    0xA5: "ac3",
    0xA6: "eac3",
    0xAD: "opus",
    0xDD: "vorbis",
}
"""Codecs by object type indication of an `esds`. Source: mp4ra.org, object types."""

_H264_PROFILES = {66: "Baseline", 77: "Main", 88: "Extended", 100: "High", 110: "High 10", 122: "High 4:2:2"} | {
    244: "High 4:4:4 Predictive"
}
_HEVC_PROFILES = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Rext"}
_AAC_PROFILES = {1: "Main", 2: "LC", 3: "SSR", 4: "LTP", 5: "HE-AAC", 29: "HE-AACv2", 23: "LD", 39: "ELD"}
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
"""Source: ISO/IEC 14496-3 table 1.18."""
_CHROMA = ("gray", "yuv420p", "yuv422p", "yuv444p")


@dataclass(frozen=True, slots=True)
class Codec:
    """
    Say how a track is coded. `fourcc` is the entry's name in the file, `name` libav's name for its codec.

    `config` is the payload of the configuration box (`avcC`, `hvcC`, `esds`, …), b"" without one.
    `frame_bytes` is the size of one sample of all channels of uncompressed sound, else None.
    """

    fourcc: bytes
    name: str
    config: bytes = b""
    profile: str | None = None
    level: int | None = None
    width: int | None = None
    height: int | None = None
    pixel_format: str | None = None
    bit_depth: int | None = None
    channels: int | None = None
    sample_rate: int | None = None
    frame_bytes: int | None = None


def codec_of(handler: bytes, stsd: Node) -> Codec:
    """
    Read the first sample description of a track.

    Raises:
        BadSampleTables: there is none, or it is too short for what it must hold.
    """
    entry = next(stsd.children(skip=8), None)
    if entry is None:
        raise BadSampleTables("the track has no sample description")
    if handler == b"vide":
        return _picture(entry)
    if handler == b"soun":
        return _sound(entry)
    return Codec(entry.kind, _text(entry.kind))


def _text(fourcc: bytes) -> str:
    return fourcc.decode("latin-1").strip().lower() if fourcc.strip(b"\0 ") else "none"


def _picture(entry: Node) -> Codec:
    width, height = entry.number(24, 2), entry.number(26, 2)
    boxes = {child.kind: child for child in entry.children(skip=78)}
    name = PICTURES.get(entry.kind, _text(entry.kind))
    plain = Codec(entry.kind, name, width=width, height=height)
    if name == "h264" and b"avcC" in boxes:
        return _h264(plain, boxes[b"avcC"])
    if name == "hevc" and b"hvcC" in boxes:
        return _hevc(plain, boxes[b"hvcC"])
    if name == "av1" and b"av1C" in boxes:
        return _av1(plain, boxes[b"av1C"])
    if name == "vp9" and b"vpcC" in boxes:
        return _vp9(plain, boxes[b"vpcC"])
    if entry.kind == b"mp4v" and b"esds" in boxes:
        kind, _ = _descriptors(boxes[b"esds"])
        return Codec(entry.kind, _OBJECTS.get(kind, "mp4v"), bytes(boxes[b"esds"].body), width=width, height=height)
    return plain


def _h264(plain: Codec, box: Node) -> Codec:
    profile, level = box.number(1, 1), box.number(3, 1)
    picture = picture_of_h264(box.bytes(8, box.number(6, 2))) if box.number(5, 1) & 31 else None
    depth = picture.bit_depth if picture else 8
    return Codec(
        plain.fourcc,
        plain.name,
        bytes(box.body),
        profile=_H264_PROFILES.get(profile, str(profile)),
        level=level,
        width=picture.width if picture else plain.width,
        height=picture.height if picture else plain.height,
        pixel_format=_format(picture.chroma if picture else 1, depth),
        bit_depth=depth,
    )


def _hevc(plain: Codec, box: Node) -> Codec:
    profile, depth = box.number(1, 1) & 31, (box.number(17, 1) & 7) + 8
    return Codec(
        plain.fourcc,
        plain.name,
        bytes(box.body),
        profile=_HEVC_PROFILES.get(profile, str(profile)),
        level=box.number(12, 1),
        width=plain.width,
        height=plain.height,
        pixel_format=_format(box.number(16, 1) & 3, depth),
        bit_depth=depth,
    )


def _av1(plain: Codec, box: Node) -> Codec:
    first, second = box.number(1, 1), box.number(2, 1)
    depth = (12 if second & 0x20 else 10) if second & 0x40 else 8
    chroma = 0 if second & 0x10 else {0: 3, 2: 2, 3: 1}.get(second >> 2 & 3, 3)
    return Codec(
        plain.fourcc,
        plain.name,
        bytes(box.body),
        profile=("Main", "High", "Professional")[min(first >> 5, 2)],
        level=first & 31,
        width=plain.width,
        height=plain.height,
        pixel_format=_format(chroma, depth),
        bit_depth=depth,
    )


def _vp9(plain: Codec, box: Node) -> Codec:
    depth, chroma = box.number(6, 1) >> 4, box.number(6, 1) >> 1 & 7
    return Codec(
        plain.fourcc,
        plain.name,
        bytes(box.body),
        profile=f"Profile {box.number(4, 1)}",
        level=box.number(5, 1),
        width=plain.width,
        height=plain.height,
        pixel_format=_format({0: 1, 1: 1, 2: 2, 3: 3}.get(chroma, 1), depth),
        bit_depth=depth,
    )


def _format(chroma: int, depth: int) -> str:
    name = _CHROMA[chroma & 3]
    return name if depth == 8 else f"{name}{depth}le"


def _sound(entry: Node) -> Codec:
    version, channels, bits = entry.number(8, 2), entry.number(16, 2), entry.number(18, 2)
    rate = entry.number(24, 2)
    if version == 2:  # QuickTime's description of uncompressed sound in any form
        return _described_sound(entry)
    boxes = {child.kind: child for child in entry.children(skip=28 + (16 if version == 1 else 0))}
    wave = boxes.get(b"wave")
    esds = boxes.get(b"esds") or (wave.child(b"esds") if wave else None)
    if esds is not None:
        return _aac(entry.kind, esds, channels, rate)
    little = wave is not None and (enda := wave.child(b"enda")) is not None and enda.number(0, 2) != 0
    name = SOUNDS.get(entry.kind) or _plain(entry.kind, bits, little=little) or _text(entry.kind)
    bits = {"pcm_alaw": 8, "pcm_mulaw": 8, "pcm_s24be": 24, "pcm_s24le": 24, "pcm_s32be": 32, "pcm_s32le": 32}.get(
        name, bits
    )
    frame = channels * bits // 8 if name.startswith("pcm_") else None
    return Codec(entry.kind, name, channels=channels, sample_rate=rate, frame_bytes=frame)


def _plain(fourcc: bytes, bits: int, *, little: bool) -> str | None:
    """Name uncompressed sound of QuickTime's older kind."""
    order = "le" if little else "be"
    if fourcc in {b"sowt", b"twos"}:
        return "pcm_s8" if bits == 8 else f"pcm_s16{'le' if fourcc == b'sowt' else 'be'}"
    table = {b"raw ": "pcm_u8", b"in24": f"pcm_s24{order}", b"in32": f"pcm_s32{order}", b"fl32": f"pcm_f32{order}"}
    return table.get(fourcc)


def _described_sound(entry: Node) -> Codec:
    """Source: QuickTime File Format, sound sample description version 2."""
    raw_rate = entry.array(32, 1, ">f8")[0]
    channels, bits, flags = entry.number(40, 4), entry.number(48, 4), entry.number(52, 4)
    frame = entry.number(56, 4)
    boxes = {child.kind: child for child in entry.children(skip=64)}
    rate = int(raw_rate) if 0 < raw_rate < 10**7 else None
    if entry.kind == b"lpcm":
        order, sort = ("be" if flags & 2 else "le"), ("f" if flags & 1 else "s")
        return Codec(
            entry.kind, f"pcm_{sort}{bits}{order}", channels=channels, sample_rate=rate, frame_bytes=frame or None
        )
    wave = boxes.get(b"wave")
    esds = boxes.get(b"esds") or (wave.child(b"esds") if wave else None)
    if esds is not None:
        return _aac(entry.kind, esds, channels, rate or 0)
    return Codec(entry.kind, SOUNDS.get(entry.kind, _text(entry.kind)), channels=channels, sample_rate=rate)


def _aac(fourcc: bytes, esds: Node, channels: int, rate: int) -> Codec:
    kind, specific = _descriptors(esds)
    name, profile = _OBJECTS.get(kind, "mp4a"), None
    if name == "aac" and len(specific) >= 2:
        bits = int.from_bytes(specific[:2], "big")
        form, place, layout = bits >> 11, bits >> 7 & 15, bits >> 3 & 15
        profile = _AAC_PROFILES.get(form, str(form))
        rate = _AAC_RATES[place] if place < len(_AAC_RATES) else rate
        channels = {0: channels, 7: 8}.get(layout, layout)
    return Codec(fourcc, name, bytes(esds.body), profile=profile, channels=channels, sample_rate=rate or None)


def decoder_config(codec: Codec) -> bytes:
    """Give what a decoder is told, without the rates that a writer notes beside it in an `esds`."""
    if codec.fourcc not in {b"mp4v", b"mp4a"} or not codec.config:
        return codec.config
    kind, specific = _descriptors(Node(b"esds", memoryview(codec.config)))
    return bytes([kind]) + specific


def _descriptors(esds: Node) -> tuple[int, bytes]:
    """Give object type and decoder configuration of an `esds`. Source: ISO/IEC 14496-1 section 7.2.6."""
    kind, at, end = 0, 4, len(esds)
    for _ in range(16):
        if at + 2 > end:
            break
        tag, at = esds.number(at, 1), at + 1
        length = 0
        for _ in range(4):
            part, at = esds.number(at, 1), at + 1
            length = length << 7 | part & 127
            if part < 128:
                break
        if tag == 3:  # ES_Descriptor: its fields, then the descriptors inside
            flags, at = esds.number(at + 2, 1), at + 3
            at += (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
            at += esds.number(at, 1) + 1 if flags & 0x40 else 0
        elif tag == 4:  # DecoderConfigDescriptor
            kind, at = esds.number(at, 1), at + 13
        elif tag == 5:  # DecoderSpecificInfo
            return kind, esds.bytes(at, length)
        else:
            at += length
    return kind, b""
