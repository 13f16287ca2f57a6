"""Be the floor of `ingest`: read a file, write it, read the copy, hash it, write it once more. Runs as a program."""

import hashlib
import sys

BLOCK_BYTES = 1 << 20


def copy(source: str, target: str, *, hashed: bool) -> None:
    """Copy a file through one reused buffer, and hash it if asked."""
    whole, buffer = hashlib.sha256(), bytearray(BLOCK_BYTES)
    view = memoryview(buffer)
    with open(source, "rb", buffering=0) as taken, open(target, "wb", buffering=0) as given:
        while count := taken.readinto(buffer):
            given.write(view[:count])
            if hashed:
                whole.update(view[:count])


if __name__ == "__main__":
    for name in sys.argv[2:]:
        first, second = f"{sys.argv[1]}/first", f"{sys.argv[1]}/second"
        copy(name, first, hashed=False)
        copy(first, second, hashed=True)
