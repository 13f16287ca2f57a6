"""Say that the process lives, whether it can work, how it is, and which version it is."""

import hmac
import ipaddress

from fastapi import Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from services import __version__
from services.accounts.credentials import bearer_of
from services.api import health, metrics
from services.api.admission import PUBLIC, ArchiveDep
from services.api.deps import Address
from services.api.registry import BASE, Routes
from services.api.schemas import Version
from services.bootstrap import Archive
from services.errors import Unauthenticated
from services.index.migrate import newest

routes = Routes("health", base="")


@routes.declare("GET", "/healthz", action=PUBLIC, response_class=PlainTextResponse)
async def healthz() -> str:
    """Say that the process is alive; asks nothing else."""
    return "ok\n"


@routes.declare("GET", "/readyz", action=PUBLIC)
def readyz(archive: ArchiveDep) -> Response:
    """Say whether this process can work, part by part."""
    found = health.checks(archive)
    ready = all(check.ok for check in found if check.required)
    told = {check.name: {"ok": check.ok, "required": check.required, "detail": check.detail} for check in found}
    return JSONResponse({"ready": ready, "checks": told}, 200 if ready else 503)


@routes.declare("GET", "/metrics", action=PUBLIC, response_class=PlainTextResponse)
def prometheus(request: Request, archive: ArchiveDep, address: Address) -> Response:
    """Give the archive's numbers to Prometheus: on loopback, or with the token of the settings."""
    require_scraper(archive, request, address)
    text = metrics.exposition(archive, request.app.state.requests)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)


def require_scraper(archive: Archive, request: Request, address: str) -> None:
    """Raise `Unauthenticated` unless this is the machine itself or a scraper with the token."""
    token, shown = archive.settings.metrics_token, bearer_of(request.headers)
    if token is not None and shown is not None:
        if hmac.compare_digest(token.get_secret_value().encode(), shown.encode()):
            return
    elif is_loopback(address) and not archive.settings.behind_proxy:
        return
    raise Unauthenticated("metrics are read on the machine itself, or with the token of HUISU_METRICS_TOKEN")


def is_loopback(address: str) -> bool:
    """Say whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@routes.declare("GET", "/version", action=PUBLIC)
async def version() -> Version:
    """Say which version runs."""
    return Version(version=__version__, db_schema=newest())


@routes.declare("GET", f"{BASE}/openapi.json", action=PUBLIC, include_in_schema=False)
def openapi(request: Request) -> Response:
    """Describe the whole API (OpenAPI 3.1)."""
    return JSONResponse(request.app.openapi())
