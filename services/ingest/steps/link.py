"""Link a recording with incidents and cases: explicitly, by rule, or as proposals for a person."""

from datetime import timedelta

from services.bootstrap import Archive
from services.errors import NotFound
from services.index.linking import LinkRules, link_recording, recordings_near
from services.index.matching import Rules
from services.index.models import Incident, Recording
from services.settings import Settings


def rules_of(settings: Settings) -> LinkRules:
    """Gather the bureau's values for linking."""
    matching = Rules(
        before=timedelta(seconds=settings.link_before_s),
        after=timedelta(seconds=settings.link_after_s),
        longest=timedelta(seconds=settings.incident_max_s),
    )
    return LinkRules(matching, settings.case_pattern, settings.retention_months)


def link(archive: Archive, recording_id: str) -> None:
    """Find what a recording belongs to; harmless when repeated."""
    with archive.work() as work:
        recording = work.session.get(Recording, recording_id, with_for_update=True)
        if recording is None:
            raise NotFound(f"there is no recording {recording_id}")
        link_recording(work, recording, rules_of(archive.settings))


def relink(archive: Archive, incident_id: str) -> None:
    """Link again whatever an incident's arrival or change may concern, each recording in its own transaction."""
    rules = rules_of(archive.settings)
    with archive.reading() as session:
        incident = session.get_one(Incident, incident_id)
        found = recordings_near(session, incident, rules.matching)
    for recording_id in found:
        link(archive, recording_id)
