"""Two PPOs side by side: rewards at equal KL, intervals over seeds, verdicts, and what cannot be measured."""

import json
import math
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from learning.training.bench_ppo import run
from learning.training.bench_ppo_figures import at_equal_kl, compared, markdown
from learning.training.bench_ppo_options import Options
from storage.errors import ConfigurationError


def curve(slope: float, furthest: float, count: int = 41) -> list[dict[str, float]]:
    kls = [furthest * step / (count - 1) for step in range(count)]
    return [{"kl": kl, "reward": 0.1 + slope * kl} for kl in kls]


def side(speed: float, memory: float, steps: list[dict[str, float]]) -> dict[str, Any]:
    return {"samples_per_s": speed, "peak_mib": memory, "cpu_s": 60 / speed, "steps": steps}


def test_rewards_are_read_at_the_kl_that_both_reached() -> None:
    ours, theirs = at_equal_kl(curve(0.2, 4.0), curve(0.1, 2.0))
    place = 2.0 - 0.1  # the mean of the last five steps
    assert ours == pytest.approx(0.1 + 0.2 * place)
    assert theirs == pytest.approx(0.1 + 0.1 * place)


def test_a_target_is_met_or_missed_only_where_the_whole_interval_is() -> None:
    ours = [side(4.0, 100.0, curve(0.2, 4.0)), side(4.2, 101.0, curve(0.2, 4.0))]
    theirs = [side(1.0, 300.0, curve(0.1, 4.0)), side(1.05, 303.0, curve(0.1, 4.0))]
    found = {one.name: one for one in compared(ours, theirs)}
    assert found["speed"].value == pytest.approx(4.0)
    assert [found[name].verdict for name in ("speed", "memory", "reward")] == ["met", "met", "met"]
    turned = {one.name: one.verdict for one in compared(theirs, ours)}
    assert turned == {"speed": "missed", "memory": "missed", "reward": "missed"}
    apart = [ours[0], side(0.5, 900.0, curve(0.0, 4.0))]
    assert {one.verdict for one in compared(apart, theirs)} == {"undecided"}


def test_one_seed_decides_nothing_and_the_table_says_so() -> None:
    ours, theirs = [side(9.0, 1.0, curve(0.2, 4.0))], [side(1.0, 9.0, curve(0.1, 4.0))]
    figures = compared(ours, theirs)
    assert all(one.verdict == "undecided" for one in figures)
    assert math.isinf(figures[2].high)
    said = markdown(figures, ours, theirs)
    assert "| ours | 9.00 | 7 | 1 |" in said
    assert said.count("undecided") == 3


def test_without_trl_1_12_it_says_how_to_make_it(tmp_path: Path) -> None:
    options = Options(model=tmp_path, data=tmp_path, reward=tmp_path, out=tmp_path / "o", trl=tmp_path / "no")
    with pytest.raises(ConfigurationError, match=r"make var/trl-1\.12"):
        run(options)
    with pytest.raises(ConfigurationError, match="no whole number of 3"):
        run(replace(options, part=3))


def test_a_folder_of_another_measurement_is_refused(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.touch()
    options = Options(
        model=tmp_path, data=tmp_path, reward=tmp_path, out=tmp_path / "o", trl=python, seeds=1, steps=7
    )
    options.out.mkdir()
    options.write(options.out / "options.json")
    assert Options.read(options.out / "options.json") == options
    with pytest.raises(ConfigurationError, match="another measurement"):
        run(replace(options, steps=8))


def test_intervals_without_an_end_are_null_in_the_figures(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.touch()
    options = Options(model=tmp_path, data=tmp_path, reward=tmp_path, out=tmp_path / "o", trl=python, seeds=1)
    options.out.mkdir()
    for name, speed in (("ours", 9.0), ("trl", 1.0)):
        (options.out / f"{name}-0.json").write_text(json.dumps(side(speed, 100.0, curve(0.2, 4.0))))
    run(options, Console(file=StringIO()))
    found = json.loads(
        (options.out / "bench.json").read_text(),
        parse_constant=lambda name: pytest.fail(f"{name} is no JSON"),
    )
    assert [one["low"] for one in found["figures"]] == [0.0, 0.0, None]
    assert found["figures"][0]["value"] == pytest.approx(9.0)
