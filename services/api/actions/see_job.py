"""Show a job to those who may know of what it is about."""

from services.accounts.rights import Principal
from services.bootstrap import Archive
from services.errors import NotFound
from services.index.changes import Change, visible_changes
from services.index.visible import is_id
from services.jobs import lease
from services.jobs.table import JobView


def see_job(archive: Archive, who: Principal, job_id: str) -> JobView:
    """Give a job; raises `NotFound` when there is none, or none about anything that `who` may know of."""
    with archive.reading() as session:
        job = lease.find(session, job_id) if is_id(job_id) else None
        if job is None:
            raise NotFound(f"there is no job {job_id[:80]}")
        if who.role != "admin" and not visible_changes(session, who, [Change("job", job.id, {}, job.key)]):
            raise NotFound(f"there is no job {job_id}")
        return job
