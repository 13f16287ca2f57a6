"""Show jobs, and tell of changes as they happen."""

from fastapi import Request
from fastapi.responses import StreamingResponse

from services.accounts.credentials import authenticate
from services.accounts.rights import Principal
from services.api import schemas
from services.api.actions.see_job import see_job
from services.api.admission import ArchiveDep, Who, over_tls
from services.api.deps import ThingId
from services.api.hub import Hub
from services.api.registry import Routes
from services.jobs.table import JobView

routes = Routes("jobs")


@routes.declare("GET", "/jobs/{id}", action="job.see", about="job", response_model=schemas.Job)
def get_job(job: ThingId, archive: ArchiveDep, who: Who) -> JobView:
    """Show how far a job is."""
    return see_job(archive, who, job)


@routes.declare("GET", "/events", action="event.see", response_class=StreamingResponse)
async def listen(request: Request, archive: ArchiveDep) -> StreamingResponse:
    """Tell of changes as server-sent events `upload`, `recording` and `job`, each `{"id", "state", …}`."""
    hub: Hub = request.app.state.hub
    headers, secure = dict(request.headers), over_tls(archive)

    def ask() -> Principal:
        return authenticate(archive.engine, headers, archive.clock(), secure=secure, touch=False).who

    return StreamingResponse(
        hub.listen(ask),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"},
    )
