"""
Run the whole embedded archive in one process group: migrate, start the parts, mind them, stop them.

A part that ends is started again; when the supervisor itself dies, the kernel ends its parts.
"""

import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from services.accounts.models import User
from services.accounts.people import add_user, make_login_link
from services.accounts.units import put_unit
from services.bootstrap import Archive, open_archive
from services.errors import Misconfigured, Unavailable
from services.index.migrate import migrate
from services.settings import ADDRESS_FILE, Settings
from services.up.rounds import note_version

log = logging.getLogger(__name__)

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
PR_SET_PDEATHSIG = 1
"""Ask the kernel for a signal when the parent dies. Source: prctl(2)."""

PATIENCE_STEPS = 3000
"""Tenths of a second that the server may take to answer: a loaded machine has been seen to take one minute."""

STOP_S = 15.0
"""How long a part may take to stop before it is killed; what it was doing is leased and done again."""


@dataclass(slots=True)
class Part:
    """One process of the archive and how often it was started."""

    name: str
    arguments: list[str]
    running: subprocess.Popen[bytes] | None = None
    starts: int = 0


def check_exposure(settings: Settings) -> None:
    """Raise `Misconfigured` where passwords and footage would cross a network in the clear."""
    tls = settings.tls_cert is not None and settings.tls_key is not None
    if settings.host not in LOOPBACK and not tls and not settings.behind_proxy:
        raise Misconfigured(
            f"refusing to listen on {settings.host} without TLS: give --tls-cert and --tls-key, or --behind-proxy"
        )


def check_port(settings: Settings) -> None:
    """Raise `Misconfigured` where something listens already: its answers would be taken for this archive's."""
    try:
        (family, kind, protocol, _, place), *_ = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        raise Misconfigured(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; see --port"
        ) from error


def prepare(settings: Settings) -> str | None:
    """Create or migrate the archive; gives a login link for the first administrator when there is nobody yet."""
    archive = open_archive(settings)
    try:
        archive.store.prepare()
        migrate(archive.engine)
        note_version(archive)
        return _first_admin(archive)
    finally:
        archive.close()


def _first_admin(archive: Archive) -> str | None:
    with archive.reading() as session:
        if session.query(User.id).first() is not None:
            return None
    with archive.work() as work:
        put_unit(work, "root", name="总局", parent=None, actor="setup")
        user = add_user(work, name="admin", role="admin", unit="root", actor="setup")
        return make_login_link(work, user.name, actor="setup")


def parts_of(settings: Settings) -> list[Part]:
    """List the processes of the embedded archive."""
    parts = [Part("serve", ["serve", "--with-gate", "--with-beat"])]
    for queue, count in (
        ("gate", settings.gate_workers),
        ("examine", settings.examine_workers),
        ("render", settings.render_workers),
        ("export", settings.export_workers),
    ):
        parts += [Part(f"{queue}-{number}", ["worker", "--queues", queue]) for number in range(1, count + 1)]
    return [*parts, Part("signer", ["signer"]), Part("sequencer", ["sequencer"])]


def up(
    settings: Settings, *, say: Callable[[str], None], once_ready: Callable[[threading.Event], None] | None = None
) -> int:
    """
    Run the archive until Ctrl-C or SIGTERM; gives the exit code.

    `say` prints a line for the person; `once_ready` runs in a thread once the server answers.
    """
    check_exposure(settings)
    check_port(settings)
    link = prepare(settings)
    parts, stop = parts_of(settings), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    environment = child_environment(settings)
    for part in parts:
        _start(part, environment)
    try:
        if not _await_answer(settings, stop, parts[0], environment):
            if stop.is_set():
                return 0
            raise Unavailable(f"the server at {settings.address} did not begin to answer; its log says why")
        (settings.paths.home / ADDRESS_FILE).write_text(f"{settings.address}\n")  # login links must lead here
        say(f"Huisu answers at {settings.address}")
        if link:
            say(f"first administrator, once, within an hour: {settings.address}/login#link={link}")
        if once_ready is not None:
            threading.Thread(target=once_ready, args=(stop,), daemon=True).start()
        _mind(parts, environment, stop)
        return 0
    finally:
        _stop(parts)


def child_environment(settings: Settings) -> dict[str, str]:
    """Give the environment by which a child reads the same settings; secrets travel here, never in arguments."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUISU_")}
    # a heap of its own for every few threads keeps what each once needed: 285 MiB for fifty readers, against 193
    environment.setdefault("MALLOC_ARENA_MAX", "2")
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if value is None:
            continue
        text = value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)
        environment[f"HUISU_{name.upper()}"] = text
    return environment


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _start(part: Part, environment: dict[str, str]) -> None:
    part.starts += 1
    part.running = subprocess.Popen(
        [sys.executable, "-m", "services.cli", *part.arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        preexec_fn=_die_with_parent,  # noqa: PLW1509  (the supervisor starts parts from its main thread only)
    )


def _await_answer(settings: Settings, stop: threading.Event, server: Part, environment: dict[str, str]) -> bool:
    """Wait for the server's first answer: one that gave up by itself would do so again, one that was killed not."""
    # The certificate is our own; who asks here is ourselves.
    with httpx.Client(verify=False, trust_env=False, timeout=2) as client:  # noqa: S501
        for _ in range(PATIENCE_STEPS):
            status = server.running.poll() if server.running else None
            if stop.is_set() or (status is not None and status >= 0):
                return False
            if status is not None:
                _start_again(server, status, environment)
            try:
                if client.get(f"{settings.address}/healthz").status_code == 200:
                    return True
            except httpx.HTTPError:
                pass
            stop.wait(0.1)
    return False


def _mind(parts: Sequence[Part], environment: dict[str, str], stop: threading.Event) -> None:
    while not stop.wait(0.5):
        for part in parts:
            if part.running is not None and (status := part.running.poll()) is not None:
                _start_again(part, status, environment)


def _start_again(part: Part, status: int, environment: dict[str, str]) -> None:
    log.warning("part ended and is started again", extra={"part": part.name, "status": status})
    time.sleep(min(5.0, 0.5 * part.starts))
    _start(part, environment)


def _stop(parts: Sequence[Part]) -> None:
    for part in parts:
        if part.running is not None and part.running.poll() is None:
            part.running.terminate()
    deadline = time.monotonic() + STOP_S
    for part in parts:
        if part.running is None:
            continue
        try:
            part.running.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            part.running.kill()
            part.running.wait()
