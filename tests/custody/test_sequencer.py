"""What is pending moves into the log in order, all of a batch or nothing; the tiles are those of the leaves."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from services.custody.logtree import log_size, log_tree, read_bundle, read_tile
from services.custody.pages import log_page
from services.custody.proof import check_consistency, check_inclusion, prove_consistency, prove_inclusion
from services.custody.sequencer import Leadership, integrate
from services.custody.tables import entry, pending, tile
from services.custody.tiles import Tile
from services.custody.tree import EMPTY_ROOT, root
from services.db import Watch, watched_session
from services.errors import DatabaseBusy, IntegrityError, NotFound, ProofRefused, UnrecordedChange
from tests.custody.growing import append, grow, leaves, wrong_chains


def rows(archive, table):
    with archive.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_pending_entries_move_in_the_order_of_their_ids(archive):
    append(archive, 20)
    with archive.reading() as session:
        waiting = session.scalars(select(pending.c.event_id).order_by(pending.c.id)).all()

    assert [integrate(archive.engine, 12), integrate(archive.engine, 12), integrate(archive.engine, 12)] == [12, 8, 0]

    with archive.reading() as session:
        moved = session.scalars(select(entry.c.event_id).order_by(entry.c.idx)).all()
        assert log_size(session) == 20
    assert moved == waiting
    assert rows(archive, pending) == 0
    assert wrong_chains(archive) == []


def test_a_log_of_nothing_has_the_root_of_nothing(archive):
    assert integrate(archive.engine) == 0
    with archive.reading() as session:
        assert log_tree(session).root == EMPTY_ROOT


@pytest.mark.parametrize("engine_kind", ["sqlite"])
@pytest.mark.parametrize("batch", [1000, 300, 256, 7])
def test_whole_tiles_and_roots_are_those_of_the_leaves_however_they_came(archive, batch):
    append(archive, 1100)
    while integrate(archive.engine, batch):
        pass
    known = leaves(archive)

    with archive.reading() as session:
        made = session.execute(select(tile.c.level, tile.c.n, tile.c.root, tile.c.hashes).order_by(tile.c.n)).all()
        assert [(level, n) for level, n, _, _ in made] == [(0, 0), (0, 1), (0, 2), (0, 3)]
        for _, n, top, hashes in made:
            part = known[n * 256 : (n + 1) * 256]
            assert (top, hashes) == (root(part), b"".join(part))
        for size in (0, 1, 255, 256, 257, 511, 512, 1000, 1024, 1100):
            assert log_tree(session, size).root == root(known[:size])


def test_proofs_of_any_two_sizes_hold(archive):
    known = grow(archive, 700)

    with archive.reading() as session:
        for size in (1, 2, 256, 300, 512, 513, 700):
            top = log_tree(session, size).root
            for index in {0, size // 2, size - 1, min(255, size - 1)}:
                path = prove_inclusion(log_tree(session, size), index, size)
                check_inclusion(known[index], index, size, path, top)
            for old in {1, size // 3 or 1, min(256, size), size}:
                path = prove_consistency(log_tree(session, size), old, size)
                check_consistency(old, root(known[:old]), size, top, path)


def test_what_the_log_does_not_have_is_not_given(archive):
    grow(archive, 300)

    with archive.reading() as session:
        with pytest.raises(ProofRefused, match="300 entries, no tree of 301"):
            log_tree(session, 301)
        for missing in (Tile(0, 1), Tile(0, 1, 45), Tile(1, 0), Tile(1, 0, 2), Tile(2, 0, 1), Tile(0, 9, 1)):
            with pytest.raises(NotFound):
                read_tile(session, missing)
        for index, width in ((1, 256), (1, 45), (2, 1)):
            with pytest.raises(NotFound):
                read_bundle(session, index, width)


def test_upper_levels_are_filled_of_whole_tiles_below(sqlite_archive):
    known = grow(sqlite_archive, 256 * 256 + 3, objects=50)

    with sqlite_archive.reading() as session:
        top = session.execute(select(tile).where(tile.c.level == 1)).one()
        assert top.root == root(known[:65536])
        assert read_tile(session, Tile(2, 0, 1)) == top.root
        assert log_tree(session).root == root(known)
        assert log_tree(session, 65535).root == root(known[:65535])


def test_entries_that_waited_since_earlier_versions_come_into_the_log(tmp_path):
    """The first three versions left everything pending: a database of theirs is brought forward and sequenced."""
    from alembic import command

    from services.db import open_engine
    from services.index import migrate
    from tests.archive_fixture import HeldClock, open_for_test

    home = tmp_path / "home"
    home.mkdir()
    address = f"sqlite:///{home / 'archive.db'}"
    engine = open_engine(address)
    config = migrate._config()
    with engine.execution_options(huisu_writing=True, huisu_watch=Watch("migration")).connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.commit()
    engine.dispose()

    with open_for_test(home, address, HeldClock()) as archive:
        append(archive, 30)
        migrate.migrate(archive.engine)

        assert integrate(archive.engine) == 30
        with archive.reading() as session:
            assert log_tree(session).root == root(leaves(archive))


def test_an_altered_pending_entry_is_never_sequenced(archive):
    append(archive, 3)
    change = "UPDATE pending SET leaf_hash = :hash WHERE id = (SELECT MAX(id) FROM pending)"
    trigger = "pending_no_update"
    drop = f"DROP TRIGGER {trigger}" + (" ON pending" if archive.engine.dialect.name == "postgresql" else "")
    with watched_session(archive.engine, Watch("migration")) as session, session.begin():
        session.execute(text(drop))
        session.execute(text(change), {"hash": bytes(32)})

    with pytest.raises(IntegrityError, match=r"pending entry .* has leaf hash"):
        integrate(archive.engine)

    assert (rows(archive, entry), rows(archive, pending)) == (0, 3)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tile SET n = 9",
        "DELETE FROM tile",
        "UPDATE checkpoint SET note = 'x'",
        "DELETE FROM checkpoint",
        "UPDATE cosig SET line = 'x'",
        "DELETE FROM cosig",
        "INSERT INTO entry SELECT idx + 2, event_id, obj, n, entry, leaf_hash FROM entry WHERE idx = 299",
        "INSERT INTO tile SELECT level, 7, root, substr(hashes, 1, 8191) FROM tile",
    ],
)
def test_triggers_refuse_to_rewrite_the_log(archive, statement):
    grow(archive, 300)
    with watched_session(archive.engine, Watch("migration")) as session, session.begin():
        at = archive.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        values = {"root": bytes(32), "at": at}
        session.execute(text("INSERT INTO checkpoint VALUES (1, :root, 'note', :at)"), values)
        session.execute(text("INSERT INTO cosig VALUES (1, 'w', :at, 'line')"), {"at": at})

    with (
        pytest.raises(DBAPIError, match=r"append-only|gaps|ck_tile_hashes"),
        watched_session(archive.engine, Watch("migration")) as session,
        session.begin(),
    ):
        session.execute(text(statement))


def test_the_log_is_written_by_the_ledger_alone(archive):
    for statement in ("INSERT INTO tile VALUES (0, 0, '', '')", "DELETE FROM checkpoint", "DELETE FROM cosig"):
        with pytest.raises(UnrecordedChange), archive.plain() as session:
            session.execute(text(statement))


def test_what_another_writer_holds_is_entered_when_it_lets_go(sqlite_archive):
    append(sqlite_archive, 2)
    with watched_session(sqlite_archive.engine, Watch("plain")) as holder, ThreadPoolExecutor(1) as pool:
        holder.connection()
        waiting = pool.submit(integrate, sqlite_archive.engine)
        with pytest.raises(TimeoutError):
            waiting.result(0.2)
        holder.rollback()

        assert waiting.result() == 2


def test_a_database_that_is_held_too_long_is_busy_and_what_waits_is_kept(sqlite_archive, monkeypatch):
    append(sqlite_archive, 2)
    monkeypatch.setattr("services.sqlite.BUSY_TIMEOUT_MS", 50)
    with watched_session(sqlite_archive.engine, Watch("plain")) as holder:
        holder.connection()
        with pytest.raises(DatabaseBusy, match="did not take the transaction"):
            integrate(sqlite_archive.engine)
        holder.rollback()

    assert integrate(sqlite_archive.engine) == 2
    with ExitStack() as all_of_them:
        pool = sqlite_archive.engine.pool
        kept = [all_of_them.enter_context(sqlite_archive.engine.connect()) for _ in range(pool.checkedin())]
        patience = {one.execute(text("PRAGMA busy_timeout")).scalar() for one in kept}
    assert 50 in patience  # the one that was set back: it waits as long as any other
    assert 0 not in patience


def test_only_one_leads_until_it_lets_go(archive):
    first, second = Leadership(archive.engine), Leadership(archive.engine)

    assert first.is_mine()
    assert first.is_mine()
    assert not second.is_mine()
    first.release()
    assert second.is_mine()
    second.release()


def test_two_sequencers_only_take_turns(archive):
    append(archive, 600)
    start = threading.Barrier(3)

    def sequence(batch):
        start.wait()
        moved = 0
        while done := integrate(archive.engine, batch):
            moved += done
        return moved

    with ThreadPoolExecutor(3) as pool:
        moved = list(pool.map(sequence, (70, 110, 40)))

    assert sum(moved) == 600
    with archive.reading() as session:
        assert log_tree(session).root == root(leaves(archive))
    assert wrong_chains(archive) == []


def test_a_page_reader_misses_and_repeats_nothing_while_entries_move(archive):
    append(archive, 120)
    seen, cursor = [], None
    while True:
        with archive.reading() as session:
            lines, cursor = log_page(session, cursor, 7)
        seen += [line.entry.id for line in lines]
        if cursor is None:
            break
        integrate(archive.engine, 11)
    while integrate(archive.engine):
        pass

    with archive.reading() as session:
        assert seen == session.scalars(select(entry.c.event_id).order_by(entry.c.idx)).all()
