"""
Remember which logs are trusted, the last head of each that was signed, and every draw: one SQLite file.

The archive's own database rules do not hold here: a witness is another house's program on another machine. Its journal
is the slow and certain one, for it writes once a head.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from services.custody.checkpoint import Checkpoint
from services.custody.note import VerifierKey, parse_vkey
from services.custody.tree import EMPTY_ROOT
from services.errors import Unavailable

CONTRADICTIONS_MAX: Final = 1000
"""Most contradictions that are kept of one log: one is proof enough."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS log (vkey TEXT PRIMARY KEY, origin TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS head (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS draw (
    origin TEXT, definition BLOB, head BLOB NOT NULL, line TEXT NOT NULL, PRIMARY KEY (origin, definition)
);
CREATE TABLE IF NOT EXISTS contradiction (
    id INTEGER PRIMARY KEY, origin TEXT NOT NULL, at TEXT NOT NULL, submission BLOB NOT NULL
);
"""


class Memory:
    """The file of one witness; every call opens it anew, so that threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as file:
            file.executescript(_SCHEMA)

    def trust(self, key: VerifierKey) -> None:
        """Watch the log of this key from now on; a log may have several."""
        with self.turn() as turn:
            turn.file.execute("INSERT OR IGNORE INTO log VALUES (?, ?)", (key.vkey, key.name))

    def distrust(self, vkey: str) -> bool:
        """Take nothing signed by this key any more; what was seen stays known. False: it was not trusted."""
        with self.turn() as turn:
            return turn.file.execute("DELETE FROM log WHERE vkey = ?", (vkey,)).rowcount > 0

    def keys_of(self, origin: str) -> tuple[VerifierKey, ...]:
        """Give the trusted keys of a log; none: the log is unknown."""
        with self._open() as file:
            rows = file.execute("SELECT vkey FROM log WHERE origin = ? ORDER BY vkey", (origin,)).fetchall()
        return tuple(parse_vkey(vkey) for (vkey,) in rows)

    def logs(self) -> list[tuple[str, int]]:
        """Give the watched logs and how far each was seen."""
        query = "SELECT DISTINCT log.origin, COALESCE(size, 0) FROM log LEFT JOIN head USING (origin) ORDER BY origin"
        with self._open() as file:
            return [(str(origin), int(size)) for origin, size in file.execute(query).fetchall()]

    def contradictions(self, origin: str) -> list[bytes]:
        """Give what a log submitted that contradicts what it had shown before, with its signature on it."""
        with self._open() as file:
            query = "SELECT submission FROM contradiction WHERE origin = ? ORDER BY id"
            return [bytes(one) for (one,) in file.execute(query, (origin,)).fetchall()]

    @contextmanager
    def turn(self) -> Iterator["Turn"]:
        """
        Open the one writing transaction: what is read in it stays true until its end, and all of it is kept or nothing.

        Raises:
            Unavailable: the file did not take it.
        """
        with self._open() as file:
            file.execute("BEGIN IMMEDIATE")
            yield Turn(file)
            file.execute("COMMIT")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as file:
                file.execute("PRAGMA journal_mode=DELETE")
                file.execute("PRAGMA synchronous=EXTRA")
                yield file  # a transaction that was not committed ends here, undone
        except sqlite3.Error as error:
            raise Unavailable(f"the witness's memory {self._path}: {error}") from error


class Turn:
    """What may be read and written in one transaction."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self.file = file

    def last(self, origin: str) -> tuple[int, bytes]:
        """Give size and root of the last head signed for a log; the empty one before the first."""
        row = self.file.execute("SELECT size, root FROM head WHERE origin = ?", (origin,)).fetchone()
        return (0, EMPTY_ROOT) if row is None else (int(row[0]), bytes(row[1]))

    def keep(self, head: Checkpoint, at: datetime) -> None:
        """Remember a head as the last one of its log."""
        self.file.execute(
            "INSERT OR REPLACE INTO head VALUES (?, ?, ?, ?)", (head.origin, head.size, head.root, at.isoformat())
        )

    def draw(self, origin: str, definition: bytes) -> tuple[bytes, str] | None:
        """Give the head and the line that were signed for a draw's definition, if any."""
        query = "SELECT head, line FROM draw WHERE origin = ? AND definition = ?"
        row = self.file.execute(query, (origin, definition)).fetchone()
        return None if row is None else (bytes(row[0]), str(row[1]))

    def keep_draw(self, origin: str, definition: bytes, head: bytes, line: str) -> None:
        """Remember what was signed for a draw's definition, for good."""
        self.file.execute("INSERT INTO draw VALUES (?, ?, ?, ?)", (origin, definition, head, line))

    def keep_contradiction(self, origin: str, at: datetime, submission: bytes) -> None:
        """Keep a log's signed contradiction of itself."""
        count = self.file.execute("SELECT COUNT(*) FROM contradiction WHERE origin = ?", (origin,)).fetchone()[0]
        if count < CONTRADICTIONS_MAX:
            self.file.execute(
                "INSERT INTO contradiction (origin, at, submission) VALUES (?, ?, ?)",
                (origin, at.isoformat(), submission),
            )
