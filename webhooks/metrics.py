"""What Prometheus reads: what this process received, and what the database says of all of them.

Own counters begin with the process. Figures are counted at each reading and are the same in every process on
one database, so take one of them (`max by (…)`), not their sum. `docs/operating.md` names each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from storage.errors import ThumbprintError
from storage.figures import Figures

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""GitHub gives a delivery up after 10 s."""

QUANTILES = (0.5, 0.9, 0.99)


class Metrics:
    """The metrics of one web process; threads share them. `figures` reads the database, and may raise."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # process_* says when it began
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._deliveries = Counter(
            "thumbprint_deliveries",
            "Deliveries that this process answered, by outcome and reason.",
            ("outcome", "reason"),
            registry=self._registry,
        )
        self._acks = Histogram(
            "thumbprint_ack_seconds",
            "Seconds from a delivery's first byte to its answer.",
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        self._registry.register(_OfDatabase(figures))

    def count(self, outcome: str, reason: str, seconds: float) -> None:
        """Count one delivery: its outcome, why, and how long GitHub waited for the answer."""
        self._deliveries.labels(outcome, reason).inc()
        self._acks.observe(seconds)

    def render(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self._registry)


class _OfDatabase(Collector):
    """Figures of the database, read when they are asked for; without it, only that it is down."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._figures = figures

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: registering must not read the database."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """One gauge for each kind of figure."""
        try:
            found = self._figures()
        except ThumbprintError:
            yield _gauge("database_up", "Whether the database answers.", 0.0)
            return
        yield _gauge("database_up", "Whether the database answers.", 1.0)
        yield _by("jobs", "Jobs of threads, by state.", "state", found.jobs)
        yield _by("answers", "Answers, by status.", "status", found.answers)
        yield _by("feedback_events", "Feedback events, by kind.", "kind", found.feedback)
        yield _gauge("drafts_waiting", "Answers that wait for an approval on the pages.", found.drafts)
        yield _gauge("oldest_job_seconds", "How long the job that waits longest has waited.", found.oldest_s)
        yield _gauge("workers", "Workers that are alive.", found.workers)
        yield _gauge("worker_slots", "Jobs that they can carry out at a time.", found.slots)
        if found.took_s:
            last = len(found.took_s)
            took = {str(each): found.took_s[min(last - 1, int(each * last))] for each in QUANTILES}
            yield _by("answer_seconds", "From question to reply, of the last day's.", "quantile", took)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"thumbprint_{name}", help_text, value=value)


def _by(name: str, help_text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"thumbprint_{name}", help_text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family
