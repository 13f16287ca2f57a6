"""Operators see whether the archive works, and how it is."""

from datetime import timedelta

import pytest
from pydantic import SecretStr

from services.bootstrap import Archive
from services.errors import StoreUnavailable
from services.index.models import Process
from services.jobs import lease
from tests.api.site import Site
from tests.archive_fixture import HeldClock, add_recording
from tests.custody.growing import append, grow


def settle(site: Site, **changed: object) -> None:
    object.__setattr__(site.archive, "settings", site.archive.settings.model_copy(update=changed))


def beat(archive: Archive, kind: str) -> None:
    with archive.plain() as session:
        now = archive.clock()
        session.add(Process(name=f"{kind}@here", kind=kind, queues="", started_at=now, last_seen=now))


def test_alive_and_able(site: Site) -> None:
    beat(site.archive, "worker")
    client = site.open()
    ready = client.get("/readyz")

    assert client.get("/healthz").text == "ok\n"
    assert ready.status_code == 200
    assert {name: check["ok"] for name, check in ready.json()["checks"].items()} == {
        "database": True, "schema": True, "store": True, "log": True, "processes": True,
    }  # fmt: skip
    assert client.get("/version").json()["schema"] == ready.json()["checks"]["schema"]["detail"]


def test_entries_that_do_not_come_into_the_log_are_told_but_do_not_stop_the_server(
    site: Site, clock: HeldClock
) -> None:
    count = len(grow(site.archive, 3))
    client = site.open()
    assert client.get("/readyz").json()["checks"]["log"] == {
        "ok": True, "required": False, "detail": f"{count} entries",
    }  # fmt: skip

    append(site.archive, 1)
    clock.advance(61)
    ready = client.get("/readyz")

    assert ready.status_code == 200
    assert ready.json()["checks"]["log"] == {
        "ok": False, "required": False, "detail": f"{count} entries, the oldest that waits for 61 s",
    }  # fmt: skip


def test_a_silent_worker_is_told_but_does_not_stop_the_server(site: Site, clock: HeldClock) -> None:
    beat(site.archive, "worker")
    clock.advance(61)
    ready = site.open().get("/readyz")

    assert ready.status_code == 200
    assert ready.json()["checks"]["processes"] == {"ok": False, "required": False, "detail": "none shows itself"}


def test_a_store_that_does_not_answer_is_told(site: Site) -> None:
    class Gone:
        def stat(self, key: str) -> None:
            raise StoreUnavailable(f"no answer about {key}")

    object.__setattr__(site.archive, "store", Gone())
    ready = site.open().get("/readyz")

    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert ready.json()["checks"]["store"] == {"ok": False, "required": True, "detail": "store-unavailable"}


def test_a_broker_that_is_set_must_answer(site: Site) -> None:
    settle(site, broker_url=SecretStr("redis://127.0.0.1:1/0"))
    ready = site.open().get("/readyz")

    assert ready.json()["checks"]["broker"]["ok"] is False
    assert ready.status_code == 503


def test_numbers_for_prometheus(site: Site, clock: HeldClock) -> None:
    add_recording(site.archive, content=b"x" * 5000)
    with site.archive.plain() as session:
        lease.ask(session, "examine", "k", clock())
    clock.advance(90)
    text = site.open().get("/metrics").text

    assert 'huisu_uploads{state="verified"} 1.0' in text
    assert "huisu_received_bytes 5000.0" in text
    assert 'huisu_jobs{kind="examine",state="queued"} 1.0' in text
    assert "huisu_oldest_waiting_job_seconds 90.0" in text
    assert "process_resident_memory_bytes" in text


def test_numbers_are_for_this_machine_or_the_token(site: Site) -> None:
    settle(site, metrics_token=SecretStr("scrape"), behind_proxy=True)
    far = {"X-Forwarded-For": "198.51.100.7"}

    assert site.open().get("/metrics", headers=far).status_code == 401
    assert site.open().get("/metrics", headers=far | {"Authorization": "Bearer wrong"}).status_code == 401
    assert site.open().get("/metrics", headers=far | {"Authorization": "Bearer scrape"}).status_code == 200


@pytest.mark.parametrize("engine_kind", ["sqlite", "postgres"])
def test_counts_are_the_same_on_each_database(archive: Archive) -> None:
    from services.index.counts import oldest_waiting, tally_jobs, tally_uploads

    add_recording(archive, content=b"x" * 5000)
    with archive.plain() as session:
        lease.ask(session, "render", "k", archive.clock() - timedelta(seconds=5))

    with archive.reading() as session:
        assert tally_uploads(session) == {"verified": (1, 5000)}
        assert tally_jobs(session) == {("render", "queued"): 1}
        assert oldest_waiting(session) == archive.clock() - timedelta(seconds=5)
