"""Open pages hear of what changes, and only of what they may know."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from services.accounts import people, units
from services.bootstrap import Archive
from services.index import changes
from services.index.models import Upload
from services.jobs import lease
from tests.api.site import Site
from tests.archive_fixture import HeldClock, add_recording, add_unit, add_user, everywhere

PATIENCE_S = 20.0


@dataclass(slots=True)
class Ear:
    """What one stream has told so far."""

    heard: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    began: threading.Event = field(default_factory=threading.Event)

    def wait_for(self, topic: str, **facts: object) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not any(t == topic and facts.items() <= f.items() for t, f in self.heard):
            assert time.monotonic() < deadline, f"heard no {topic} {facts}, but {self.heard}"
            time.sleep(0.02)


@contextmanager
def listening(client: httpx.Client) -> Iterator[Ear]:
    ear, stop = Ear(), threading.Event()

    def hear() -> None:
        try:
            with client.stream("GET", "/api/v1/events", timeout=PATIENCE_S) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                assert answer.headers["cache-control"] == "no-store"
                topic = ""
                for line in answer.iter_lines():
                    ear.began.set()
                    if stop.is_set():
                        return
                    if line.startswith("event: "):
                        topic = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        ear.heard.append((topic, json.loads(line.removeprefix("data: "))))
        except httpx.HTTPError:
            pass
        finally:
            ear.ended.set()

    thread = threading.Thread(target=hear, daemon=True)
    thread.start()
    assert ear.began.wait(PATIENCE_S)
    try:
        yield ear
    finally:
        stop.set()
        client.close()
        thread.join(PATIENCE_S)


def unit_id(site: Site, number: str) -> str:
    with site.archive.reading() as session:
        return units.find_unit(session, number).id


def quicken(site: Site) -> None:
    site.app.state.hub.look_s, site.app.state.hub.heartbeat_s = 0.1, 0.3


def test_people_hear_of_uploads_recordings_and_jobs(site: Site, clock: HeldClock) -> None:
    quicken(site)
    with listening(site.as_user("wang")) as ear:
        time.sleep(0.5)  # the first look notes where to begin
        clock.advance(1)
        made = add_recording(site.archive, unit=unit_id(site, "D1"), state="kept", playable=False)
        with site.archive.plain() as session:
            job = lease.ask(session, "examine", made, clock()).job
        ear.wait_for("recording", id=made, state="kept", playable=False)
        ear.wait_for("job", id=job, state="queued", kind="examine", about=made)
        taken = lease.claim(site.archive.engine, ["examine"], clock())
        assert taken is not None
        ear.wait_for("job", id=job, state="running")
        lease.renew(site.archive.engine, taken, clock(), 0.5)
        ear.wait_for("job", id=job, state="running", progress=0.5)
        lease.finish(site.archive.engine, taken, clock())
        ear.wait_for("job", id=job, state="done")
        with site.archive.plain() as session:
            session.add(
                Upload(
                    id=taken.id, gate="g1", state="received", size_bytes=1, sender_id=made, sender="dock",
                    unit_id=unit_id(site, "D1"), filename="a", created_at=clock(), changed_at=clock(),
                    expires_at=clock(),
                )
            )  # fmt: skip
        ear.wait_for("upload", id=taken.id, state="received")


def test_nobody_hears_of_what_they_may_not_know(site: Site, clock: HeldClock) -> None:
    quicken(site)
    with listening(site.as_user("wang")) as ear:
        time.sleep(0.5)
        hidden = add_recording(site.archive, unit=unit_id(site, "E"))
        shown = add_recording(site.archive, unit=unit_id(site, "D1"))
        ear.wait_for("recording", id=shown)

        assert hidden not in json.dumps(ear.heard)


def test_a_stream_ends_with_the_account(site: Site) -> None:
    quicken(site)
    with listening(site.as_user("wang")) as ear:
        with site.archive.work() as work:
            people.disable_user(work, "wang", actor="test")

        assert ear.ended.wait(PATIENCE_S)


def test_nothing_is_looked_for_while_nobody_listens(site: Site) -> None:
    quicken(site)
    hub = site.app.state.hub
    assert not hub.listeners
    watches: list[asyncio.Task[None]] = []
    with listening(site.as_user("wang")):
        assert len(hub.listeners) == 1
        watches.append(hub._task)
    deadline = time.monotonic() + PATIENCE_S
    while hub.listeners or not watches[0].done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("engine_kind", ["sqlite", "postgres"])
def test_a_change_is_told_once_and_looks_of_people_are_none(archive: Archive, clock: HeldClock) -> None:
    with archive.reading() as session:
        lookout = changes.begin(session, clock())
    unit = add_unit(archive)
    made = add_recording(archive, unit=unit, uploaded=False)
    with archive.plain() as session:
        lease.ask(session, "render", made, clock())

    with archive.reading() as session:
        first = changes.look(session, lookout, clock())
        again = changes.look(session, lookout, clock())
    with archive.work() as work:
        work.append("rec.view.start", made, actor="x", role="reviewer")
    with archive.reading() as session:
        after = changes.look(session, lookout, clock())
        seen = changes.visible_changes(session, add_user(archive, "reviewer", unit), first)
        hidden = changes.visible_changes(session, add_user(archive, "reviewer", add_unit(archive, "U2")), first)
        docks = changes.visible_changes(session, everywhere("dock"), first)
    assert [(change.topic, change.about) for change in first] == [("recording", made), ("job", made)]
    assert again == after == []
    assert seen == first
    assert hidden == docks == []
