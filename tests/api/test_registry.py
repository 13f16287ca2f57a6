"""A route without a declared action, or with one that no role has, does not start."""

import pytest
from fastapi import APIRouter, FastAPI

from services.api.admission import PUBLIC
from services.api.registry import Routes, assemble, require_declared
from services.api.routes import FILES, LAST
from services.errors import Misconfigured


def routes(action: str, path: str = "/things") -> Routes:
    made = Routes("things")
    made.declare("GET", path, action=action)(lambda: "x")
    return made


def test_the_files_of_the_archive_assemble() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    table = assemble(app, (*FILES, *LAST), None)

    assert ("GET", "/api/v1/me") in table
    assert all(row.endpoint.__doc__ for row in table.values())


def test_an_action_that_no_role_has_is_refused() -> None:
    with pytest.raises(Misconfigured, match=r"recording\.juggle"):
        assemble(FastAPI(openapi_url=None), [routes("recording.juggle")], None)


def test_a_route_without_a_row_is_refused() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    table = assemble(app, [routes(PUBLIC)], None)
    app.get("/secret")(lambda: "x")

    with pytest.raises(Misconfigured, match="/secret"):
        require_declared(app.router.routes, table)


def test_routes_that_hide_behind_an_included_router_are_refused() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    table = assemble(app, [routes(PUBLIC)], None)
    hidden = APIRouter()
    hidden.get("/secret")(lambda: "x")
    app.include_router(hidden)

    with pytest.raises(Misconfigured):
        require_declared(app.router.routes, table)


def test_a_route_of_the_door_without_a_row_is_refused() -> None:
    door = APIRouter(prefix="/api/v1/uploads")
    door.get("/backdoor/{id}")(lambda: "x")

    with pytest.raises(Misconfigured, match="backdoor"):
        assemble(FastAPI(openapi_url=None, docs_url=None, redoc_url=None), [], door)


def test_a_route_twice_is_refused() -> None:
    with pytest.raises(Misconfigured, match="twice"):
        assemble(FastAPI(openapi_url=None), [routes(PUBLIC), routes(PUBLIC)], None)


def test_an_undeclared_method_is_refused() -> None:
    made = Routes("things")
    made.declare("JUMP", "/things", action=PUBLIC)(lambda: "x")

    with pytest.raises(Misconfigured, match="JUMP"):
        assemble(FastAPI(openapi_url=None), [made], None)
