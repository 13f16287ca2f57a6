"""A change and its ledger line commit together or not at all; the ledger refuses everything else."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from services.accounts.models import Unit
from services.bootstrap import new_id
from services.custody.entry import commit_field, commit_payload
from services.custody.events import EVENTS
from services.custody.ledger import check_chain, history
from services.custody.tables import object_head, payload, pending
from services.db import Watch, watched_session
from services.errors import UnrecordedChange


def unit(archive, number="u1"):
    return Unit(id=new_id(), number=number, name="一所", path="/", created_at=archive.clock())


def put(archive, row, **after):
    with archive.work() as work:
        work.session.add(row)
        work.append("unit.put", row.id, actor="test", before=None, after=after)


def counts(archive):
    with archive.reading() as session:
        return [len(session.execute(select(table)).all()) for table in (Unit.__table__, pending, payload)]


def test_a_change_and_its_line_stand_together(archive):
    row = unit(archive)

    put(archive, row, name="一所")

    with archive.reading() as session:
        [line] = list(history(session, row.id))
    assert (line.entry.type, line.entry.n, line.values["after"]) == ("unit.put", 0, '{"name":"一所"}')
    assert counts(archive) == [1, 1, 3]


def test_a_change_without_a_line_is_refused_whole(archive):
    with pytest.raises(UnrecordedChange, match="units"), archive.work() as work:
        work.session.add(unit(archive))

    assert counts(archive) == [0, 0, 0]


def test_a_line_of_another_object_does_not_count(archive):
    row = unit(archive)

    with pytest.raises(UnrecordedChange, match=row.id), archive.work() as work:
        work.session.add(row)
        work.append("unit.put", new_id(), actor="test")

    assert counts(archive) == [0, 0, 0]


@pytest.mark.parametrize("change", ["dirty", "deleted"])
def test_changed_and_deleted_rows_need_their_line_too(archive, change):
    row = unit(archive)
    put(archive, row)

    with pytest.raises(UnrecordedChange), archive.work() as work:
        found = work.session.get_one(Unit, row.id)
        if change == "dirty":
            found.name = "二所"
        else:
            work.session.delete(found)

    assert counts(archive)[0] == 1


def test_an_error_keeps_neither(archive):
    row = unit(archive)

    with pytest.raises(RuntimeError, match="power"), archive.work() as work:
        work.session.add(row)
        work.append("unit.put", row.id)
        work.session.flush()
        raise RuntimeError("power")

    assert counts(archive) == [0, 0, 0]


def test_a_line_alone_is_fine_and_bells_ring_after_the_commit(archive):
    rung = []
    with archive.work() as work:
        work.append("sys.start", new_id(), version="1")
        work.after_commit(lambda: rung.append(counts(archive)[1]))

    assert rung == [1]


@pytest.mark.parametrize(("event", "values"), [("rec.made-up", {}), ("unit.put", {"secret": 1})])
def test_the_vocabulary_is_closed(archive, event, values):
    with pytest.raises(ValueError, match=r"vocabulary|no field"), archive.work() as work:
        work.append(event, new_id(), **values)


def test_commitments_are_those_of_the_stored_values(archive):
    row = unit(archive)
    put(archive, row, name="x")

    with archive.reading() as session:
        fields = session.execute(select(payload)).all()
        [line] = list(history(session, row.id))

    assert {f.name: commit_field(f.name, f.value, f.salt) for f in fields} == {f.name: f.commitment for f in fields}
    assert line.entry.commitment == commit_payload({f.name: f.commitment for f in fields})


def test_chains_of_many_writers_have_no_gap_and_no_fork(archive):
    objects = [new_id() for _ in range(3)]
    start = threading.Barrier(6)

    def write(seed):
        start.wait()
        for turn in range(8):
            with archive.work() as work:
                for obj in objects if (turn + seed) % 2 else objects[::-1]:
                    work.append("sys.start", obj, version=f"{seed}.{turn}")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))

    with archive.reading() as session:
        chains = [list(history(session, obj)) for obj in objects]
        heads = {row.obj: (row.n, row.leaf_hash) for row in session.execute(select(object_head))}
    assert [len(chain) for chain in chains] == [48, 48, 48]
    assert [check_chain(chain) for chain in chains] == [[], [], []]
    assert all(heads[obj] == (47, chain[-1].leaf_hash) for obj, chain in zip(objects, chains, strict=True))


@pytest.mark.parametrize("engine_kind", [pytest.param("postgres", marks=pytest.mark.postgres)])
def test_who_begins_a_chain_that_another_begins_meanwhile_follows_it(archive):
    obj, appended, waited_for = new_id(), threading.Event(), threading.Event()

    def hold(_session):
        if not appended.is_set():
            appended.set()
            assert waited_for.wait(60)

    def write(version):
        with archive.work() as work:
            work.append("sys.start", obj, version=version)

    event.listen(Session, "before_commit", hold)
    try:
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(write, "first")
            assert appended.wait(60)
            second = pool.submit(write, "second")
            until_one_waits(archive)
            waited_for.set()
            first.result(), second.result()
    finally:
        event.remove(Session, "before_commit", hold)

    with archive.reading() as session:
        chain = list(history(session, obj))
        [head] = session.execute(select(object_head.c.n, object_head.c.leaf_hash))
    assert [line.values["version"] for line in chain] == ['"first"', '"second"']
    assert check_chain(chain) == []
    assert tuple(head) == (1, chain[-1].leaf_hash)


def until_one_waits(archive):
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        with archive.reading() as session:
            if session.scalar(waiting):
                return
        time.sleep(0.02)
    pytest.fail("nobody waited for the chain's head")


def test_lines_of_many_objects_keep_their_order_and_values(archive):
    objects = sorted(new_id() for _ in range(3))
    values = ["'\"\\\\", "{},\\x00", "警\u0000员\n", "%s ''", ""]
    for _ in range(2):
        with archive.work() as work:
            for value in values:
                for obj in reversed(objects):
                    work.append("sys.start", obj, version=value, schema=[obj])

    with archive.reading() as session:
        chains = [list(history(session, obj)) for obj in objects]
        ids = session.scalars(select(pending.c.obj).order_by(pending.c.id)).all()
        fields = session.execute(select(payload)).all()
    assert [[json.loads(line.values["version"]) for line in chain] for chain in chains] == [values * 2] * 3
    assert [check_chain(chain) for chain in chains] == [[], [], []]
    assert ids == [obj for obj in objects for _ in values] * 2
    assert all(commit_field(f.name, f.value, f.salt) == f.commitment for f in fields)


def raw(archive, statement, **values):
    """Go behind the guard, as a database administrator would: only the triggers stand there."""
    with watched_session(archive.engine, Watch("migration")) as session, session.begin():
        session.execute(text(statement), values)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE pending SET n = 7",
        "DELETE FROM pending",
        "DELETE FROM payload",
        "UPDATE payload SET value = 'x'",
        "UPDATE payload SET salt = NULL",
        "UPDATE payload SET salt = NULL, value = NULL, name = 'x'",
        "DELETE FROM object_head",
        "UPDATE object_head SET n = n - 1",
        "INSERT INTO entry SELECT 5, event_id, obj, n, entry, leaf_hash FROM pending",
    ],
)
def test_triggers_refuse_to_rewrite_the_ledger(archive, statement):
    put(archive, unit(archive))

    with pytest.raises(DBAPIError, match=r"append-only|only|gaps|grows|leaves"):
        raw(archive, statement)

    assert counts(archive) == [1, 1, 3]


def test_a_pending_entry_leaves_only_into_the_log(archive):
    row = unit(archive)
    put(archive, row, name="x")

    raw(archive, "INSERT INTO entry SELECT 0, event_id, obj, n, entry, leaf_hash FROM pending")
    raw(archive, "DELETE FROM pending")

    with archive.reading() as session:
        [line] = list(history(session, row.id))
    assert line.entry.type == "unit.put"
    with pytest.raises(DBAPIError, match="append-only"):
        raw(archive, "UPDATE entry SET n = 3")
    with pytest.raises(DBAPIError, match="append-only"):
        raw(archive, "DELETE FROM entry")


def test_a_field_can_be_expunged_and_the_entry_still_holds(archive):
    row = unit(archive)
    put(archive, row, name="张三")

    raw(archive, "UPDATE payload SET salt = NULL, value = NULL WHERE name = 'after'")

    with archive.reading() as session:
        [line] = list(history(session, row.id))
    assert line.expunged == {"after"}
    assert check_chain([line]) == []


def test_every_event_says_what_it_means():
    assert all(event.meaning.endswith(".") and event.disclosed <= event.fields for event in EVENTS.values())
