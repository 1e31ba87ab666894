from dataclasses import replace

import pytest

from bot.bench import report
from bot.bench.rules import Rule, RuleKind
from bot.bench.tables import markdown
from bot.bench.trial import Row

RULES = {
    "a/one": (Rule(name="swap", kind=RuleKind.IDENTIFIER, wrong="x", right="y"),),
    "a/two": (Rule(name="short", kind=RuleKind.LENGTH, limit_words=9),),
}
NAMES = {"a/one": "swap", "a/two": "short"}


def a_row(repository: str, seed: int, learner: str, phase: str, taught: int, ok: bool, **more: object) -> Row:
    more.setdefault("kept", {NAMES[repository]: ok})
    row = Row(
        repository=repository,
        seed=seed,
        learner=learner,
        phase=phase,
        taught=taught,
        question=f"q{taught}",
        edits=min(taught, 1),
        kept={},
    )
    return replace(row, **more)  # type: ignore[arg-type]


def rows_of(learner: str, *, costs: dict[str, float], kept: bool, changed: bool = False) -> list[Row]:
    rows = []
    for repository, cost in costs.items():
        for seed in range(3):
            rows.append(a_row(repository, seed, learner, "teach", 0, False, cost=cost))
            rows.append(a_row(repository, seed, learner, "unseen", 0, False))
            rows.append(a_row(repository, seed, learner, "unseen", 1, kept))
            rows.append(a_row(repository, seed, learner, "control", 1, True, kept={}, changed=changed))
            rows.append(a_row(repository, seed, learner, "elsewhere", 1, True, kept={}))
    return rows


def test_regret_closed_lets_every_repository_count_the_same() -> None:
    none = rows_of("none", costs={"a/one": 0.02, "a/two": 1.0}, kept=False)
    everything = rows_of("all", costs={"a/one": 0.0, "a/two": 1.0}, kept=True)
    found = report.build(none + everything, RULES, (0, 1), ("none", "all"))
    assert found["overall"]["all"]["regret_closed"]["value"] == pytest.approx(0.5)
    assert found["overall"]["none"]["regret_closed"]["value"] == pytest.approx(0.0)


def test_broken_rules_are_counted_by_kind_and_round() -> None:
    rows = rows_of("none", costs={"a/one": 1.0, "a/two": 1.0}, kept=False)
    rows += rows_of("all", costs={"a/one": 0.0, "a/two": 0.0}, kept=True)
    found = report.build(rows, RULES, (0, 1), ("none", "all"))
    for kind in ("identifier", "length"):
        assert found["kinds"][kind]["all"]["broken"]["0"]["value"] == 1.0
        assert found["kinds"][kind]["all"]["broken"]["1"]["value"] == 0.0
    assert found["overall"]["all"]["broken"]["1"]["n"] == 6
    assert 0 < found["overall"]["all"]["broken"]["1"]["high"] < 0.5


def test_a_rule_that_no_answer_broke_was_taught_to_nobody() -> None:
    taught = [
        a_row("a/one", 0, "all", "teach", 0, False),
        a_row("a/one", 0, "all", "unseen", 1, False),
        a_row("a/one", 0, "all", "unseen", 1, True, question="another"),
    ]
    untaught = [
        a_row("a/two", 0, "all", "teach", 0, True),
        a_row("a/two", 0, "all", "teach", 1, False),  # too late for this examination
        a_row("a/two", 1, "all", "teach", 0, False, abstained=True),
        *(a_row("a/two", seed, "all", "unseen", 1, False) for seed in (0, 1)),
    ]
    found = report.build(taught + untaught, RULES, (0, 1), ("all",))["overall"]["all"]
    assert (found["broken_taught"]["value"], found["broken_taught"]["n"]) == (0.5, 2)
    assert found["broken"]["1"]["n"] == 4
    said = markdown(report.build(taught + untaught, RULES, (0, 1), ("all",)))
    assert "before an edit, broken at the end: all 50.0 [" in said


def test_only_corrections_taught_by_exactly_one_edit_decide_that_they_hold() -> None:
    rows = rows_of("all", costs={"a/one": 0.0, "a/two": 0.0}, kept=True)
    rows += rows_of("none", costs={"a/one": 1.0, "a/two": 1.0}, kept=False)
    rows += [a_row("a/one", 0, "all", "unseen", 3, False, edits=2)]
    found = {one["name"]: one for one in report.build(rows, RULES, (0, 1), ("none", "all"))["targets"]}
    held = found["corrections hold after one edit"]
    assert held["found"]["value"] == 1.0
    assert held["found"]["n"] == 3
    assert held["met"] is True
    assert held["decided"] is False  # three answers are no proof of 95 %


def test_one_edit_is_one_whatever_came_before_that_taught_nothing() -> None:
    rows = [a_row("a/one", 0, "all", "teach", 0, False, abstained=True, edits=0)]
    rows += [a_row("a/one", 0, "all", "teach", 1, False, edits=0)]
    rows += [a_row("a/one", 0, "all", "unseen", 3, True, edits=1)]
    rows += [a_row("a/one", 0, "all", "unseen", 10, False, edits=1, question="q3")]  # asked before
    held = report.build(rows, RULES, (3, 10), ("all",))["targets"][0]["found"]
    assert (held["value"], held["n"]) == (1.0, 1.0)


def test_an_edit_about_another_rule_teaches_nothing_about_this_one() -> None:
    rules = {"a/one": (*RULES["a/one"], Rule(name="term", kind=RuleKind.COMMAND, wrong="v", right="w"))}
    rows = [a_row("a/one", 0, "all", "teach", 0, True, kept={"swap": False})]
    rows += [a_row("a/one", 0, "all", "unseen", 1, True, kept={"swap": True, "term": False})]
    held = report.build(rows, rules, (1,), ("all",))["targets"][0]["found"]
    assert (held["value"], held["n"]) == (1.0, 1.0)


def test_the_report_says_of_each_target_whether_it_is_met_missed_or_undecided() -> None:
    rows = rows_of("none", costs={"a/one": 1.0, "a/two": 1.0}, kept=False)
    rows += rows_of("all", costs={"a/one": 0.5, "a/two": 0.5}, kept=True)
    text = markdown(report.build(rows, RULES, (0, 1), ("none", "all")))
    assert (
        "Targets for `all` met: leakage; missed: regret closed; undecided (the interval holds the limit, or "
        "too few cells): corrections hold after one edit, side effects." in text
    )
    assert "3 answers in 3 cells" in text


def test_side_effects_and_leaks_miss_their_targets() -> None:
    rows = rows_of("none", costs={"a/one": 1.0}, kept=False)
    rows += rows_of("all", costs={"a/one": 1.0}, kept=False, changed=True)
    rows += [a_row("a/one", 0, "all", "elsewhere", 1, True, kept={}, changed=True, question="q9")]
    found = {one["name"]: one for one in report.build(rows, RULES, (0, 1), ("none", "all"))["targets"]}
    assert [found[name]["met"] for name in ("regret closed", "side effects", "leakage")] == [False] * 3


def test_a_change_of_an_answer_that_broke_a_rule_is_no_side_effect() -> None:
    rows = [a_row("a/one", 0, "all", "control", 1, True, kept={}, changed=True, applies=True)]
    rows += [a_row("a/one", 0, "all", "control", 1, True, kept={}, question="q2")]
    found = report.build(rows, RULES, (0, 1), ("all",))["overall"]["all"]["side_effects"]
    assert (found["value"], found["n"]) == (0.0, 1.0)


def test_an_unfinished_run_says_how_many_cells_each_learner_has() -> None:
    rows = rows_of("none", costs={"a/one": 1.0, "a/two": 1.0}, kept=False)
    rows += rows_of("all", costs={"a/one": 0.0}, kept=True)
    found = report.build(rows, RULES, (0, 1), ("none", "all", "oracle"))
    assert found["trials"]["cells"] == {"none": 6, "all": 3}
    text = markdown(found)
    assert "| all | 3 |" in text
    assert "oracle" not in text


def test_a_rule_that_does_not_bite_is_named() -> None:
    rows = [a_row("a/one", seed, "none", "unseen", 0, seed > 0) for seed in range(4)]
    rows += [a_row("a/two", seed, "none", "unseen", 0, False) for seed in range(4)]
    rows += [a_row("a/two", 0, "none", "teach", 0, False, cost=1.0)]
    assert "Rules that do not bite, replace them: a/one/swap." in markdown(
        report.build(rows, RULES, (0,), ("none",))
    )
