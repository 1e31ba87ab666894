from __future__ import annotations

import numpy as np
import pytest

from learning.training.negatives import PADDING, TEMPLATES
from learning.training.reward_surface import SURFACE, surface

QUESTION = "How do I sort a list of users by name?"
ANSWER = (
    "Use `sorted` with a key, see https://docs.python.org/3/howto/sorting.html:\n\n"
    "```python\nsorted(users, key=lambda user: user.name)\n```\n\nThe list itself stays as it is."
)


def counts(answer: str, question: str = QUESTION) -> dict[str, float]:
    return dict(zip(SURFACE, surface([question], [answer])[0], strict=True))


def test_an_answer_is_counted_as_it_is_made() -> None:
    found = counts(ANSWER)
    assert (found["code_blocks"], found["code_spans"], found["links"]) == (1 / 3, 1 / 6, 0.5)
    assert 0.3 < found["code_share"] < 0.4 and 0 < found["prose_words"] < found["words"] < 1
    assert found["words_squared"] == pytest.approx(found["words"] ** 2)
    assert found["asked_words_used"] > 0 and found["words_that_were_asked"] > 0
    assert not any(found[name] for name in ("first_person", "other_answers", "addressed", "lower_case_start"))
    assert found["whole_end"] == 1


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("first_person", "I had that, too."),
        ("other_answers", "As the accepted answer says."),
        ("addressed", "As @somebody says."),
        ("lower_case_start", "use sorted"),
        ("quotes", "> How do I sort?\n\nLike this."),
        ("print_statement", "```\nprint users\n```"),
    ],
)
def test_each_mark_is_seen_and_is_not_in_an_answer_without_it(name: str, answer: str) -> None:
    assert counts(answer)[name] == 1 and counts(ANSWER)[name] == 0


def test_what_stands_in_code_is_no_prose() -> None:
    found = counts("See:\n```\n@cached\ndef my(I): ...  # https://example.org\n> x\n```")
    assert not any(found[name] for name in ("first_person", "addressed", "links", "quotes"))


def test_more_of_a_good_thing_earns_nothing_past_what_good_answers_have() -> None:
    once = "\n\n".join(["See `a` and https://example.org.\n\n```\nx\n```"] * 9)
    assert (surface([""], [once * 9]) <= 1).all() and (surface([""], [once]) >= 0).all()
    more = counts(once * 9)
    assert all(
        more[name] == counts(once)[name] for name in ("code_blocks", "code_spans", "links", "paragraphs")
    )
    assert counts("word " * 300) == counts("word " * 3000)


@pytest.mark.parametrize("text", ["", "`", "```", "\n", "?", "\ud800", *TEMPLATES, *PADDING])
def test_any_text_gives_numbers_from_0_to_1(text: str) -> None:
    found = surface([text, QUESTION], [text, text])
    assert found.shape == (2, len(SURFACE))
    assert np.isfinite(found).all() and (found >= 0).all() and (found <= 1).all()
