"""Put the uncompressed sound that lies between recovered pictures beside them, in a form that players take."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.errors import DiskFull, ToolFailed
from services.media.facts import Stream
from services.media.programs import MEMORY_BYTES, ffmpeg_path, file_name
from services.media.sandbox import Limits, run_program

_FORMATS: Final = {
    "pcm_s16le": "s16le",
    "pcm_s16be": "s16be",
    "pcm_s24le": "s24le",
    "pcm_s32le": "s32le",
    "pcm_f32le": "f32le",
    "pcm_u8": "u8",
    "pcm_alaw": "alaw",
    "pcm_mulaw": "mulaw",
}
"""Samples without any head or sizes, and how ffmpeg calls them."""

BIT_RATE: Final = 96_000
_BLOCK: Final = 1 << 20


def raw_format(stream: Stream) -> str | None:
    """Give ffmpeg's name of a stream's samples; None where they cannot be read without a container."""
    return _FORMATS.get(stream.codec) if stream.channels and stream.sample_rate else None


def add_sound(original: Path, gaps: Sequence[tuple[int, int]], stream: Stream, target: Path) -> None:
    """
    Encode the bytes of `gaps` of the original as the sound of `target`, whose pictures are copied.

    Raises:
        ToolFailed, DeadlinePassed: the program failed; `target` is as it was.
        DiskFull: there was no room.
    """
    raw, mixed = target.with_name("sound.raw"), target.with_name("with-sound.mp4")
    with original.open("rb") as source, raw.open("wb") as out:
        for low, high in gaps:
            for at in range(low, high, _BLOCK):
                out.write(os.pread(source.fileno(), min(_BLOCK, high - at), at))
    size = raw.stat().st_size + target.stat().st_size
    command = [
        str(ffmpeg_path()), "-hide_banner", "-nostdin", "-v", "error", "-y", "-protocol_whitelist", "file",
        *("-f", "mov", "-i", file_name(target), "-f", raw_format(stream) or "", "-ar", str(stream.sample_rate)),
        *("-ac", str(stream.channels), "-protocol_whitelist", "file", "-i", file_name(raw)),
        *("-map", "0:v:0", "-map", "1:a:0", "-c:v", "copy", "-c:a", "aac", "-b:a", str(BIT_RATE), "-threads", "1"),
        *("-movflags", "+frag_keyframe+delay_moov+default_base_moof", "-f", "mp4", file_name(mixed)),
    ]  # fmt: skip
    limits = Limits(
        wall_s=300 + size / 2**20, cpu_s=300 + size // 2**20, memory_bytes=MEMORY_BYTES, file_bytes=2 * size + 2**24
    )
    outcome = run_program(command, limits=limits, readable=[target, raw], writable=target.parent)
    raw.unlink(missing_ok=True)
    if "No space left on device" in outcome.last_words:
        raise DiskFull("there was no room to put sound beside recovered pictures")
    if outcome.status != 0 or not mixed.is_file():
        raise ToolFailed(f"ffmpeg ended with status {outcome.status}: {outcome.last_words[-300:]}")
    mixed.replace(target)
