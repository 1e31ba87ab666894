"""The policy bench: what it prints follows from what was measured."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bot.bench.engines import Taken
from bot.bench.policy import Report, _report, interval, show


class Side:
    threads = 1
    prompt_tokens = 300


def turns(ours: float, llama: float) -> list[dict[str, Taken]]:
    one = {key: Taken(ours, ours) for key in ("ours 1", "ours 4", "ours 8")}
    return [{**one, "llama 1": Taken(llama / 2, llama / 2), "llama 2": Taken(llama, llama)}] * 3


def test_the_ratio_is_four_candidates_over_two_answers_of_the_same_turn() -> None:
    report = _report(turns(2.0, 4.0), 128, Side(), Side())
    assert report.ratio == report.cpu_ratio == (0.5, 0.5, 0.5)
    assert report.speed[4] == (256.0, 256.0, 256.0)
    assert report.llama_speed == (64.0, 64.0, 64.0)


def test_without_llama_it_says_how_to_name_one() -> None:
    shown = io.StringIO()
    report = Report(threads=1, prompt_tokens=1, tokens=1, speed={}, four_s=1.0)
    show(report, Console(file=shown, width=200))
    assert "--llama-python" in shown.getvalue()


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=12))
def test_an_interval_holds_its_median(values: list[float]) -> None:
    middle, low, high = interval(values, draws=200)
    assert min(values) <= low <= high <= max(values)
    assert low <= middle <= high
