"""
Name every kind of job and ring the doorbell of a cluster's broker.

The database is the truth (`services.jobs`); a Celery message carries only a job's id to the same
functions. In the embedded archive nobody rings: workers poll the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.errors import Unavailable

if TYPE_CHECKING:  # a quarter of a second that only a cluster should pay
    from celery import Celery


@dataclass(frozen=True, slots=True)
class JobKind:
    """What a kind of job does, and which workers take it (`gate` jobs only those on that gate's disk)."""

    name: str
    queue: str
    meaning: str


_ALL: Final = (
    JobKind("accession", "gate", "seal, deposit and record a received upload"),
    JobKind("read-back", "gate", "read the stored original back and compare it"),
    JobKind("examine", "examine", "read container, streams and frame times of an original; link it"),
    JobKind("link", "examine", "find incidents and cases for a recording again"),
    JobKind("relink", "examine", "link recordings again after an incident or a case arrived or changed"),
    JobKind("index", "examine", "make the frame index of a recording that an older version examined"),
    JobKind("look-over", "examine", "decode a few key frames for a first storyboard and first findings"),
    JobKind("fingerprint", "render", "grow the essence trees of a verified MP4 or MOV, a leaf for each coded frame"),
    JobKind("render", "render", "make the review proxy, poster, storyboard and sound peaks"),
    JobKind("recover", "render", "bring back pictures of a damaged original, as a rendition of its own"),
    JobKind("export", "export", "make the packages of an export, and try them"),
    JobKind("align", "render", "measure by their sound how far apart the channels of a session began"),
)
KINDS: Final[dict[str, JobKind]] = {kind.name: kind for kind in _ALL}
QUEUES: Final = ("gate", "examine", "render", "export")
MOST_RINGS: Final = 500
"""Rings in a queue behind which the sweeper adds none: whoever comes to these will come to the rest."""

TASK: Final = "huisu.job"
"""The one Celery task: it claims the job whose id it is given."""


def queue_of(kind: str, gate: str | None = None) -> str:
    """Name the queue of a job; a gate's jobs go to that gate's own queue."""
    queue = KINDS[kind].queue
    return f"gate.{gate}" if queue == "gate" else queue


def celery_app(broker_url: str, queues: tuple[str, ...] = QUEUES) -> Celery:
    """
    Connect to RabbitMQ or Redis for ringing and for taking rings.

    Redis looks for unacknowledged messages only every 100 s by default; the sweeper rings again
    sooner, so its settings stay alone. Source: knowledge feasibility 4.
    """
    from celery import Celery  # noqa: PLC0415
    from kombu.entity import Queue  # noqa: PLC0415

    app = Celery("huisu", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_queues=[Queue(name) for name in queues],  # type: ignore[no-untyped-call]
        task_default_queue="examine",
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a worker outlives any outage
        broker_connection_timeout=4,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        broker_transport_options={"visibility_timeout": 7200, "socket_timeout": 10, "socket_connect_timeout": 4},
    )
    return app


def ring(app: Celery, queue: str, job_id: str) -> None:
    """
    Tell the workers of a queue that a job waits.

    Raises:
        Unavailable: the broker does not answer. The job is not lost: the sweeper rings again.
    """
    from kombu.exceptions import OperationalError as BrokerError  # noqa: PLC0415

    try:
        app.send_task(TASK, args=[job_id], queue=queue, retry=False)
    except (BrokerError, OSError) as error:
        raise Unavailable(f"the broker did not take the ring for job {job_id}: {error}") from error


def rings_in(app: Celery, queue: str) -> int:
    """
    Count the rings that wait in a queue; 0 where nobody ever rang.

    Raises:
        Unavailable: the broker does not answer.
    """
    from kombu.exceptions import ChannelError  # noqa: PLC0415

    try:
        with app.connection_for_write(connect_timeout=4) as connection:
            connection.ensure_connection(max_retries=1, timeout=4)
            with connection.channel() as channel:
                return int(channel.queue_declare(queue, passive=True).message_count)
    except ChannelError:
        return 0
    except Exception as error:  # every transport raises its own kinds
        raise Unavailable(f"the broker does not tell how many rings wait in {queue}: {error}") from error


def reach(broker_url: str) -> None:
    """Raise `Unavailable` unless a broker answers at this address within a few seconds."""
    from kombu.connection import Connection  # noqa: PLC0415

    try:
        with Connection(broker_url, connect_timeout=4) as connection:  # type: ignore[no-untyped-call]
            connection.ensure_connection(max_retries=1, timeout=4)
    except Exception as error:  # every transport raises its own kinds
        raise Unavailable(f"the broker does not answer: {type(error).__name__}: {error}") from error
