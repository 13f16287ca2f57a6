"""Jobs: asked once, done once, taken back from the dead, set aside after three failures."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from services.errors import NotFound, StoreUnavailable
from services.jobs.lease import LEASE, ask, claim, fail, find, finish, of_key, renew, retry, unrung
from services.jobs.table import JobState
from services.jobs.worker import LeaseLost, drain, poll, run

QUEUES = ["gate.g1", "examine", "render"]


def want(archive, key="r1", kind="examine", **more):
    with archive.plain() as session:
        return ask(session, kind, key, archive.clock(), **more).job


def state(archive, job):
    with archive.reading() as session:
        return find(session, job)


def test_asking_twice_is_asking_once(archive):
    first, second = want(archive), want(archive)

    assert first == second
    assert claim(archive.engine, QUEUES, archive.clock()).id == first
    assert claim(archive.engine, QUEUES, archive.clock()) is None


def test_a_done_job_is_not_done_again(archive):
    job = want(archive)
    held = claim(archive.engine, QUEUES, archive.clock())

    assert finish(archive.engine, held, archive.clock())
    assert want(archive) == job
    assert claim(archive.engine, QUEUES, archive.clock()) is None
    assert state(archive, job).state is JobState.DONE


def test_another_recipe_is_another_job(archive):
    assert want(archive, recipe="1") != want(archive, recipe="2")


def test_a_worker_takes_only_its_queues_and_the_urgent_first(archive):
    want(archive, "slow", priority=5)
    want(archive, "urgent", priority=2)
    want(archive, "elsewhere", kind="accession", gate="g2")

    taken = [claim(archive.engine, QUEUES, archive.clock()) for _ in range(3)]

    assert [job and job.key for job in taken] == ["urgent", "slow", None]


def test_a_dead_workers_job_is_taken_when_its_lease_ends(archive, clock):
    want(archive)
    dead = claim(archive.engine, QUEUES, clock())
    clock.advance(LEASE.total_seconds() + 1)

    heir = claim(archive.engine, QUEUES, clock())

    assert heir.id == dead.id
    assert heir.attempt == 2
    assert not renew(archive.engine, dead, clock())
    assert not finish(archive.engine, dead, clock())
    assert renew(archive.engine, heir, clock(), 0.5)
    assert state(archive, heir.id).progress == 0.5


def test_a_renewed_lease_is_nobody_elses(archive, clock):
    want(archive)
    held = claim(archive.engine, QUEUES, clock())
    clock.advance(20)
    renew(archive.engine, held, clock())
    clock.advance(20)

    assert claim(archive.engine, QUEUES, clock()) is None


def test_three_failures_set_a_job_aside_with_its_reason(archive, clock):
    job = want(archive)
    states = []
    for _ in range(3):
        held = claim(archive.engine, QUEUES, clock())
        states.append(fail(archive.engine, held, clock(), ValueError("bad atom")))
        clock.advance(120)

    assert states == [JobState.QUEUED, JobState.QUEUED, JobState.SET_ASIDE]
    assert claim(archive.engine, QUEUES, clock()) is None
    seen = state(archive, job)
    assert (seen.error_code, seen.attempts) == ("internal", 3)
    assert "bad atom" in seen.error


def test_a_failure_waits_before_the_next_attempt(archive, clock):
    want(archive)
    fail(archive.engine, claim(archive.engine, QUEUES, clock()), clock(), ValueError("x"))

    assert claim(archive.engine, QUEUES, clock()) is None
    clock.advance(1.1)
    assert claim(archive.engine, QUEUES, clock()).attempt == 2


def test_an_outage_never_sets_aside(archive, clock):
    job = want(archive)
    for _ in range(5):
        held = claim(archive.engine, QUEUES, clock())
        assert fail(archive.engine, held, clock(), StoreUnavailable("down")) is JobState.QUEUED
        clock.advance(6)

    assert state(archive, job).error_code == "store-unavailable"


def test_a_job_that_kills_its_worker_is_poison(archive, clock, expects_errors):
    expects_errors.append("job set aside")
    job = want(archive)
    for _ in range(3):
        assert claim(archive.engine, QUEUES, clock()) is not None
        clock.advance(LEASE.total_seconds() + 1)

    assert claim(archive.engine, QUEUES, clock()) is None
    assert (state(archive, job).state, state(archive, job).error_code) == (JobState.SET_ASIDE, "worker-lost")


def test_a_person_can_give_a_job_new_attempts(archive, clock):
    job = want(archive)
    for _ in range(3):
        fail(archive.engine, claim(archive.engine, QUEUES, clock()), clock(), ValueError("x"))
        clock.advance(120)
    with archive.plain() as session:
        retry(session, job, clock())

    assert claim(archive.engine, QUEUES, clock()).attempt == 1
    with pytest.raises(NotFound), archive.plain() as session:
        retry(session, job, clock())


def test_many_workers_take_each_job_once(archive):
    for number in range(24):
        want(archive, f"r{number:02d}")
    start = threading.Barrier(6)

    def take(_):
        start.wait()
        found = []
        while (job := claim(archive.engine, QUEUES, archive.clock())) is not None:
            found.append(job.key)
        return found

    with ThreadPoolExecutor(6) as pool:
        taken = [key for keys in pool.map(take, range(6)) for key in keys]

    assert sorted(taken) == [f"r{number:02d}" for number in range(24)]


def test_a_delivery_of_a_job_that_runs_or_is_done_does_nothing(archive):
    job = want(archive)
    held = claim(archive.engine, QUEUES, archive.clock(), job_id=job)

    assert claim(archive.engine, QUEUES, archive.clock(), job_id=job) is None
    finish(archive.engine, held, archive.clock())
    assert claim(archive.engine, QUEUES, archive.clock(), job_id=job) is None


def test_running_answers_whatever_happens(archive, clock, caplog):
    want(archive, "good")
    want(archive, "bad")

    def work(running):
        running.report(0.5)
        if running.job.key == "bad":
            raise ValueError("broken")

    assert drain(archive.engine, QUEUES, {"examine": work}, clock) == 2
    with archive.reading() as session:
        assert [of_key(session, key)[0].state for key in ("good", "bad")] == [JobState.DONE, JobState.QUEUED]


def test_a_lost_lease_stops_the_work(archive, clock):
    want(archive)
    held = claim(archive.engine, QUEUES, clock())
    seen = []

    def work(running):
        running.lost = True
        with pytest.raises(LeaseLost):
            running.report(0.1)
        seen.append("stopped")
        raise LeaseLost("gone")

    assert run(archive.engine, held, {"examine": work}, clock) is JobState.RUNNING
    assert seen == ["stopped"]


def test_a_polling_worker_finds_what_is_asked_later(archive, clock):
    stop, done = threading.Event(), threading.Event()
    worker = threading.Thread(
        target=poll, args=(archive.engine, QUEUES, {"examine": lambda _: done.set()}, clock, stop)
    )
    worker.start()
    want(archive)

    assert done.wait(5)
    stop.set()
    worker.join(5)
    assert not worker.is_alive()


def test_bells_ring_again_for_what_nobody_took(archive, clock):
    job = want(archive)

    assert [bell.job for bell in unrung(archive.engine, clock())] == [job]
    assert unrung(archive.engine, clock()) == []
    clock.advance(11)
    assert [bell.job for bell in unrung(archive.engine, clock())] == [job]
    claim(archive.engine, QUEUES, clock())
    clock.advance(11)
    assert unrung(archive.engine, clock()) == []
    clock.advance(timedelta(seconds=60).total_seconds())
    assert [bell.job for bell in unrung(archive.engine, clock())] == [job]
