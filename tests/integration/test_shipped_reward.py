"""The reward model that ships: whole, without a path of any machine, with its own card, and right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import learning
from bot.bench.questions import PACKAGED_SMALL, load
from bot.drills.evening import CORRECTIONS
from learning.models import hub, store
from learning.training.negatives import Negative, negatives
from learning.training.reward_model import CACHE, SEEN, RewardModel

SHIPPED = Path(learning.__file__).parent / "shipped" / "reward"


def test_it_is_as_it_was_sealed_and_names_no_machine() -> None:
    assert store.damaged(SHIPPED) is None
    text = (SHIPPED / store.MANIFEST).read_text()
    told = json.loads(text)
    assert "/" not in text
    assert len((SHIPPED / SEEN).read_text().split()) == sum(told["questions"].values()) > 10_000


def test_its_card_has_the_figures_of_the_report_that_judged_it() -> None:
    figures = json.loads((SHIPPED / "report.json").read_text())
    assert figures["about"]["models"][0]["sha256"] == store.sha256_of(SHIPPED / store.MANIFEST)
    card, found = (SHIPPED / "README.md").read_text(), figures["accuracy"]
    assert f"| reward | {found['mean']:.1%} | {found['low']:.1%} to {found['high']:.1%} |" in card
    assert all(figures["gates"].values())


@pytest.mark.slow
def test_it_puts_answers_that_people_never_showed_it_above_what_answers_nothing() -> None:
    """Questions and answers of our own writing: nothing of them is from the page that it learned from."""
    hub.pull(CACHE.expanduser())
    model = RewardModel.load(SHIPPED)
    rows = map(json.loads, CORRECTIONS.read_text(encoding="utf-8").splitlines())
    right = {row["id"]: row["answer"] for row in rows}
    asked = {one.id: f"{one.title}\n\n{one.body}" for one in load(PACKAGED_SMALL) if one.id in right}
    names = sorted(asked)
    assert len(names) > 50
    above: dict[Negative, int] = dict.fromkeys(Negative, 0)
    for place, name in enumerate(names):
        other = right[names[(place + 1) % len(names)]]
        made = negatives(asked[name], right[name], other, place)
        real, *rest = model.score([asked[name]] * (1 + len(made)), [right[name], *made.values()])
        for kind, reward in zip(made, rest, strict=True):
            above[kind] += real > reward
    for kind in (Negative.ECHO, Negative.SHORT, Negative.TEMPLATE, Negative.THANKS):
        assert above[kind] >= 0.9 * len(names), (kind, above)
