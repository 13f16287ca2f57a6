"""What `doctor` says about the custody log: its signer, the signer's place, and who watches."""

from pathlib import Path

import pytest

from services.bootstrap import Archive
from services.custody.heads import keep_cosignature, sign_head
from services.custody.logtree import log_size
from services.custody.policy import Policy, Witness
from services.custody.sequencer import integrate
from services.settings import Settings
from services.up.doctor import Line, examine
from tests.archive_fixture import add_recording
from tests.custody.notes import key
from tests.custody.signing import open_signer, served


def lines(settings: Settings) -> dict[str, Line]:
    return {line.what: line for line in examine(settings)}


def test_without_a_signer_and_a_policy_both_are_said(sqlite_archive: Archive) -> None:
    told = lines(sqlite_archive.settings)

    assert (told["signer"].level, "does not answer" in told["signer"].found) == ("warn", True)
    assert "signer's place" not in told
    assert (told["witnesses"].level, told["witnesses"].found) == ("warn", "none")


def test_a_signer_beside_the_database_and_the_last_signature_are_told(sqlite_archive: Archive, tmp_path: Path) -> None:
    court, policy = key(9, "court.example/w", 4), tmp_path / "policy"
    policy.write_bytes(Policy((), (Witness("法院", court.verifier),), (), "法院").content)
    settings = sqlite_archive.settings.model_copy(update={"policy_file": policy})
    add_recording(sqlite_archive)
    integrate(sqlite_archive.engine)
    with open_signer(settings.paths.signer) as one, served(one, settings.paths.signer_socket) as signer:
        before = lines(settings)
        with sqlite_archive.reading() as session:
            size = log_size(session)
        sign_head(sqlite_archive.engine, signer, size, sqlite_archive.clock())
        keep_cosignature(
            sqlite_archive.engine, size, court.name, sqlite_archive.clock(), "— court.example/w YWJjZGVm\n"
        )
        after = lines(settings)

    assert "signer" not in before
    assert before["signer's place"].found == "shares user and disk with the database"
    assert "HUISU_SIGNER_HOME" in before["signer's place"].mend
    assert (before["witnesses"].level, "法院" in before["witnesses"].found) == ("warn", True)
    assert after["witnesses"].level == "ok"


@pytest.mark.parametrize("damage", ["head", "policy"])
def test_a_signer_without_memory_and_a_bad_policy_are_in_the_way(
    sqlite_archive: Archive, tmp_path: Path, damage: str
) -> None:
    settings = sqlite_archive.settings
    if damage == "policy":
        (tmp_path / "policy").write_text("nonsense\n")
        settings = settings.model_copy(update={"policy_file": tmp_path / "policy"})
        found = lines(settings)["custody log"]
        assert "HUISU_POLICY_FILE" in found.found
    else:
        with open_signer(settings.paths.signer):
            pass
        (settings.paths.signer / "head").unlink()
        with open_signer(settings.paths.signer) as one, served(one, settings.paths.signer_socket):
            found = lines(settings)["signer"]
        assert "--resume-from" in found.found

    assert found.level == "bad"
