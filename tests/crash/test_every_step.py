"""Pull the plug before, inside and after every step: nothing is lost, nothing doubled, fsck is clean."""

import subprocess
import sys
from pathlib import Path

import pytest
from services.index.fsck import check

from services.bootstrap import open_archive
from services.custody.ledger import history
from services.index.migrate import migrate
from services.index.models import Arrival, Link, Object, Recording, Rendition, Upload
from services.settings import load_settings
from tests.crash.victim import DEAD, STEPS
from tests.flows.pipeline import Dock
from tests.footage import make_footage

ROOT = Path(__file__).resolve().parents[2]

POINTS = [
    *(f"{step}:{moment}" for step in STEPS for moment in ("before", "after")),
    *(f"{step}:commit-1" for step in STEPS),
    "deposit:put-1",
    "deposit:put-2",
    "examine:put-1",
    "remux:put-1",
    "render:put-1",
    "render:put-3",
]


def victim(home, point, ahead=0):
    return subprocess.run(
        [sys.executable, "-m", "tests.crash.victim", str(home), point, str(ahead)],
        cwd=ROOT, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return make_footage(tmp_path_factory.mktemp("footage") / "执法 一.mp4", frames=45, size=(160, 90))


@pytest.mark.parametrize("point", POINTS)
def test_a_plug_pulled_at_this_point_loses_and_doubles_nothing(tmp_path, footage, point):
    home = tmp_path / "home"
    archive = open_archive(load_settings({}, home=home))
    archive.store.prepare()
    migrate(archive.engine)
    dock = Dock(archive)
    upload = dock.receive(footage, officer="900001", case="A-1", started_at="2026-03-02T08:00:00+08:00")

    died = victim(home, point)
    healed = victim(home, "none", 60)

    assert (died.returncode, died.stderr[-2000:]) == (DEAD, died.stderr[-2000:])
    assert (healed.returncode, healed.stderr[-2000:]) == (0, healed.stderr[-2000:])
    with archive.reading() as session:
        row = session.get_one(Upload, upload)
        [recording] = session.query(Recording).all()
        kinds = sorted(r.kind for r in session.query(Rendition))
        events = [line.entry.type for line in history(session, recording.id)]
        counted = [session.query(table).count() for table in (Object, Arrival, Link)]
        assert [str(finding) for finding in check(session, archive.store, deep=True)] == []
    assert (row.state, recording.state) == ("verified", "ready")
    assert counted == [1, 1, 1]
    assert kinds == ["frame-times", "peaks", "poster", "proxy", "storyboard"]
    assert [events.count(name) for name in ("rec.ingest", "rec.verify", "rec.link")] == [1, 1, 1]
    assert not dock.staging.complete()
    dock.close()
    archive.close()
