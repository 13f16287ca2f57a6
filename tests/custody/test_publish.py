"""What the store holds is enough to bring the whole log back, at every moment; nothing that was signed goes."""

import pytest

from services.custody.bundles import read_bundle
from services.custody.checkpoint import open_checkpoint
from services.custody.entry import leaf_hash
from services.custody.heads import (
    SignedHead,
    cosigned_note,
    head_at_least,
    head_of,
    keep_cosignature,
    keep_head,
    last_cosigned,
    newest_head,
    sign_head,
)
from services.custody.publish import Publisher, published_head, remainders
from services.custody.tree import root
from services.errors import HeadRefused, NoteRefused, ObjectConflict, StoreUnavailable
from services.storage import keys
from tests.archive_fixture import NOON
from tests.custody.growing import grow, leaves
from tests.custody.held_signer import HeldSigner


def recovered(store):
    """Read the log's entries out of the store alone: whole bundles, then the widest remainder."""
    whole = {kept.key: b"".join(store.read(kept.key)) for kept in store.keys("custody/tile/entries/")}
    found = [text for key in sorted(whole) for text in read_bundle(whole[key])]
    rest = [(tile.width, key) for key, tile in remainders(store) if tile.index == len(whole)]
    if rest:
        found += read_bundle(b"".join(store.read(max(rest)[1])))
    return [leaf_hash(text) for text in found]


def held(store, prefix):
    return sorted(kept.key for kept in store.keys(prefix))


@pytest.mark.parametrize("steps", [(5,), (256,), (300, 1), (100, 100, 100), (255, 1, 1), (700, 500)])
def test_the_store_alone_gives_the_whole_log_back(sqlite_archive, steps):
    publisher = Publisher(sqlite_archive.engine, sqlite_archive.store)
    for count in steps:
        known = grow(sqlite_archive, count)

        assert publisher.publish() == len(known)
        assert recovered(sqlite_archive.store) == known
        assert len(held(sqlite_archive.store, "derived/custody/")) == (1 if len(known) % 256 else 0)


def test_whole_tiles_lie_where_others_look_for_them(sqlite_archive):
    known = grow(sqlite_archive, 600)

    Publisher(sqlite_archive.engine, sqlite_archive.store).publish()

    store = sqlite_archive.store
    assert held(store, "custody/") == [
        "custody/tile/0/000", "custody/tile/0/001", "custody/tile/entries/000", "custody/tile/entries/001",
    ]  # fmt: skip
    assert held(store, "derived/") == ["derived/custody/tile/entries/002.p/88"]
    assert b"".join(store.read("custody/tile/0/001")) == b"".join(known[256:512])


def test_publishing_again_from_the_beginning_changes_nothing(sqlite_archive):
    known = grow(sqlite_archive, 300)
    Publisher(sqlite_archive.engine, sqlite_archive.store).publish()
    before = held(sqlite_archive.store, "custody/") + held(sqlite_archive.store, "derived/")

    Publisher(sqlite_archive.engine, sqlite_archive.store).publish()

    assert held(sqlite_archive.store, "custody/") + held(sqlite_archive.store, "derived/") == before
    assert recovered(sqlite_archive.store) == known


def test_what_a_crash_left_is_cleared_and_nothing_else(sqlite_archive):
    store, publisher = sqlite_archive.store, Publisher(sqlite_archive.engine, sqlite_archive.store)
    grow(sqlite_archive, 300)
    publisher.publish()
    for left in ("tile/entries/000.p/7", "tile/entries/001.p/43", "tile/entries/001.p/99", "tile/entries/002.p/1"):
        store.put_bytes(keys.log_remainder(left), b"left")

    publisher.clear()

    names = [key.rpartition("entries/")[2] for key in held(store, keys.LOG_REMAINDERS)]
    assert names == ["001.p/44", "001.p/99", "002.p/1"], "a wider one may be all that is left of another log"


def test_a_store_that_fails_half_way_is_caught_up_with(sqlite_archive, monkeypatch):
    store, publisher = sqlite_archive.store, Publisher(sqlite_archive.engine, sqlite_archive.store)
    known = grow(sqlite_archive, 600)
    whole = type(store).put_bytes
    for allowed in range(6):
        left = [allowed]

        def failing(self, key, content, left=left):
            if left[0] == 0:
                raise StoreUnavailable("gone")
            left[0] -= 1
            return whole(self, key, content)

        monkeypatch.setattr(type(store), "put_bytes", failing)
        if allowed < 5:
            with pytest.raises(StoreUnavailable):
                publisher.publish()
            assert publisher.published == 0
        else:
            assert publisher.publish() == 600

    assert recovered(store) == known


def test_another_log_is_never_written_over_a_published_one(sqlite_archive):
    grow(sqlite_archive, 300)
    sqlite_archive.store.put_bytes("custody/tile/0/000", b"x" * 8192)

    with pytest.raises(ObjectConflict):
        Publisher(sqlite_archive.engine, sqlite_archive.store).publish()


def test_a_head_is_signed_over_what_is_published_and_kept(archive):
    known, signer = grow(archive, 300), HeldSigner()
    publisher = Publisher(archive.engine, archive.store)

    head = sign_head(archive.engine, signer, publisher.publish(), archive.clock())
    publisher.publish_head()

    checkpoint, _ = open_checkpoint(head.note.encode(), [signer.verifier])
    assert (checkpoint.size, checkpoint.root) == (300, root(known))
    with archive.reading() as session:
        assert newest_head(session) == head_of(session, 300) == head_at_least(session, 12) == head
        assert head_at_least(session, 301) is None
        assert head.made_at == NOON
    assert published_head(archive.store) == head.note


def test_each_head_proves_that_it_continues_the_last(archive):
    signer = HeldSigner()
    for count in (1, 1, 300, 0, 7):
        sign_head(archive.engine, signer, len(grow(archive, count)), archive.clock())

    assert [size for size, _ in signer.signed] == [1, 2, 302, 302, 309]


def test_a_head_that_was_signed_and_not_kept_is_signed_again(archive):
    known, signer = grow(archive, 10), HeldSigner()
    signer.sign(10, root(known), [])

    head = sign_head(archive.engine, signer, 8, archive.clock())

    assert (head.size, signer.signed) == (10, [(10, root(known))] * 2)


def test_a_database_that_was_set_back_is_refused(archive):
    signer = HeldSigner()
    signer.last = (11, bytes(32))
    known = grow(archive, 10)

    with pytest.raises(HeadRefused, match="10 entries, the signer's memory 11: was an old database restored"):
        sign_head(archive.engine, signer, 10, archive.clock())
    signer.last = (9, root(known[:8]))
    with pytest.raises(HeadRefused, match="the first 9 entries have root"):
        sign_head(archive.engine, signer, 10, archive.clock())
    assert signer.signed == []


def test_a_signer_that_is_new_to_a_signed_log_is_refused(archive):
    grow(archive, 10)
    sign_head(archive.engine, HeldSigner(), 10, archive.clock())

    with pytest.raises(HeadRefused, match="the signer remembers nothing, a head of 10 entries was signed"):
        sign_head(archive.engine, HeldSigner(), 10, archive.clock())


def test_a_signer_that_was_resumed_from_an_older_head_comes_forward(archive):
    known, signer = grow(archive, 10), HeldSigner()
    sign_head(archive.engine, signer, 10, archive.clock())
    signer.last = (9, root(known[:9]))

    assert sign_head(archive.engine, signer, 10, archive.clock()).size == 10
    assert signer.last == (10, root(known))


def test_two_heads_of_one_size_are_refused(archive):
    keep_head(archive.engine, SignedHead(5, bytes(32), "note\n", NOON))
    keep_head(archive.engine, SignedHead(5, bytes(32), "note\n", NOON))

    with pytest.raises(HeadRefused, match="the signed head of 5 entries"):
        keep_head(archive.engine, SignedHead(5, bytes(31) + b"x", "note\n", NOON))


def test_the_lines_of_witnesses_stand_under_the_note(archive):
    keep_head(archive.engine, SignedHead(5, bytes(32), "text\n\n— log sig\n", NOON))
    for name in ("w2", "w1", "w2"):
        keep_cosignature(archive.engine, 5, name, NOON, f"— {name} line\n")

    with archive.reading() as session:
        head = newest_head(session)
        assert head is not None
        assert cosigned_note(session, head) == "text\n\n— log sig\n— w1 line\n— w2 line\n"
        assert last_cosigned(session) == NOON


def test_the_last_head_of_each_hour_is_kept_for_good(sqlite_archive, clock):
    signer, publisher = HeldSigner(), Publisher(sqlite_archive.engine, sqlite_archive.store)
    for seconds in (0, 600, 3600, 60, 7200):
        clock.advance(seconds)
        grow(sqlite_archive, 1)
        sign_head(sqlite_archive.engine, signer, publisher.publish(), clock())
        publisher.publish_head()
        publisher.publish_head()

    assert held(sqlite_archive.store, "custody/checkpoint/") == ["custody/checkpoint/2", "custody/checkpoint/4"]
    text = b"".join(sqlite_archive.store.read("custody/checkpoint/4"))
    checkpoint, _ = open_checkpoint(text, [signer.verifier])
    assert checkpoint.root == root(leaves(sqlite_archive)[:4])


@pytest.mark.parametrize("laid", [b"\xff\xfe no text", b"x" * (1 << 20) + b"\n"])
def test_what_is_no_head_in_its_place_is_refused_by_name(sqlite_archive, laid):
    sqlite_archive.store.put_bytes(keys.NEWEST_CHECKPOINT, laid)

    with pytest.raises(NoteRefused, match="published head"):
        published_head(sqlite_archive.store)
