"""Run one store call in a process of its own, so that a test can kill, limit or measure it."""

import json
import resource
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from services.digest import Digest, digest_blocks
from services.errors import HuisuError
from services.storage.open import open_place
from services.storage.places import FolderPlace, Place, S3Place
from services.storage.spool import Spool


def told(place: Place) -> str:
    """Write a place as one argument of a command line."""
    return json.dumps({"kind": type(place).__name__, **asdict(place)}, default=str)


def understood(text: str) -> Place:
    """Read a place from an argument."""
    values = json.loads(text)
    if values.pop("kind") == "FolderPlace":
        return FolderPlace(Path(values["path"]))
    return S3Place(**values | {"spool_path": Path(values["spool_path"])})


def main(verb: str, *arguments: str) -> None:
    """Do one verb and print what came of it."""
    if verb == "spool-stall":
        _stall_in_spool(Path(arguments[0]), arguments[1], int(arguments[2]))
    place, key, source, *rest = arguments
    store = open_place(understood(place))
    if rest:
        limit = int(rest[0])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    print("began", flush=True)
    before = _most_kilobytes()
    try:
        kept = store.put(key, Path(source), give=verb == "give")
        if verb == "measure":
            digest, size = digest_blocks(store.read(kept.key, kept.version))
            print(digest.hex, size, _most_kilobytes() - before)
    except HuisuError as error:
        print(type(error).__name__, error, flush=True)
    else:
        print("kept", kept.size_bytes, flush=True)


def _most_kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _stall_in_spool(root: Path, hex_digest: str, size: int) -> None:
    def fetch() -> Iterator[bytes]:
        yield b"x"
        print("began", flush=True)
        sys.stdin.read()

    with Spool(root, size * 2).lend(Digest.from_hex(hex_digest), size, fetch):
        print("lent", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
