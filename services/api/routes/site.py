"""Serve the pages; the last route, for it answers every address that no other one does."""

from fastapi import Response

from services.api import pages
from services.api.admission import PUBLIC
from services.api.registry import Routes

routes = Routes("pages", base="")


@routes.declare("GET HEAD", "/{path:path}", action=PUBLIC, include_in_schema=False)
def get_page(path: str) -> Response:
    """Give a file of the built pages, or the page behind an address."""
    return pages.page(path)
