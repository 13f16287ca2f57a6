"""Export packages as pages: asked for from a range or a case, approved by another, taken with their digests shown."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.footage import make_footage
from tests.up.program import HUISU, environment, wait_until
from tests.web.conftest import Desk
from tests.web.player import Player
from tests.web.world import CASE, LATER, SCENE, logged_in, ok

pytestmark = pytest.mark.browser


def asked(page: Page, recipient: str, copies: int = 1) -> str:
    """Fill in to whom and why, and ask; gives the export's id."""
    page.get_by_test_id("export-recipient").fill(recipient)
    page.get_by_test_id("export-purpose").fill("移送审查起诉")
    page.get_by_test_id("export-copies").fill(str(copies))
    page.get_by_test_id("export-submit").click()
    expect(page.get_by_test_id("export-facts")).to_be_visible()
    return page.url.rsplit("/", 1)[1]


def test_the_chosen_range_of_a_recording_becomes_a_package_that_checks_itself(desk: Desk, tmp_path: Path) -> None:
    page = desk.sit("li", f"/recordings/{desk.world.recordings[SCENE]}")
    Player(page).wait_for_frame(0)
    Player(page).choose("00:00:01", "00:00:02.5")
    page.get_by_test_id("export-this").click()
    expect(page.get_by_test_id("item-kind")).to_have_value("exact")
    expect(page.get_by_test_id("item-start")).to_have_value("00:00:01.000000")
    expect(page.get_by_test_id("item-end")).to_have_value("00:00:02.500000")

    asked(page, "某区人民检察院", copies=2)
    expect(page.get_by_test_id("state")).to_have_attribute("data-state", "made", timeout=180_000)
    expect(page.get_by_test_id("export-witnessed")).to_have_attribute("data-witnessed", "no-quorum")
    expect(page.get_by_test_id("export-witnessed")).to_contain_text("包内写明“未核对”")
    expect(page.get_by_test_id("export-items")).to_contain_text("SHA-256")
    expect(page.get_by_test_id("export-items").get_by_text("回执")).to_be_visible()
    copy = page.get_by_test_id("export-copies").locator('[data-copy="2"]')
    with page.expect_download() as waiting:
        copy.get_by_test_id("export-take").click()
    taken = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(taken)

    assert hashlib.sha256(taken.read_bytes()).hexdigest() in copy.inner_text()
    with zipfile.ZipFile(taken) as package:
        program = next(name for name in package.namelist() if name.endswith("verify.py"))
        (tmp_path / "verify.py").write_bytes(package.read(program))
    fingerprint = page.get_by_test_id("export-copies").get_by_test_id("fingerprint").first.inner_text()
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "verify.py"), str(taken), "--fingerprint", fingerprint, "--lang", "en"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_recordings_are_chosen_from_a_case(desk: Desk) -> None:
    page = desk.sit("li", "/cases")
    page.get_by_role("link", name=CASE).first.click()
    page.get_by_test_id("export-case-recordings").click()
    expect(page.get_by_test_id("export-offered").locator("li").first).to_be_visible()
    expect(page.get_by_test_id("export-case")).to_have_value(CASE)
    expect(page.get_by_test_id("export-submit")).to_be_disabled()
    page.get_by_test_id("export-add").first.click()
    page.get_by_test_id("export-add").nth(1).click()
    expect(page.get_by_test_id("export-item")).to_have_count(2)
    page.get_by_role("button", name="移除 2").click()
    expect(page.get_by_test_id("export-item")).to_have_count(1)

    page.get_by_test_id("item-kind").select_option("verbatim")
    page.get_by_test_id("item-start").fill("2")
    page.get_by_test_id("item-end").fill("1")
    page.get_by_test_id("export-recipient").fill("法院")
    page.get_by_test_id("export-purpose").fill("质证")
    page.get_by_test_id("export-submit").click()
    expect(page.get_by_test_id("bad-range")).to_contain_text("第 1 项")
    page.get_by_test_id("item-kind").select_option("original")
    export = asked(page, "法院")

    with logged_in(desk.world.address, "li") as client:
        kept = ok(client.get(f"/exports/{export}"))
    assert kept["case"] == CASE
    assert [one["kind"] for one in kept["items"]] == ["original"]
    page.goto("/exports")
    expect(page.locator(f'[data-export="{export}"]')).to_contain_text("法院")


def graded(desk: Desk, folder: Path) -> str:
    """Send a recording of grade 3; gives its id."""
    file = make_footage(folder / "三级.mp4", frames=60, first=50000)
    said = {"officer": "610124", "device": "CAM-31", "started_at": "2026-03-04T08:00:00+08:00"}
    file.with_name(f"{file.name}.huisu.json").write_text(json.dumps(said))
    sending = ("dock", "send", str(file), "--url", desk.world.address, "--state", str(folder / "state"))
    subprocess.run(
        [*HUISU, *sending],
        env=environment({"HUISU_DOCK_TOKEN": desk.world.dock_token}),
        check=True,
        capture_output=True,
    )
    with logged_in(desk.world.address, "li") as client:

        def ready() -> list[str]:
            items = ok(client.get("/recordings", params={"device": "CAM-31"}))["items"]
            return [one["id"] for one in items if one["state"] == "ready"]

        wait_until("the recording is ready", lambda: bool(ready()))
        found = ready()[0]
        version = client.get(f"/recordings/{found}").headers["etag"]
        ok(client.patch(f"/recordings/{found}", json={"grade": 3}, headers={"If-Match": version}))
    return found


def test_what_is_sensitive_is_made_only_after_another_person_approved(desk: Desk, tmp_path: Path) -> None:
    recording = graded(desk, tmp_path)
    page = desk.sit("li", f"/exports/new?recording={recording}")
    export = asked(page, "某区人民检察院")
    expect(page.get_by_test_id("export-proposed")).to_contain_text("等待另一名负责人批准")
    expect(page.get_by_test_id("export-approve")).to_have_count(0)

    head = desk.sit("sun", f"/exports/{export}")
    head.get_by_test_id("export-approve").click()
    head.get_by_test_id("reason-confirm").click()
    expect(head.get_by_test_id("export-proposed")).to_have_count(0)

    expect(page.get_by_test_id("export-proposed")).to_have_count(0, timeout=120_000)
    expect(page.get_by_test_id("export-items")).to_contain_text("其摘要在台账中", timeout=120_000)
    with logged_in(desk.world.address, "li") as client:
        assert ok(client.get(f"/exports/{export}"))["answered_by"] == "sun"


def test_an_export_that_failed_says_that_nothing_was_released_and_why(desk: Desk) -> None:
    with logged_in(desk.world.address, "li") as client:
        item = {"recording": desk.world.recordings[LATER], "kind": "original"}
        order = {"recipient": "法院", "purpose": "质证", "items": [item]}
        export = ok(client.post("/exports", json=order))["id"]

    def failed(route: Route) -> None:
        why = {"code": "integrity", "detail": "expected aa, found bb"}
        route.fulfill(json=route.fetch().json() | {"state": "failed", "problems": [why], "packages": []})

    page = desk.sit("li", "/login", "en")
    page.route(f"**/api/v1/exports/{export}", failed)
    page.goto(f"/exports/{export}")

    expect(page.get_by_test_id("export-problems")).to_have_attribute("role", "alert")
    expect(page.get_by_test_id("export-problems")).to_contain_text("expected aa, found bb")
    expect(page.get_by_test_id("export-copies")).to_have_count(0)


def test_who_may_not_export_sees_exports_or_not_as_their_rights_say(desk: Desk) -> None:
    auditor = desk.sit("wu", "/exports")
    expect(auditor.get_by_test_id("exports")).to_be_visible()
    expect(auditor.get_by_test_id("export-make")).to_have_count(0)

    supervisor = desk.sit("chen", "/recordings")
    expect(supervisor.get_by_test_id("nav-recordings")).to_be_visible()
    expect(supervisor.get_by_test_id("nav-exports")).to_have_count(0)
