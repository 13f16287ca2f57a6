"""Make the footage that benchmarks work on, by the pinned ffmpeg."""

from pathlib import Path

from services.errors import ToolFailed
from services.media.programs import ffmpeg_path, file_name
from services.media.sandbox import Limits, run_program


def make_sample(target: Path, *, seconds: float, size: tuple[int, int], rate: int, bits_per_s: int) -> Path:
    """
    Make an H.264/AAC MP4 with moving, noisy pictures, its index last, at about `bits_per_s`.

    Raises:
        ToolFailed: ffmpeg did not make it.
    """
    width, height = size
    source = f"testsrc2=s={width}x{height}:r={rate}:d={seconds},noise=alls=24:allf=t,format=yuv420p"
    sound = f"anoisesrc=c=pink:r=48000:a=0.3:seed=7:d={seconds}"
    command = [
        str(ffmpeg_path()), "-hide_banner", "-nostdin", "-v", "error", "-y",
        *("-f", "lavfi", "-i", source, "-f", "lavfi", "-i", sound),
        *("-c:v", "libx264", "-preset", "ultrafast", "-g", str(rate), "-b:v", str(bits_per_s)),
        *("-maxrate", str(bits_per_s), "-bufsize", str(bits_per_s), "-c:a", "aac", "-b:a", "96k"),
        file_name(target),
    ]  # fmt: skip
    limits = Limits(wall_s=1800, cpu_s=1800, memory_bytes=4 << 30, file_bytes=1 << 30)
    outcome = run_program(command, limits=limits, writable=target.parent)
    if outcome.status != 0 or not target.is_file():
        raise ToolFailed(f"ffmpeg made no sample: status {outcome.status}: {outcome.last_words}")
    return target


def make_looped(
    target: Path,
    *,
    seconds: float,
    times: int,
    rate: int,
    size: tuple[int, int] = (128, 72),
    bits_per_s: int = 300_000,
) -> Path:
    """
    Make an MP4 of `seconds`, encoded once, and put its packets `times` behind each other; the index lies at the end.

    Raises:
        ToolFailed: ffmpeg did not make it.
    """
    once = make_sample(target.with_name("once.mp4"), seconds=seconds, size=size, rate=rate, bits_per_s=bits_per_s)
    command = [
        *(str(ffmpeg_path()), "-hide_banner", "-nostdin", "-v", "error", "-y"),
        *("-stream_loop", str(times - 1), "-i", file_name(once), "-map", "0", "-c", "copy", file_name(target)),
    ]
    limits = Limits(wall_s=1800, cpu_s=1800, memory_bytes=4 << 30, file_bytes=16 << 30)
    outcome = run_program(command, limits=limits, readable=[once], writable=target.parent)
    once.unlink()
    if outcome.status != 0 or not target.is_file():
        raise ToolFailed(f"ffmpeg looped no sample: status {outcome.status}: {outcome.last_words}")
    return target
