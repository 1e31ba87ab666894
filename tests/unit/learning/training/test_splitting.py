"""A thread is in one part of the data, for ever, and the parts are 80, 10 and 10 in a hundred."""

from __future__ import annotations

from collections import Counter

import pytest

from learning.training.rows import Split
from learning.training.splitting import FOLDS, split_of, thread_group


def test_a_group_stays_in_its_part_for_ever() -> None:
    """Pinned: whoever changes these trains tonight on what judged yesterday."""
    parts = [split_of(thread_group(7, number)) for number in range(1, 13)]
    assert "".join(part.value[0:2] for part in parts) == "trtrtrtrvatetrtrtrvatrte"


def test_the_parts_are_eighty_ten_and_ten_in_a_hundred() -> None:
    counts = Counter(split_of(thread_group(1, number)) for number in range(20_000))
    assert counts[Split.TRAIN] / 20_000 == pytest.approx(0.8, abs=0.015)
    assert counts[Split.VALIDATION] / 20_000 == pytest.approx(0.1, abs=0.01)
    assert counts[Split.TEST] / 20_000 == pytest.approx(0.1, abs=0.01)


def test_a_group_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="without a name"):
        split_of("")


def test_each_fold_has_another_tenth_for_its_test_part_and_all_are_tested_once() -> None:
    groups = [thread_group(1, number) for number in range(2_000)]
    tested = [group for fold in range(FOLDS) for group in groups if split_of(group, fold) is Split.TEST]
    assert sorted(tested) == sorted(groups)
    assert [split_of(group) for group in groups] == [split_of(group, 0) for group in groups]
    with pytest.raises(ValueError, match="no fold 10"):
        split_of("a", FOLDS)
