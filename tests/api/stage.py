"""
A session of real footage that went through the pipeline, as a device and a room leave it.

Channel `1`, numbered pictures at 30 a second, second n showing the numbers from 30 n on:

    0 s     4 s     8 s        11 s              23.5 s   27.5 s
    |--one--|--two--|
                |---three------|   (begins at 6 s: a buffer from before the button)
                               ·····  gap  ·······|--four--|

Channel `2` has one recording of the same pictures, from 1 s on, and channel `3` one that no browser plays in place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from services.accounts import people, units
from services.bootstrap import Archive
from tests.api.site import Site, serve
from tests.archive_fixture import HeldClock
from tests.flows.pipeline import Dock
from tests.footage import make_footage

STARTED = datetime.fromisoformat("2026-03-02T10:00:00+08:00")
NUMBER = "讯问 1"


@dataclass(frozen=True, slots=True)
class Stage:
    """The recordings by their names above, and who looks at them."""

    site: Site
    clock: HeldClock
    dock: Dock
    files: dict[str, Path]
    ids: dict[str, str]
    reviewer: httpx.Client
    officer: httpx.Client
    stranger: httpx.Client
    auditor: httpx.Client

    @property
    def archive(self) -> Archive:
        return self.site.archive

    def path(self, rest: str = "", name: str = NUMBER) -> str:
        return f"/api/v1/sessions/{name}{rest}"

    def send(self, name: str, path: Path, starts_s: float, channel: str = "1", **told: str) -> str:
        facts = {"session": NUMBER, "kind": "interview", "device": f"R-{channel}", "officer": "900001"}
        started_at = (STARTED + timedelta(seconds=starts_s)).isoformat()
        upload = self.dock.send(path, channel=channel, started_at=started_at, **(facts | told))
        assert upload.recording_id is not None
        self.files[name], self.ids[name] = path, upload.recording_id
        return upload.recording_id


@contextmanager
def open_stage(archive: Archive, clock: HeldClock, folder: Path) -> Iterator[Stage]:
    """Send the footage, do all jobs, serve."""
    dock = Dock(archive)
    with archive.work() as work:
        units.put_unit(work, "st2", name="二所", parent="root", actor="test")
        people.add_user(work, "li", role="reviewer", unit="st1", actor="test")
        people.add_user(work, "audit", role="auditor", unit="root", actor="test")
        people.add_user(work, "stranger", role="reviewer", unit="st2", actor="test")
    try:
        with serve(archive) as site:
            stage = Stage(
                site, clock, dock, {}, {},
                site.as_user("li"), site.as_user("zhang"), site.as_user("stranger"), site.as_user("audit"),
            )  # fmt: skip
            film = make_footage
            stage.send("one", film(folder / "cam_0001.mp4", frames=120, bframes=2), 0)
            stage.send("three", film(folder / "cam_0003.mp4", frames=150, bframes=2, first=180), 6)
            stage.send("two", film(folder / "cam_0002.mp4", frames=120, bframes=2, first=120), 4)
            stage.send("four", film(folder / "cam_0004.mp4", frames=120, bframes=2, first=705), 23.5)
            stage.send("beside", film(folder / "beside.mp4", frames=240, first=30), 1, channel="2")
            odd = film(folder / "odd.mp4", frames=60, codec="libx265", audio=False)
            stage.send("odd", odd, 2, channel="3")
            yield stage
    finally:
        dock.close()
