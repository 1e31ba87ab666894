"""Which published questions and answers are kept: named filters, each counted over all that was read. Pure.

The published recipe's are `RECIPE`: prose without code blocks, images and links, about Python's basics, short
enough for its 512 and 256 tokens. It chose basics by a trained classifier and cut what was too long; here
basics name no library outside Python's own, and what is too long is left out whole, for a cut answer teaches
not to end. `REPEATED` is always on. Left out: pairs (`learning/training/corpus_rows.py`), near-duplicates.
Run: `pytest tests/unit/learning/training/test_corpus_filters.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from learning.training.corpus import CorpusQuestion

MOST_ASKED = 512 * 4
MOST_ANSWERED = 256 * 4
"""Characters; English prose has about four a token."""

REPEATED = "repeated-answer"

_CODE = re.compile(r"^[ \t]*(?:```|~~~)|^(?: {4}|\t)\S", re.MULTILINE)
_IMAGE = re.compile(r"!\[[^\]]*\]\(|\[image\]|<img\b", re.IGNORECASE)
_LINK = re.compile(r"\]\(|https?://|\bwww\.|\bftp://|<a\s", re.IGNORECASE)

LIBRARIES: frozenset[str] = frozenset(
    """
    anaconda ansible arcpy arduino asyncpg aws beautifulsoup beautifulsoup4 blender bokeh boto boto3
    bottle bs4 cassandra celery cherrypy conda cv2 cx_oracle cython dask django docker elasticsearch
    excel fabric fastapi flask gensim gevent gtk heroku ipython jinja jinja2 jupyter keras kivy lxml
    matplotlib mechanize mongodb mongoengine mysql mysqldb networkx nginx nltk numba numpy odoo
    opencv openpyxl pandas paramiko pil pillow plotly postgresql psycopg2 pycharm pycrypto pycurl
    pygame pyglet pygtk pyinstaller pylons pymongo pyodbc pyopengl pypy pyqt pyqt4 pyqt5 pyramid
    pyserial pyside pyspark pytables pytest pytorch pyyaml qt rabbitmq raspberry redis scikit-learn
    scipy scrapy seaborn selenium sklearn spacy spark sqlalchemy statsmodels sympy tensorflow theano
    torch tornado twisted uwsgi web2py werkzeug wsgi wxpython xlrd xlwt zeromq zmq
    """.split()  # noqa: SIM905
)
"""What a question about more than Python's basics names."""

_WORD = re.compile(r"[a-z][a-z0-9_]*(?:-learn)?")


def _beyond_basics(question: CorpusQuestion) -> bool:
    named = {*_WORD.findall(question.asked.lower()), *(tag.lower() for tag in question.tags)}
    return not named.isdisjoint(LIBRARIES)


OF_QUESTIONS: Mapping[str, Callable[[CorpusQuestion], bool]] = {
    "question-code": lambda one: _CODE.search(one.question) is not None,
    "question-images": lambda one: _IMAGE.search(one.question) is not None,
    "question-links": lambda one: _LINK.search(_IMAGE.sub("", one.question)) is not None,
    "question-long": lambda one: len(one.asked) > MOST_ASKED,
    "basics": _beyond_basics,
}
"""What each leaves out: the questions of which it says yes."""

OF_ANSWERS: Mapping[str, Callable[[str], bool]] = {
    "answer-code": lambda text: _CODE.search(text) is not None,
    "answer-images": lambda text: _IMAGE.search(text) is not None,
    "answer-links": lambda text: _LINK.search(_IMAGE.sub("", text)) is not None,
    "answer-long": lambda text: len(text) > MOST_ANSWERED,
}

RECIPE = (*OF_QUESTIONS, *OF_ANSWERS)
GROUPS: Mapping[str, tuple[str, ...]] = {
    "recipe": RECIPE,
    "code": ("question-code", "answer-code"),
    "images": ("question-images", "answer-images"),
    "links": ("question-links", "answer-links"),
    "long": ("question-long", "answer-long"),
}
"""Names for several at once."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """One line of the table: what it catches by itself, and what it took out, after those before it."""

    name: str
    applied: bool
    questions: int
    """Questions of all that were read that it catches; for a filter of answers, those that lose one."""
    answers: int
    """Answers of all that were read that it catches; all of a question's for a filter of questions."""
    questions_dropped: int
    answers_dropped: int


def names(given: Iterable[str]) -> tuple[str, ...]:
    """Filters in the order of the table, groups unfolded. Raises ValueError that names the known ones."""
    wanted: set[str] = set()
    for name in given:
        if name not in GROUPS and name not in RECIPE:
            raise ValueError(f"there is no filter {name}; there are {', '.join((*GROUPS, *RECIPE))}")
        wanted.update(GROUPS.get(name, (name,)))
    return tuple(name for name in RECIPE if name in wanted)


def apply(
    questions: Sequence[CorpusQuestion], wanted: Iterable[str]
) -> tuple[list[CorpusQuestion], list[Count]]:
    """The questions that are kept, with the answers that are kept, and a line of the table for every filter.

    A question whose last answer goes, goes too, by the filter that took it. Raises ValueError as `names`.
    """
    chosen = {*names(wanted), REPEATED}
    kept, counts = list(questions), []
    for name in (REPEATED, *RECIPE):
        caught = [_after(name, one) for one in questions]
        before, answers_before = len(kept), _answers(kept)
        if name in chosen:
            kept = [left for one in kept if (left := _after(name, one)).answers]
        counts.append(
            Count(
                name=name,
                applied=name in chosen,
                questions=sum(
                    len(left.answers) < len(one.answers) for one, left in zip(questions, caught, strict=True)
                ),
                answers=_answers(questions) - _answers(caught),
                questions_dropped=before - len(kept),
                answers_dropped=answers_before - _answers(kept),
            )
        )
    return kept, counts


def _after(name: str, question: CorpusQuestion) -> CorpusQuestion:
    """The question with the answers that one filter leaves: none where it catches the question itself."""
    if name == REPEATED:
        first: dict[str, int] = {}
        for answer in question.answers:
            first.setdefault(" ".join(answer.text.split()), answer.rank)
        left = tuple(answer for answer in question.answers if answer.rank in first.values())
    elif name in OF_QUESTIONS:
        left = () if OF_QUESTIONS[name](question) else question.answers
    else:
        left = tuple(answer for answer in question.answers if not OF_ANSWERS[name](answer.text))
    return question if len(left) == len(question.answers) else replace(question, answers=left)


def _answers(questions: Sequence[CorpusQuestion]) -> int:
    return sum(len(one.answers) for one in questions)
