from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from learning.training import ppo_options, sft_options
from learning.training.alarms import Limits
from learning.training.arguments import WRONG, flags, one_sentence, parse
from storage.errors import DataError, ModelError


@dataclass(frozen=True, kw_only=True)
class Inner:
    rate: float = 0.5
    """How fast."""
    kind: Literal["a", "b"] = "a"
    """Which of the two, 100 % sure."""


@dataclass(frozen=True, kw_only=True)
class Outer:
    data: Path
    """Where it is."""
    start: Path | None = None
    count: int = 3
    loud: bool = True
    names: tuple[str, ...] = ()
    """One of several."""
    inner: Inner = field(default_factory=Inner)


WHERE: dict[str, Any] = {"data": Path("d"), "out": Path("o")}
OPTIONS = [
    Outer(data=Path("a b"), count=9, loud=False, names=("x", "y"), inner=Inner(rate=1e-7, kind="b")),
    sft_options.Options(**WHERE, parent=Path("p"), learning_rate=3e-5, cpu=True, model="packaged"),
    ppo_options.Options(**WHERE, model=Path("m"), cpu=True, limits=Limits(kl=7.5, patience=9)),
]


def test_every_field_has_its_flag_those_of_inner_options_too() -> None:
    found = parse(Outer, "", ["--data=d", "--start=s", "--count=4", "--no-loud", "--rate=0.1", "--kind=b"])
    assert found == Outer(
        data=Path("d"), start=Path("s"), count=4, loud=False, inner=Inner(rate=0.1, kind="b")
    )


def test_what_is_not_given_keeps_its_default() -> None:
    assert parse(Outer, "", ["--data", "d"]) == Outer(data=Path("d"))


@pytest.mark.parametrize("options", OPTIONS)
def test_options_survive_their_own_command_line(options: Any) -> None:
    assert parse(type(options), "", flags(options)) == options


@pytest.mark.parametrize("given", [[], ["--data", "d", "--kind", "c"], ["--data", "d", "--odd", "1"]])
def test_wrong_usage_ends_with_exit_code_2(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(Outer, "", given)
    assert ended.value.code == 2 and capsys.readouterr().err


def test_the_sentence_under_a_field_is_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(Outer, "About it.", ["--help"])
    said = capsys.readouterr().out
    assert (
        "About it." in said and "Where it is." in said and "100 % sure" in said and "(default: 0.5)" in said
    )


def test_a_flag_of_several_values_is_repeated() -> None:
    assert parse(Outer, "", ["--data=d", "--names=a", "--names=b"]).names == ("a", "b")
    assert parse(Outer, "", ["--data=d"]).names == ()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            DataError("The folder [d] is empty: " + "again " * 40),
            f"The folder [d] is empty: {'again ' * 40}".rstrip(),
        ),
        (ModelError("No such model.\n\n  Say another."), "No such model. Say another."),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
    ],
)
def test_an_error_that_is_foreseen_is_one_line_and_exit_code_1(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @one_sentence
    def main(argv: Sequence[str] | None = None) -> int:
        if argv == ["good"]:
            return 2
        raise error

    assert main(["good"]) == 2 and main() == 1
    found = capsys.readouterr()
    assert found.err == f"{WRONG}{said}\n" and not found.out


@pytest.mark.parametrize("error", [AssertionError("what"), OSError(5, "Input/output error")])
def test_an_error_that_nobody_foresaw_is_not_hidden(error: Exception) -> None:
    @one_sentence
    def main(argv: Sequence[str] | None = None) -> int:
        raise error

    with pytest.raises(type(error)):
        main([])
