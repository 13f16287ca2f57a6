"""Change what is kept as an intruder with all rights would."""

from typing import Any

from services.bootstrap import Archive


def tamper(archive: Archive, statement: str, *values: Any) -> None:
    """Change the database as an intruder with all its rights would: no guard, no triggers."""
    raw = archive.engine.raw_connection()
    try:
        cursor = raw.cursor()
        if archive.engine.dialect.name == "postgresql":
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(statement.replace("?", "%s"), values)
            cursor.execute("SET session_replication_role = origin")
            raw.commit()
        else:
            cursor.execute("PRAGMA foreign_keys = OFF")
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TRIGGER {name}")
            cursor.execute(statement, values)
        cursor.close()
    finally:
        raw.close()


def flipped(was: Any, bit: int) -> Any:
    """Change one bit of bytes, one letter of text, or a number, so that it is another value of its kind."""
    if isinstance(was, int):
        return was ^ 1 << 20 + bit % 8
    if isinstance(was, str):
        at = bit % len(was)
        return was[:at] + ("0" if was[at] != "0" else "1") + was[at + 1 :]
    changed = bytearray(was)
    changed[bit // 8 % len(was)] ^= 1 << bit % 8
    return bytes(changed)
