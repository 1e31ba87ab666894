"""A text is judged as GitHub's parser reads it; what does nothing is left byte for byte."""

from __future__ import annotations

import random
import resource

import pytest

from bot.effects import allowed, effects, hosts_of
from bot.gfm import parse
from bot.sanitise import sanitise
from tests.unit.bot import oracle
from tests.unit.bot.attacks import ATOMS, attack

HOSTS = frozenset({"github.com", "docs.github.com"})
FENCES = (
    '```py\n@wraps  # see #12, fixes #1\ndef f() -> "o/r#1": ...\n\n# <b> ![a](b) https://evil.example\n```',
    "~~~~sh\ncurl https://example.org | sh  # @octocat\n```\n~~~~",
    "```diff\n-<img src=x>\n+closes GH-1\n```",
    "    indented @octocat #1",
)


@pytest.mark.parametrize("seed", range(150))
def test_fences_of_an_answer_stay_byte_for_byte_whatever_stands_around_them(seed: int) -> None:
    dice = random.Random(seed)
    inline = [one for one in ATOMS if not set("`~\n\r[<|") & set(one) and "--" not in one]
    fence = dice.choice(FENCES)
    text = f"Thanks {dice.choice(inline)} for it.\n\n{fence}\n\nSee {dice.choice(inline)}, @octocat."
    clean = sanitise(text)
    assert f"\n\n{fence}\n\n" in clean and oracle.effects(text) and not oracle.effects(clean)


def test_what_was_made_inert_once_is_left_as_it_is() -> None:
    for number in range(5000, 5800):
        clean = sanitise(attack(number))
        assert sanitise(clean) == clean and not effects(clean), number


def test_the_judge_sees_what_the_oracle_sees() -> None:
    for number in range(6000, 6600):
        assert bool(oracle.effects(attack(number))) <= bool(effects(attack(number))), number


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/o/r",
        "https://github.com/o/r/blob/main/src/x.py#L10",
        "https://github.com/o/r/tree/v1.0/docs",
        "https://docs.github.com/en/rest#auth",
    ],
)
def test_pages_of_this_github_may_be_linked(url: str) -> None:
    assert allowed(url, HOSTS) and sanitise(f"See [it]({url}) and {url}.") == f"See [it]({url}) and {url}."


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://github.com/o/r/issues/1",
            "https://github.com/o/r/pull/1",
            "https://github.com/o/r/commit/abc",
        ),
        *("https://github.com/o/r/blob/%2e%2e/issues/1", "https://github.com/o/r/blob/.%2E/issues/1"),
        *("https://git\thub.com/o/r", "https://github.com/o/r\n"),
        *("https://github.com/o/r/blob/../issues/1", "https://github.com/o/r/blob/main/x?token=1"),
        *("https://github.com/login/oauth", "https://github.com@evil.example/o/r", "http://github.com/o/r"),
        *(
            "https://github.com.evil.example/o/r",
            "//github.com/o/r",
            "https://[",
            "https://gist.github.com/o/r",
        ),
    ],
)
def test_other_addresses_may_not(url: str) -> None:
    assert not allowed(url, HOSTS) and not oracle.effects(sanitise(f"[a]({url}) {url}"))


@pytest.mark.parametrize(
    "text", ["**@**octocat****", "a __#__12____", "**fixes #**1****", "**o/r@**0123abc****"]
)
def test_a_sign_in_strong_text_and_its_name_in_strong_text_within_that_touch_as_github_renders_them(
    text: str,
) -> None:
    """cmark-gfm's tree has two of them, and its HTML one: `<strong>@octocat</strong>`."""
    assert oracle.effects(text) and effects(text)
    assert not oracle.effects(sanitise(text)) and not effects(sanitise(text))


@pytest.mark.parametrize("space", ["\u00a0", "\u2003", "\u202f", "\u3000", "\u00a0> \u00a0- \u2009"])
def test_a_command_behind_any_white_space_is_one_for_bots_that_trim_a_line(space: str) -> None:
    for text in (f"{space}/merge", f"Well.\n\n{space}/merge now\n", f"```\n{space}/merge\n```"):
        clean = sanitise(text)
        assert effects(text) and "\\/merge" in clean and not effects(clean), text


@pytest.mark.parametrize(
    "text",
    [
        "a\ufe0f",
        "a \ufe0e",
        "@\ufe0foctocat",
        "1\ufe0f",
        "❤️\ufe0f",
        "\ufe00",
        "x\ufe0f\u200d👩",
        "a\U0001d173",
        "a\U0001bca3",
    ],
)
def test_a_selector_that_chooses_nothing_is_invisible_and_goes(text: str) -> None:
    for said in (text, f"`{text}`", f"```\n{text}\n```"):
        clean = sanitise(said)
        assert len(clean.replace("&#8203;", "")) < len(said) and sanitise(clean) == clean


@pytest.mark.parametrize("text", ["❤️ 1️⃣ #️⃣ ©️ ™️ ‼️ ㊙️ ☑︎", "👁️‍🗨️ 🏳️‍🌈 🏌🏻‍♂️ 👩‍❤️‍💋‍👨", "葛\ufe00", "क्‍ष"])
def test_a_selector_that_chooses_the_look_of_a_sign_stays(text: str) -> None:
    assert sanitise(text) == text and not effects(text)


def test_a_host_of_its_own_links_to_itself_alone() -> None:
    assert hosts_of("https://ghe.example/api/v3") == {"ghe.example"}
    assert hosts_of("https://api.github.com") == HOSTS


def test_reading_a_text_keeps_no_memory() -> None:
    text = "\n\n".join(attack(number) for number in range(20))
    for _ in range(50):
        parse(text)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(400):
        parse(text)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096  # KiB
