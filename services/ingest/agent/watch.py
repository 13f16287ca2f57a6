"""Notice new files, and when nobody writes to them any more."""

from collections.abc import Sequence
from pathlib import Path

from services.ingest.agent.walk import sidecar_of


class Watch:
    """Tell which files are new and have not changed for a while; each is told once until it changes again."""

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._seen: dict[Path, tuple[tuple[int, ...], float]] = {}
        self._told: dict[Path, tuple[int, ...]] = {}

    def ready(self, files: Sequence[Path], now: float) -> list[Path]:
        """Look at the files' sizes and times, and give those whose turn has come; `now` in monotonic seconds."""
        ready: list[Path] = []
        for path in files:
            facts = _facts(path)
            if self._told.get(path) == facts:
                continue
            before, since = self._seen.get(path, (None, now))
            if before != facts:
                since = now
            self._seen[path] = (facts, since)
            if now - since >= self._settle_s:
                self._told[path] = facts
                del self._seen[path]
                ready.append(path)
        return ready

    def forget(self, path: Path) -> None:
        """Tell this file again."""
        self._told.pop(path, None)


def _facts(path: Path) -> tuple[int, ...]:
    """Size and time of a file and of its sidecar: a sidecar that comes late is waited for as well."""
    facts: list[int] = []
    for each in (path, sidecar_of(path)):
        try:
            status = each.stat()
            facts += [status.st_size, status.st_mtime_ns]
        except OSError:
            facts += [-1, -1]
    return tuple(facts)
