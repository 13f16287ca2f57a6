"""Fill a running archive with every real camera file of the corpus."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.up.program import Up, up
from tests.web.world import World, add_person, client_of, ok, send, settled


@contextmanager
def camera_world(folder: Path, corpus: Path) -> Iterator[World]:
    """Start `huisu up`, send the corpus through the dock's agent, and wait until all of it is settled."""
    with up(folder / "home") as archive:
        yield _fill(archive, folder, corpus)


def _fill(archive: Up, folder: Path, corpus: Path) -> World:
    admin = archive.wait_for_line("first administrator").split(": ", 1)[1]
    with client_of(archive.address) as client:
        made = ok(client.post("/login", json={"link": admin.partition("#link=")[2]}))
        client.headers["X-CSRF-Token"] = made["csrf"]
        asked = {"name": "dock", "role": "dock", "unit": "root", "days": 1}
        dock = ok(client.post("/tokens", json=asked))["secret"]
    add_person(archive.home, ("li", "reviewer", "root", "610200"))
    files = sorted(path for path in corpus.iterdir() if path.suffix != ".tsv")
    send(archive.address, dock, files, folder / "dock-state")
    return World(archive.address, archive.home, settled(archive.address, len(files)), admin, dock)
