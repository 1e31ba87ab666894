import pytest

from learning.training.corpus import CorpusAnswer, CorpusQuestion
from learning.training.corpus_filters import GROUPS, RECIPE, REPEATED, Count, apply, names

PROSE = "Call sorted with a key."
CODE = "Do this:\n\n```\nsorted(x)\n```"
INDENTED = "Do this:\n\n    sorted(x)"
LINKED = "See [the docs](https://docs.python.org/3/)."
PICTURE = "See ![a plot](x.png)."
CRAWLED_PICTURE = "See [image] below."


def asked(
    text: str, *answers: str, title: str = "", tags: tuple[str, ...] = (), n: int = 1
) -> CorpusQuestion:
    given = tuple(CorpusAnswer(rank=place, text=answer) for place, answer in enumerate(answers))
    return CorpusQuestion(id=f"q{n}", title=title, question=text, answers=given, tags=tags)


def left(question: CorpusQuestion, *wanted: str) -> list[str]:
    kept, _ = apply([question], wanted)
    return [answer.text for one in kept for answer in one.answers]


@pytest.mark.parametrize(
    ("name", "caught", "spared"),
    [
        ("question-code", CODE, "I wrote `sorted(x)` there."),
        ("question-code", INDENTED, "I said:\n  sorted"),
        ("question-images", PICTURE, LINKED),
        ("question-images", CRAWLED_PICTURE, PROSE),
        ("question-links", LINKED, PICTURE),
        ("question-links", "See www.python.org there.", CRAWLED_PICTURE),
        ("question-long", "x" * 2049, "x" * 2048),
        (
            "basics",
            "How do I read a CSV with pandas?",
            "How do I read a CSV?",
        ),
        ("basics", "Why is scikit-learn slow?", "Why is this slow?"),
    ],
)
def test_a_filter_of_questions_leaves_out_what_it_is_named_after(name: str, caught: str, spared: str) -> None:
    assert left(asked(caught, PROSE, "Or not."), name) == []
    assert left(asked(spared, PROSE, "Or not."), name) == [PROSE, "Or not."]


def test_a_tag_names_a_library_as_well() -> None:
    assert left(asked("How do I start?", PROSE, tags=("Django",)), "basics") == []


@pytest.mark.parametrize(
    ("name", "caught"),
    [
        ("answer-code", CODE),
        ("answer-code", INDENTED),
        ("answer-images", PICTURE),
        ("answer-links", LINKED),
        ("answer-long", "x" * 1025),
    ],
)
def test_a_filter_of_answers_leaves_the_others_with_their_places(name: str, caught: str) -> None:
    kept, _ = apply([asked("How?", caught, PROSE)], [name])
    assert [(a.rank, a.text) for a in kept[0].answers] == [(1, PROSE)]


def test_an_answer_that_is_there_twice_is_kept_once_at_its_best_place() -> None:
    kept, counts = apply([asked("How?", PROSE, "Call  sorted\nwith a key.", "Loop.")], [])
    assert [a.rank for a in kept[0].answers] == [0, 2]
    assert counts[0] == Count(
        name=REPEATED, applied=True, questions=1, answers=1, questions_dropped=0, answers_dropped=1
    )


def test_every_filter_is_counted_alone_and_what_it_took_after_those_before_it() -> None:
    questions = [
        asked(CODE, PROSE, LINKED, n=1),
        asked("How?", LINKED, CODE, n=2),
        asked("How?", PROSE, LINKED, n=3),
    ]
    kept, counts = apply(questions, ["question-code", "links"])
    by_name = {count.name: count for count in counts}
    assert list(by_name) == [REPEATED, *RECIPE]
    assert [one.id for one in kept] == ["q2", "q3"]
    assert by_name["question-code"] == Count(
        name="question-code", applied=True, questions=1, answers=2, questions_dropped=1, answers_dropped=2
    )
    assert by_name["answer-links"] == Count(
        name="answer-links", applied=True, questions=3, answers=3, questions_dropped=0, answers_dropped=2
    )
    assert by_name["answer-code"] == Count(
        name="answer-code", applied=False, questions=1, answers=1, questions_dropped=0, answers_dropped=0
    )
    read = sum(len(one.answers) for one in questions)
    assert read - sum(c.answers_dropped for c in counts) == sum(len(one.answers) for one in kept)


def test_a_question_whose_last_answer_goes_goes_with_it() -> None:
    kept, counts = apply([asked("How?", LINKED)], ["answer-links"])
    assert kept == []
    assert sum(count.questions_dropped for count in counts) == 1


def test_recipe_is_all_of_the_published_filters() -> None:
    assert names(["recipe"]) == RECIPE == names(RECIPE)
    assert all(set(group) <= set(RECIPE) for group in GROUPS.values())
    with pytest.raises(ValueError, match="there is no filter colour; there are recipe, code"):
        names(["colour"])
