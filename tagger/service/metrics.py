"""What the service counts, as Prometheus reads it."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import func, select

from tagger.service.db.engine import Database
from tagger.service.db.models import Job, Track, Worker

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters of one process, and figures of the database when they are asked for."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "tagger_requests",
            "Requests.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "tagger_request_seconds", "Until the answer began.", ["route"],
            buckets=_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.uploaded = Counter(
            "tagger_uploaded_bytes", "Bytes of uploads that were kept.", registry=self.registry
        )
        self.tracks = Gauge("tagger_tracks", "Tracks.", ["status"], registry=self.registry)
        self.jobs = Gauge("tagger_jobs", "Jobs.", ["state"], registry=self.registry)
        self.workers = Gauge("tagger_workers", "Workers.", registry=self.registry)

    def text(self, database: Database) -> bytes:
        """All figures, in Prometheus' text format."""
        with database.reading() as session:
            counts = (
                (self.tracks, select(Track.status, func.count()).group_by(Track.status)),
                (self.jobs, select(Job.state, func.count()).group_by(Job.state)),
            )
            for gauge, query in counts:
                gauge.clear()
                for name, n in session.execute(query):
                    gauge.labels(name).set(n)
            self.workers.set(session.scalar(select(func.count()).select_from(Worker)) or 0)
        return generate_latest(self.registry)
