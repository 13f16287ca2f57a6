"""`playable`: from the last acknowledged byte of a fresh recording to its first decodable frame in a player's hands."""

import re
import time
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from services.bench.measure import Result, rounds_of, spent_by, take_turns
from services.bench.samples import make_sample
from services.bench.serving import serving
from services.bench.uploads import Door, append_free_box, ask, fetch, refresh_free_box, upload
from services.errors import DeadlinePassed, Refused, Unplayable
from services.media.probe import examine
from services.media.programs import ffmpeg_path, file_name

SECONDS: Final = 60
ROUNDS: Final = 5
PATIENCE_S: Final = 120.0
PAUSE_S: Final = 0.02


def measure(folder: Path, scale: float) -> Result:
    """Take turns on an idle archive with all its parts; the floor decodes a first frame from the file itself."""
    seconds, size = (float(SECONDS), (1280, 720)) if scale == 1 else (max(4.0, SECONDS * scale), (640, 360))
    sample = make_sample(folder / "sample.mp4", seconds=seconds, size=size, rate=25, bits_per_s=8_000_000)
    append_free_box(sample)
    with serving(folder) as served:
        dock, person = served.door("dock", "bench-dock"), served.door("reviewer", "bench-reviewer")

        def subject(number: int) -> float:
            refresh_free_box(sample)
            sent = upload(dock, sample, {"filename": f"{number}.mp4", "kind": "body"})
            piece, ended = _first_piece(dock, person, sent.location)
            _require_frame(folder / "piece.mp4", piece)
            served.await_idle()
            return ended - sent.acknowledged

        def floor(_: int) -> float:
            command = [str(ffmpeg_path()), "-v", "error", "-i", file_name(sample), "-frames:v", "1", "-f", "null", "-"]
            return spent_by(command).wall_s

        ours, theirs = take_turns(subject, floor, rounds_of(ROUNDS, scale))
    return Result(
        what="last byte acknowledged to the first segment in hand, which decodes (the clock stops before that)",
        against="ffmpeg decoding the first frame of the file itself",
        unit="s",
        subject=ours,
        floor=theirs,
        must=2.0,
        aim=0.5,
        judged="median",
        more={"size_bytes": sample.stat().st_size, "seconds": seconds, "polled_every_s": PAUSE_S},
    )


def _first_piece(dock: Door, person: Door, location: str) -> tuple[bytes, float]:
    """Ask as a player does until the playlist is there; give its init segment with the first one, and the moment."""
    deadline = time.monotonic() + PATIENCE_S
    recording = None
    while time.monotonic() < deadline:
        try:
            recording = recording or ask(dock, location)["recording"]
            if recording:
                playlist = f"/api/v1/recordings/{recording}/hls/index.m3u8"
                told = fetch(person, playlist).decode()
                piece = b"".join(fetch(person, urljoin(playlist, uri)) for uri in _first_pieces(told))
                return piece, time.monotonic()
        except Refused:
            pass
        time.sleep(PAUSE_S)
    raise DeadlinePassed(f"nothing of recording {recording} could be played for {PATIENCE_S:.0f} s")


def _first_pieces(playlist: str) -> list[str]:
    """Read where the init segment and the first segment of an original are. Source: RFC 8216 section 4.3.2."""
    header = re.search(r'#EXT-X-MAP:URI="([^"]+)"\n', playlist)
    segment = re.search(r"^[^#\n]+$", playlist, re.MULTILINE)
    if header is None or segment is None:
        raise Unplayable(f"the playlist names no init segment or no segment of the original: {playlist[:500]}")
    return [header[1], segment[0]]


def _require_frame(path: Path, piece: bytes) -> None:
    path.write_bytes(piece)
    facts = examine(path).facts
    if facts.video is None or not facts.playable:
        raise Unplayable(f"the first segment does not decode: {[flag.detail for flag in facts.flags]}")
