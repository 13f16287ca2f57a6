"""Know where ffmpeg is, which build it is, and how it must be called on a file that nobody vouches for."""

import functools
import logging
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg

from services.errors import Misconfigured, ToolFailed, Unplayable
from services.media.containers import BY_NAME
from services.media.facts import ALLOWED_DECODERS, MediaFacts
from services.media.sandbox import Limits, run_program

log = logging.getLogger(__name__)

MOST_PIXELS = 36_000_000
"""Largest picture that is decoded: 8K with room. Source: knowledge/media 5.2."""
MEMORY_BYTES = 4 << 30
"""Address space of ffmpeg; 1080p takes 0.4 GB, 2160p HEVC with an encoder 1.5 GB. Source: knowledge/media 5.2."""

_QUERY = Limits(wall_s=20, cpu_s=10, memory_bytes=MEMORY_BYTES, file_bytes=0)
_chosen: list[Path] = []


def choose_ffmpeg(path: Path) -> None:
    """
    Use another build than the one pinned in the wheel; called once, by bootstrap, when a setting says so.

    Raises:
        Misconfigured: there is no such file.
    """
    if not path.is_file():
        raise Misconfigured(f"the ffmpeg of the settings is not there: {path}; name an executable file")
    _chosen[:] = [path.resolve()]
    version_of.cache_clear()


def ffmpeg_path() -> Path:
    """
    Give the ffmpeg to run.

    Raises:
        Misconfigured: the package that carries it has none for this machine.
    """
    if _chosen:
        return _chosen[0]
    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe()).resolve()
    except RuntimeError as error:
        raise Misconfigured("imageio-ffmpeg carries no ffmpeg for this machine; set one in the settings") from error


def ffmpeg_version() -> str:
    """Give the version as the program states it, such as `9.0.2-static`; part of every recipe."""
    return version_of(ffmpeg_path())


@functools.cache
def version_of(program: Path) -> str:
    """
    Ask one build for its version.

    Raises:
        ToolFailed: it does not answer as ffmpeg does.
    """
    words = next((line.split() for line in _lines(program, "-version")), [])
    if words[:2] != ["ffmpeg", "version"] or len(words) < 3:
        raise ToolFailed(f"{program} does not answer as ffmpeg does: {' '.join(words)[:200]!r}")
    return words[2]


def missing_decoders() -> list[str]:
    """List the decoders of our list that this build lacks, for `huisu doctor`. Empty is well."""
    present = {words[1] for line in _lines(ffmpeg_path(), "-decoders") if len(words := line.split()) > 1}
    return sorted(ALLOWED_DECODERS - present)


def _lines(program: Path, question: str) -> list[str]:
    lines: list[str] = []

    def keep(line: str) -> bool:
        lines.append(line)
        return True

    run_program([str(program), "-hide_banner", question], limits=_QUERY, on_line=keep)
    return lines


def demuxer_of(facts: MediaFacts) -> str:
    """
    Give the one demuxer that may read this file.

    Raises:
        Unplayable: our reader does not know its container, so no program is let at it.
    """
    container = BY_NAME.get(facts.container)
    if container is None:
        raise Unplayable(f"no program may read a container of kind {facts.container!r}")
    return container.demuxer


def guarded_input(original: Path, facts: MediaFacts, **more: object) -> Any:
    """
    Open an original for ffmpeg as what our own reader found it to be, and as nothing else.

    A forced demuxer and the white lists keep playlists inside evidence from opening other files;
    the name is absolute and has a protocol, so it is never an option nor a pattern.
    """
    demuxer = demuxer_of(facts)
    options: dict[str, object] = {
        "f": demuxer,
        "protocol_whitelist": "file",
        "format_whitelist": demuxer,
        "codec_whitelist": ",".join(sorted(ALLOWED_DECODERS)),
        "max_pixels": MOST_PIXELS,
        "threads": 1,
    }
    return ffmpeg.input(file_name(original), **(options | more))


def file_name(path: Path) -> str:
    """Name a file so that no program takes it for an option, a protocol or a pattern."""
    return f"file:{path.absolute()}"


def command(outputs: Any, *leading: str) -> list[str]:
    """Build the argument list that makes `outputs`; `leading` are options of the whole program."""
    program, *arguments = ffmpeg.compile(outputs, cmd=str(ffmpeg_path()))
    return [program, "-hide_banner", "-nostdin", "-y", *leading, *arguments]


def seconds_text(seconds: Fraction) -> str:
    """Print seconds for an option of ffmpeg, which keeps microseconds; rounded to the nearest."""
    return f"{float(round(seconds * 1_000_000)) / 1_000_000:.6f}"
