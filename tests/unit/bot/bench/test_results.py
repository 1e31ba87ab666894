from pathlib import Path

import pytest

from bot.bench.results import Results
from bot.bench.trial import Row
from storage.errors import ConfigurationError


def a_trial(seed: int) -> list[Row]:
    return [
        Row(
            repository="a/b",
            seed=seed,
            learner="all",
            phase="teach",
            taught=0,
            question="q",
            edits=0,
            kept={},
        )
    ]


def test_finished_trials_are_found_again_and_a_cut_off_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "trials.jsonl"
    store = Results(file, "f1")
    store.add(a_trial(0))
    store.add(a_trial(1))
    file.write_text(file.read_text()[:-30])
    again = Results(file, "f1")
    assert list(again.trials) == [("a/b", 0, "all")]
    again.add(a_trial(2))
    assert len(Results(file, "f1").trials) == 2


def test_trials_of_other_rules_or_code_are_not_added_up_with_these(tmp_path: Path) -> None:
    Results(tmp_path / "trials.jsonl", "f1")
    with pytest.raises(ConfigurationError, match="another folder with --out, or delete"):
        Results(tmp_path / "trials.jsonl", "f2")
