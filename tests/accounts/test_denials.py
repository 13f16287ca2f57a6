"""What is refused is recorded: singly for an identity, counted for a flood."""

from services.accounts.denials import SINGLY, Denial, Denials, block_of, flush_denials
from services.accounts.rights import Principal
from services.bootstrap import Archive
from services.custody.events import SYSTEM
from services.custody.ledger import check_chain, history
from tests.archive_fixture import HeldClock, add_unit, add_user, everywhere


def denial(address: str = "192.0.2.9") -> Denial:
    return Denial("not-allowed", "recording.original", "/api/v1/recordings/x/original", "GET", address)


def entries(archive: Archive, obj: str, name: str) -> list[dict[str, str]]:
    with archive.reading() as session:
        lines = list(history(session, obj))
    assert check_chain(lines) == []
    return [dict(line.values) for line in lines if line.entry.type == name]


def someone(archive: Archive) -> Principal:
    return add_user(archive, "officer", add_unit(archive))


def test_a_refusal_chains_on_the_account_or_the_token(archive: Archive) -> None:
    person, program, denials = someone(archive), everywhere("dock"), Denials(archive.engine)
    assert denials.note(person, denial(), archive.clock())
    assert denials.note(program, denial(), archive.clock())

    told = entries(archive, person.id, "account.deny")
    assert told == [
        {
            "action": '"recording.original"',
            "target": '"/api/v1/recordings/x/original"',
            "method": '"GET"',
            "address": '"192.0.2.9"',
        }
    ]
    assert len(entries(archive, program.id, "token.deny")) == 1


def test_past_thirty_a_minute_they_are_counted(archive: Archive, clock: HeldClock) -> None:
    person, denials = someone(archive), Denials(archive.engine)
    for _ in range(SINGLY + 12):
        denials.note(person, denial(), clock())
    clock.advance(60)
    assert denials.note(person, denial(), clock())
    denials.write()
    flush_denials(archive)

    assert len(entries(archive, person.id, "account.deny")) == SINGLY + 1
    assert [(told["count"], told["address"]) for told in entries(archive, SYSTEM, "sys.deny")] == [
        ("12", '"192.0.2.0/24"')
    ]


def test_without_an_identity_they_are_one_entry_a_minute_block_and_kind(archive: Archive, clock: HeldClock) -> None:
    denials = Denials(archive.engine)
    for address in ("192.0.2.1", "192.0.2.200", "198.51.100.1", "2001:db8::1", "2001:db8::2"):
        denials.note(None, denial(address), clock())
    denials.write()
    denials.note(None, denial(), clock())
    denials.write()
    assert flush_denials(archive) == 0  # the minute is not over
    clock.advance(60)
    assert flush_denials(archive) == 3
    assert flush_denials(archive) == 0

    told = {(line["address"], line["count"]) for line in entries(archive, SYSTEM, "sys.deny")}
    assert told == {('"192.0.2.0/24"', "3"), ('"198.51.100.0/24"', "1"), ('"2001:db8::/64"', "2")}


def test_a_flood_of_addresses_takes_bounded_memory(archive: Archive) -> None:
    denials = Denials(archive.engine)
    for number in range(10_000):
        denials.note(None, denial(f"10.{number // 256}.{number % 256}.1"), archive.clock())

    assert len(denials.counted) <= 4097
    assert sum(denials.counted.values()) == 10_000


def test_blocks_of_addresses() -> None:
    assert block_of("192.0.2.77") == "192.0.2.0/24"
    assert block_of("::ffff:192.0.2.77") == "192.0.2.0/24"
    assert block_of("192.0.2.0/24") == "192.0.2.0/24"
    assert block_of("testclient") == "testclient"
