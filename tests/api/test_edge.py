"""Every answer carries the border's headers; pages come from nowhere but here."""

import re
import socket
import time
from pathlib import Path

import httpx
import pytest

from services.api import pages
from services.errors import NotFound
from tests.api.site import Site

PAGES = "<!doctype html><title>built</title>"


@pytest.mark.parametrize("path", ["/", "/recordings/1", "/api/v1/me", "/healthz", "/api/v1/nothing", "/missing.js"])
def test_every_answer_is_guarded(site: Site, path: str) -> None:
    headers = site.open().get(path).headers
    policy = headers["content-security-policy"]

    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy
    assert not re.search(r"https?:|\*|unsafe-eval", policy)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-request-id"]
    assert ("no-store" in headers["cache-control"]) == (path.startswith("/api/") or path == "/missing.js")


def test_a_crash_is_guarded_too(site: Site, expects_errors: list[str]) -> None:
    expects_errors.append("request broke")
    object.__setattr__(site.archive, "clock", lambda: 1 / 0)
    answer = site.open(Authorization="Bearer huisu_x").get("/api/v1/me")

    assert answer.status_code == 500
    assert "content-security-policy" in answer.headers


def test_without_built_pages_the_archive_says_how_to_build_them(tmp_path: Path) -> None:
    told = bytes(pages.page("cases/1", tmp_path).body).decode()

    assert "make web" in told
    assert "网页尚未构建" in told
    assert not re.search(r"https?://|<script", told)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGES)
    (folder / "assets" / "a-1.js").write_text("1")
    (folder / "favicon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


def test_addresses_of_pages_give_their_entry(built: Path) -> None:
    for path in ("", "cases", "cases/A〔2026〕1号", "index.html"):
        answer = pages.page(path, built)

        assert getattr(answer, "path", None) == built / "index.html"
        assert answer.headers["cache-control"] == "no-cache"


def test_hashed_files_are_kept_for_ever_and_others_not(built: Path) -> None:
    assert "immutable" in pages.page("assets/a-1.js", built).headers["cache-control"]
    assert pages.page("favicon.svg", built).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    ["assets/gone.js", "gone.css", "../secret.txt", "assets/../../secret.txt", "/etc/passwd.txt", "api/v1/gone", "..",
     "x/../.."],
)  # fmt: skip
def test_nothing_else_is_given(built: Path, path: str) -> None:
    with pytest.raises(NotFound):
        pages.page(path, built)


def test_a_link_out_of_the_folder_is_not_followed(built: Path) -> None:
    (built / "out").symlink_to(built.parent / "secret.txt")

    with pytest.raises(NotFound):
        pages.page("out", built)


def test_openapi_is_complete_and_names_each_action(site: Site) -> None:
    description = site.open().get("/api/v1/openapi.json").json()
    operation = description["paths"]["/api/v1/units/{id}"]["patch"]
    served = {(method, path.replace(":path}", "}")) for method, path in site.app.state.table if path != "/{path:path}"}
    described = {(verb.upper(), path) for path, verbs in description["paths"].items() for verb in verbs}

    assert description["openapi"].startswith("3.1")
    assert operation["x-huisu-action"] == "admin.write"
    assert described == served - {("GET", "/api/v1/openapi.json")}
    ids = [one["operationId"] for verbs in description["paths"].values() for one in verbs.values()]
    assert len(ids) == len(set(ids))


def test_a_caller_that_leaves_while_sending_breaks_nothing(site: Site) -> None:
    host = site.url.removeprefix("http://")
    with socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2])), timeout=30) as line:
        head = f"POST /api/v1/login HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        line.sendall(f'{head}Content-Length: 100\r\n\r\n{{"name":'.encode())
    counted = 'huisu_requests_total{method="POST",route="/api/v1/login",status="408"} 1.0'
    deadline = time.monotonic() + 30
    while counted not in site.open().get("/metrics").text:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_slow_reader_of_nothing_is_counted(site: Site) -> None:
    client = httpx.Client(base_url=site.url)
    client.get("/api/v1/me")
    client.close()

    assert 'huisu_requests_total{method="GET",route="/api/v1/me",status="401"} 1.0' in site.open().get("/metrics").text
