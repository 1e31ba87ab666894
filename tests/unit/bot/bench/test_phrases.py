"""The memory's benchmark measures the real memory, at a size that a test can wait for."""

from __future__ import annotations

import io

from rich.console import Console

from bot.bench.phrases import run


def test_a_small_run_measures_choice_assessment_and_folding() -> None:
    shown = io.StringIO()
    report = run(phrases=2000, events=500, questions=50, console=Console(file=shown, width=120))
    assert (report.phrases, report.events) == (2000, 500)
    assert 0.0 < report.median_ms <= report.p99_ms <= report.longest_ms
    assert report.assess_p99_ms > 0.0
    assert 0.0 < report.revision_s < report.build_s
    assert "brought up to date" in shown.getvalue()
    assert report.folded > 500
    assert report.lessons_a_choice > 0.0
    assert "targets" in shown.getvalue()


def test_cost_of_a_choice_hardly_grows_with_the_phrases() -> None:
    console = Console(file=io.StringIO())
    small, large = (run(phrases=n, events=5, questions=100, console=console) for n in (1000, 10_000))
    assert large.median_ms < 8 * small.median_ms
