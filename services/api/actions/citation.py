"""Name one frame of a recording so that anybody can find it again: the same in headers and in a PNG's texts."""

from services.api.actions.clip import Source
from services.media.frametimes import FrameTimes
from services.media.stills import IndexedStill
from services.media.timecode import print_seconds


def citation(
    recording_id: str, source: Source, frame_times: FrameTimes, frame: int, made: IndexedStill | None
) -> dict[str, str]:
    """Name the frame: its number and time, and where the index knows them the file's own tick and the coded bytes."""
    told = {
        "Huisu-Recording": recording_id,
        "Huisu-Original": f"sha-256={source.stored.sha256}",
        "Huisu-Frame": str(frame),
        "Huisu-Frame-Time": print_seconds(frame_times.time_of(frame)),
    }
    if made is not None:
        told |= {
            "Huisu-Frame-Pts": f"{made.tick}/{made.timescale}",
            "Huisu-Frame-Digest": f"sha-256={made.coded_sha256}",
        }
        if made.is_patched:
            told["Huisu-Frame-Patched"] = "yes"
    return told
