"""Give clips of recordings."""

from fractions import Fraction
from typing import Annotated

from fastapi import Query
from fastapi.responses import StreamingResponse

from services.api.actions.clip import Clip, clip
from services.api.admission import ArchiveDep, Who
from services.api.deps import Clock, ThingId
from services.api.registry import Routes
from services.api.sending import Stream, attachment
from services.api.wishes import Wished
from services.media.timecode import TimeRange

routes = Routes("clips")


@routes.declare(
    "GET", "/recordings/{id}/clip", action="recording.clip", about="recording", response_class=StreamingResponse,
    responses={200: {"content": {"video/mp4": {}}, "description": "the clip; its headers say what it holds"}},
)  # fmt: skip
def get_clip(
    recording: ThingId,
    wish: Wished,
    archive: ArchiveDep,
    who: Who,
    start: Annotated[Clock, Query(description="seconds or HH:MM:SS[.nnn]")] = Fraction(0),
    end: Annotated[Clock | None, Query(description="not included; absent: the recording's end")] = None,
    mode: Annotated[str, Query(max_length=40, description="exact or verbatim")] = "exact",
) -> Stream:
    """Give the stretch from `start` up to but not including `end` as MP4: exactly its frames, and nothing else."""
    made = clip(archive, who, recording, start, end, mode, wish)
    return Stream(made.blocks, 200, headers_of(made), "video/mp4")


def headers_of(made: Clip) -> dict[str, str]:
    """Say what a clip holds and how it was made; ranges are half-open, times rounded down to the microsecond."""
    return {
        "Huisu-Clip-Range": str(TimeRange(made.start, made.end)),
        "Huisu-Clip-Kind": made.kind,
        "Huisu-Clip-Frames": _numbers(made.frames),
        "Huisu-Clip-Copied": _numbers(made.copied),
        "Accept-Ranges": "none",
        **attachment(made.filename),
    }


def _numbers(frames: tuple[int, int] | None) -> str:
    return "none" if frames is None else f"{frames[0]}-{frames[1]}"
