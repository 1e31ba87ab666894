"""A report says what changed, what each stage made, and why it was promoted; of half a night the half."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from learning.training import night_journal, night_report
from storage.records import Run, RunStatus

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
CHECKS = [
    {"name": "win rate", "passed": True, "found": "61 % (55 to 67)", "wanted": "over 50 %", "why": ""},
    {"name": "echo", "passed": False, "found": "9 %", "wanted": "at most 5 %", "why": "answers say | again"},
]


def night(folder: Path, *, threads: int = 40, edits: int = 12, deployed: str = "", steps: int = 3) -> Path:
    night_journal.write(folder / night_journal.RECIPE, {"steps": steps, "snapshot": f"s{threads}"})
    data: dict[str, Any] = {
        "folder": "x",
        "own": "s",
        "counts": {"threads": {"train": threads, "test": 5}},
        "sources": {"edit": edits},
        "seconds": 1.0,
    }
    night_journal.write(folder / "stages" / "data.json", data)
    night_journal.write(folder / night_journal.BEGUN, {"deployed": deployed})
    night_journal.write(
        folder / "stages" / "sft.json", {"adapter": "f" * 64, "loss": 1.234567, "seconds": 95}
    )
    (folder / "sft").mkdir()
    (folder / "sft" / "losses.jsonl").write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.5}\n')
    return folder


def run(folder: Path, status: RunStatus = RunStatus.KEPT, **more: Any) -> Run:
    ended = None if status is RunStatus.RUNNING else START + timedelta(hours=2)
    return Run(
        id="20261122-030000-shared",
        started_at=START,
        ended_at=ended,
        status=status,
        snapshot="s1",
        folder=str(folder),
        reason="1 of 2 checks failed (echo): answers say it again.",
        **more,
    )


def test_it_says_why_an_adapter_was_not_promoted(tmp_path: Path) -> None:
    folder = night(tmp_path / "night")
    (folder / "gate").mkdir()
    (folder / "gate" / "gate.json").write_text(json.dumps({"checks": CHECKS}))
    text = night_report.markdown(night_report.read(run(folder)))
    assert text.startswith("# The night made an adapter that is not promoted\n\n1 of 2 checks failed (echo)")
    assert "| echo | failed | 9 % | at most 5 % |" in text
    assert "| win rate | passed | 61 % (55 to 67) | over 50 % |" in text
    assert "| Fine-tuning | 2 min | adapter ffffffffffff; loss 1.235 |" in text


def gates(folder: Path, passed: bool | None) -> None:
    """The note of a reward model, one gate of which was not judged."""
    few = "only 6 questions, and 30 are needed"
    night_journal.write(
        folder / "stages" / "reward.json",
        {
            "seconds": 3,
            "gates": [
                {"name": "above chance", "passed": passed, "found": "48%", "wanted": "over 50%"},
                {"name": "kinds below", "passed": None, "found": few, "wanted": "gaps above 0"},
            ],
        },
    )


def test_it_shows_each_gate_of_the_reward_model_and_which_were_not_judged(tmp_path: Path) -> None:
    folder = night(tmp_path / "night")
    gates(folder, passed=False)
    text = night_report.markdown(night_report.read(run(folder)))
    assert text.startswith("# The night ended before PPO; nothing was promoted\n")
    assert "## Whether the reward model may train" in text
    assert "| above chance | failed | 48% | over 50% |" in text
    assert "| kinds below | not judged | only 6 questions, and 30 are needed | gaps above 0 |" in text
    gates(folder, passed=True)
    text = night_report.markdown(night_report.read(run(folder)))
    assert text.startswith("# The night made an adapter that is not promoted\n")
    assert "| above chance | passed | 48% | over 50% |" in text


def test_it_says_what_is_new_since_the_adapter_that_serves(tmp_path: Path) -> None:
    former = night(tmp_path / "former", threads=30, edits=8, steps=2)
    folder = night(tmp_path / "night", deployed=str(former / "ppo" / "adapter"))
    assert night_report.read(run(folder)).changes == (
        "5 threads in the test part, 5 when the adapter that serves was trained.",
        "40 threads in the train part, 30 when the adapter that serves was trained.",
        "Rows by source: edit 12 (+4).",
        "Option steps: 2 before, 3 now.",
    )


def test_a_first_night_has_nothing_to_compare_with(tmp_path: Path) -> None:
    changes = night_report.read(run(night(tmp_path / "night"))).changes
    assert changes[-1] == "The bare base serves so far: there is no adapter to compare with."


def test_an_adapter_that_is_set_by_hand_may_lie_anywhere(tmp_path: Path) -> None:
    changes = night_report.read(run(night(tmp_path / "night", deployed="/adapter"))).changes
    assert changes[-1] == "The adapter that serves was not made by a night on this machine."


def test_half_a_night_has_the_report_of_the_half_and_a_gone_one_none(tmp_path: Path) -> None:
    report = night_report.read(run(night(tmp_path / "night"), RunStatus.FAILED))
    assert report.headline == "The night failed; nothing was promoted"
    assert [stage.title for stage in report.stages] == ["Data", "Fine-tuning"]
    assert report.checks == ()
    gone = night_report.read(run(tmp_path / "gone"))
    assert gone.stages == () and "echo" in night_report.markdown(gone)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("sft", {"loss": 1.0}),
        ("data", {"seconds": 3, "rows": 4}),
        ("reward", {"seconds": 3, "gates": [{"gate": "above chance"}]}),
        ("reward", {"seconds": "long", "gates": 3}),
    ],
)
def test_the_folder_of_another_version_says_so_and_the_night_has_its_row(
    tmp_path: Path, name: str, note: dict[str, Any]
) -> None:
    folder = night(tmp_path / "night")
    night_journal.write(folder / "stages" / f"{name}.json", note)
    text = night_report.markdown(night_report.read(run(folder)))
    assert "is not what this version writes" in text and "1 of 2 checks failed" in text


def test_curves_are_drawn_from_what_the_stages_wrote(tmp_path: Path) -> None:
    folder = night(tmp_path / "night")
    (folder / "ppo").mkdir()
    lines = [{"step": n, "objective/reward": n / 10, "objective/kl": 0.1} for n in (1, 2, 3)]
    (folder / "ppo" / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"st')
    night_report.write(run(folder))
    assert sorted(path.name for path in (folder / "plots").iterdir()) == [
        "ppo-kl.svg",
        "ppo-reward.svg",
        "sft-loss.svg",
    ]
    assert "![PPO: reward](plots/ppo-reward.svg)" in (folder / "report.md").read_text()
