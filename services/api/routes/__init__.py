"""
List the files of routes. To add one: write it as `registry` shows, and name it here, before `site`.
"""

from typing import Final

from services.api.registry import Routes
from services.api.routes import (
    administration,
    cases,
    clips,
    custody,
    exports,
    fixity,
    flags,
    frames,
    health,
    incidents,
    jobs,
    links,
    me,
    media,
    recordings,
    sessions,
    site,
    spot_checks,
    uploads,
    viewings,
    witnesses,
)

FILES: Final[tuple[Routes, ...]] = (
    health.routes,
    me.routes,
    uploads.routes,
    jobs.routes,
    administration.routes,
    custody.routes,
    fixity.routes,
    witnesses.routes,
    recordings.routes,
    flags.routes,
    viewings.routes,
    media.routes,
    frames.routes,
    clips.routes,
    sessions.routes,
    links.routes,
    incidents.routes,
    cases.routes,
    exports.routes,
    spot_checks.routes,
)

GATE: Final = (health.routes, uploads.routes)
"""All that a gate beside the server answers: docks reach it from networks that people's footage stays out of."""

LAST: Final = (site.routes,)
"""The pages answer whatever nothing else does."""
