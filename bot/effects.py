"""What a text would do on GitHub, judged on the tree that cmark-gfm makes of it. Pure.

GitHub makes mentions and references of the text outside code, links and images come from the tree, and other
bots read the raw text for commands, so each rule looks at what it concerns. Look-alikes that Unicode folds
into a sign count as the sign. Left out: taking an effect away (`bot/sanitise.py`); GitHub's custom autolinks,
which a repository's own admins set up.
Run: `pytest tests/unit/bot/test_effects.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import pairwise
from urllib.parse import urlsplit

from bot.gfm import Node, parse
from bot.hosts import host_of

BREAK = "&#8203;"
"""A zero-width space as an entity: seen in the source, not seen by readers, and no sign goes on behind it."""

ALLOWED_HOSTS = frozenset({"github.com", "docs.github.com"})
"""Web hosts that a link in an answer may lead to; a GHES host takes the place of the first."""

REDIRECT = "redirect.github.com"
"""Leads to the same page as github.com, and GitHub does not count it as a reference."""

SUMMARY = "Why this answer"
"""The title of our fold."""

TAGS = "kbd|sub|sup|br"
"""Raw HTML that is harmless within a line, and useful."""

INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Invisible, bidirectional and control characters, lone surrogates, tags, variation selectors from 17 on."""

MENTION = re.compile(r"@(?=[^\W_])")
REFERENCE = re.compile(r"#(?=\d)|(?<![^\W_])gh-(?=\d)", re.IGNORECASE)
ADDRESS = re.compile(r"(?:https?|ftp)://(?=\S)|www\.(?=\S)", re.IGNORECASE)
FORGED = re.compile(r"<!--(?=\s*/?\s*thumbprint)", re.IGNORECASE)
COMMAND = re.compile(
    r"^(?:[^\S\n]|>)*(?:(?:[-*+]|\d+[.)])[^\S\n]+)*/(?=[A-Za-z][\w-]*(?:\s|$))", re.MULTILINE
)
"""Behind any white space: bots trim a line as Unicode has it, a no-break space too."""
RENDERED = re.compile(r"(?:suggestion|mermaid|geojson|topojson|stl|math)\b", re.IGNORECASE)
"""Fences that GitHub makes something else of than text."""

MATH = re.compile(r"\\(href|url|class|cssId|style|data|require|includegraphics|unicode)(?=\s*\{)")
"""Commands of TeX that are more than a formula. GitHub renders what stands between dollar signs."""

_TAG = re.compile(rf"</?(?:{TAGS})\s*/?>", re.IGNORECASE)
_OWN = re.compile(rf"(?:<!-- /?thumbprint:[^<>]*-->|<details><summary>{SUMMARY}</summary>|</details>|\s)+")
_NOTE = re.compile(r"<!-- thumbprint:(?:yes|no) r_[0-9a-f]{16} -->")
_DEFINITION = re.compile(
    r"^[ \t>*+\-\d.)]*\[(?:[^\[\]\\]|\\.)+\]:[\s>]*(?P<url>[^\s<>]\S*)", re.MULTILINE | re.DOTALL
)
_ESCAPED = re.compile(r"\\.")
_JOINERS = re.compile("[\u200c\u200d]")
_SELECTORS = re.compile("[\ufe00-\ufe0f]")
_DOTS = re.compile(r"\.\.|%2e", re.IGNORECASE)
"""What leads up from a page: browsers take `%2e` for a dot."""
_PAGE = re.compile(
    r"/(?!(?:login|logout|sessions?|settings|apps|orgs|marketplace|sponsors|notifications|codespaces|new)/)"
    r"[\w.-]+/[\w.-]+(?:/(?:blob|tree|blame|raw|wiki|releases|tags|milestones?|labels)(?:/[\w.~/%+-]*)?)?/?"
)
_HERE = re.compile(r"[A-Za-z][\w-]*")


def effects(text: str, hosts: Collection[str] = ALLOWED_HOSTS, *, ours: bool = False) -> Counter[str]:
    """What `text` would do, each with what does it, as `kind: what`; empty for one that does nothing.

    `ours`: judge a comment of ours whole. Its markers, its fold and links of the fold are no effects then.
    """
    found = Counter(f"invisible: U+{ord(sign):04X}" for sign in INVISIBLE.findall(text))
    found.update(f"invisible: U+{ord(text[at]):04X}" for at in hidden(text))
    found.update(f"command: {one.strip()}" for one in COMMAND.findall(text))
    if not ours:
        found.update("marker: forged" for _ in FORGED.findall(text))
    tree = parse(text)
    found |= Counter(_of_tree(tree, hosts, ours))
    found.update(_half_definitions(text, tree))
    if "[^" in text:
        found |= Counter(_of_tree(parse(text, footnotes=False), hosts, ours))
    return found


def hosts_of(github_url: str) -> frozenset[str]:
    """Hosts that a link in an answer may lead to, from the REST root: those of this GitHub."""
    host = urlsplit(host_of(github_url).web).netloc
    return ALLOWED_HOSTS if host == "github.com" else frozenset({host})


def fold(text: str) -> str:
    """`text` with each look-alike as what Unicode folds it into (NFKC); as long as before."""
    if text.isascii():
        return text
    return "".join(
        sign if sign.isascii() else unicodedata.normalize("NFKC", sign)[:1] or sign for sign in text
    )


def allowed(url: str, hosts: Collection[str]) -> bool:
    """Whether a link may lead there: to a page that writes no backlink, on one of these hosts.

    Issues, pull requests, discussions and commits would write one, and a query may carry something out.
    """
    if any(sign in url for sign in "\\&?@ ") or not (url.isascii() and url.isprintable()):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme != "https" or parts.netloc not in hosts:
        return False
    if (parts.fragment and not _HERE.fullmatch(parts.fragment)) or url.endswith("#"):
        return False
    if parts.netloc.startswith("docs."):
        return True
    return not _DOTS.search(parts.path) and bool(_PAGE.fullmatch(parts.path))


def joins(text: str, at: int) -> bool:
    """Whether a joiner at `at` stands between characters that use one: letters of other scripts, emoji."""
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    return all(
        side and ord(side) > 0x2FF and unicodedata.category(side)[0] in "LMS" for side in (before, after)
    )


def selects(text: str, at: int) -> bool:
    """Whether a variation selector at `at` chooses how what is before it looks: a sign, a digit of a key."""
    before = text[at - 1 : at] if at else ""
    if before and before in "0123456789#*":
        return text[at + 1 : at + 2] == "\u20e3"
    return bool(before) and (
        before in "©®" or (ord(before) > 0x2FF and unicodedata.category(before)[0] in "LSP")
    )


def hidden(text: str) -> Iterator[int]:
    """Where joiners stand in `text` that join nothing, and variation selectors that choose nothing."""
    yield from (one.start() for one in _JOINERS.finditer(text) if not joins(text, one.start()))
    yield from (one.start() for one in _SELECTORS.finditer(text) if not selects(text, one.start()))


def _of_tree(root: Node, hosts: Collection[str], ours: bool) -> Iterator[str]:
    for node in root.walk():
        if node.kind == "image":
            yield f"image: {node.url}"
        elif node.kind == "link" and not (allowed(node.url, hosts) or (ours and _of_fold(node.url, hosts))):
            yield f"link: {node.url}"
        elif node.kind == "html_inline" and not _TAG.fullmatch(node.literal):
            yield from () if ours and _NOTE.fullmatch(node.literal) else (f"html: {node.literal}",)
        elif node.kind == "html_block":
            yield from () if ours and _OWN.fullmatch(node.literal.strip()) else (f"html: {node.literal}",)
        elif node.kind == "code_block" and RENDERED.match(node.info.strip()):
            yield f"fence: {node.info}"
        for text in _texts(node):
            yield from _of_text(text)
            if node.kind != "link":
                yield from (f"link: {one}" for one in ADDRESS.findall(text))
        yield from _at_addresses(node)
        yield from _in_formulas(node)


def _half_definitions(text: str, tree: Node) -> Iterator[str]:
    """Where a link stands that not every reader takes for a definition: cmark-gfm does and shows nothing,
    others want its parentheses closed and show an address."""
    lines = text.split("\n")
    for node in tree.walk():
        if node.kind == "code_block":
            lines[node.first : node.last] = [""] * len(lines[node.first : node.last])
    for one in _DEFINITION.finditer("\n".join(lines)):
        url = _ESCAPED.sub("", one["url"])
        if url.count("(") > url.count(")"):
            yield f"definition: {one['url']}"


def _in_formulas(node: Node) -> Iterator[str]:
    """Code between two dollar signs is a formula, too."""
    for before, code, behind in zip(node.children, node.children[1:], node.children[2:], strict=False):
        if code.kind == "code" and before.literal.endswith("$") and behind.literal.startswith("$"):
            yield from (f"math: {one}" for one in MATH.findall(code.literal))


def _at_addresses(node: Node) -> Iterator[str]:
    """A sign right before a bare address: the tree parts them, and who reads the source sees `@https`."""
    for before, link in pairwise(node.children):
        if link.kind == "link" and before.kind == "text" and fold(before.literal).endswith("@"):
            yield from (f"mention: @{text}" for text in _texts(link) if ADDRESS.match(text))


def _of_fold(url: str, hosts: Collection[str]) -> bool:
    """Whether the fold may link there: to anything of this GitHub, by the way that writes no backlink."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and parts.netloc in {*hosts, REDIRECT} - {"github.com"}


def _texts(node: Node) -> Iterator[str]:
    """The texts right below a node, as GitHub's filters see them: pieces that touch are one."""
    text = ""
    for child in node.children:
        if child.kind == "text":
            text += child.literal
        elif text:
            yield text
            text = ""
    if text:
        yield text


def _of_text(text: str) -> Iterator[str]:
    seen = fold(text)
    for kind, pattern in (("mention", MENTION), ("reference", REFERENCE)):
        yield from (f"{kind}: {seen[one.start() : one.end() + 30]}" for one in pattern.finditer(seen))
    yield from (f"math: {one}" for one in MATH.findall(text))
    yield from (f"invisible: U+{ord(one):04X}" for one in INVISIBLE.findall(text) if one != "\u200b")
    yield from (f"invisible: U+{ord(text[at]):04X}" for at in hidden(text))
