"""How the log stands, over HTTP: red without outside witnesses, honest about the signer; and receipts for uploads."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.accounts.rights import GRANTS, ROLES
from services.custody.heads import keep_cosignature, sign_head
from services.custody.logtree import log_size
from services.custody.policy import Policy, Witness
from services.custody.receipt import read_receipt
from services.custody.sequencer import integrate
from services.custody.signer_client import Signer
from services.index.receipts import accepted
from services.settings import load_settings
from tests.api.site import Site, serve
from tests.archive_fixture import Empty, HeldClock, add_recording, open_for_test
from tests.custody.notes import key
from tests.custody.signing import open_signer, served

STATUS = "/api/v1/custody/status"


@pytest.fixture
def signer(site: Site) -> Iterator[Signer]:
    """Run a signer where the archive looks for it."""
    paths = site.archive.settings.paths
    with open_signer(paths.signer) as one, served(one, paths.signer_socket) as client:
        yield client


def test_without_signer_and_witnesses_it_says_so(site: Site) -> None:
    told = site.as_token("admin").get(STATUS).json()

    assert told["outside_witnessed"] is False
    assert (told["origin"], told["head"], told["witnesses"], told["policy_error"]) == (None, None, [], None)
    assert told["pending"] > 0
    assert told["signer"]["answers"] is False
    assert "does not answer" in told["signer"]["trouble"]


def test_paths_of_the_machine_are_named_to_those_who_look_after_it_only(site: Site, tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    policy.write_text("nonsense\n")
    settings = site.archive.settings.model_copy(update={"policy_file": policy})
    told = {}
    with serve(replace(site.archive, settings=settings)) as served:
        for role in sorted(role for role in ROLES if "ledger.see" in GRANTS[role]):
            status = served.as_token(role).get(STATUS).json()
            told[role] = status["policy_error"], status["signer"]["trouble"]

    whole = {role: said for role, said in told.items() if role in {"admin", "auditor", "custodian"}}
    assert all(str(policy) in said[0] for said in whole.values())
    assert all(str(settings.paths.signer_socket) in said[1] for said in whole.values())
    short = {role: said for role, said in told.items() if role not in whole}
    assert short.keys() >= {"officer", "reviewer", "supervisor", "head", "integrator"}
    assert set(short.values()) == {("the policy file cannot be used", "the signer does not sign")}


def test_where_nothing_is_wrong_nobody_is_told_of_trouble(site: Site, signer: Signer) -> None:
    told = site.as_user("wang").get(STATUS).json()

    assert (told["policy_error"], told["signer"]["answers"], told["signer"]["trouble"]) == (None, True, "")


def test_entries_that_were_never_signed_lag_too(site: Site, clock: HeldClock) -> None:
    integrate(site.archive.engine)
    clock.advance(300)

    assert site.as_user("wang").get(STATUS).json()["lag"] >= 300


def test_it_tells_head_lag_and_where_the_signer_lives(site: Site, signer: Signer, clock: HeldClock) -> None:
    integrate(site.archive.engine)
    with site.archive.reading() as session:
        size = log_size(session)
    sign_head(site.archive.engine, signer, size, clock())
    clock.advance(9000)  # a night in which nothing happened is no delay
    client = site.as_user("wang")  # logs in: one entry more
    clock.advance(90)

    told = client.get(STATUS).json()

    assert told["origin"] == signer.public().origin
    assert told["keys"] == [key.vkey for key in signer.public().keys]
    assert told["head"]["size"] == told["size"] == size
    assert told["pending"] >= 1
    assert told["lag"] == 90
    assert told["signer"]["answers"] is True
    assert told["signer"]["shares_user"] is True
    sqlite = site.archive.engine.dialect.name == "sqlite"
    assert told["signer"]["shares_disk"] is (True if sqlite else None)


def test_witnesses_of_the_policy_are_shown_with_their_last_signature(
    empty_sqlite: Empty, clock: HeldClock, tmp_path: Path
) -> None:
    home, court = tmp_path / "watched", key(9, "court.example/w", 4)
    home.mkdir()
    policy = tmp_path / "policy"
    witness = Witness("法院", court.verifier, "https://court.example/w")
    policy.write_bytes(Policy((), (witness,), (), "法院").content)
    database = empty_sqlite.sqlite(home)
    with open_for_test(home, database, clock) as archive:
        settings = load_settings({}, home=home, database_url=database, policy_file=policy)
        object.__setattr__(archive, "settings", settings)
        add_recording(archive)
        integrate(archive.engine)
        with open_signer(settings.paths.signer) as one, served(one, settings.paths.signer_socket) as signer:
            with archive.reading() as session:
                head = sign_head(archive.engine, signer, log_size(session), clock())
            keep_cosignature(archive.engine, head.size, court.name, clock(), "— court.example/w YWJjZGVm\n")
            with serve(archive) as site:
                client = site.as_token("auditor")
                fresh = client.get(STATUS).json()
                clock.advance(25 * 3600)
                client = site.as_token("auditor")
                integrate(archive.engine)
                with archive.reading() as session:
                    sign_head(archive.engine, signer, log_size(session), clock())
                stale = client.get(STATUS).json()
                policy.write_text("nonsense\n")
                broken = client.get(STATUS).json()

    (shown,) = fresh["witnesses"]
    assert (shown["name"], shown["asked"], shown["size"]) == ("法院", True, head.size)
    assert (fresh["outside_witnessed"], fresh["missing"]) == (True, [])
    assert (stale["outside_witnessed"], stale["missing"]) == (False, ["法院"])
    assert stale["last_witnessed_at"] == fresh["last_witnessed_at"]
    assert broken["outside_witnessed"] is False
    assert "HUISU_POLICY_FILE" in broken["policy_error"]


def test_a_receipt_is_over_the_entry_that_the_recording_began_with(
    site: Site, signer: Signer, clock: HeldClock
) -> None:
    recording = add_recording(site.archive)
    with site.archive.reading() as session:
        before = accepted(session, recording)
    integrate(site.archive.engine)
    with site.archive.reading() as session:
        after = accepted(session, recording)
        nothing = accepted(session, "00000000-0000-7000-8000-000000000001")

    assert before == after
    assert before is not None
    assert nothing is None
    receipt = read_receipt(signer.receipt(before.leaf_hash, before.at_ms))
    assert receipt.check(signer.public().keys)
    assert receipt.accepted_ms == round(clock().timestamp() * 1000)
