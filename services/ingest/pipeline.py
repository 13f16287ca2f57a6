"""
Put the steps in order: what a job runs, and which job follows it.

receive → **received** → seal → deposit → record → **stored** → read back → **verified** → fingerprint
and beside it examine → remux → **playable** → link → look over → render → **ready**; channels of one session → align.
"""

from sqlalchemy import select

from services.bootstrap import Archive
from services.index.models import Object, Recording, Upload
from services.ingest.steps.align import align
from services.ingest.steps.deposit import deposit
from services.ingest.steps.examine import examine
from services.ingest.steps.fingerprint import ask_for, fingerprint_original
from services.ingest.steps.link import link, relink
from services.ingest.steps.look_over import look_over
from services.ingest.steps.read_back import read_back
from services.ingest.steps.record import record
from services.ingest.steps.recover import asks_of, recover
from services.ingest.steps.reindex import reindex
from services.ingest.steps.remux import remux
from services.ingest.steps.render import render
from services.ingest.steps.seal import seal
from services.jobs.lease import ask
from services.jobs.worker import Running


def run_accession(archive: Archive, running: Running) -> None:
    """Make a received upload evidence. `record` asks for what follows, in its own transaction."""
    seal(archive, running.job.key)
    deposit(archive, running.job.key)
    record(archive, running.job.key)


def run_read_back(archive: Archive, running: Running) -> None:
    """Prove the store's copy; releases the camera. What is examined by then can be fingerprinted."""
    read_back(archive, running.job.key)
    with archive.reading() as session:
        same = Object.sha256 == session.get_one(Upload, running.job.key).sha256
        recordings = session.scalars(select(Recording.id).join(Object, Object.id == Recording.object_id).where(same))
        stored = list(recordings)
    ask_for(archive, stored)


def run_examine(archive: Archive, running: Running) -> None:
    """Make a recording playable and linked, then ask for its renditions."""
    recording_id = running.job.key
    examine(archive, recording_id)
    remux(archive, recording_id)
    link(archive, recording_id)
    with archive.plain() as session:
        recording = session.get_one(Recording, recording_id)
        now = archive.clock()
        bells = [ask(session, "render", recording_id, now)] if recording.playable else []
        if recording.playable:
            # behind the next recordings' own examination: those cannot be played before it
            bells.append(ask(session, "look-over", recording_id, now, priority=6))
        if recording.playable and recording.session_number is not None and recording.channel is not None:
            bells.append(ask(session, "align", recording_id, now, priority=7))
        bells += asks_of(session, recording, archive)
    archive.ring(bells)
    ask_for(archive, [recording_id])


def run_link(archive: Archive, running: Running) -> None:
    """Find a recording's incidents and cases again."""
    link(archive, running.job.key)


def run_relink(archive: Archive, running: Running) -> None:
    """Link again what an incident concerns."""
    relink(archive, running.job.args["incident"])


def run_index(archive: Archive, running: Running) -> None:
    """Index a recording that an older version examined."""
    reindex(archive, running.job.key)


def run_look_over(archive: Archive, running: Running) -> None:
    """Give a recording its first storyboard and findings."""
    look_over(archive, running.job.key)


def run_fingerprint(archive: Archive, running: Running) -> None:
    """Grow the trees by which clips of a recording are proven."""
    fingerprint_original(archive, running.job.key)


def run_recover(archive: Archive, running: Running) -> None:
    """Bring back what can be seen of a damaged recording."""
    recover(archive, running.job.key)


def run_render(archive: Archive, running: Running) -> None:
    """Make the renditions of a recording."""
    render(archive, running.job.key, running.report)


def run_align(archive: Archive, running: Running) -> None:
    """Compare a recording's sound with the other channels of its session."""
    align(archive, running.job.key)
