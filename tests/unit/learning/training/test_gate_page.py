from __future__ import annotations

from dataclasses import replace

from learning.training.gate_figures import Fault
from learning.training.gate_page import markdown
from learning.training.gate_rules import CHECKS, Figures, judge, passed
from tests.unit.learning.training.gate_made import figures, side


def page(found: Figures, text: str = "") -> str:
    checks = judge(found)
    faults = [Fault(canary="ends-0", kind="ends", what="does not end", text=text)] if text else []
    return markdown(
        adapter="a" * 64,
        deployed="",
        passed=passed(checks),
        checks=checks,
        figures=found,
        faults=faults,
        about={"data": "s_1"},
    )


def test_a_reader_sees_the_verdict_every_check_and_both_sides() -> None:
    text = page(figures())
    assert text.startswith("# Gate\n\n**Passed**: adapter `aaaaaaaaaaaa` against the base")
    for name in CHECKS:
        assert f"| {name} |" in text
    assert "| tokens | 50.0 | 50.0 |" in text and "| mention | 4 of 200 | 4 of 200 |" in text
    assert "| long questions | 50.0% [40.0%, 60.0%] | 100 |" in text


def test_what_failed_is_said_with_its_reason() -> None:
    text = page(replace(figures(), wins=None, missing={"win rate": "no judge was named"}))
    assert "**Not passed**" in text and "1 of 24 checks failed: win rate." in text
    assert "| win rate | not taken | a figure | **failed**: no judge was named |" in text


def test_no_text_of_a_policy_breaks_the_page() -> None:
    common = page(figures(candidate=side(boilerplate=0.9, run="a | b\nc")))
    assert "said to everybody: “a \\| b c”" in common
    text = page(figures(), "a `b`\n\n# c | d " + "x" * 300)
    line = next(line for line in text.splitlines() if "ends-0" in line)
    assert line.startswith("- `ends-0` does not end: `a 'b' # c | d xxx") and line.endswith("…`")
