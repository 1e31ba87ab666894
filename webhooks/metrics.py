"""What the receiver counts, in Prometheus's text format: deliveries by outcome, and seconds to the answer.

https://prometheus.io/docs/instrumenting/exposition_formats/. Counted in this process, from its start.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""GitHub gives a delivery up after 10 s."""


class Metrics:
    """Counters of one receiver; threads share them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deliveries: Counter[tuple[str, str]] = Counter()
        self._buckets = [0] * (len(BUCKETS_S) + 1)
        self._seconds = 0.0

    def count(self, outcome: str, reason: str, seconds: float) -> None:
        """Count one delivery: its outcome, why, and how long GitHub waited for the answer."""
        with self._lock:
            self._deliveries[outcome, reason] += 1
            self._seconds += seconds
            self._buckets[bisect_left(BUCKETS_S, seconds)] += 1

    def render(self, jobs: Mapping[str, int]) -> str:
        """All counters as text; `jobs` are the unfinished ones by DBOS's status."""
        with self._lock:
            deliveries, buckets = dict(self._deliveries), list(accumulate(self._buckets))
            seconds = self._seconds
        total = sum(deliveries.values())
        lines = ["# TYPE thumbprint_deliveries_total counter"]
        for (outcome, reason), count in sorted(deliveries.items()):
            lines.append(f'thumbprint_deliveries_total{{outcome="{outcome}",reason="{reason}"}} {count}')
        lines.append("# TYPE thumbprint_ack_seconds histogram")
        lines += [
            f'thumbprint_ack_seconds_bucket{{le="{bound}"}} {count}'
            for bound, count in zip(BUCKETS_S, buckets, strict=False)
        ]
        lines.append(f'thumbprint_ack_seconds_bucket{{le="+Inf"}} {total}')
        lines += [f"thumbprint_ack_seconds_sum {seconds:.6f}", f"thumbprint_ack_seconds_count {total}"]
        lines.append("# TYPE thumbprint_jobs gauge")
        lines += [f'thumbprint_jobs{{status="{status.lower()}"}} {n}' for status, n in sorted(jobs.items())]
        return "\n".join(lines) + "\n"
