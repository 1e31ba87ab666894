"""From untrusted text to safe HTML: Markdown as GitHub shows it, word diffs of edits, avatars.

markdown-it parses, nh3 keeps only allowed tags: comments such as the bot's marker vanish, `<details>` stays.
Left out: images (nothing is loaded from elsewhere), footnotes.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import html
import itertools
import re

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

_TAGS = """
a blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr ins kbd li ol p pre s span strong sub
summary sup table tbody td th thead tr ul
"""
TAGS = set(_TAGS.split())
ATTRIBUTES = {"a": {"href", "title", "class"}, "span": {"class"}, "pre": {"class"}, "details": {"open"}}
TASK = re.compile(r"\[([ xX])\] ")
BOX = re.compile(r'<span class="task( ticked)? task-(\d{1,4})"></span>')
MENTION = re.compile(r"(?<![\w/`@])@([a-zA-Z0-9][a-zA-Z0-9-]*(?:\[bot\])?)|(?<![\w/&])#(\d{1,9})\b")


def _coloured(code: str, language: str, _: str) -> str:
    try:
        lexer = get_lexer_by_name(language or "text")
    except ClassNotFound:
        return ""
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True)))


def _links(state: StateCore) -> None:
    """Turn `@login` and `#12` in running text into links."""
    for block in state.tokens:
        if block.type != "inline" or not block.children:
            continue
        children: list[Token] = []
        depth = 0
        for token in block.children:
            depth += (token.type == "link_open") - (token.type == "link_close")
            if token.type == "text" and depth == 0 and MENTION.search(token.content):
                children += _split(token.content, str(state.env.get("repository", "")))
            else:
                children.append(token)
        block.children = children


def _tasks(state: StateCore) -> None:
    """Turn `[ ] ` at the start of a list's item into a box, numbered from 0 in the order of the text."""
    number = 0
    for before, block in itertools.pairwise(state.tokens):
        item = (before.type == "paragraph_open" and before.hidden) or before.type == "list_item_open"
        if block.type != "inline" or not item or not block.children:
            continue
        first = block.children[0]
        if first.type == "text" and (found := TASK.match(first.content)):
            kind = "task ticked" if found[1] != " " else "task"
            box = Token("html_inline", "", 0, content=f'<span class="{kind} task-{number}"></span> ')
            first.content = first.content[found.end() :]
            block.children.insert(0, box)
            number += 1


def _split(text: str, repository: str) -> list[Token]:
    tokens, at = [], 0
    for match in MENTION.finditer(text):
        tokens.append(Token("text", "", 0, content=text[at : match.start()]))
        shown = html.escape(match[0])
        href = f"/{repository}/issues/{match[2]}" if match[2] else f"#{html.escape(match[1])}"
        link = f'<a class="mention" href="{href}">{shown}</a>'
        tokens.append(Token("html_inline", "", 0, content=link))
        at = match.end()
    return [*tokens, Token("text", "", 0, content=text[at:])]


_PARSER = MarkdownIt(
    "commonmark", {"html": True, "linkify": True, "breaks": True, "highlight": _coloured}
).enable(["table", "strikethrough", "linkify"])
_PARSER.core.ruler.push("mentions", _links)
_PARSER.core.ruler.push("tasks", _tasks)


@functools.lru_cache(maxsize=4096)
def markdown(text: str, repository: str = "", ticks: bool = True) -> str:
    """Safe HTML of a post's text; `repository` is what `#12` means, `ticks` whether boxes may be ticked."""
    parsed = _PARSER.render(text, {"repository": repository})
    safe = nh3.clean(
        parsed,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener",
    )
    return BOX.sub(lambda found: _box(found, ticks), safe)


def _box(found: re.Match[str], ticks: bool) -> str:
    """A box of a task list; by whom it may be ticked is the server's to say."""
    ticked, number = "true" if found[1] else "false", int(found[2])
    return (
        f'<button type="button" class="task" role="checkbox" aria-checked="{ticked}" data-tick="{number}"'
        f' aria-label="Box {number + 1}"{"" if ticks else " disabled"}>{"✓" if found[1] else ""}</button>'
    )


def difference(before: str, after: str) -> str:
    """A word diff as HTML: what was removed in `del`, what was added in `ins`."""
    old, new = re.findall(r"\s+|\w+|[^\w\s]", before), re.findall(r"\s+|\w+|[^\w\s]", after)
    parts: list[str] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = html.escape("".join(old[a:b])), html.escape("".join(new[c:d]))
        if kind == "equal":
            parts.append(gone)
            continue
        parts.append((f"<del>{gone}</del>" if gone else "") + (f"<ins>{come}</ins>" if come else ""))
    return "".join(parts)


def avatar(login: str, name: str, is_bot: bool, is_ours: bool) -> str:
    """An SVG: initials on a colour that follows from the login; ours is a fingerprint."""
    hue = int(hashlib.sha256(login.encode()).hexdigest(), 16) % 360
    corner = 12 if is_bot else 40
    if is_ours:
        arcs = "".join(
            f'<path d="M{40 - r} {46 + r // 3}a{r} {r} 0 0 1 {2 * r} 0v{10 - r // 4}"/>'
            for r in (6, 13, 20, 27)
        )
        inside = f'<g fill="none" stroke="#fff" stroke-width="3.5" stroke-linecap="round">{arcs}</g>'
        colour = "#6639ba"
    else:
        initials = html.escape("".join(word[0] for word in name.split()[:2]).upper())
        inside = (
            '<text x="40" y="51" text-anchor="middle" font-family="system-ui,sans-serif" font-size="31"'
            f' font-weight="600" fill="#fff">{initials}</text>'
        )
        colour = f"hsl({hue} 45% 40%)"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 80">'
        f'<rect width="80" height="80" rx="{corner}" fill="{colour}"/>{inside}</svg>'
    )
