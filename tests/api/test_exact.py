"""An exact clip is a file of known length that any part may be asked of, made once; or it says why it is encoded."""

import hashlib
from fractions import Fraction
from pathlib import Path

import httpx
import pytest

from services.api.actions import exact
from services.media.clip import ExactPlan
from services.media.smartcut import SmartCut
from services.media.smartplan import Unfit
from services.media.virtual import VirtualFile
from tests.api.theatre import FRAMES, Theatre
from tests.footage import make_footage, numbers


def ask(theatre: Theatre, start: str, end: str, recording: str | None = None, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return theatre.reviewer.get(theatre.path("clip", recording), params={"start": start, "end": end}, headers=named)


def jobs_of(theatre: Theatre) -> int:
    return sum(child.jobs for child in theatre.archive.decoders._all)


def plan_of(first: int) -> ExactPlan:
    return ExactPlan(first, first + 1, Fraction(0), Fraction(1), Fraction(1))


def cut_of(size: int) -> SmartCut:
    return SmartCut(VirtualFile.of(bytes(size)), (0, 1), '"x"', size)


def test_a_copied_clip_has_a_length_and_any_part_of_it_can_be_asked_for(theatre: Theatre) -> None:
    whole = ask(theatre, "1.5", "8.2")
    size = len(whole.content)

    assert whole.headers["huisu-clip-kind"] == "smart"
    assert whole.headers["huisu-clip-frames"] == "45-246"
    assert whole.headers["huisu-clip-copied"] == "60-240"
    assert "huisu-clip-reason" not in whole.headers
    assert (int(whole.headers["content-length"]), whole.headers["accept-ranges"]) == (size, "bytes")
    for start, end in ((0, 1), (size // 2, size * 2 // 3), (size - 10, size)):
        part = ask(theatre, "1.5", "8.2", Range=f"bytes={start}-{end - 1}", If_Range=whole.headers["etag"])
        assert (part.status_code, part.content) == (206, whole.content[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"


def test_it_is_made_once_however_often_it_is_asked_for(theatre: Theatre) -> None:
    first = ask(theatre, "0.7", "7.9")
    made = jobs_of(theatre)
    again = [ask(theatre, "0.7", "7.9", Range="bytes=0-99") for _ in range(5)]

    assert jobs_of(theatre) == made
    assert {one.headers["etag"] for one in again} == {first.headers["etag"]}
    assert ask(theatre, "0.7", "7.9", If_None_Match=first.headers["etag"]).status_code == 304


def test_whole_groups_need_no_decoder(theatre: Theatre) -> None:
    before = jobs_of(theatre)
    told = ask(theatre, "3", "6")

    assert told.headers["huisu-clip-copied"] == told.headers["huisu-clip-frames"] == "90-180"
    assert numbers(told.content) == list(range(90, 180))
    assert jobs_of(theatre) == before


def test_a_clip_inside_one_group_is_encoded_and_says_so(theatre: Theatre) -> None:
    told = ask(theatre, "1.2", "1.8")

    assert (told.headers["huisu-clip-kind"], told.headers["huisu-clip-copied"]) == ("encoded", "none")
    assert told.headers["huisu-clip-reason"] == "no-whole-group"
    assert told.headers["accept-ranges"] == "none"
    assert numbers(told.content) == list(range(36, 54))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"bframes": 2, "vfr": True}, "variable-rate"),
        ({"bframes": 2, "options": ["-x264-params", "open-gop=1"]}, "open-gop"),
        ({"options": ["-flags", "+ilme+ildct"]}, "interlaced"),
    ],
    ids=["vfr", "open", "interlaced"],
)
def test_what_cannot_be_copied_is_encoded_to_the_frame_and_says_why(
    options: dict[str, object], reason: str, theatre: Theatre, tmp_path: Path
) -> None:
    path = make_footage(tmp_path / "a.mp4", frames=150, **options)  # type: ignore[arg-type]
    sent = theatre.dock.send(path, officer="900001", kind="body")
    times = theatre.reviewer.get(theatre.path("frames", sent.recording_id)).json()
    numerator, denominator = map(int, times["time_base"].split("/"))
    start, end = (times["pts"][n] * numerator * 1_000_000 // denominator for n in (20, 121))

    told = ask(theatre, f"{start / 1_000_000:.6f}", f"{end / 1_000_000:.6f}", sent.recording_id)

    assert (told.headers["huisu-clip-kind"], told.headers["huisu-clip-reason"]) == ("encoded", reason)
    assert told.headers["huisu-clip-frames"] == "20-121"
    assert numbers(told.content) == list(range(20, 121))


def test_the_last_frame_alone_and_the_whole_are_exact(theatre: Theatre) -> None:
    last, whole = ask(theatre, "9.96", "10"), ask(theatre, "0", "10")

    assert numbers(last.content) == [FRAMES - 1]
    assert whole.headers["huisu-clip-copied"] == f"0-{FRAMES}"
    assert numbers(whole.content) == list(range(FRAMES))


def test_what_leaves_is_noted_as_the_originals_bytes(theatre: Theatre) -> None:
    viewing = theatre.open()
    told = theatre.reviewer.get(theatre.path("clip"), params={"start": "3", "end": "6", "viewing": viewing})
    theatre.reviewer.patch(theatre.path(f"viewings/{viewing}"), json={"watched": [], "ended": True})
    end = theatre.entries(None, "rec.view.end")[-1]

    assert int(end.values["bytes_sent"]) == len(told.content)
    assert "original:clip" in end.values["byte_ranges"]


def test_kept_clips_are_bounded_and_the_oldest_goes_first() -> None:
    kept, asked = exact.Kept(1000), []

    def make(number: int) -> SmartCut:
        asked.append(number)
        return cut_of(400)

    for number in (0, 1, 0, 2, 0, 1):
        kept.get(("a", plan_of(number)), lambda number=number: make(number))  # type: ignore[misc]

    assert asked == [0, 1, 2, 1]


def test_what_failed_is_tried_again():
    kept = exact.Kept()
    answers = iter([Unfit("check-failed", "once"), cut_of(1)])
    found = [kept.get(("a", plan_of(0)), lambda: next(answers)) for _ in range(3)]

    assert [isinstance(one, SmartCut) for one in found] == [False, True, True]


def test_a_digest_names_the_bytes(theatre: Theatre) -> None:
    one, other = ask(theatre, "1", "4.5"), ask(theatre, "1", "4.6")

    assert one.headers["etag"] != other.headers["etag"]
    assert hashlib.sha256(one.content).digest() == hashlib.sha256(ask(theatre, "1", "4.5").content).digest()
