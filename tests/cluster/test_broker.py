"""The same pipeline with a broker as doorbell: rings may be lost, doubled or come late, the database decides."""

import os
import subprocess
import sys
import threading
from collections import Counter

import pytest

from services.errors import Unavailable
from services.jobs.lease import ATTEMPTS, LEASE, ask
from services.jobs.table import JobRow, JobState
from services.queue import MOST_RINGS, ring, rings_in
from services.up.rounds import beat_rounds
from tests.cluster.cluster import QUEUES
from tests.crash.station import ROOT
from tests.footage import make_footage

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]
SOAK = bool(os.environ.get("HUISU_SOAK"))
FILES, PATIENCE_S = (24, 400) if SOAK else (4, 150)

LARGER = [pytest.param(name, "postgres", marks=pytest.mark.postgres) for name in ("redis", "rabbitmq")]
on_each = pytest.mark.parametrize(("broker", "engine_kind"), [("redis", "sqlite"), *LARGER], indirect=["broker"])
on_larger = pytest.mark.parametrize(("broker", "engine_kind"), LARGER if SOAK else LARGER[:1], indirect=["broker"])


@on_each
def test_files_become_ready_by_rings_alone(cluster, film):
    workers = [cluster.worker(), cluster.worker("examine,render")]
    uploads = [cluster.dock.receive(film(n), filename=f"{n}.mp4", officer="900001") for n in range(FILES)]
    wreck = cluster.dock.receive(film(0)[:5000], filename="断.mp4")

    cluster.settle([*uploads, wreck], PATIENCE_S)

    assert [cluster.recording(upload).state for upload in uploads] == ["ready"] * FILES
    assert cluster.recording(wreck).state == "damaged"
    assert [cluster.entries(upload).count("rec.ingest") for upload in uploads] == [1] * FILES
    assert "job waited without a ring" not in cluster.log.read_text("utf-8")
    assert [worker.poll() for worker in workers] == [None, None]
    assert cluster.findings() == []


@on_larger
def test_what_nobody_rang_for_is_rung_by_the_sweeper(cluster, broker, film):
    broker.stop()
    upload = cluster.dock.receive(film(1), filename="静.mp4")
    broker.start()
    assert rings_in(cluster.archive.broker, "gate.g1") == 0
    cluster.beat()
    cluster.until(lambda: rings_in(cluster.archive.broker, "gate.g1") > 0)
    cluster.worker()

    cluster.settle([upload], PATIENCE_S)

    assert cluster.recording(upload).state == "ready"


@on_larger
def test_a_broker_that_stops_in_the_middle_loses_nothing(cluster, broker, film):
    cluster.worker()
    cluster.beat()
    first = [cluster.dock.receive(film(n), filename=f"{n}.mp4") for n in range(FILES)]
    cluster.until(lambda: any(job.state == JobState.RUNNING for job in cluster.jobs()))

    broker.stop()
    second = [cluster.dock.receive(film(100 + n), filename=f"{n}.mp4") for n in range(2)]
    broker.start()
    third = cluster.dock.receive(film(200), filename="后.mp4")
    cluster.settle([*first, *second, third], PATIENCE_S)

    assert {cluster.recording(upload).state for upload in [*first, *second, third]} == {"ready"}
    assert cluster.findings() == []


@on_larger
def test_a_worker_that_hears_no_ring_any_more_looks_for_itself(cluster, broker, film):
    worker = cluster.worker()
    broker.stop()
    uploads = [cluster.dock.receive(film(n)[:5000], filename=f"断 {n}.mp4") for n in range(2)]

    cluster.settle(uploads, PATIENCE_S)

    assert worker.poll() is None
    assert "job waited without a ring" in cluster.log.read_text("utf-8")
    broker.start()


@on_larger
def test_a_worker_killed_while_rendering_is_followed_by_another(cluster, tmp_path):
    long = make_footage(tmp_path / "long.mp4", frames=3000, size=(640, 360), gop=60)
    cluster.worker("gate,examine")
    cluster.beat()
    victim = cluster.worker("render")
    upload = cluster.dock.receive(long)
    cluster.until(lambda: any(job.state == JobState.RUNNING for job in cluster.jobs("render")), 90)

    victim.kill()
    victim.wait()
    assert cluster.jobs("render")[0].state == JobState.RUNNING
    cluster.worker("render")
    waited = cluster.until(lambda: cluster.jobs("render")[0].attempts == 2, LEASE.total_seconds() + 15)
    cluster.settle([upload], PATIENCE_S)

    assert waited > 5
    assert cluster.recording(upload).state == "ready"
    entered = Counter(cluster.entries(upload))
    kept = cluster.rows_of("renditions", "id")
    assert len(kept) == len(cluster.rows_of("renditions", "kind"))
    assert entered["rec.rendition"] - entered["rec.rendition.drop"] == len(kept), "one of them was entered twice"
    assert cluster.findings() == []


@on_larger
def test_each_ring_delivered_many_times_is_done_once(cluster, film):
    done = threading.Event()

    def ring_and_ring_again():
        while not done.wait(0.5):
            for job in cluster.jobs():
                for _ in range(3):
                    ring(cluster.archive.broker, job.queue, job.id)

    workers = [cluster.worker(), cluster.worker()]
    ringing = threading.Thread(target=ring_and_ring_again)
    ringing.start()
    try:
        uploads = [cluster.dock.receive(film(n), filename=f"{n}.mp4", case="A-7") for n in range(FILES)]
        cluster.settle(uploads, PATIENCE_S)
    finally:
        done.set()
        ringing.join()

    for upload in uploads:
        entries = cluster.entries(upload)
        assert [entries.count(name) for name in ("rec.ingest", "rec.verify", "rec.link", "rec.facts")] == [1, 1, 1, 1]
    assert all(job.attempts == 1 for job in cluster.jobs())
    assert [worker.poll() for worker in workers] == [None, None]
    assert cluster.findings() == []


@on_larger
def test_a_job_that_kills_its_workers_is_set_aside_and_the_rest_goes_on(cluster, film):
    first = cluster.dock.receive(film(1), filename="a.mp4")
    cluster.dock.work()
    with cluster.archive.plain() as session:
        bell = ask(session, "link", cluster.recording(first).id, cluster.archive.clock(), recipe="毒")
    command = [sys.executable, "-m", "tests.cluster.poisoned", QUEUES]
    environment = os.environ | cluster.environment
    statuses = []
    for attempt in range(ATTEMPTS):
        cluster.archive.ring([bell])
        ahead = str(attempt * (LEASE.total_seconds() + 10))
        ended = subprocess.run([*command, ahead], cwd=ROOT, env=environment, timeout=90, check=False)
        statuses.append(ended.returncode)
    cluster.archive.ring([bell])
    later = subprocess.Popen([*command, str(ATTEMPTS * (LEASE.total_seconds() + 10))], cwd=ROOT, env=environment)
    try:
        cluster.until(lambda: cluster.jobs("link")[0].state == JobState.SET_ASIDE)
        second = cluster.dock.receive(film(2), filename="b.mp4")
        cluster.until(lambda: cluster.dock.row(second).state == "verified")
    finally:
        later.kill()
        later.wait()

    [poison] = cluster.jobs("link")
    assert statuses == [-9] * ATTEMPTS
    assert (poison.error_code, poison.attempts) == ("worker-lost", ATTEMPTS)
    assert "3 times" in poison.error


@on_larger
def test_the_sweeper_does_not_fill_the_broker_while_workers_are_busy(cluster, film):
    cluster.dock.receive(film(1), filename="a.mp4")
    [job], broker = cluster.jobs(), cluster.archive.broker
    [sweep] = [one.act for one in beat_rounds(cluster.archive) if one.name == "ring"]
    counts = []
    for rings in (0, MOST_RINGS):
        for _ in range(rings):
            ring(broker, job.queue, job.id)
        with cluster.archive.plain() as session:
            session.get_one(JobRow, job.id).rung_at = None
        before = rings_in(broker, job.queue)
        sweep()
        counts.append(rings_in(broker, job.queue) - before)

    assert counts == [1, 0]


@pytest.mark.parametrize(("broker", "engine_kind"), [("redis", "sqlite")], indirect=["broker"])
def test_a_ring_into_nowhere_is_named_and_harms_nothing(cluster, broker):
    broker.stop()

    with pytest.raises(Unavailable, match="did not take the ring"):
        ring(cluster.archive.broker, "examine", "any")
    broker.start()
