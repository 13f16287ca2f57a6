"""
What an agency that holds the log's key could sign and send: each was believed once, by one program or both.

All is made by the archive's own means, logged and signed; nothing is changed behind a signature.
"""

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from services.custody.clipcheck import read_clip
from services.custody.cliplabel import Label, check_label
from services.custody.clipsearch import copies_by_bytes
from services.custody.cosignature import cosign
from services.custody.fingerprint import fingerprint
from services.custody.note import Note
from services.custody.package.texts import history_path
from services.custody.verifier.verify import Report, verify
from services.errors import ProofRefused
from services.media.muxing import progressive
from services.media.stretch import frames_between as frames_of
from services.media.stretch import gathered, out_track, sound_between
from services.media.timecode import TimeRange
from services.media.verbatim import cut_verbatim
from services.media.virtual import VirtualFile
from tests.custody.clips import FFMPEG, Clip, Shot, reader
from tests.custody.notes import NOON, key
from tests.custody.packages import (
    RECORDINGS,
    WITNESSES,
    Built,
    Item,
    Ledger,
    build,
    canonical,
    enter_essence,
    essence_told,
    still_proof,
    write_folder,
    zipped,
)
from tests.custody.verifier.conftest import Made
from tests.custody.verifier.page import Browser
from tests.custody.verifier.rewriting import change, entries_of
from tests.custody.verifier.test_tables import body_of
from tests.footage import _run, make_footage

CLIP = "items/001.mp4"
Said = set[tuple[str, str, str]]


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Shot:
    return Shot.of(make_footage(tmp_path_factory.mktemp("attacked") / "a.mp4", frames=300, bframes=2, size=(160, 90)))


@pytest.fixture(scope="module")
def doctored(tmp_path_factory: pytest.TempPathFactory) -> Shot:
    """Give what the agency would rather have recorded."""
    path = tmp_path_factory.mktemp("doctored") / "a.mp4"
    return Shot.of(make_footage(path, frames=300, bframes=2, size=(160, 90), first=4000))


def sold_as_verbatim(clip: Clip, content: bytes | None = None, *, proven: bool = True) -> Item:
    proof = clip.proof.to_bytes() if proven else None
    return Item("verbatim", "verbatim", 0, ".mp4", content or clip.content, proof, "1.000000", "2.000000")


def said(built: Built, page: Browser, folder: Path) -> Report:
    """Give what verify.py says; verify.html says the same."""
    path = zipped(built.sealed(), folder / "p.zip")
    report = verify(str(path))
    assert page.judge_zip(path.read_bytes()) == sorted((one[0], one[1], one[2]) for one in report.findings)
    return report


def of_clip(report: Report) -> Said:
    checks = ("ORIGIN", "STRUCTURE")
    return {(one[0], one[1], one[2]) for one in report.findings if one[1] in checks and one[3].get("file") == CLIP}


def failures(report: Report) -> set[tuple[str, str]]:
    return {(one[1], one[2]) for one in report.findings if one[0] == "FAIL"}


def montage(shot: Shot, pictures: tuple[int, int], sound_from: int) -> VirtualFile:
    """Put pictures and sound of two moments of one recording side by side, every packet as the camera wrote it."""
    whole = cut_verbatim(shot.index, TimeRange(Fraction(pictures[0]), Fraction(pictures[1])))
    video = shot.index.video
    assert video is not None
    lead, length = frames_of(video, *whole.samples), whole.end - whole.start
    sound = sound_between(shot.index.sounds[0], Fraction(sound_from), sound_from + length)
    assert sound is not None
    extents, places = gathered([lead, sound])
    zeros = (whole.start, sound.track.seconds(sound.first_shown))
    tracks = [out_track(one, at, zero=zero) for one, at, zero in zip([lead, sound], places, zeros, strict=True)]
    return VirtualFile.of(progressive(tracks, sum(extent.length for extent in extents)), *extents)


@pytest.mark.browser
@pytest.mark.parametrize("sound_from", [7, 2])
def test_pictures_with_the_sound_of_another_moment_are_not_the_originals(
    shot: Shot, page: Browser, tmp_path: Path, sound_from: int
) -> None:
    clip = shot.proven(montage(shot, (1, 2), sound_from))

    report = said(build([shot.content], [sold_as_verbatim(clip)]), page, tmp_path)

    assert ("FAIL", "ORIGIN", "origin-apart") in of_clip(report)
    assert not any(verdict == "PASS" for verdict, check, _ in of_clip(report) if check == "ORIGIN")
    (told,) = [one[3]["apart"] for one in report.findings if one[2] == "origin-apart"]
    assert abs(float(told) - (sound_from - 1)) < 0.05
    with pytest.raises(ProofRefused, match="otherwise to each other"):
        clip.check()


def later(doctored: Shot, digest_of: bytes) -> Callable[[Ledger, int, bytes], None]:
    """Enter the original's fingerprint, and long after it that of another file."""

    def enter(ledger: Ledger, number: int, content: bytes) -> None:
        enter_essence(ledger, number, content)
        ledger.fill(20)
        other = fingerprint(reader(doctored.content), reader(doctored.content), len(doctored.content))
        ledger.add(RECORDINGS[number], "rec.essence", essence_told(other, digest_of))

    return enter


@pytest.mark.browser
def test_a_second_fingerprint_of_a_recording_is_not_believed(
    shot: Shot, doctored: Shot, page: Browser, tmp_path: Path
) -> None:
    items = [sold_as_verbatim(doctored.clip(1, 2))]

    report = said(build([shot.content], items, enter=later(doctored, shot.content)), page, tmp_path)

    assert failures(report) == {("ORIGIN", "essence-two")}
    assert ("PASS", "ORIGIN", "origin-frames") not in of_clip(report)


@pytest.mark.browser
def test_a_fingerprint_of_another_file_than_was_taken_in_is_not_believed(
    shot: Shot, doctored: Shot, page: Browser, tmp_path: Path
) -> None:
    def enter(ledger: Ledger, number: int, _: bytes) -> None:
        enter_essence(ledger, number, doctored.content)

    report = said(build([shot.content], [sold_as_verbatim(doctored.clip(1, 2))], enter=enter), page, tmp_path)

    assert failures(report) == {("ORIGIN", "essence-other")}


@pytest.mark.browser
def test_a_second_fingerprint_proves_nothing_where_the_first_is_called_lost(
    shot: Shot, doctored: Shot, page: Browser, tmp_path: Path
) -> None:
    built = build([shot.content], [sold_as_verbatim(doctored.clip(1, 2))], enter=later(doctored, shot.content))
    files = dict(built.files)
    change(files, history_path(RECORDINGS[0]), lambda told: entries_of(told, "rec.essence")[0].update(fields=None))

    report = said(replace(built, files=files), page, tmp_path)

    assert {("NOT CHECKED", "ORIGIN", "essence-lost"), ("NOT CHECKED", "ORIGIN", "origin-frames")} <= of_clip(report)
    assert not any(verdict == "PASS" for verdict, check, _ in of_clip(report) if check == "ORIGIN")
    assert ("NOT CHECKED", "HISTORY", "history-lost") in {one[:3] for one in report.findings}


@pytest.mark.browser
def test_a_fingerprint_of_another_version_is_none_of_ours(shot: Shot, page: Browser, tmp_path: Path) -> None:
    """A later Huisu will enter others; they neither prove nor disturb."""

    def enter(ledger: Ledger, number: int, content: bytes) -> None:
        enter_essence(ledger, number, content)
        told = {"essence_root": "ff" * 32, "tracks": "of another form", "version": 2, "sha256": "00" * 32}
        ledger.add(RECORDINGS[number], "rec.essence", told)

    report = said(build([shot.content], [sold_as_verbatim(shot.clip(1, 2))], enter=enter), page, tmp_path)

    assert failures(report) == set()
    (told,) = [one[3] for one in report.findings if one[2] == "origin-frames"]
    assert (told["n"], told["at"]) == (1, "2026-03-02T12:00:06.000Z")


@pytest.mark.browser
@pytest.mark.parametrize("shown", [(), ("version", "sha256"), ("version", "sha256", "essence_root")])
def test_a_fingerprint_cannot_be_kept_secret(
    shot: Shot, doctored: Shot, page: Browser, tmp_path: Path, shown: tuple[str, ...]
) -> None:
    def enter(ledger: Ledger, number: int, content: bytes) -> None:
        told = essence_told(fingerprint(reader(content), reader(content), len(content)), content)
        disclosed = {name: told[name] for name in shown}
        ledger.add(RECORDINGS[number], "rec.essence", disclosed, {k: told[k] for k in told if k not in shown})

    report = said(
        build([shot.content], [sold_as_verbatim(doctored.clip(1, 2), proven=False)], enter=enter), page, tmp_path
    )

    assert {check for check, _ in failures(report)} == {"ORIGIN"}
    assert ("NOT CHECKED", "ORIGIN", "essence-none") not in of_clip(report)


ODD: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "nothing": lambda _: None,
    "no list": lambda _: {"shown": [0, 1, 2]},
    "no tracks": lambda _: [],
    "a track less": lambda tracks: tracks[:1],
    "a track more": lambda tracks: [*tracks, tracks[0]],
    "no objects": lambda tracks: [1] * len(tracks),
    "another name": lambda tracks: [{**one, "more": 1} for one in tracks],
    "nothing of what is shown": lambda tracks: [{**one, "shown": None} for one in tracks],
    **{
        f"shown {odd}": lambda tracks, odd=odd: [{**one, "shown": odd} for one in tracks]  # type: ignore[misc]
        for odd in ("abc", 0, False, [], [1, 2], [1, 2, 3, 4], [1, 2, "3"], [1, 2, 3.5], [0, True, 1], [0, 1, 1 << 53])
    },
}


@pytest.mark.browser
@pytest.mark.parametrize("case", ODD)
def test_what_is_said_of_the_tracks_has_one_form(shot: Shot, page: Browser, tmp_path: Path, case: str) -> None:
    def enter(ledger: Ledger, number: int, content: bytes) -> None:
        told = essence_told(fingerprint(reader(content), reader(content), len(content)), content)
        ledger.add(RECORDINGS[number], "rec.essence", {**told, "tracks": ODD[case](told["tracks"])})

    report = said(build([shot.content], [sold_as_verbatim(shot.clip(1, 2))], enter=enter), page, tmp_path)

    assert {check for check, _ in failures(report)} == {"ORIGIN"}
    assert not any(verdict == "PASS" for verdict, check, _ in of_clip(report) if check == "ORIGIN")


@pytest.mark.browser
def test_a_recording_whose_fingerprint_had_a_reason_to_be_none_is_not_checked(
    shot: Shot, page: Browser, tmp_path: Path
) -> None:
    def enter(ledger: Ledger, number: int, content: bytes) -> None:
        told = essence_told(fingerprint(reader(content), reader(content), len(content)), content)
        reason = {"version": 1, "sha256": told["sha256"], "reason": "samples share bytes with each other"}
        ledger.add(RECORDINGS[number], "rec.essence", reason)

    report = said(build([shot.content], [sold_as_verbatim(shot.clip(1, 2), proven=False)], enter=enter), page, tmp_path)

    assert failures(report) == set()
    assert ("NOT CHECKED", "ORIGIN", "essence-none") in of_clip(report)


def subtitled(content: bytes, folder: Path) -> bytes:
    """Lay a text over the pictures that players draw there."""
    source, words, target = folder / "source.mp4", folder / "words.srt", folder / "target.mp4"
    source.write_bytes(content)
    words.write_text("1\n00:00:00,000 --> 00:00:01,000\n他先动手\n", "utf-8")
    maps = ["-map", "0", "-map", "1", "-c", "copy", "-c:s", "mov_text", "-disposition:s:0", "default", "-f", "mp4"]
    _run([*FFMPEG, "-i", f"file:{source}", "-i", f"file:{words}", *maps, f"file:{target}"])
    return target.read_bytes()


@pytest.mark.browser
def test_nothing_may_be_drawn_over_the_pictures(shot: Shot, page: Browser, tmp_path: Path) -> None:
    content = subtitled(shot.clip(1, 2).content, tmp_path)
    with pytest.raises(ProofRefused, match="may be drawn over"):
        read_clip(reader(content), len(content))
    copies = copies_by_bytes(reader(shot.clip(1, 2).content), len(shot.clip(1, 2).content), shot.index, shot.sidecar)
    assert {one.clip_track for one in copies} == {0, 1}

    report = said(build([shot.content], [sold_as_verbatim(shot.clip(1, 2), content)]), page, tmp_path)

    assert ("FAIL", "STRUCTURE", "structure-bad") in of_clip(report)
    assert not any(verdict == "PASS" for verdict, _, _ in of_clip(report))


def changed(clip: Clip, change: Callable[[bytearray], None]) -> bytes:
    content = bytearray(clip.content)
    change(content)
    return bytes(content)


def switched_off(content: bytearray) -> None:
    content[body_of(content, "tkhd", 1) + 3] = 0


def turned(content: bytearray) -> None:
    struct.pack_into(">9i", content, body_of(content, "mvhd") + 36, -65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30)


@pytest.mark.browser
@pytest.mark.parametrize("change", [switched_off, turned])
def test_what_is_proven_must_be_what_is_played(
    shot: Shot, page: Browser, tmp_path: Path, change: Callable[[bytearray], None]
) -> None:
    clip = shot.clip(1, 2)
    content = changed(clip, change)

    report = said(build([shot.content], [sold_as_verbatim(clip, content)]), page, tmp_path)

    assert failures(report) == {("STRUCTURE", "structure-bad")}
    with pytest.raises(ProofRefused, match="more than one way"):
        clip.check(content)


def shorter(content: bytearray) -> None:
    """Show a third of a second."""
    place = body_of(content, "elst") + 8
    (length,) = struct.unpack_from(">Q", content, place)
    struct.pack_into(">Q", content, place, length // 3)


def beginning_later(content: bytearray) -> None:
    place = body_of(content, "elst") + 16
    (time,) = struct.unpack_from(">q", content, place)
    struct.pack_into(">q", content, place, time + 5000)


@pytest.mark.browser
@pytest.mark.parametrize("change", [shorter, beginning_later])
def test_a_verbatim_clip_shows_what_it_holds(
    shot: Shot, page: Browser, tmp_path: Path, change: Callable[[bytearray], None]
) -> None:
    clip = shot.clip(1, 2)
    content = changed(clip, change)

    report = said(build([shot.content], [sold_as_verbatim(clip, content)]), page, tmp_path)

    assert {code for _, code in failures(report)} <= {"origin-hidden", "origin-apart"}
    assert failures(report)
    if change is shorter:
        assert clip.check(content).tracks[0].hidden > 10
        assert clip.check().tracks[0].hidden == 0


@pytest.mark.browser
@pytest.mark.parametrize(
    ("start", "end"),
    [("4.000000", "5.000000"), ("0.000000", "2.000000"), ("1.000000", "9.000000"), ("1.000000", "1.500000")],
)
def test_a_clip_is_of_the_moment_that_its_label_says(
    shot: Shot, page: Browser, tmp_path: Path, start: str, end: str
) -> None:
    """Labelled elsewhere; longer or shorter than it is: what happened in between would seem never to have been."""
    labelled = replace(sold_as_verbatim(shot.clip(1, 2)), start=start, end=end)

    report = said(build([shot.content], [labelled]), page, tmp_path)

    assert failures(report) == {("ORIGIN", "origin-elsewhere")}
    (told,) = [one[3] for one in report.findings if one[2] == "origin-elsewhere"]
    assert (told["label"], told["proven"]) == (f"{start} - {end}", "1.000 - 2.000")
    assert not any(verdict == "PASS" for verdict, check, _ in of_clip(report) if check == "ORIGIN")
    with pytest.raises(ProofRefused, match="its label says"):
        check_label(shot.clip(1, 2).check(), Label("verbatim", Fraction(start), Fraction(end)), shot.sidecar.headers)


@pytest.mark.browser
@pytest.mark.parametrize("length", [0, 3])
def test_what_its_edit_list_does_not_show_is_not_in_a_clip(
    shot: Shot, page: Browser, tmp_path: Path, length: int
) -> None:
    """Without a length the list shows what there is; a shorter one hides pictures."""
    clip = shot.clip(1, 4)
    content = bytearray(clip.content)
    struct.pack_into(">Q", content, body_of(content, "elst") + 8, length)
    labelled = replace(sold_as_verbatim(clip, bytes(content)), end="8.000000")

    report = said(build([shot.content], [labelled]), page, tmp_path)

    assert failures(report) == {("ORIGIN", "origin-hidden" if length else "origin-elsewhere")}


@pytest.mark.browser
@pytest.mark.parametrize("at", ["7.000000", "-0.200000", "1", "1.0", "", "1e3"])
def test_a_still_is_of_the_moment_that_its_label_says(shot: Shot, page: Browser, tmp_path: Path, at: str) -> None:
    still = Item("still", "still", 0, ".png", b"not looked at", still_proof(shot, 0), at)

    report = said(build([shot.content], [still]), page, tmp_path)

    assert failures(report) == {("ORIGIN", "origin-elsewhere" if "." in at and len(at) > 3 else "bad-form")}


@pytest.mark.browser
@pytest.mark.parametrize(("start", "end"), [(None, None), (None, "2.000000"), ("1.000000", None), ("1.000000", "")])
def test_a_clip_has_a_label(shot: Shot, page: Browser, tmp_path: Path, start: str | None, end: str | None) -> None:
    report = said(
        build([shot.content], [replace(sold_as_verbatim(shot.clip(1, 2)), start=start, end=end)]), page, tmp_path
    )

    assert {check for check, _ in failures(report)} == {"ORIGIN"}


@pytest.mark.browser
def test_where_the_log_does_not_say_when_the_pictures_begin_no_label_is_believed(
    shot: Shot, page: Browser, tmp_path: Path
) -> None:
    def enter(ledger: Ledger, number: int, content: bytes) -> None:
        told = essence_told(fingerprint(reader(content), reader(content), len(content)), content)
        tracks = [{**one, "shown": None} if one["handler"] == "vide" else one for one in told["tracks"]]
        ledger.add(RECORDINGS[number], "rec.essence", {**told, "tracks": tracks})

    still = Item("still", "still", 0, ".png", b"not looked at", still_proof(shot, 0), "7.000000")

    report = said(build([shot.content], [still], enter=enter), page, tmp_path)

    assert failures(report) == set()
    assert ("NOT CHECKED", "ORIGIN", "origin-unplaced") in {one[:3] for one in report.findings}


def test_a_folder_holds_no_linked_folder(built: Built, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_folder({"more/film.mp4": b"a film that is in no list"}, other)
    folder = write_folder(built.sealed(), tmp_path / "p")
    (folder / "items" / "more").symlink_to(other / "more")

    report = verify(str(folder))

    assert failures(report) == {("CONTENTS", "unlisted")}
    assert [one[3]["file"] for one in report.findings if one[2] == "unlisted"] == ["items/more"]


def with_first_head(built: Built, signers: Mapping[str, int]) -> Built:
    """Have the earlier head of a package signed by these witnesses, so many days from noon."""
    told = json.loads(built.files["log/consistency.json"])
    body = told["heads"][0]["note"].split("\n\n")[0].encode() + b"\n"
    lines = [cosign(WITNESSES[name], body, NOON + timedelta(days=days)) for name, days in signers.items()]
    told["heads"][0]["note"] = Note(body, (key(1).sign(body), *lines)).content.decode()
    return replace(built, files={**built.files, "log/consistency.json": canonical(told)})


@pytest.mark.browser
@pytest.mark.parametrize(
    ("signers", "names", "day"),
    [
        ({"press": -900}, "court, press", 0),
        ({"press": -900, "court": -1}, "court, press", -1),
    ],
)
def test_one_witness_alone_backdates_nothing(
    built: Built, page: Browser, tmp_path: Path, signers: dict[str, int], names: str, day: int
) -> None:
    report = said(with_first_head(built, signers), page, tmp_path)

    told = [one[3] for one in report.findings if one[2] == "no-later-than"]
    assert failures(report) == set()
    assert {one["names"] for one in told} == {names}
    assert {one["at"][:10] for one in told} == {(NOON + timedelta(days=day)).date().isoformat()}


@pytest.mark.browser
def test_where_no_quorum_ever_signed_the_witness_is_named(made: Made, page: Browser, tmp_path: Path) -> None:
    report = said(with_first_head(build(*made, quorum="late"), {"press": -2}), page, tmp_path)

    assert {one[3]["names"] for one in report.findings if one[2] == "no-later-than"} == {"press"}


def in_parts(built: Built, count: int) -> Built:
    """Lay the first recording's history into several files, as the archive does with long ones."""
    files = dict(built.files)
    told = json.loads(files[history_path(RECORDINGS[0])])
    for part in range(count):
        entries = told["entries"][part * len(told["entries"]) // count : (part + 1) * len(told["entries"]) // count]
        files[history_path(RECORDINGS[0], part + 1)] = canonical({**told, "entries": entries})
    return replace(built, files=files)


@pytest.mark.browser
def test_a_long_history_lies_in_several_files(built: Built, page: Browser, tmp_path: Path) -> None:
    whole, parts = verify(str(zipped(built.sealed(), tmp_path / "whole.zip"))), in_parts(built, 3)

    report = said(parts, page, tmp_path)

    assert sorted(one[:3] for one in report.findings) == sorted(one[:3] for one in whole.findings)
    for part, wanted in ((3, ("FILE", "no-export-entry")), (2, ("CONTENTS", "unlisted"))):
        lost = {name: one for name, one in parts.files.items() if name != history_path(RECORDINGS[0], part)}
        assert wanted in failures(said(replace(parts, files=lost), page, tmp_path))
