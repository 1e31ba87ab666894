"""The pairwise reward model on a tiny encoder: it learns, goes on where killed, and is judged as others."""

from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from learning.training import reward, reward_report
from learning.training.reward_model import RewardModel
from learning.training.reward_trl import Options, run
from learning.training.sft_watch import Watch
from storage.errors import ConfigurationError, DataError, ModelError
from tests.unit.learning.training.conftest import made_up
from tests.unit.learning.training.tiny_encoder import write_encoder


class Killed(BaseException):
    """Stands for the end of the process: nothing after it runs."""


def quiet() -> Console:
    return Console(file=StringIO())


@pytest.fixture
def options(folder_of: Callable[..., Path], encoder: Path, tmp_path: Path) -> Options:
    return Options(
        data=folder_of(made_up(60)),
        out=tmp_path / "out",
        encoder=str(encoder),
        cache=tmp_path,
        epochs=6,
        batch=8,
        rate=3e-3,
        adversarial=0.0,
        checkpoint_steps=4,
        threads=1,
    )


def test_it_learns_which_answer_is_better_and_is_judged_by_the_same_report(options: Options) -> None:
    report = run(options, quiet())
    judged = reward_report.run(
        reward_report.Options(data=options.data, model=options.out, cache=options.cache, fewest_answers=3),
        quiet(),
    )
    assert judged is not None
    model = RewardModel.load(options.out, cache=options.cache)
    asked = "how do i sort a list 3 i use python code"
    good, bad = model.score(
        [asked, asked],
        [
            "use the sort of list 3 it works because it is a good clear example of python",
            "the list 3 has the same problem in my code so never mind this one",
        ],
    )
    assert good > bad
    assert all(-1.0 <= score <= 1.0 for score in (good, bad))
    assert report.manifest["options"]["trainer"] == "trl"
    assert run(options, quiet()).manifest == report.manifest  # there already
    with pytest.raises(ConfigurationError, match="of other options"):
        run(replace(options, seed=1), quiet())
    other = write_encoder(options.out.parent / "other", seed=1)
    with pytest.raises(ConfigurationError, match="of other options"):
        run(replace(options, encoder=str(other)), quiet())
    with pytest.raises(ConfigurationError, match="trained pairwise by TRL"):
        reward.run(
            reward.Options(data=options.data, out=options.out / "x", start=options.out, cache=options.cache),
            quiet(),
        )


def test_killed_and_started_again_it_comes_to_the_same_model(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = replace(options, epochs=2)
    whole = run(options, quiet()).manifest
    killed, logged = replace(options, out=tmp_path / "killed"), Watch.on_log

    def on_log(self: Watch, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step == 6:
            raise Killed
        logged(self, args, state, control, **more)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Watch, "on_log", on_log)
        run(killed, quiet())
    assert not killed.out.exists()
    assert (tmp_path / ".killed-work" / "checkpoint-4").is_dir()
    steps: list[int] = []

    def noted(self: Watch, args: Any, state: Any, control: Any, **more: Any) -> None:
        steps.append(state.global_step)
        logged(self, args, state, control, **more)

    monkeypatch.setattr(Watch, "on_log", noted)
    assert run(killed, quiet()).manifest == whole
    assert steps[0] == 5  # not from the beginning


@pytest.mark.parametrize("odd", [{"most_pairs": 0}, {"batch": 0}, {"longest_tokens": 3}, {"seed": -1}])
def test_an_option_that_cannot_be_is_named(options: Options, odd: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"The option {next(iter(odd))} is "):
        run(replace(options, **odd), quiet())


def test_a_byte_that_changed_and_data_without_a_pair_are_refused(
    options: Options, folder_of: Callable[..., Path]
) -> None:
    run(replace(options, epochs=0.2), quiet())
    file = options.out / "classifier" / "model.safetensors"
    whole = bytearray(file.read_bytes())
    whole[-1] ^= 1
    file.write_bytes(whole)
    with pytest.raises(ModelError, match="damaged"):
        RewardModel.load(options.out, cache=options.cache)
    one = made_up(1)
    one[0]["answers"] = one[0]["answers"][:1]
    with pytest.raises(DataError):
        run(replace(options, data=folder_of(one, "one"), out=options.out.parent / "other"), quiet())
