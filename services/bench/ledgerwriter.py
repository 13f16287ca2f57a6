"""
Be one writer of the `ledger` benchmark. Runs as a program: python -m services.bench.ledgerwriter HOW URL FILE SECONDS

HOW is `work` (a row of evidence with its entry, each in a transaction of its own) or `row` (the same row alone). It
makes FILE.ready when it could begin, begins when FILE.go is there, and writes how many it committed into FILE.
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, text

from services.accounts.models import Unit
from services.bootstrap import new_id
from services.custody.work import work
from services.db import open_engine, plain


def write_work(engine: Engine) -> None:
    """Commit a unit with its entry, as the archive does."""
    now, unit = datetime.now(UTC), new_id()
    with work(engine, now) as done:
        done.session.add(Unit(id=unit, number=unit, name="基准", path=f"{unit}/", created_at=now))
        done.append("unit.put", unit, actor="bench", before=None, after={"number": unit, "name": "基准"})


def write_row(engine: Engine) -> None:
    """Commit one plain row."""
    with plain(engine) as session:
        session.execute(
            text("INSERT INTO login_attempts (id, subject, at) VALUES (:id, :subject, :at)"),
            {"id": new_id().replace("-", ""), "subject": "bench", "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"},
        )


def run(how: str, url: str, file: Path, seconds: float) -> None:
    """Wait for the start, write until the time is over, and tell how often."""
    engine, act = open_engine(url), write_work if how == "work" else write_row
    act(engine)  # what is loaded once is loaded before the clock runs
    file.with_suffix(".ready").touch()
    go = file.with_suffix(".go")
    while not go.exists():
        time.sleep(0.002)
    count, ends = 0, time.monotonic() + seconds
    while time.monotonic() < ends:
        act(engine)
        count += 1
    engine.dispose()
    file.with_suffix(".new").write_text(str(count))
    file.with_suffix(".new").replace(file)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
