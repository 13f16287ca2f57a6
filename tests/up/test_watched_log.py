"""The log watched from other houses, by real programs: a witness on the network, one by file; and a new key."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from services.custody.note import VerifierKey, read_note
from services.custody.policy import Judged, Policy, read_policy
from services.custody.receipt import read_receipt
from tests.footage import make_footage
from tests.servers import free_port
from tests.up.program import HUISU, PATIENCE_S, Up, environment, huisu, up, wait_until

WORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class House:
    """A running archive, its policy, its home and the two witnesses' folders."""

    archive: Up
    policy: Path
    home: Path
    court: Path
    oversight: Path

    @property
    def settings(self) -> dict[str, str]:
        return {"HUISU_POLICY_FILE": str(self.policy)}

    def do(self, *arguments: str, stdin: str = "") -> str:
        return huisu(*arguments, "--home", str(self.home), stdin=stdin, settings=self.settings)

    def keys(self) -> Policy:
        return read_policy(self.do("signer", "keys").encode() + b"quorum none\n")

    def judged(self) -> Judged:
        policy = read_policy(self.policy.read_bytes()).with_logs(self.keys().log_keys)
        return policy.examine(self.do("checkpoint", "show").encode())


def line_of(folder: Path, name: str) -> str:
    """Make a witness; gives its key."""
    return huisu("witness", "--folder", str(folder), "--name", name, "key").split()[2]


@contextmanager
def witness(folder: Path, port: int, log: str) -> Iterator[None]:
    command = [*HUISU, "witness", "--folder", str(folder), "--log", log, "--listen", f"127.0.0.1:{port}"]
    with (folder / "said").open("wb") as said:
        program = subprocess.Popen(command, stdout=said, stderr=said, env=environment())
    try:
        yield
        program.terminate()
        assert program.wait(PATIENCE_S) == 0
    finally:
        if program.poll() is None:
            program.kill()
            program.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    place, port = tmp_path_factory.mktemp("house"), free_port()
    court, oversight, policy = place / "court", place / "oversight", place / "policy"
    policy.write_text(
        f"witness 法院 {line_of(court, 'court.example/w')} http://127.0.0.1:{port}/\n"
        f"witness oversight {line_of(oversight, 'oversight.example/w')}\n"
        "group outside 1 法院 oversight\nquorum outside\n",
        encoding="utf-8",
    )
    with up(place / "archive", settings={"HUISU_POLICY_FILE": str(policy)}) as archive:
        found = House(archive, policy, place / "archive", court, oversight)
        (log,) = (key.vkey for key in found.keys().log_keys)
        huisu("witness", "--folder", str(oversight), "--log", log, "key")
        with witness(court, port, log):
            yield found


def touch(house: House) -> None:
    """Let the log grow."""
    house.do("login-link", "admin")


def test_a_witness_on_the_network_signs_what_is_new(house: House) -> None:
    touch(house)

    wait_until("the court signed", lambda: "法院" in house.judged().cosignatures)

    assert house.judged().verdict.is_met


def test_a_witness_that_no_network_reaches_signs_by_file(house: House, tmp_path: Path) -> None:
    (tmp_path / "request").write_text(house.do("checkpoint", "export", "--witness", "oversight"), encoding="utf-8")
    line = huisu("witness", "--folder", str(house.oversight), "sign", str(tmp_path / "request"))
    (tmp_path / "line").write_text(line, encoding="utf-8")

    assert house.do("checkpoint", "import", str(tmp_path / "line")).startswith("oversight signed the head of")


def test_an_upload_is_given_the_logs_word_once_it_is_stored(house: House, tmp_path: Path) -> None:
    token = house.do("token", "issue", "--name", "dock", "--role", "dock", "--unit", "root").strip()
    file = make_footage(tmp_path / "a.mp4", frames=30)
    huisu("dock", "send", str(file), "--url", house.archive.address, "--token", token)
    with httpx.Client(base_url=house.archive.address, trust_env=False, timeout=60) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        (listed,) = client.get("/api/v1/uploads").json()["items"]
        shown = client.get(f"/api/v1/uploads/{listed['id']}").json()

    assert listed["receipt"] is None
    assert read_receipt(shown["receipt"]).check(house.keys().log_keys)


def test_two_persons_give_the_log_a_new_key(house: House) -> None:
    for name in ("li", "wang"):
        house.do(
            "user", "add", name, "--role", "auditor", "--unit", "root", "--password-stdin", stdin=f"{WORD} {name}\n"
        )
    command = ["signer", "rotate", "--by", "li", "--and", "wang", "--passwords-stdin", "--patience-s", str(PATIENCE_S)]
    before = house.keys().log_keys

    told = house.do(*command, stdin=f"{WORD} li\n{WORD} wang\n")

    after = house.keys().log_keys
    assert after[:-1] == before
    assert f"new key: {after[-1].vkey}" in told
    touch(house)

    def signers() -> list[VerifierKey]:
        note = read_note(house.do("checkpoint", "show").encode())
        return [key for key, _ in note.verified(after)]

    wait_until("the new key signs alone", lambda: signers() == [after[-1]])


def test_the_status_tells_who_watches(house: House) -> None:
    token = house.do("token", "issue", "--name", "audit", "--role", "auditor").strip()
    with httpx.Client(base_url=house.archive.address, trust_env=False, timeout=60) as client:
        told = client.get("/api/v1/custody/status", headers={"Authorization": f"Bearer {token}"}).json()

    assert told["outside_witnessed"] is True
    assert [one["name"] for one in told["witnesses"]] == ["法院", "oversight"]
    assert told["signer"]["answers"] is True
