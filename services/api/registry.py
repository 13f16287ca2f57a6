"""
Declare every route with the action it needs, in one table; an archive with an undeclared route does not start.

```
routes = Routes("recordings")

@routes.declare("GET", "/recordings/{id}", action="recording.see", about="recording")
def see_recording(recording: ThingId, archive: ArchiveDep, who: Who) -> RecordingFacts: ...
```

`action` is one of `rights.ACTIONS`, `PUBLIC` (anybody) or `ME` (anybody who is somebody). `about` names
what kind of thing the path names: a refusal or a 404 about one is recorded, and the matrix of rights
(tests/api/test_matrix.py) calls the route for things of one's own and of another unit.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route

from services.accounts.rights import ACTIONS
from services.api.admission import BODY_BYTES, ME, PUBLIC, AdmittedRoute, Declared
from services.errors import Misconfigured

BASE: Final = "/api/v1"

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(slots=True)
class Routes:
    """Collect the declared routes of one file."""

    tag: str
    base: str = BASE
    table: list[Declared] = field(default_factory=list)

    def declare(
        self,
        methods: str,
        path: str,
        *,
        action: str,
        about: str | None = None,
        example: Mapping[str, Any] | None = None,
        tells_secret: bool = False,
        body_bytes: int = BODY_BYTES,
        **options: Any,
    ) -> Callable[[Endpoint], Endpoint]:
        """
        Declare a route; `methods` may name several ("GET HEAD").

        Args:
            methods: what the route answers.
            path: below the base.
            action: what the caller must be allowed to do.
            about: kind of thing that the path names; None when it names none.
            example: a body that the route takes, for the description and for the matrix of rights.
            tells_secret: the answer carries a secret, so it is never kept for an Idempotency-Key.
            body_bytes: longest body that is read.
            options: what FastAPI's `add_api_route` takes besides (status_code, response_class, responses, …).
        """

        def note(endpoint: Endpoint) -> Endpoint:
            for method in methods.split():
                self.table.append(
                    Declared(
                        method=method,
                        path=self.base + path,
                        action=action,
                        about=about,
                        tag=self.tag,
                        endpoint=endpoint,
                        example=example,
                        tells_secret=tells_secret,
                        body_bytes=body_bytes,
                        options=options,
                    )
                )
            return endpoint

        return note


DOOR: Final[Mapping[tuple[str, str], str]] = {
    ("OPTIONS", f"{BASE}/uploads"): PUBLIC,
    ("POST", f"{BASE}/uploads"): "upload.send",
    ("OPTIONS", f"{BASE}/uploads/{{name}}"): PUBLIC,
    ("HEAD", f"{BASE}/uploads/{{name}}"): "upload.send",
    ("PATCH", f"{BASE}/uploads/{{name}}"): "upload.send",
    ("POST", f"{BASE}/uploads/{{name}}"): "upload.send",
    ("DELETE", f"{BASE}/uploads/{{name}}"): "upload.send",
}
"""What the routes of the dock's door need. The door asks who sends by itself, before any byte of a body."""

ASK_GATE: Final = ("GET", f"{BASE}/uploads/{{name}}")
"""The door's own view of one upload: asked by `routes.uploads`, which also knows of those of other gates."""


def assemble(app: FastAPI, files: Iterable[Routes], door: APIRouter | None) -> Mapping[tuple[str, str], Declared]:
    """
    Add all routes to the app and give the table by (method, path).

    Raises:
        Misconfigured: a route twice, without a declared action, or with one that no role can have.
    """
    app.router.route_class = AdmittedRoute
    app.state.ask_gate = None
    table: dict[tuple[str, str], Declared] = {}
    for route in door.routes if door is not None else ():
        if isinstance(route, APIRoute) and [(method, route.path) for method in route.methods or ()] == [ASK_GATE]:
            app.state.ask_gate = route.endpoint
            continue
        for declared in _declared_of_door(route):
            _enter(table, (declared.method, declared.path), declared)
        app.router.routes.append(route)
    for declared in (one for file in files for one in file.table):
        _enter(table, (declared.method, declared.path), declared)
        _add(app, declared)
    require_declared(app.router.routes, table)
    return table


def require_declared(routes: Sequence[BaseRoute], table: Mapping[tuple[str, str], Declared]) -> None:
    """Raise `Misconfigured` when a route that could be called has no row in the table."""
    for route in routes:
        if not isinstance(route, (Route, APIRoute)) or route.methods is None:
            raise Misconfigured(f"{route!r} is no route of the table: declare each of its paths with an action")
        for method in route.methods:
            if (method, route.path) not in table:
                raise Misconfigured(f"route {method} {route.path} has no declared action")


def _enter(table: dict[tuple[str, str], Declared], key: tuple[str, str], declared: Declared) -> None:
    method, path = key
    if method not in METHODS:
        raise Misconfigured(f"route {path}: {method!r} is no method")
    if declared.action not in ACTIONS | {PUBLIC, ME}:
        raise Misconfigured(f"route {method} {path}: no role is given the action {declared.action!r}")
    if key in table:
        raise Misconfigured(f"route {method} {path} is declared twice")
    table[key] = declared


def _declared_of_door(route: BaseRoute) -> Iterator[Declared]:
    if not isinstance(route, APIRoute):
        raise Misconfigured(f"the dock's door has a route of another kind: {route!r}")
    for method in route.methods or ():
        if (action := DOOR.get((method, route.path))) is None:
            raise Misconfigured(f"route {method} {route.path} of the dock's door has no declared action")
        about = "upload" if "{" in route.path else None
        yield Declared(method, route.path, action, about, "uploads", route.endpoint)


def _add(app: FastAPI, declared: Declared) -> None:
    options = dict(declared.options)
    if declared.example is not None:
        body = {"requestBody": {"content": {"application/json": {"example": dict(declared.example)}}}}
        options["openapi_extra"] = body | options.get("openapi_extra", {})
    app.router.add_api_route(
        declared.path,
        declared.endpoint,
        methods=[declared.method],
        tags=[declared.tag],
        operation_id=f"{declared.endpoint.__name__}_{declared.method.lower()}",
        **options,
    )
