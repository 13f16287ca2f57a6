"""
List the files of routes. To add one: write it as `registry` shows, and name it here, before `site`.
"""

from typing import Final

from services.api.registry import Routes
from services.api.routes import administration, custody, health, jobs, me, site, uploads

FILES: Final[tuple[Routes, ...]] = (
    health.routes,
    me.routes,
    uploads.routes,
    jobs.routes,
    administration.routes,
    custody.routes,
)

WITHOUT_DOOR: Final = (uploads.elsewhere,)
"""Served only where the process has no dock's door."""

LAST: Final = (site.routes,)
"""The pages answer whatever nothing else does."""
