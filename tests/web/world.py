"""Fill a running archive as a bureau would: people by the command line, cases over HTTP, footage from a dock."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import imageio_ffmpeg

from tests.footage import make_footage
from tests.up.program import HUISU, PATIENCE_S, Up, environment, huisu, wait_until

CASE = "西公(刑)立字〔2026〕01号"
INCIDENT = "J2026030100001"
PASSWORD = "坐看云起时 2026"
PEOPLE = (
    ("zhang", "officer", "D1", "610123"),
    ("zhao", "officer", "D1", "610124"),
    ("wang", "officer", "D2", "610999"),
    ("li", "reviewer", "D1", "610200"),
    ("qian", "reviewer", "D1", "610201"),
    ("sun", "head", "D1", "610500"),
    ("chen", "supervisor", "D1", "610300"),
    ("wu", "auditor", "D1", "610400"),
)

SCENE, LATER, HEVC, BROKEN, DOUBTFUL = "现场一.mp4", "现场二.mp4", "二号机位.mp4", "断电.mp4", "待定.mp4"
UNEVEN = "变帧率.mp4"
"""Variable frame rate: no step of equal length hits each of its pictures once."""

DARK, DARK_S = "黑屏.mp4", (4, 8)
"""Its picture is black in these seconds."""

PATROL = ("巡逻-1.mp4", "巡逻-2.mp4", "巡逻-3.mp4")
"""One camera: the second begins where the first ends, the third three seconds after the second."""

FRONT, SIDE, ROOM = "讯问-主画面.mp4", "讯问-全景.mp4", "XW-2026-0001"
"""Two channels of one interview; the second begins two seconds later."""

CAR_PARK, PHONE = "scene_car_park_30s_aac.mp4", "phone_android9_gps_vfr_1080p.mp4"

RATE = 30
SCENE_FRAMES, LATER_FIRST, HEVC_FIRST = 300, 1000, 2000
UNEVEN_FIRST, UNEVEN_FRAMES = 4000, 200
PATROL_FIRST, PATROL_FRAMES, PATROL_STARTS = (6000, 6150, 6300), (150, 150, 90), (0, 5, 13)
FRONT_FIRST, SIDE_FIRST, SIDE_LATER_S, ROOM_FRAMES = 10000, 20000, 2, 600
CASELESS = (DOUBTFUL, UNEVEN, DARK, *PATROL, FRONT, SIDE)
"""Footage that no rule links to the case."""


@dataclass(frozen=True, slots=True)
class World:
    """A filled archive: where it answers, and the recordings by the names of their files."""

    address: str
    home: Path
    recordings: Mapping[str, str]
    admin_link: str
    dock_token: str

    def history(self, file: str) -> list[dict[str, Any]]:
        """Read what the ledger holds about a recording, from its first entry on."""
        with logged_in(self.address, "li") as client:
            told = ok(client.get(f"/recordings/{self.recordings[file]}/history", params={"limit": 200}))
        lines: list[dict[str, Any]] = told["items"]
        return lines


def client_of(address: str, token: str | None = None) -> httpx.Client:
    """Give a client of the API."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=f"{address}/api/v1", headers=headers, trust_env=False, timeout=60)


@contextmanager
def logged_in(address: str, name: str) -> Iterator[httpx.Client]:
    """Give a client of the API that has logged in as this person."""
    with client_of(address) as client:
        client.headers["X-CSRF-Token"] = ok(client.post("/login", json={"name": name, "password": PASSWORD}))["csrf"]
        yield client


def ok(answer: httpx.Response) -> Any:
    """Give the body of a success; fail with what the archive said otherwise."""
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def fill(archive: Up, folder: Path, corpus: Path | None) -> World:
    """Make units, people, tokens, a case with incidents and footage, and wait until all of it is settled."""
    said = archive.wait_for_line("first administrator")
    admin = said.split(": ", 1)[1]
    with client_of(archive.address) as client:
        made = ok(client.post("/login", json={"link": admin.partition("#link=")[2]}))
        client.headers["X-CSRF-Token"] = made["csrf"]
        for number, name in (("D1", "一大队"), ("D2", "二大队")):
            ok(client.post("/units", json={"number": number, "name": name, "parent": "root"}))
        dock, police = (
            ok(client.post("/tokens", json={"name": role, "role": role, "unit": "root", "days": 1}))["secret"]
            for role in ("dock", "integrator")
        )
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda person: add_person(archive.home, person), PEOPLE))
    with client_of(archive.address, police) as client:
        tell_cases(client)
    files = make_files(folder, corpus)
    send(archive.address, dock, files, folder.parent / "dock-state")
    recordings = settled(archive.address, len(files))
    return World(archive.address, archive.home, recordings, admin, dock)


def add_person(home: Path, person: Sequence[str]) -> None:
    """Add an account with the test's password by the command line."""
    name, role, unit, number = person
    arguments = ("--role", role, "--unit", unit, "--number", number, "--password-stdin", "--home", str(home))
    huisu("user", "add", name, *arguments, stdin=f"{PASSWORD}\n")


def tell_cases(client: httpx.Client) -> None:
    """Tell a case with one sure incident, and two incidents between which nobody but a person can choose."""
    case = {"unit": "D1", "title": "人民路盗窃案", "kind": "刑事", "officers": ["610200"], "incidents": [INCIDENT]}
    ok(client.put(f"/cases/{quote(CASE, safe='')}", json={**case, "accepted_at": "2026-03-01T09:00:00+08:00"}))
    shift = {"dispatched_at": "2026-03-01T08:00:00+08:00", "cleared_at": "2026-03-01T08:20:00+08:00"}
    sure = {"unit": "D1", "type": "盗窃", "officers": ["610123"], "case": CASE, **shift}
    ok(client.put(f"/incidents/{INCIDENT}", json=sure))
    for number in ("J2026030100007", "J2026030100008"):
        ok(client.put(f"/incidents/{number}", json={"unit": "D1", "type": "纠纷", "officers": ["610124"], **shift}))


def make_files(folder: Path, corpus: Path | None) -> list[Path]:
    """Make the dock's folder: footage with a sidecar each."""
    folder.mkdir()
    make_footage(folder / SCENE, frames=SCENE_FRAMES, bframes=2, layout="front")
    make_footage(folder / LATER, frames=150, first=LATER_FIRST)
    make_footage(
        folder / HEVC, frames=180, first=HEVC_FIRST, codec="libx265", options=("-x265-params", "log-level=none")
    )
    whole = make_footage(folder / BROKEN, frames=120).read_bytes()
    (folder / BROKEN).write_bytes(whole[: len(whole) // 2])  # the power failed before the camera wrote the index
    make_footage(folder / DOUBTFUL, frames=60, first=3000)
    make_footage(folder / UNEVEN, frames=UNEVEN_FRAMES, first=UNEVEN_FIRST, vfr=True, bframes=2)
    _make_dark(folder / DARK)
    for name, frames, first in zip(PATROL, PATROL_FRAMES, PATROL_FIRST, strict=True):
        make_footage(folder / name, frames=frames, first=first)
    make_footage(folder / FRONT, frames=ROOM_FRAMES, first=FRONT_FIRST)
    make_footage(folder / SIDE, frames=ROOM_FRAMES - SIDE_LATER_S * RATE, first=SIDE_FIRST)
    said = {
        SCENE: {"device": "CAM-01", "officer": "610123", "started_at": "2026-03-01T08:05:00+08:00"},
        LATER: {"device": "CAM-01", "officer": "610123", "started_at": "2026-03-01T08:05:30+08:00"},
        HEVC: {"device": "CAM-02", "officer": "610123", "started_at": "2026-03-01T08:05:04+08:00"},
        BROKEN: {"device": "CAM-01", "officer": "610123", "started_at": "2026-03-01T08:06:00+08:00"},
        DOUBTFUL: {"device": "CAM-03", "officer": "610124", "started_at": "2026-03-01T08:10:00+08:00"},
        UNEVEN: {"device": "CAM-04", "officer": "610124", "started_at": "2026-03-02T09:00:00+08:00"},
        DARK: {"device": "CAM-04", "officer": "610124", "started_at": "2026-03-02T11:00:00+08:00"},
        FRONT: {**_room("主画面"), "started_at": "2026-03-02T14:00:00+08:00"},
        SIDE: {**_room("全景"), "started_at": f"2026-03-02T14:00:{SIDE_LATER_S:02}+08:00"},
    }
    for name, second in zip(PATROL, PATROL_STARTS, strict=True):
        said[name] = {"device": "CAM-05", "officer": "610124", "started_at": f"2026-03-02T10:00:{second:02}+08:00"}
    if corpus is not None:
        for name, start in ((CAR_PARK, "2026-03-01T08:05:20+08:00"), (PHONE, "2026-03-01T08:06:10+08:00")):
            (folder / name).write_bytes((corpus / name).read_bytes())
            said[name] = {"device": f"V-{name[:5]}", "officer": "610123", "started_at": start, "kind": "vehicle"}
    for name, sidecar in said.items():
        (folder / f"{name}.huisu.json").write_text(json.dumps(sidecar))
    return [folder / name for name in said]


def _make_dark(path: Path) -> None:
    """Make twelve seconds of a moving picture that is black for a while."""
    dark = "drawbox=color=black:t=fill:enable='between(t,{},{})'".format(*DARK_S)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-v", "error", "-f", "lavfi"]
    command += ["-i", f"testsrc2=size=320x180:rate={RATE}:duration=12,{dark}", "-pix_fmt", "yuv420p"]
    subprocess.run([*command, "-c:v", "libx264", "-preset", "ultrafast", f"file:{path}"], check=True)


def _room(channel: str) -> dict[str, str]:
    return {"session": ROOM, "channel": channel, "kind": "interview", "device": f"ROOM-{channel}", "officer": "610124"}


def send(address: str, token: str, files: Sequence[Path], state: Path) -> str:
    """Send files as a docking station does, until each is verified."""
    done = subprocess.run(
        [*HUISU, "dock", "send", *map(str, files), "--url", address, "--state", str(state)],
        env=environment({"HUISU_DOCK_TOKEN": token}),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def settled(address: str, count: int) -> dict[str, str]:
    """Wait until each recording is ready or damaged; gives their ids by the names of their files."""
    with logged_in(address, "li") as client:

        def all_settled() -> bool:
            items = ok(client.get("/recordings", params={"limit": 200}))["items"]
            return len(items) == count and all(item["state"] in {"ready", "damaged"} for item in items)

        wait_until(f"{count} recordings are ready or damaged", all_settled)
        ids = [item["id"] for item in ok(client.get("/recordings", params={"limit": 200}))["items"]]
        return {ok(client.get(f"/recordings/{one}"))["filename"]: one for one in ids}
