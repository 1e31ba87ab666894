"""The one sanitiser: what a model or a stranger wrote, made inert before it goes out under our name. Pure.

GitHub links mentions and references in the *rendered* text, and other bots read the *raw* text, so
both are looked at. One means does nearly everything: a zero-width space written as the entity
`&#8203;`, which people see in the source and readers do not see at all.

- `@name`, `#12`, `owner/repo#12`, `GH-12` (so closing keywords too): broken behind the sign
- images become links; links and bare addresses stay only if they lead to a page of an allowed host that
  is no issue, pull request, discussion or commit (those would write backlinks); definitions are broken
- raw HTML is escaped, except a few tags without attributes within a line; entities are shown, except a few
- `suggestion` and rendered fences become `text`; an open fence is closed
- invisible, bidirectional and control characters go; a forged marker and a leading slash command break

Code is found by a CommonMark parser and kept byte for byte; where our reading of code spans and the parser's
differ, the text is treated as prose. Left out: what our own fold says (`bot/reply.py` quotes each
piece with `code_span` or `safe_url`). Run: `pytest tests/unit/bot/test_sanitise.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

BREAK = "&#8203;"
ALLOWED_HOSTS = frozenset({"github.com", "docs.github.com"})
"""Web hosts that a link in an answer may lead to; a GHES host takes the place of the first."""

_TAGS = "kbd|sub|sup|br"
_HTML = re.compile(rf"<(?=[A-Za-z/!?])(?!/?(?:{_TAGS})\s*/?>)", re.IGNORECASE)
_BLOCK = re.compile(
    rf"^([ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)*)<(?=/?(?:{_TAGS})[ \t]*/?>[ \t]*$)", re.IGNORECASE | re.MULTILINE
)
_ENTITY = re.compile(r"&(?=#?\w+;)(?!(?:amp|lt|gt|quot|nbsp|#8203);)")
_MENTION = re.compile(r"@(?=[A-Za-z0-9])")
_REFERENCE = re.compile(r"(?<!&)#(?=\d)|\b[Gg][Hh]-(?=\d)")
_IMAGE = re.compile(r"!(?=\[)")
_DESTINATION = re.compile(r"\]\((?P<url>https://[\w.:~/%?=+-]+)\)|\](?=\()")
_DEFINITION = re.compile(r"\](?=:)")
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*:)(?=\\*/\\*/)(?P<rest>[^\s<>()\[\]`\"']*)")
_BARE_WWW = re.compile(r"(www)(?=\.)", re.IGNORECASE)
_SLASH = re.compile(r"^([ \t>]*(?:[-*+]|\d+[.)])?[ \t]*)/(?=[A-Za-z])", re.MULTILINE)
_SLASH_IN_CODE = re.compile(r"^/(?=[A-Za-z][\w-]*(?:\s|$))", re.MULTILINE)
_FORGED = re.compile(r"<!--(?=\s*/?thumbprint)", re.IGNORECASE)
_RENDERED_FENCE = re.compile(
    r"^([ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)*(?:`{3,}|~{3,})[ \t]*)"
    r"(?:(?:suggestion|mermaid|geojson|topojson|stl|math)\b[^\n]*|[^\n]*[&\\][^\n]*)",
    re.IGNORECASE,
)
_BACKLINK = re.compile(
    r"/(issues?|pulls?|discussions?|commits?|compare|settings|login|logout|sessions?)(/|$)"
)
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_JOINER = re.compile("[\u200c\u200d]")
_PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def sanitise(text: str, allowed_hosts: Iterable[str] = ALLOWED_HOSTS) -> str:
    """`text` as Markdown that does nothing: see the module's list. Doing it twice changes nothing."""
    hosts = frozenset(allowed_hosts)
    text = _visible(text)
    for _ in range(4):
        cleaned = _close_fence(_pass(text, hosts)).strip("\n")
        if cleaned == text:
            return cleaned
        text = cleaned
    return fenced(text)


def code_span(text: str) -> str:
    """`text` on one line as a code span that it cannot close."""
    line = " ".join(_visible(text).replace("<!--", "<!- -").split())
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def fenced(text: str) -> str:
    """`text` as a code block that it cannot close."""
    text = _pass_code(_visible(text))
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}text\n{text}\n{ticks}"


def safe_url(url: str) -> str:
    """`url` for a Markdown link, or "" when it is no http(s) address; github.com writes no backlink for it.

    `redirect.github.com` leads to the same page, and GitHub does not count it as a reference.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        return ""
    netloc = "redirect.github.com" if parts.netloc == "github.com" else quote(parts.netloc, safe=":[]")
    path = quote(parts.path, safe="/%~._-")
    query = "?" + quote(parts.query, safe="=&%~._-") if parts.query else ""
    fragment = "#" + quote(parts.fragment, safe="%~._-") if parts.fragment else ""
    return f"{parts.scheme}://{netloc}{path}{query}{fragment}"


def _visible(text: str) -> str:
    """Line ends as `\\n`; nothing invisible, bidirectional or control; joiners where scripts need them."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _INVISIBLE.sub("", text)
    return _JOINER.sub(lambda found: found[0] if _joins(text, found.start()) else "", text)


def _joins(text: str, at: int) -> bool:
    """Whether a joiner at `at` stands between characters that use one: letters of other scripts, emoji."""
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return all(
        side and ord(side) > 0x2FF and unicodedata.category(side)[0] in "LMS" for side in (before, after)
    )


def _pass(text: str, hosts: frozenset[str]) -> str:
    lines = text.split("\n")
    kinds = _kinds(_PARSER.parse(text), len(lines))
    out: list[str] = []
    start = 0
    while start < len(lines):
        end = start + 1
        while end < len(lines) and kinds[end] == kinds[start]:
            end += 1
        block = "\n".join(lines[start:end])
        kind = kinds[start]
        out.append(_pass_code(block) if kind[0] == "code" else _pass_prose(block, kind[2], hosts))
        start = end
    return "\n".join(out)


_Kind = tuple[str, int, tuple[str, ...]]


def _kinds(tokens: list[Token], lines: int) -> list[_Kind]:
    """What each line belongs to: code, or a block of prose with the code spans that the parser sees in it."""
    kinds: list[_Kind] = [("prose", -1, ())] * lines
    for number, token in enumerate(tokens):
        if token.map is None:
            continue
        first, last = token.map
        if token.type in ("fence", "code_block"):
            kinds[first:last] = [("code", number, ())] * (last - first)
        elif token.type == "inline":
            spans = tuple(child.content for child in token.children or () if child.type == "code_inline")
            same = [kind for kind in kinds[first:last] if kind[1] >= 0]
            merged = (same[0][2] if same else ()) + spans
            kinds[first:last] = [("prose", number, merged)] * (last - first)
    return kinds


def _pass_code(block: str) -> str:
    block = _RENDERED_FENCE.sub(r"\1text", block)
    return _SLASH_IN_CODE.sub(" /", _FORGED.sub("<!- -", block))


def _pass_prose(block: str, spans: tuple[str, ...], hosts: frozenset[str]) -> str:
    pieces = _split_spans(block)
    ours = tuple(_normal(piece) for code, piece in pieces if code)
    if ours != tuple(_normal(f" {span} ") for span in spans):
        pieces = [(False, block)]
    done = "".join(_FORGED.sub("<!- -", piece) if code else _defuse(piece, hosts) for code, piece in pieces)
    return _SLASH.sub(rf"\1{BREAK}/", _BLOCK.sub(r"\1&lt;", done))


def _normal(span: str) -> str:
    return " ".join(span.strip("`").split())


def _split_spans(block: str) -> list[tuple[bool, str]]:
    """(is code, text) by CommonMark's rule: a run of n backticks closes with the next run of exactly n."""
    pieces: list[tuple[bool, str]] = []
    runs = list(re.finditer("`+", block))
    done = number = 0
    while number < len(runs):
        run = runs[number]
        escaped = (len(block[: run.start()]) - len(block[: run.start()].rstrip("\\"))) % 2
        close = next((i for i in range(number + 1, len(runs)) if len(runs[i][0]) == len(run[0])), None)
        if escaped or close is None:
            number += 1
            continue
        pieces.append((False, block[done : run.start()]))
        pieces.append((True, block[run.start() : runs[close].end()]))
        done, number = runs[close].end(), close + 1
    return [*pieces, (False, block[done:])]


def _defuse(prose: str, hosts: frozenset[str]) -> str:
    prose = _ENTITY.sub("&amp;", prose)
    prose = _HTML.sub("&lt;", prose)
    prose = _IMAGE.sub("", prose)
    prose = _DEFINITION.sub(f"]{BREAK}", prose)
    prose = _DESTINATION.sub(lambda found: _destination(found, hosts), prose)
    prose = _ADDRESS.sub(lambda found: _address(found, hosts), prose)
    prose = _BARE_WWW.sub(rf"\1{BREAK}", prose)
    prose = _MENTION.sub(f"@{BREAK}", prose)
    return _REFERENCE.sub(lambda found: found[0] + BREAK, prose)


def _destination(found: re.Match[str], hosts: frozenset[str]) -> str:
    if found["url"] and _allowed(found["url"], hosts):
        return found[0]
    return f"]{BREAK}" + found[0][1:]


def _address(found: re.Match[str], hosts: frozenset[str]) -> str:
    if _allowed(found[0], hosts):
        return found[0]
    return f"{found['scheme']}{BREAK}{found['rest']}"


def _allowed(url: str, hosts: frozenset[str]) -> bool:
    if "\\" in url or "&" in url or "#" in url:
        return False
    parts = urlsplit(url)
    return parts.scheme == "https" and parts.netloc in hosts and not _BACKLINK.search(parts.path)


def _close_fence(text: str) -> str:
    """Close a fence that is still open at the end, so that it swallows nothing of what follows."""
    fences = [token for token in _PARSER.parse(text) if token.type == "fence" and token.level == 0]
    if not fences or fences[-1].map is None:
        return text
    first, last = fences[-1].map
    lines = text.split("\n")
    mark = fences[-1].markup
    closing = re.fullmatch(rf" {{0,3}}{re.escape(mark[0])}{{{len(mark)},}}[ \t]*", lines[last - 1])
    if last < len(lines) and any(line.strip() for line in lines[last:]):
        return text
    return text if closing and last - 1 > first else f"{text}\n{mark}"
