"""The check of the whole archive sees the log and what of it was published."""

import pytest

from services.custody.heads import sign_head
from services.custody.publish import Publisher
from services.index.fsck import Finding, check
from services.storage import keys
from tests.archive_fixture import add_recording
from tests.custody.growing import append, grow
from tests.custody.held_signer import HeldSigner
from tests.tampering import tamper


@pytest.fixture
def signer() -> HeldSigner:
    return HeldSigner()


@pytest.fixture
def logged(archive, signer):
    """An archive with a recording, a log of 600 entries, all of it published and signed, and entries that wait."""
    add_recording(archive)
    grow(archive, 600 - len(grow(archive, 0)))
    publisher = Publisher(archive.engine, archive.store)
    sign_head(archive.engine, signer, publisher.publish(), archive.clock())
    publisher.publish_head()
    append(archive, 3)
    return archive


def findings(archive, signer=None, *, deep=False) -> list[Finding]:
    with archive.reading() as session:
        return list(check(session, archive.store, deep=deep, trusted=[signer.verifier] if signer else ()))


def place(archive, key):
    return archive.settings.paths.store / key


def overwrite(archive, key, content):
    place(archive, key).chmod(0o600)
    place(archive, key).write_bytes(content)


def test_a_published_log_has_no_findings_and_nothing_of_it_is_untracked(logged, signer) -> None:
    assert findings(logged, signer, deep=True) == []


def test_a_log_that_grew_since_its_last_head_has_no_findings(logged, signer) -> None:
    grow(logged, 300)

    assert findings(logged, signer, deep=True) == []
    Publisher(logged.engine, logged.store, 600).publish()
    assert findings(logged, signer, deep=True) == []


@pytest.mark.parametrize(
    ("key", "thing"),
    [
        ("custody/tile/0/001", "published custody/tile/0/001"),
        ("custody/tile/entries/000", "published custody/tile/entries/000"),
        ("derived/custody/tile/entries/002.p/88", "published remainder tile/entries/002.p/88"),
    ],
)
@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_what_is_missing_or_altered_in_the_store_is_named(logged, key: str, thing: str) -> None:
    whole = place(logged, key).read_bytes()

    overwrite(logged, key, whole[:-1])
    assert thing in [one.thing for one in findings(logged)]
    overwrite(logged, key, whole[:-1] + bytes([whole[-1] ^ 1]))
    assert [(one.severity, one.thing) for one in findings(logged, deep=True)] == [("error", thing)]
    place(logged, key).unlink()
    assert [(one.kind, one.thing) for one in findings(logged)] == [("missing", thing)]


@pytest.mark.parametrize("engine_kind", ["sqlite"])
@pytest.mark.parametrize("key", ["custody/tile/0/002", "custody/tile/entries/002", "custody/checkpoint/601",
                                 "custody/tile/9/000", "custody/checkpoint/x", "custody/note",
                                 "custody/checkpoint/0600", "custody/checkpoint/99999999999999999999",
                                 "custody/timestamp/601"])  # fmt: skip
def test_what_is_published_of_another_log_is_untracked(logged, key: str) -> None:
    logged.store.put_bytes(key, b"of another")

    assert [(one.kind, one.thing) for one in findings(logged)] == [("untracked", f"object {key}")]


def test_the_time_stamp_of_a_head_is_a_part_of_the_log(logged, signer) -> None:
    logged.store.put_bytes(keys.log_timestamp(600), b"an authority's answer")

    assert findings(logged, signer, deep=True) == []


def test_an_altered_log_is_found_by_the_head_that_was_signed(logged, signer) -> None:
    tamper(logged, "UPDATE tile SET root = hashes WHERE 1 = 0")
    assert findings(logged, signer) == []

    tamper(logged, "DELETE FROM entry WHERE idx = 599")

    assert "signed head of 600" in [one.thing for one in findings(logged, signer)]


@pytest.mark.parametrize(
    ("size", "words"), [(700, "the log has 600 entries"), (600, "the first 600 entries have root")]
)
def test_a_database_that_was_set_back_or_rewritten_is_told_by_the_published_head(logged, size: int, words: str) -> None:
    note = HeldSigner().sign(size, bytes(32), [])
    logged.store.put_bytes(keys.NEWEST_CHECKPOINT, note.encode())

    (finding,) = findings(logged)
    assert (finding.severity, finding.kind, finding.thing) == ("error", "chain", "the log")
    assert words in finding.found


def test_a_published_head_that_is_none_is_named(logged) -> None:
    overwrite(logged, keys.NEWEST_CHECKPOINT, b"\xff no note")

    assert [(one.kind, one.thing) for one in findings(logged)] == [("changed", "the newest published head")]


def test_a_head_that_another_key_signed_is_found_where_keys_are_trusted(logged) -> None:
    other = HeldSigner()
    other.key = type(other.key)(other.key.name, 1, bytes(32))

    assert findings(logged) == []
    assert [one.thing for one in findings(logged, other)] == ["signed head of 600"]
