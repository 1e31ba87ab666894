"""Repairs: lessons carried out in the smallest way, at their borders, once; other text keeps its bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.memory.background import DEFAULT
from learning.memory.choice import assess, choose
from learning.memory.index import PhraseIndex
from learning.memory.lessons import lessons
from learning.memory.repair import breaks, missing, repair
from learning.memory.text import count_words
from learning.memory.weights import weigh
from storage.records import Evidence, Permission, Phrase, PhraseKind, PhraseWeight
from tests.unit.learning.memory.people import NOW, taught, words
from tests.unit.learning.memory.test_edits import REPLACED, edits_of


def lesson(
    kind: PhraseKind,
    text: str = "",
    right: str = "",
    context: str = "",
    limit: int = 0,
    minute: int = 0,
    mass: float = 1.0,
) -> PhraseWeight:
    phrase = Phrase(
        id=f"{kind.value}{text}{right}{context}{limit}",
        repository_id=1,
        kind=kind,
        text=text,
        right=right,
        context=context,
        limit_words=limit,
    )
    row = Evidence(
        phrase_id=phrase.id,
        event_id="f",
        answer_id="a",
        actor_id=1,
        actor_login="w",
        permission=Permission.WRITE,
        mass=mass,
        at=NOW.replace(minute=minute),
    )
    return weigh(phrase, [row], NOW.replace(minute=59))


def correction(text: str, right: str, context: str = "code", minute: int = 0) -> PhraseWeight:
    return lesson(PhraseKind.CORRECTION, text, right, context, minute=minute)


def fixed(text: str, *lessons: PhraseWeight) -> str:
    return repair(text, lessons)[0]


CODE = [
    ("requests.get", "client.get", "Then `requests.get(other)`.", "Then `client.get(other)`."),
    ("requests.get", "client.get", "my.requests.get(x), requests.get_all()", None),
    ("get_user", "fetch_user", "get_users() and forget_user()", None),
    ("pip", "conda", "Install `PIP`, then Pip and pip.", "Install `conda`, then conda and conda."),
    ("pip", "conda", "Run `pip3 -m x` or pip3.12.", "Run `conda -m x` or conda."),
    ("get_user", "fetch_user", "Call `client.get_user(4)`.", "Call `client.fetch_user(4)`."),
    (
        "setup.py",
        "pyproject.toml",
        "In setup.py. Not docs/setup.py, nor setup.pyc.",
        "In pyproject.toml. Not docs/setup.py, nor setup.pyc.",
    ),
    ("pip install", "uv add", "```\n$ pip3 install -U x\n```", "```\n$ uv add -U x\n```"),
    ("pip install", "uv add", "Pip install it.", "uv add it."),
    ("pip install", "uv pip install", "Run uv pip install x.", None),
    ("pip install", "uv pip install", "Run pip install x.", "Run uv pip install x."),
    (
        "print",
        "log.info",
        "```\nprint(x)\n```\nNow print the page.",
        "```\nlog.info(x)\n```\nNow print the page.",
    ),
    ("open", "safe_open", "`open(f)`; # open it", "`safe_open(f)`; # open it"),
    ("logging", "structlog", "`logging.debug(x)` of `logging`", "`structlog.debug(x)` of `structlog`"),
    ("datetime", "whenever", "`datetime.datetime.now()`", "`whenever.whenever.now()`"),
    ("json", "orjson", "`response.json()` in a json file", None),
    ("json.", "orjson.", "`json.dumps(x)`; import json", "`orjson.dumps(x)`; import json"),
]


@pytest.mark.parametrize(("wrong", "right", "text", "after"), CODE)
def test_a_correction_of_code_holds_at_its_borders(
    wrong: str, right: str, text: str, after: str | None
) -> None:
    assert fixed(text, correction(wrong, right)) == (text if after is None else after)


PROSE = [
    ("Directories are in the DIRECTORY, a directory.", "Folders are in the FOLDER, a folder."),
    ("A subdirectory of directory_name", None),
    (
        "```\nfor directory in paths:  # each directory\n    os.listdir(directory)\n```",
        "```\nfor folder in paths:  # each folder\n    os.listdir(folder)\n```",
    ),
    ("Open directory.txt at a/directory/b.", None),
]


@pytest.mark.parametrize(("text", "after"), PROSE)
def test_a_correction_of_prose_keeps_case_and_number(text: str, after: str | None) -> None:
    assert fixed(text, correction("directory", "folder", "prose")) == (text if after is None else after)


def test_a_term_of_prose_does_not_rename_what_python_named() -> None:
    text = "The list is sorted: `list(x)` and `x = list`."
    assert (
        fixed(text, correction("list", "array", "prose")) == "The array is sorted: `list(x)` and `x = list`."
    )


@pytest.mark.parametrize(
    ("phrase", "text", "after"),
    [
        ("simply", "You can simply do it. Simply call it.", "You can do it. Call it."),
        ("of course", "Of course, it works.", "It works."),
        ("as an ai language model", "As an AI language model, I cannot run it.", "I cannot run it."),
        ("i hope this helps", "Use a list. I hope this helps!", "Use a list."),
        ("i hope this helps", "I hope this helps!", "I hope this helps!"),
        ("--user", "```\npip install --user x\n```", "```\npip install x\n```"),
        ("simply", "`simply(x)` stays", "`simply(x)` stays"),
    ],
)
def test_an_unwanted_wording_takes_its_words_or_its_sentence_along(
    phrase: str, text: str, after: str
) -> None:
    assert fixed(text, lesson(PhraseKind.WORDING, phrase, mass=-1.0)) == after


def test_a_wording_that_few_thumbs_are_against_is_not_cut_out() -> None:
    assert fixed("Frobnicate it.", lesson(PhraseKind.WORDING, "frobnicate", mass=-0.1)) == "Frobnicate it."


def test_a_mention_is_appended_once_and_outside_of_code() -> None:
    mention = lesson(PhraseKind.MENTION, "see docs/io.md", "See `docs/io.md`.")
    assert fixed("Do it.", mention) == "Do it.\n\nSee `docs/io.md`."
    assert fixed("As docs/io.md says.", mention) == "As docs/io.md says."
    assert fixed("```\nx = 1", mention) == "```\nx = 1\n```\n\nSee `docs/io.md`."
    assert missing(mention, "Do it.")


def test_a_text_over_the_limit_ends_at_a_sentence_and_never_in_a_fence() -> None:
    limit = lesson(PhraseKind.LENGTH, limit=10)
    assert (
        fixed("One two three four. Five six seven. Eight nine ten eleven.", limit)
        == "One two three four. Five six seven."
    )
    text = "One two:\n\n```\na b c d e f g h i j k\n```\n\nMore."
    cut = fixed(text, limit)
    assert count_words(cut) <= 10
    assert cut.count("```") % 2 == 0
    assert fixed("Short enough.", limit) == "Short enough."


def test_room_is_kept_for_what_must_be_mentioned() -> None:
    limit = lesson(PhraseKind.LENGTH, limit=8)
    mention = lesson(PhraseKind.MENTION, "see docs/io.md", "See docs/io.md.")
    after = fixed("One two three four. Five six seven eight.", limit, mention)
    assert after == "One two three four.\n\nSee docs/io.md."


def test_each_repair_names_its_lesson_and_what_it_changed() -> None:
    _, (done,) = repair("Use `json.dumps(x)`.", [correction("json.dumps", "orjson.dumps")])
    assert (done.phrase_id, done.before, done.after) == (
        "correctionjson.dumpsorjson.dumpscode0",
        "json.dumps",
        "orjson.dumps",
    )


def test_one_form_corrected_alike_in_prose_and_in_code_holds_in_both() -> None:
    lessons = correction("dictionary", "mapping", "prose"), correction("dictionary", "mapping", "code")
    assert fixed("A dictionary is a `dictionary`.", *lessons) == "A mapping is a `mapping`."
    for one, other in (lessons, lessons[::-1]):
        index = PhraseIndex.build([one, other])
        assert assess(index, "Make a dictionary.").violations


def test_of_contradicting_corrections_the_newer_is_carried_out() -> None:
    old, new = correction("alpha_x", "beta_x", minute=1), correction("alpha_x", "gamma_x", minute=2)
    assert fixed("`alpha_x`", old, new) == fixed("`alpha_x`", new, old) == "`gamma_x`"


def test_corrections_that_go_round_in_a_circle_change_nothing_for_ever() -> None:
    circle = [
        correction("a_x", "b_x", minute=1),
        correction("b_x", "c_x", minute=2),
        correction("c_x", "a_x", minute=3),
    ]
    once = fixed("`a_x`", *circle)
    assert fixed(once, *circle) == once


PIECES = st.sampled_from(
    [
        "Call `load_all(x)` now.",
        "Simply do it.",
        "As an AI model, I cannot.",
        "Directories hold a directory.",
        "```bash\npip install x\n```",
        "`python -m pip -q install x`",
        "`conda run pip3 install`",
        "```python\nimport json\njson.dumps(x)\n```",
        "`json` is fine,",
        "## Head",
        "- item one",
        "See `docs/io.md`.",
        "See ./config.ini.",
        "```\nmake \\\n -j4 test\n```",
        "**bold** text:",
        "I hope this helps!",
        "```\nopen",
        "e.g. this",
        "—",
    ]
)
LESSONS = [
    correction("load_all", "load_some"),
    correction("load_some", "load_few", minute=5),
    correction("json", "orjson"),
    correction("pip install", "uv pip install"),
    correction("make test", "make check"),
    correction("config.ini", "./settings.ini"),
    correction("directory", "folder", "prose"),
    lesson(PhraseKind.WORDING, "simply", mass=-1.0),
    lesson(PhraseKind.WORDING, "as an ai", mass=-1.0),
    lesson(PhraseKind.WORDING, "i hope this helps", mass=-1.0),
    lesson(PhraseKind.MENTION, "see docs/io.md", "See `docs/io.md`."),
    lesson(PhraseKind.MENTION, "and be kind", "And be kind."),
    lesson(PhraseKind.LENGTH, limit=9),
    lesson(PhraseKind.LENGTH, limit=30),
]


@given(
    st.lists(st.tuples(PIECES, st.sampled_from([" ", "\n", "\n\n"])), max_size=8), st.sets(st.integers(0, 13))
)
@settings(max_examples=500, deadline=None)
def test_repairing_twice_changes_nothing_more(pieces: list[tuple[str, str]], chosen: set[int]) -> None:
    text = "".join(part for piece in pieces for part in piece)
    lessons = [LESSONS[n] for n in sorted(chosen)]
    once, _ = repair(text, lessons)
    assert repair(once, lessons)[0] == once


@given(st.text(max_size=200), st.sets(st.integers(0, 9)))
@settings(max_examples=200, deadline=None)
def test_a_text_that_breaks_no_lesson_keeps_every_byte(text: str, chosen: set[int]) -> None:
    lessons = [LESSONS[n] for n in sorted(chosen)]
    if not any(breaks(one, text) for one in lessons):
        assert repair(text, lessons) == (text, ())


@pytest.mark.parametrize(("before", "after", "pair"), REPLACED)
def test_what_an_edit_taught_changes_its_own_result_no_more(
    before: str, after: str, pair: tuple[str, str]
) -> None:
    weights = [w for w in taught(("q", before, after)) if w.phrase.kind is PhraseKind.CORRECTION]
    assert fixed(after, *weights) == after
    assert fixed(before, *weights) != before


@pytest.mark.parametrize(("source", "least"), [("own", 10), ("real", 300)])
def test_edits_teach_corrections_that_their_own_results_keep(source: str, least: int) -> None:
    checked = 0
    for before, after, _ in edits_of(source):
        for one in lessons(1, before, after, "", DEFAULT):
            if one.phrase.kind is PhraseKind.CORRECTION:
                checked += 1
                assert not breaks(correction(one.phrase.text, one.phrase.right, one.phrase.context), after), (
                    one
                )
    assert checked >= least


def test_one_edit_holds_on_texts_never_seen() -> None:
    index = PhraseIndex.build(
        taught(("How do I fetch?", "Use `requests.get(url)`.", "Use `client.get(url)`."))
    )
    text = "Call it:\n\n```python\nr = requests.get(other, timeout=3)\n```"
    choice = choose(index, "Something else entirely?", 200, words)
    after, _ = repair(text, [*choice.weights, *assess(index, text, choice).violations])
    assert after == "Call it:\n\n```python\nr = client.get(other, timeout=3)\n```"
