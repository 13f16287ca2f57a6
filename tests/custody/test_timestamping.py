"""Time-stamps of heads by a real authority: `openssl ts` on this machine."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.bootstrap import Archive
from services.custody.heads import SignedHead, keep_head
from services.custody.note import read_note
from services.custody.timestamping import EVERY, Stamping, ask_for_stamp, check_stamp, load_roots, stamped
from services.errors import Misconfigured, NoteRefused, Unavailable
from services.storage import keys
from tests.custody.notes import NOON, head, signed_head

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="no openssl here to play the time-stamp authority")

CONFIG = """
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[tsa]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa_config]
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
accuracy = secs:1
"""


@dataclass(slots=True)
class Authority:
    """A folder with an authority's keys, and what it answers with besides."""

    folder: Path
    url: str = ""
    spoil: bytes | None = None
    status: int = 200
    asked: int = 0

    def openssl(self, *arguments: str) -> bytes:
        assert OPENSSL is not None
        done = subprocess.run([OPENSSL, *arguments], cwd=self.folder, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def make(self, name: str) -> None:
        """Make a root and a certificate for time-stamps under it."""
        (self.folder / "config").write_text(CONFIG)
        new = ("req", "-newkey", "rsa:2048", "-nodes", "-config", "config")
        root = ("-x509", "-days", "2", "-subj", f"/CN={name}", "-extensions", "ca")
        self.openssl(*new, *root, "-keyout", "ca.key", "-out", "ca.pem")
        self.openssl(*new, "-subj", f"/CN={name} time", "-keyout", "tsa.key", "-out", "tsa.csr")
        signed = (
            "x509",
            "-req",
            "-in",
            "tsa.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
        )
        self.openssl(*signed, "-extfile", "config", "-extensions", "tsa", "-out", "tsa.pem")

    def reply(self, query: bytes) -> bytes:
        self.asked += 1
        (self.folder / "query").write_bytes(query)
        (self.folder / "serial").write_text(f"{self.asked:02X}\n")
        keyed = ("-signer", "tsa.pem", "-inkey", "tsa.key", "-config", "config", "-section", "tsa_config")
        self.openssl("ts", "-reply", "-queryfile", "query", *keyed, "-out", "answer")
        return (self.folder / "answer").read_bytes()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    one = Authority(tmp_path_factory.mktemp("tsa"))
    one.folder.joinpath("config").write_text(CONFIG.replace("[tsa_config]", "[tsa_config]\nserial = serial"))
    one.make("Test")
    one.folder.joinpath("config").write_text(CONFIG.replace("[tsa_config]", "[tsa_config]\nserial = serial"))

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            answer = one.reply(query) if one.spoil is None else one.spoil
            self.send_response(one.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    one.url = f"http://127.0.0.1:{server.server_address[1]}/tsr"
    yield one
    server.shutdown()
    server.server_close()
    thread.join(20)


@pytest.fixture
def asked(authority: Authority) -> Iterator[Authority]:
    yield authority
    authority.spoil, authority.status = None, 200


def made(size: int) -> SignedHead:
    return SignedHead(size, head(size).root, signed_head(size).content.decode(), NOON)


def test_a_head_is_stamped_and_openssl_agrees(asked: Authority, tmp_path: Path) -> None:
    roots = load_roots(asked.folder / "ca.pem")
    stamp = ask_for_stamp(asked.url, made(7), roots)

    text = read_note(made(7).note.encode()).text
    assert abs(stamp.at - datetime.now(UTC)) < timedelta(minutes=2)
    assert check_stamp(stamp.answer, text, roots) == stamp.at
    (tmp_path / "text").write_bytes(text)
    (tmp_path / "tsr").write_bytes(stamp.answer)
    shown = (
        "-in",
        str(tmp_path / "tsr"),
        "-data",
        str(tmp_path / "text"),
        "-CAfile",
        "ca.pem",
        "-untrusted",
        "tsa.pem",
    )
    assert b"Verification: OK" in asked.openssl("ts", "-verify", *shown)
    with pytest.raises(NoteRefused):
        check_stamp(stamp.answer, read_note(made(8).note.encode()).text, roots)


def test_a_stamp_of_another_authority_or_for_another_question_is_refused(asked: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    other.make("Other")
    with pytest.raises(NoteRefused):
        ask_for_stamp(asked.url, made(7), load_roots(tmp_path / "ca.pem"))
    roots = load_roots(asked.folder / "ca.pem")
    asked.spoil = ask_for_stamp(asked.url, made(7), roots).answer
    with pytest.raises(NoteRefused, match="Nonce"):
        ask_for_stamp(asked.url, made(7), roots)


@pytest.mark.parametrize(("status", "answer"), [(500, b""), (200, b"x" * 200_000), (302, b"")])
def test_an_authority_that_does_not_answer_is_asked_again_later(asked: Authority, status: int, answer: bytes) -> None:
    asked.status, asked.spoil = status, answer

    with pytest.raises(Unavailable):
        ask_for_stamp(asked.url, made(7), load_roots(asked.folder / "ca.pem"))


def test_an_authority_that_is_not_there_is_asked_again_later(authority: Authority) -> None:
    roots = load_roots(authority.folder / "ca.pem")
    for url in ("http://127.0.0.1:9/", "http://", "nonsense"):
        with pytest.raises(Unavailable):
            ask_for_stamp(url, made(7), roots)


def test_without_its_certificates_an_authority_is_not_asked(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "pem").write_text("nothing")
    for path in (None, tmp_path / "nowhere", tmp_path / "pem"):
        with pytest.raises(Misconfigured, match="HUISU_TSA_ROOTS"):
            load_roots(path)


def test_heads_are_stamped_once_an_hour_and_kept_beside_the_log(sqlite_archive: Archive, asked: Authority) -> None:
    roots = load_roots(asked.folder / "ca.pem")

    def stamping() -> Stamping:
        return Stamping(sqlite_archive.engine, sqlite_archive.store, asked.url, roots)

    one = stamping()
    assert one.stamp_newest(0) is None
    keep_head(sqlite_archive.engine, made(3))
    first = one.stamp_newest(0)
    assert first is not None
    assert first.size == 3
    assert one.stamp_newest(EVERY.total_seconds() + 1) is None, "the same head needs no second stamp"
    keep_head(sqlite_archive.engine, made(5))
    assert one.stamp_newest(60) is None
    assert one.stamp_newest(EVERY.total_seconds() + 1) is not None
    assert stamping().stamp_newest(0) is None, "a new process sees what is stamped"

    assert stamped(sqlite_archive.store) == {3, 5}
    kept = b"".join(sqlite_archive.store.read(keys.log_timestamp(3)))
    assert check_stamp(kept, read_note(made(3).note.encode()).text, roots) == first.at


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_stamp_tells_no_other_time(data: st.DataObject, authority: Authority) -> None:
    roots = load_roots(authority.folder / "ca.pem")
    good = authority.folder / "good"
    if not good.exists():
        good.write_bytes(ask_for_stamp(authority.url, made(7), roots).answer)
    answer, text = good.read_bytes(), read_note(made(7).note.encode()).text
    place = data.draw(st.integers(0, len(answer) - 1))
    changed = answer[:place] + bytes([answer[place] ^ 1 << data.draw(st.integers(0, 7))]) + answer[place + 1 :]

    try:
        told = check_stamp(changed, text, roots)
    except NoteRefused:
        return
    assert told == check_stamp(answer, text, roots)
