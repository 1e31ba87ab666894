"""Where a post asks the bot: `/ask …` or `@slug …` at the start of a line of plain text. Pure.

Which words ask, and whether a mention does, a repository may choose (`Asks`).

Markdown decides what plain text is, not a regular expression: quotes, code blocks and spans, HTML and
comments do not ask. Left out: asking in lists and tables, whose lines are items and rows; links and emphasis,
which change no line's start, and which take seconds on a comment made of 65,536 brackets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = (
    MarkdownIt("commonmark").enable("table").disable(["link", "image", "emphasis", "autolink", "entity"])
)
_MARK = "\ue000\ue001{}\ue002"  # private use: says where a line's start ends up once inline Markdown is read
_MARKED = re.compile(_MARK.format("([0-9]+)"))


MENTION = "@"
DEFAULT_WORDS = ("/ask",)
_ANY = r"/[a-z][a-z0-9-]{0,29}"
_MAY = re.compile(r"^\ufeff?[ ]{0,3}[/@]", re.MULTILINE)


@dataclass(frozen=True)
class Asks:
    """What asks in a repository: words that begin with a slash, and perhaps a mention. No words: any such."""

    words: tuple[str, ...] = DEFAULT_WORDS
    mention: bool = True

    def takes(self, trigger: str) -> bool:
        """Whether this trigger asks here; one that nobody wrote down does."""
        if trigger == MENTION:
            return self.mention
        return not trigger or not self.words or trigger in self.words


DEFAULT = Asks()
ANY = Asks(words=())
"""What asks where nobody chose; and whatever could ask somewhere, where the choice is not known."""


@dataclass(frozen=True)
class Asking:
    """What a post asks, triggers taken off, and the first trigger, in small letters."""

    text: str
    trigger: str


def may_ask(text: str) -> bool:
    """Whether a line begins as a trigger does: quick, and never wrong about a post that does ask."""
    return _MAY.search(text.replace("\r", "\n")) is not None


def question_in(text: str, slug: str, asks: Asks = DEFAULT) -> str | None:
    """What a post asks: all from its first trigger on, triggers taken off. None if it does not ask.

    An empty string is a question without words: the bot says how to ask.
    """
    found = asking(text, slug, asks)
    return None if found is None else found.text


def asking(text: str, slug: str, asks: Asks = DEFAULT) -> Asking | None:
    """As `question_in`, with the trigger."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    words = [re.escape(word) for word in asks.words] or [_ANY]
    if asks.mention:
        words.append(rf"@{re.escape(slug)}(?:\[bot\])?[,:]?")
    trigger = re.compile(rf" {{0,3}}({'|'.join(words)})(?=\s|$)", re.IGNORECASE)
    matches = {number: match for number, line in enumerate(lines) if (match := trigger.match(line))}
    if not matches:
        return None
    found = {number: match.end() for number, match in matches.items()}
    plain = _plain_lines(lines, found)
    if not plain:
        return None
    for number in plain:
        lines[number] = lines[number][found[number] :].lstrip()
    word = matches[plain[0]][1].lower()
    rest = "\n".join(lines[plain[0] :]).strip()
    return Asking(rest, MENTION if word.startswith(MENTION) else word)


def _plain_lines(lines: list[str], found: dict[int, int]) -> list[int]:
    """Those of the found lines whose start is plain text of a paragraph that is in nothing else."""
    marked = list(lines)
    for number, end in found.items():
        marked[number] = _MARK.format(number) + lines[number][end:]
    plain = "".join(_plain_text(token) for token in _paragraphs(_MARKDOWN.parse("\n".join(marked))))
    kept = {int(number) for number in _MARKED.findall(plain)}
    return [number for number in found if number in kept]


def _paragraphs(tokens: list[Token]) -> list[Token]:
    """The inline parts of paragraphs at the top level, and of text that a line of dashes made a heading."""
    return [
        token
        for before, token in pairwise(tokens)
        if token.type == "inline" and token.level == 1 and (before.type, before.markup) in _TOP
    ]


_TOP = {("paragraph_open", ""), ("heading_open", "-"), ("heading_open", "=")}


def _plain_text(token: Token) -> str:
    """An inline part's words; a code span or a tag separates them."""
    return "".join(
        child.content if child.type == "text" else "\n" if child.type.endswith("break") else "\x00"
        for child in token.children or ()
    )
