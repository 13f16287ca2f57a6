"""The signer's socket: answers whole questions, survives everything else."""

import json
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from services.custody import vrf
from services.custody.note import open_note
from services.custody.receipt import read_receipt
from services.custody.signer import LogSigner
from services.custody.signer_client import Signer
from services.custody.signersocket import LINE_MAX_BYTES, serve
from services.errors import Conflict, HeadRefused, Invalid, NoteRefused, SignerUnavailable
from tests.custody.notes import LEAVES, ORIGIN, tree
from tests.custody.signing import open_signer, served, sign


@pytest.fixture
def signer(tmp_path: Path) -> Iterator[LogSigner]:
    with open_signer(tmp_path / "s") as opened:
        yield opened


@pytest.fixture
def client(signer: LogSigner, tmp_path: Path) -> Iterator[Signer]:
    with served(signer, tmp_path / "s" / "socket") as answering:
        yield answering


def exchange(client: Signer, sent: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(20)
        link.connect(str(client.socket))
        link.sendall(sent)
        link.shutdown(socket.SHUT_WR)
        with link.makefile("rb") as answer:
            return answer.read()


def test_every_question_has_its_answer(client: Signer) -> None:
    facts = client.public()

    assert facts.origin == ORIGIN
    assert client.head() == (0, facts.root)
    assert open_note(sign(client, 5), facts.keys)
    assert client.head() == (5, tree(0, 5))
    assert read_receipt(client.receipt(LEAVES[1], 7)).check(facts.keys)
    assert vrf.check(facts.draw_key, b"alpha", client.vrf(b"alpha"))
    old, new = client.rotate()
    assert client.public().all_keys == (old, new)


def test_the_list_of_a_package_is_signed_once_and_nothing_else_is(client: Signer) -> None:
    line = b"00" * 32 + b" 12345 history/00000000-0000-7000-8000-000000000000.json\n"
    text = b"huisu/package/v1\nid\n1 of 1\n" + line * 1000

    note = open_note(client.package(text), client.public().keys)

    assert (note.text, len(note.signatures)) == (text, 1)
    for other in (
        b"huisu/package/v2\n", b"origin\n5\nroot\n", b"huisu/package/v1\n\nmore\n", b"huisu/package/v1\nno end"
    ):  # fmt: skip
        with pytest.raises((Invalid, NoteRefused)):
            client.package(other)


def test_a_refusal_is_the_same_error_on_this_side(client: Signer) -> None:
    sign(client, 5)

    with pytest.raises(HeadRefused, match="restore a newer copy"):
        client.sign(4, tree(0, 4))
    with pytest.raises(Conflict):
        client.finish_rotation(b"{}", 0, [], [])
    with pytest.raises(Invalid):
        client.vrf(b"x" * 2000)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"garbage\n",
        b"[]\n",
        b"null\n",
        b"\xff\xfe\n",
        b"[" * 5000 + b"\n",
        b'{"ask": "sing"}\n',
        b'{"ask": ["sign"]}\n',
        b'{"ask": "sign"}\n',
        b'{"ask": "sign", "size": -1, "root": "", "proof": []}\n',
        b'{"ask": "sign", "size": true, "root": "AAAA", "proof": []}\n',
        b'{"ask": "sign", "size": 1e400, "root": "AAAA", "proof": []}\n',
        b'{"ask": "sign", "size": 1, "root": "AAAA", "proof": "AAAA"}\n',
        b'{"ask": "sign", "size": 1, "root": "AAAA", "proof": [1]}\n',
        json.dumps({"ask": "sign", "size": 1, "root": "A" * 43 + "=", "proof": ["A" * 43 + "="] * 64}).encode() + b"\n",
        b'{"ask": "receipt", "leaf_hash": "AAAA", "accepted_ms": 1}\n',
        b'{"ask": "public"',
        b"x" * (LINE_MAX_BYTES + 10),
    ],
)
def test_nothing_else_harms_it(client: Signer, line: bytes) -> None:
    said = exchange(client, line)

    assert said == b"" or "error" in json.loads(said)
    assert client.public().size == 0


def test_silent_and_early_ending_connections_hold_up_nobody(client: Signer) -> None:
    links = []
    for _ in range(20):
        link = socket.socket(socket.AF_UNIX)
        link.connect(str(client.socket))
        links.append(link)
    with socket.socket(socket.AF_UNIX) as early:
        early.connect(str(client.socket))
        early.sendall(b'{"ask": "public"}\n')
    began = time.monotonic()

    assert client.public().size == 0
    assert time.monotonic() - began < 5
    for link in links:
        link.close()


def test_many_ask_at_once_and_one_history_is_signed(client: Signer) -> None:
    released: list[bytes] = []

    def ask(size: int) -> None:
        with suppress(HeadRefused):
            released.append(client.sign(size, tree(0, size)).encode())

    threads = [threading.Thread(target=ask, args=(size,)) for size in range(1, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(released) == 1


def test_without_a_signer_the_client_says_so(tmp_path: Path) -> None:
    with pytest.raises(SignerUnavailable):
        Signer(tmp_path / "nowhere" / "socket").public()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "mute"))
    listening.listen()
    with pytest.raises(SignerUnavailable):
        Signer(tmp_path / "mute", timeout_s=0.1).head()
    listening.close()


@pytest.mark.parametrize("said", [b"", b"\n", b"[]\n", b"{}\n", b'{"ok": 1}\n', b'{"error": "new-kind"}\n'])
def test_another_answer_than_ours_is_no_answer(tmp_path: Path, said: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "liar"))
        listening.listen()

        def lie() -> None:
            link, _ = listening.accept()
            link.recv(100)
            link.sendall(said)
            link.close()

        threading.Thread(target=lie, daemon=True).start()
        with pytest.raises(SignerUnavailable):
            Signer(tmp_path / "liar").public()


def test_the_socket_is_for_its_user_or_its_group(signer: LogSigner, tmp_path: Path) -> None:
    for alone, mode in ((True, 0o600), (False, 0o660)):
        place, stop = tmp_path / f"shared-{alone}" / ("long" * 30) / "socket", threading.Event()
        thread = threading.Thread(target=serve, args=(signer, place, stop), kwargs={"alone": alone})
        place.parent.mkdir(parents=True)
        thread.start()
        while not place.exists() or stat.S_IMODE(place.stat().st_mode) != mode:
            time.sleep(0.01)
        assert Signer(place).public().size == 0
        stop.set()
        thread.join(20)
        assert not place.exists()


@pytest.mark.parametrize("expects_errors", [["signer could not write its memory"]])
def test_a_disk_that_refuses_a_head_ends_the_signer(tmp_path: Path, expects_errors: list[str]) -> None:
    with open_signer(tmp_path / "s") as signer:
        stop, place = threading.Event(), tmp_path / "socket"
        thread = threading.Thread(target=serve, args=(signer, place, stop), kwargs={"alone": True})
        thread.start()
        while not place.exists():
            time.sleep(0.01)
        (tmp_path / "s" / ".head.new").mkdir()
        client = Signer(place)
        with pytest.raises(SignerUnavailable, match="could not write"):
            client.sign(1, tree(0, 1))
        thread.join(20)

        assert not thread.is_alive()
        assert signer.is_broken
        with pytest.raises(SignerUnavailable):
            signer.receipt(LEAVES[0], 1)
