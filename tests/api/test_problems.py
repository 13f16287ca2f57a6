"""Every error has a status, words in both languages and a row in the documents."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services import errors
from services.api.problem_words import WORDS
from services.api.problems import HTTP_CODES, INTERNAL, STATUS, status_of
from services.bootstrap import new_id
from services.errors import HuisuError
from tests.api.site import Site

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
ROW = re.compile(r"^\| `([a-z-]+)` \| (\d{3}) \| .+? \| (.+?) \| (.+?) \|$", re.MULTILINE)


def every_class(root: type[HuisuError] = HuisuError) -> Iterator[type[HuisuError]]:
    yield root
    for below in root.__subclasses__():
        if below.__module__ == "services.errors":
            yield from every_class(below)


KINDS: dict[str, type[HuisuError]] = {kind.code: kind for kind in every_class()}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_every_error_has_its_status_words_and_row(kind: type[HuisuError]) -> None:
    rows = {code: (int(status), zh, en) for code, status, zh, en in ROW.findall(DOCUMENT.read_text("utf-8"))}
    words = WORDS[kind.code]

    assert rows[kind.code] == (status_of(kind("x")), words["zh"], words["en"])
    assert (
        any(kind is known or issubclass(kind, known) for known in STATUS if known is not HuisuError)
        or status_of(kind("x")) == 500
    )


def test_the_document_names_no_code_that_is_not() -> None:
    documented = [code for code, *_ in ROW.findall(DOCUMENT.read_text("utf-8"))]
    known = {kind.code for kind in every_class()} | set(HTTP_CODES.values()) | {INTERNAL}

    assert sorted(documented) == sorted(known)
    assert set(WORDS) == known


def test_codes_are_one_classs_each() -> None:
    kinds = list(dict.fromkeys(every_class()))

    assert len({kind.code for kind in kinds}) == len(kinds)


def test_a_new_subclass_answers_like_its_ancestor() -> None:
    class Newer(errors.ReasonRequired):
        code = "reason-required"

    assert status_of(Newer("x")) == 428


def test_a_problem_tells_its_request_in_the_callers_language(site: Site) -> None:
    zh = site.open(Accept_Language="zh-CN,zh;q=0.9,en;q=0.8").get("/api/v1/me", headers={"X-Request-Id": "abc-12345"})
    en = site.open(Accept_Language="fr, en;q=0.5").get("/api/v1/me", headers={"X-Request-Id": "<script>"})

    assert zh.headers["content-type"] == "application/problem+json"
    assert zh.json()["title"] == "请先登录"
    assert zh.json()["type"] == "urn:huisu:problem:unauthenticated"
    assert zh.json()["instance"] == zh.headers["x-request-id"] == "abc-12345"
    assert en.json()["title"] == "Log in first"
    assert en.headers["x-request-id"] != "<script>"


def test_wrong_values_are_pointed_at(site: Site) -> None:
    told = site.as_user("boss").post("/api/v1/units", json={"nombre": 1, "name": {}})

    assert (told.status_code, told.json()["code"]) == (422, "invalid")
    assert {one["pointer"] for one in told.json()["errors"]} == {"/body/number", "/body/name", "/body/nombre"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not-found"),
        ("DELETE", "/api/v1/me", 405, "method-not-allowed"),
        ("GET", "/api/v1/jobs/not-an-id", 404, "not-found"),
        ("GET", "/api/v1/uploads/%2F..%2Fx", 422, "invalid"),
        ("GET", "/api/v1/uploads/a%0Ab", 422, "invalid"),
        ("GET", "/api/v1/uploads?limit=201", 422, "invalid"),
        ("GET", "/api/v1/uploads?limit=0", 422, "invalid"),
        ("GET", "/api/v1/uploads?cursor=nonsense", 422, "invalid"),
        ("GET", "/api/v1/uploads?state=odd", 422, "invalid"),
        ("GET", "/api/v1/custody/entries?cursor=nonsense", 422, "invalid"),
    ],
)
def test_what_cannot_be_is_refused_in_one_form(site: Site, method: str, path: str, status: int, code: str) -> None:
    told = site.as_user("wang").request(method, path)

    assert (told.status_code, told.json()["code"]) == (status, code)
    assert told.headers["content-type"] == "application/problem+json"


def test_a_body_has_a_longest_length(site: Site) -> None:
    told = site.as_user("boss").post("/api/v1/units", content=b'{"number":"' + b"x" * (1 << 20) + b'"}')

    assert (told.status_code, told.json()["code"]) == (413, "too-large")


def test_what_nobody_foresaw_tells_nothing_outside_the_log(site: Site, expects_errors: list[str]) -> None:
    expects_errors.append("request broke")

    def broken() -> None:
        raise RuntimeError("the secret of the house")

    object.__setattr__(site.archive, "clock", broken)
    told = site.open(Authorization="Bearer huisu_x").get("/api/v1/me")

    assert (told.status_code, told.json()["code"]) == (500, "internal")
    assert "secret" not in told.text
    assert told.json()["instance"] in told.json()["detail"]


def test_a_change_needs_the_version_that_was_read(site: Site) -> None:
    boss, unit = site.as_user("boss"), site.user("wang").unit_id
    without = boss.patch(f"/api/v1/units/{unit}", json={"name": "甲"})
    wrong = boss.patch(f"/api/v1/units/{unit}", json={"name": "甲"}, headers={"If-Match": '"7"'})
    odd = boss.patch(f"/api/v1/units/{unit}", json={"name": "甲"}, headers={"If-Match": "seven"})
    right = boss.patch(f"/api/v1/units/{unit}", json={"name": "甲"}, headers={"If-Match": '"1"'})

    assert (without.status_code, without.json()["code"]) == (428, "precondition-required")
    assert (wrong.status_code, wrong.json()["code"]) == (412, "precondition-failed")
    assert odd.status_code == 412
    assert (right.status_code, right.headers["etag"]) == (200, '"2"')


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "1899-12-31T23:59:59Z"])
def test_a_moment_at_the_calendars_end_is_refused_with_the_bounds(site: Site, moment: str) -> None:
    boss, police = site.as_user("boss"), site.as_token("integrator")
    asked = [
        police.put("/api/v1/incidents/J-end", json={"dispatched_at": moment}),
        police.put("/api/v1/cases/C-end", json={"filed_at": moment}),
        site.as_user("wang").get("/api/v1/recordings", params={"from": moment}),
        boss.post(f"/api/v1/devices/{new_id()}/rosters", json={"officer": "0042", "starts_at": moment}),
    ]

    assert [answer.status_code for answer in asked] == [422] * len(asked)
    assert all("1900-01-01" in answer.text and "2200-01-01" in answer.text for answer in asked)
