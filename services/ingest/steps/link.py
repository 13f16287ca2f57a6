"""Link a recording with incidents and cases: explicitly, by rule, or as proposals for a person."""

from services.bootstrap import Archive
from services.errors import NotFound
from services.index.linking import link_recording, recordings_near
from services.index.models import Incident, Recording


def link(archive: Archive, recording_id: str) -> None:
    """Find what a recording belongs to; harmless when repeated."""
    with archive.work() as work:
        recording = work.session.get(Recording, recording_id, with_for_update=True)
        if recording is None:
            raise NotFound(f"there is no recording {recording_id}")
        link_recording(work, recording, archive.link_rules(work.session, recording.unit_id))


def relink(archive: Archive, incident_id: str) -> None:
    """Link again whatever an incident's arrival or change may concern, each recording in its own transaction."""
    with archive.reading() as session:
        incident = session.get_one(Incident, incident_id)
        found = recordings_near(session, incident, archive.link_rules(session, None).matching)
    for recording_id in found:
        link(archive, recording_id)
