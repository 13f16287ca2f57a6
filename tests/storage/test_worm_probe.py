"""The probe against stores that lie: real folders whose locks are broken in one way each."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.errors import NotFound
from services.storage.filesystem import FolderStore
from services.storage.store import NO_LOCK, Kept, Lock, LockMode
from services.storage.worm_probe import probe

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Enforcing(FolderStore):
    """A folder that refuses as a locking server does, but for what `lets` names."""

    def __init__(self, root: Path, lets: str) -> None:
        super().__init__(root)
        self._folder, self._lets = root, lets
        self.prepare()

    def attempt_removal(self, canary: Kept, *, bypass: bool) -> None:
        if not self.versions(canary.key):
            return
        state = self.lock_state(canary.key, canary.version)
        allowed = {
            "delete compliance": state.mode is LockMode.COMPLIANCE,
            "bypass compliance": state.mode is LockMode.COMPLIANCE and bypass,
            "delete governance": state.mode is LockMode.GOVERNANCE,
            "delete held": state.hold,
        }
        if allowed.get(self._lets, False):
            (self._folder / canary.key).unlink()

    def attempt_shortening(self, canary: Kept, until: datetime) -> None:
        if self._lets == "shorten":
            path = self._folder / canary.key
            self._write_lock(path, Lock(LockMode.GOVERNANCE, until, hold=False))

    def lock(self, key: str, version: str | None, *, mode: LockMode, until: datetime) -> Lock:
        return NO_LOCK if self._lets == "ignore locks" else super().lock(key, version, mode=mode, until=until)

    def hold(self, key: str, version: str | None, *, on: bool) -> Lock:
        return NO_LOCK if self._lets == "ignore holds" else super().hold(key, version, on=on)


def test_a_store_that_lets_nothing_happen_enforces(tmp_path: Path) -> None:
    store = Enforcing(tmp_path / "store", lets="nothing")

    report = probe(store, NOW)

    assert (report.enforced, report.findings) == (True, ("locks and holds were enforced",))


@pytest.mark.parametrize(
    ("lets", "finding"),
    [
        ("delete compliance", "COMPLIANCE lock could be deleted"),
        ("bypass compliance", "COMPLIANCE lock could be deleted"),
        ("shorten", "could be shortened or weakened"),
        ("delete governance", "GOVERNANCE lock could be deleted"),
        ("delete held", "under a hold could be deleted"),
        ("ignore locks", "COMPLIANCE lock was not kept"),
        ("ignore locks", "GOVERNANCE lock was not kept"),
        ("ignore holds", "a hold was not kept"),
    ],
)
def test_each_way_round_a_lock_is_told(tmp_path: Path, lets: str, finding: str) -> None:
    store = Enforcing(tmp_path / "store", lets)

    report = probe(store, NOW)

    assert not report.enforced
    assert any(finding in each for each in report.findings)


def test_a_canary_that_vanished_is_not_there(tmp_path: Path) -> None:
    store = Enforcing(tmp_path / "store", lets="delete governance")
    probe(store, NOW)

    with pytest.raises(NotFound):
        store.stat("probe/20260301T120000.000000/governance")
