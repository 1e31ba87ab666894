"""Options that do not go together are refused with both numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from learning.training import ppo
from learning.training.alarms import Limits
from learning.training.arguments import parse
from learning.training.ppo_options import Options
from storage.errors import ConfigurationError

GIVEN = Options(model=Path("m"), data=Path("d"), out=Path("o"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"batch": 60, "minibatch": 16}, "batch of 60 answers .* minibatches of 16"),
        ({"batch": 8, "minibatch": 16}, "batch of 8 answers .* minibatches of 16"),
        ({"minibatch": 0}, "minibatches of 0"),
        ({"kl_horizon": 32}, "horizon of 32 .* batch of 64"),
        ({"shortest": 200}, "at least 200 and at most 128"),
        ({"facts": 64}, "Of a batch of 64 answers 64 cannot be to made-up facts: choose 0 to 63"),
        ({"facts": -1}, "-1 cannot be to made-up facts"),
        ({"sign_cost": -0.5}, "sign_cost is -0.5: it must not be negative"),
        ({"temperature": 0.0}, "temperature is 0"),
        ({"dtype": "int8"}, "'int8' is none of float32, bfloat16"),
        ({"kl_coefficient": 0.0}, "coefficient of 0 stays 0 whatever the KL target of 6"),
        ({"kl_target": -1.0}, "kl_target is -1.0: it must not be negative"),
        ({"max_gradient": -1.0}, "max_gradient is -1.0: it must not be negative"),
        ({"clip": 0.0}, "clip is 0.0: it must be over 0"),
        ({"trace": 1.5}, "trace is 1.5: it is from 0 to 1"),
        ({"discount": float("nan")}, "discount is nan"),
        ({"limits": Limits(patience=-1)}, "patience is -1: it must be over 0"),
        ({"limits": Limits(window=0)}, "window is 0: it must be over 0"),
    ],
)
def test_what_does_not_go_together_is_refused_with_both_numbers(changes, says):
    with pytest.raises(ConfigurationError, match=says):
        replace(GIVEN, **changes).check()


def test_the_defaults_go_together():
    GIVEN.check()


def test_no_kl_at_all_may_be_wished():
    replace(GIVEN, kl_coefficient=0.0, kl_target=0.0).check()


def test_the_commands_in_the_stages_own_words_are_ones_that_it_takes():
    said = [line.split() for line in (ppo.__doc__ or "").splitlines() if "learning.training.ppo " in line]
    assert said
    for words in said:
        parse(Options, "", words[words.index("learning.training.ppo") + 1 :])


def test_a_command_line_names_any_option_and_the_alarms_limits_too():
    line = "--model m --data d --out o --batch 32 --cpu --kl-target 0 --kl 9 --adapter a"
    wanted = replace(GIVEN, batch=32, cpu=True, kl_target=0.0, limits=Limits(kl=9.0), adapter=Path("a"))
    assert parse(Options, "", line.split()) == wanted


def test_what_is_recorded_names_no_folder_of_this_machine():
    made = replace(GIVEN, model=Path("/srv/models/base"), reward=Path("/srv/reward"), cache=Path("/srv"))
    assert "/srv" not in json.dumps(made.recorded)
    assert made.recorded["model"] == "base" and "out" not in made.recorded
