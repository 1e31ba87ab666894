from pathlib import Path

import pytest

from bot.bench.loop import run
from bot.settings import Settings
from storage.errors import ConfigurationError


def test_a_repository_about_which_nobody_asks_is_refused_before_a_model_is_started(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "repositories:\n  - name: a/lonely\n    topic: zyzzyva\n    rules:\n"
        "      - {name: tame, kind: term, wrong: zyzzyva, right: weevil}\n"
    )
    with pytest.raises(ConfigurationError, match=r"`a/lonely`: 0 teaching and 0 unseen .* widen `topic`"):
        run(Settings(home=tmp_path), small=True, rules_file=rules)
    assert not (tmp_path / "bench").exists()
