"""Describe a fragmented MP4 that we made, so that its playlist needs no look into the file."""

from pathlib import Path
from typing import Any

from services.ingest.publish import Made
from services.media.fragments import fragments


def fragmented(kind: str, path: Path, recipe: dict[str, Any], facts: dict[str, Any] | None = None) -> Made:
    """
    Wrap a fragmented MP4 with the byte ranges of its init segment and fragments.

    `facts["fragments"]` lists `[offset, length, start, duration]`, times in seconds as fractions in text.
    """
    with path.open("rb") as file:

        def read(offset: int, length: int) -> bytes:
            file.seek(offset)
            return file.read(length)

        init, found = fragments(read, path.stat().st_size)
    table = [[one.offset, one.length, str(one.start), str(one.duration)] for one in found]
    return Made(
        kind, f"{kind}.mp4", recipe, "video/mp4", path=path, facts={**(facts or {}), "init": init, "fragments": table}
    )
