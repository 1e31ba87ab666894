"""What Prometheus reads: the names that docs/operating.md promises, and the truth without a database."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from storage.errors import DatabaseError
from storage.figures import Figures
from storage.records import AnswerStatus
from webhooks.metrics import Metrics

OPERATING = Path(__file__).parents[3] / "docs" / "operating.md"
FIGURES = Figures(
    answers={"posted": 3},
    feedback={"edit": 1},
    jobs={"waiting": 2, "parked": 1},
    oldest_s=12.5,
    workers=2,
    slots=4,
    took_s=tuple(float(n) for n in range(100)),
    drafts=7,
)


def read(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Every sample by its name and the values of its labels."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (one.name, "/".join(one.labels.values())): one.value for family in families for one in family.samples
    }


def test_figures_of_the_database_are_read_at_each_reading() -> None:
    told = [FIGURES]
    metrics = Metrics(lambda: told[-1])
    found = read(metrics)
    assert found["thumbprint_jobs", "waiting"] == 2
    assert found["thumbprint_drafts_waiting", ""] == 7
    assert found["thumbprint_oldest_job_seconds", ""] == 12.5
    assert (found["thumbprint_workers", ""], found["thumbprint_worker_slots", ""]) == (2, 4)
    assert found["thumbprint_answer_seconds", "0.5"] == 50.0
    assert found["thumbprint_answer_seconds", "0.99"] == 99.0
    told.append(Figures(answers={}, feedback={}, jobs={}, oldest_s=0.0, workers=0, slots=0, took_s=()))
    assert read(metrics)["thumbprint_workers", ""] == 0


def test_without_its_database_a_process_says_so_and_still_counts() -> None:
    def gone() -> Figures:
        raise DatabaseError("the database is gone")

    metrics = Metrics(gone)
    metrics.count("failed", "DatabaseError", 0.02)
    found = read(metrics)
    assert found["thumbprint_database_up", ""] == 0
    assert found["thumbprint_deliveries_total", "failed/DatabaseError"] == 1
    assert found["thumbprint_ack_seconds_bucket", "0.025"] == 1
    assert found["thumbprint_ack_seconds_bucket", "0.01"] == 0
    assert not any(name.startswith("thumbprint_jobs") for name, _ in found)


def test_the_document_names_every_metric_and_every_value_of_its_labels() -> None:
    metrics = Metrics(lambda: FIGURES)
    metrics.count("ignored", "event", 0.0)
    families = {family.name for family in text_string_to_metric_families(metrics.render().decode())}
    ours = {name for name in families if name.startswith("thumbprint_")}
    text = OPERATING.read_text(encoding="utf-8")
    named = set(re.findall(r"`(thumbprint_\w+)`", text))
    assert {name.removesuffix("_total") for name in named} == ours
    for status in AnswerStatus:
        assert f"`{status.value}`" in text
