"""An evaluation's report in its three forms."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from learning.intervals import Interval
from learning.training import evaluate_page, evaluate_report
from learning.training.evaluate_figures import best_of, comparisons, correlations, lines
from learning.training.evaluate_plots import Row, forest
from learning.training.evaluate_report import Report
from learning.training.evaluate_targets import targets
from tests.unit.learning.training.test_evaluate_figures import system

SAMPLING = {"temperature": 0.8, "top_p": 0.9, "top_k": 50, "max_tokens": 256}
OPTIONS = {
    "part": "test",
    "max_prompt": 512,
    "attempts": 2,
    "seeds": 2,
    "sampling": SAMPLING,
    "model": "packaged",
    "encoder": "packaged",
}
ABOUT = {
    "data": "so_<python>",
    "data_id": "abc",
    "questions": 30,
    "left_out": {"seen": 3, "long": 4},
    "base": "f" * 64,
    "systems": {"ppo": [{"id": "e" * 64, "stage": "ppo", "snapshot": "s1"}]},
    "judges": {"reward": "night (abc)", "independent": ""},
    "options": OPTIONS,
}


@pytest.fixture(scope="module")
def report() -> Report:
    rewards = (("base", 0.0), ("sft", 0.1), ("ppo", 0.2))
    every = [one for name, reward in rewards for one in system(name, reward, seeds=2, questions=30)]
    best = best_of(every, 2)
    found, duels = lines([*every, *best]), comparisons(every, best, 2, "base")
    return Report(
        about=ABOUT,
        lines=tuple(found),
        comparisons=tuple(duels),
        correlations=tuple(correlations(every)),
        targets=tuple(targets(found, duels, 30, 2)),
    )


def test_json_says_the_same_again(report: Report) -> None:
    text = evaluate_report.to_json(report)
    again = evaluate_report.of_json(text)
    assert evaluate_report.to_json(again) == text
    assert again.comparisons == report.comparisons
    assert again.targets == report.targets


def test_what_is_no_number_is_null_in_json(report: Report) -> None:
    none = Interval(value=math.nan, low=math.nan, high=math.nan, groups=0)
    odd = replace(report, lines=(replace(report.lines[0], figures={"reward": none}),))
    text = evaluate_report.to_json(odd)
    assert "NaN" not in text
    assert math.isnan(evaluate_report.of_json(text).lines[0].figures["reward"].value)


@pytest.mark.parametrize("wrong", ["{}", "[]", '{"format": "another"}', "no"])
def test_other_json_is_no_report(wrong: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        evaluate_report.of_json(wrong)


def test_markdown_has_every_table_with_as_many_cells_in_each_row(report: Report) -> None:
    text = evaluate_page.markdown(report)
    for title in ("Targets", "Systems", "Comparisons", "Seeds", "Do the metrics"):
        assert f"\n## {title}" in text
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({row.count("|") for row in block.splitlines()}) == 1
    assert "| ppo beats sft by the independent reward, the interval clear of zero | met |" in text
    assert "30 questions; left out 3 that a reward model had learned from and 4 whose prompt" in text
    assert "| ppo against base | independent reward | 100.0 [100.0, 100.0] |" in text
    assert "| ppo, best of 2 against base, best of 2 |" in text


class Tags(HTMLParser):
    """Every tag opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "line", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_escapes_and_asks_for_nothing(report: Report) -> None:
    text = evaluate_page.html(report)
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert "so_&lt;python&gt;" in text
    assert not any({"src", "href"} & attrs.keys() for _, attrs in tags.seen)
    assert not any(tag in ("script", "link", "img") for tag, _ in tags.seen)
    pictures = [attrs for tag, attrs in tags.seen if tag == "svg"]
    assert len(pictures) == 7  # comparisons and six metrics
    assert all("ppo" in (each["aria-label"] or "") for each in pictures)
    assert 'class="met">met<' in text
    assert ">ppo / base, best of 2 each</text>" in text
    assert ">ppo / base, best of 2</text>" in text


def test_a_picture_shows_every_row_in_its_place() -> None:
    low, high = (Interval(value=value, low=value - 1, high=value + 1, groups=9) for value in (10.0, 30.0))
    rows = [Row(name="a <b>", interval=low, said="10"), Row(name="c" * 60, interval=high, said="30")]
    root = ElementTree.fromstring(forest("tokens", rows, 20.0))
    xs = [float(one.attrib["cx"]) for one in root.iter("circle")]
    broken = next(float(one.attrib["x1"]) for one in root.iter("line") if one.attrib["class"] == "none")
    assert xs[0] < broken < xs[1]
    assert broken == pytest.approx((xs[0] + xs[1]) / 2, abs=0.1)
    assert [one.text for one in root.iter("title")] == ["a <b>: 10", "c" * 60 + ": 30"]


def test_a_picture_of_one_value_and_of_none() -> None:
    one = Interval(value=0.0, low=0.0, high=0.0, groups=1)
    none = Interval(value=math.nan, low=math.nan, high=math.nan, groups=0)
    assert "<circle" in forest("x", [Row(name="a", interval=one, said="0")])
    assert forest("x", [Row(name="a", interval=none, said="none")]) == ""
