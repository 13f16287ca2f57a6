"""Read what was written as strangers do: libav's packets, ffmpeg's complaints."""

import hashlib
import io
import subprocess
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg

from services.media.virtual import VirtualFile


def content_of(file: VirtualFile, original: bytes) -> bytes:
    """Give the bytes of a virtual file of one original."""
    return b"".join(p if isinstance(p, bytes) else original[p.offset : p.end] for p in file.pieces)


def packets(source: Path | bytes) -> Mapping[int, list[tuple[str, Fraction]]]:
    """Give digest and presentation time of each packet of pictures and sound, by its stream, as libav reads them."""
    opened = io.BytesIO(source) if isinstance(source, bytes) else str(source)
    found: dict[int, list[tuple[str, Fraction]]] = {}
    with av.open(opened, "r") as container:
        for stream in container.streams:
            if stream.type in {"video", "audio"}:
                found[stream.index] = []
        for packet in container.demux(*[container.streams[n] for n in found]):
            if packet.size and packet.pts is not None and packet.time_base is not None:
                digest = hashlib.sha256(bytes(packet)).hexdigest()
                found[packet.stream_index].append((digest, packet.pts * packet.time_base))
    return found


def sound_bytes(source: Path | bytes, index: int) -> bytes:
    """Give the bytes of a stream's packets together: of uncompressed sound, however it is cut into packets."""
    opened = io.BytesIO(source) if isinstance(source, bytes) else str(source)
    with av.open(opened, "r") as container:
        return b"".join(bytes(packet) for packet in container.demux(container.streams[index]))


def complaints(content: bytes, folder: Path) -> str:
    """Give what ffmpeg says while it decodes all of a file."""
    path = folder / "judged.mp4"
    path.write_bytes(content)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-v", "warning", "-i", f"file:{path}", "-map", "0:v?"]
    command += ["-map", "0:a?", "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr
