"""Tell Prometheus how the archive is: its uploads and jobs from the database, its requests from this process."""

from collections.abc import Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.bootstrap import Archive
from services.index.counts import oldest_waiting, tally_jobs, tally_uploads


class Requests:
    """Count the requests of one app; each app has its own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._total = Counter(
            "huisu_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "huisu_request_seconds",
            "Time until a request was answered to its last byte.",
            ["route"],
            buckets=(0.005, 0.02, 0.1, 0.3, 1, 3, 10, 60),
            registry=self.registry,
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request by its route's pattern; status 0: the client left before an answer."""
        self._total.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)


class Holdings(Collector):
    """Read the archive's numbers anew at every scrape."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def collect(self) -> Iterable[Metric]:
        """Give uploads by state, jobs by kind and state, bytes received and the age of the oldest waiting job."""
        with self._archive.reading() as session:
            uploads, jobs = tally_uploads(session), tally_jobs(session)
            waiting = oldest_waiting(session)
        number = GaugeMetricFamily("huisu_uploads", "Uploads by state.", labels=["state"])
        for state, (count, _) in sorted(uploads.items()):
            number.add_metric([state], count)
        work = GaugeMetricFamily("huisu_jobs", "Jobs by kind and state.", labels=["kind", "state"])
        for (kind, state), count in sorted(jobs.items()):
            work.add_metric([kind, state], count)
        received = sum(
            size for state, (_, size) in uploads.items() if state not in ("receiving", "expired", "terminated")
        )
        yield number
        yield work
        yield GaugeMetricFamily("huisu_received_bytes", "Bytes of completely received uploads.", value=received)
        yield GaugeMetricFamily(
            "huisu_oldest_waiting_job_seconds",
            "Age of the oldest job that could be done now and is not.",
            value=_age(waiting, self._archive.clock()),
        )


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def exposition(archive: Archive, requests: Requests) -> bytes:
    """Give all numbers in Prometheus' text form."""
    holdings = CollectorRegistry()
    holdings.register(Holdings(archive))
    return generate_latest(requests.registry) + generate_latest(holdings)
