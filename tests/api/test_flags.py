"""A person dismisses what a machine flagged: recorded, still visible, still found; and it can be taken back."""

from fractions import Fraction

import pytest

from services.accounts.rights import Principal
from services.api.actions.dismiss_flag import dismiss_flag
from services.api.actions.read_flags import read_flags
from services.bootstrap import Archive
from services.custody.ledger import history
from services.errors import NotAllowed, NotFound, PreconditionFailed, ReasonRequired
from services.index.flags import set_flags
from services.index.models import Recording
from services.index.recordings import Filter, page
from services.media.facts import Flag
from tests.api.site import Site
from tests.archive_fixture import NOON, add_recording, add_unit, add_user

BLACK = Flag("black", Fraction(2), Fraction(5), detector="blackdetect", version="1/ffmpeg-9", score=0.93)
HEADERS = {"If-Match": "*"}


def flagged(archive, **more):
    recording = add_recording(archive, **more)
    with archive.work() as work:
        row = work.session.get_one(Recording, recording)
        set_flags(row, [Flag("truncated", detail="ends early").to_json(), BLACK.to_json()])
        work.append("rec.facts", recording, flags=row.flags)
    return recording


@pytest.fixture
def scene(archive: Archive) -> tuple[Principal, str]:
    unit = add_unit(archive, "U1")
    return add_user(archive, "reviewer", unit, name="li"), flagged(archive, unit=unit)


def test_a_dismissed_flag_stays_visible_and_found(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    _, version = read_flags(archive, who, recording)

    answered, now = dismiss_flag(archive, who, recording, BLACK.id, dismissed=True, reason="夜空", version=version)

    assert answered.dismissed is not None
    assert (answered.dismissed.by, answered.dismissed.at, answered.dismissed.reason) == ("li", NOON, "夜空")
    assert now == version + 1
    flags, _ = read_flags(archive, who, recording)
    assert [(flag.kind, flag.dismissed is not None) for flag in flags] == [("truncated", False), ("black", True)]
    with archive.reading() as session:
        found = page(session, who, Filter(flag="black")).items
        entry = list(history(session, recording))[-1].entry
    assert [item.id for item in found] == [recording]
    assert found[0].flags[1].dismissed == answered.dismissed
    assert entry.type == "rec.flag.dismiss"


def test_a_restored_flag_is_as_before_and_both_steps_are_in_the_ledger(
    archive: Archive, scene: tuple[Principal, str]
) -> None:
    who, recording = scene
    dismiss_flag(archive, who, recording, BLACK.id, dismissed=True, reason="夜空", version=None)
    dismiss_flag(archive, who, recording, BLACK.id, dismissed=True, reason="夜空", version=None)
    restored, _ = dismiss_flag(archive, who, recording, BLACK.id, dismissed=False, reason=None, version=None)

    assert restored == BLACK
    with archive.reading() as session:
        events = [one.entry.type for one in history(session, recording)]
    assert events[-2:] == ["rec.flag.dismiss", "rec.flag.restore"]


def test_nobody_dismisses_without_right_reason_version_or_flag(archive, scene):
    who, recording = scene
    unit, other = who.unit, add_unit(archive, "U2")
    hidden = flagged(archive, unit=other, content=b"other bytes" * 9)
    officer = add_user(archive, "auditor", unit, name="zhou")

    def answer(by: Principal, of: str, flag: str, reason: str | None = "x", version: int | None = None) -> None:
        dismiss_flag(archive, by, of, flag, dismissed=True, reason=reason, version=version)

    with pytest.raises(NotAllowed):
        answer(officer, recording, BLACK.id)
    with pytest.raises(NotFound):
        answer(who, hidden, BLACK.id)
    with pytest.raises(NotFound, match="no flag"):
        answer(who, recording, "0" * 16)
    with pytest.raises(ReasonRequired):
        answer(who, recording, BLACK.id, reason=None)
    with pytest.raises(PreconditionFailed):
        answer(who, recording, BLACK.id, version=99)
    assert all(flag.dismissed is None for flag in read_flags(archive, who, recording)[0])


def test_over_http_flags_carry_their_detector_and_take_an_answer(site: Site) -> None:
    client = site.as_user("wang")
    unit = client.get("/api/v1/me").json()["unit"]["id"]
    address = f"/api/v1/recordings/{flagged(site.archive, unit=unit)}/flags"
    before = client.get(address)
    flag = before.json()["items"][1]

    unconditioned = client.patch(f"{address}/{flag['id']}", json={"dismissed": True, "reason": "x"})
    nameless = client.patch(f"{address}/{flag['id']}", json={"dismissed": True}, headers=HEADERS)
    answered = client.patch(
        f"{address}/{flag['id']}",
        json={"dismissed": True, "reason": "夜空"},
        headers={"If-Match": before.headers["etag"]},
    )
    stale = client.patch(
        f"{address}/{flag['id']}", json={"dismissed": False}, headers={"If-Match": before.headers["etag"]}
    )

    assert flag == {
        "id": BLACK.id, "kind": "black", "start": 2, "end": 5, "detail": "", "detector": "blackdetect",
        "version": "1/ffmpeg-9", "score": 0.93, "channel": "", "dismissed": None,
    }  # fmt: skip
    assert (unconditioned.status_code, nameless.status_code, stale.status_code) == (428, 428, 412)
    assert (answered.status_code, answered.json()["dismissed"]["reason"]) == (200, "夜空")
    page_of_it = client.get(address.removesuffix("/flags")).json()
    assert [one["dismissed"] is not None for one in page_of_it["flags"]] == [False, True]
    assert answered.headers["etag"] == client.get(address).headers["etag"]
