"""The one sanitiser: what a model or a stranger wrote, made inert before it goes out under our name. Pure.

`bot/effects.py` judges a text on the tree that GitHub makes of it. One that does nothing stays as it is, byte
for byte. Of any other, code is kept, and what is left is taken apart in the smallest way, mostly with a
zero-width space as the entity `&#8203;`, which people see in the source and readers do not see at all:

- `@name`, `#12`, `owner/repo#12`, `GH-12` (so closing keywords too), look-alikes too: broken behind the sign
- images become links; links and bare addresses stay only if they lead where `effects.allowed` lets them: a
  link or an image to elsewhere, with a title, in emphasis or a badge, too, is its label and its address as
  code, an address that stands alone is code (`bot/prose.py`)
- raw HTML is escaped, except a few tags without attributes within a line; entities are shown or resolved
- `suggestion` and rendered fences become `text`; an open fence is closed; a leading slash command is escaped
- in formulas and prose TeX's `\\href` and its like are broken
- invisible, bidirectional and control characters go; a forged marker is broken

It is judged again; a text that still does something goes out as one block of code. Left out: what our own
fold says (`bot/reply.py` quotes each piece with `code_span` or `safe_url`), the way out (`bot/outgoing.py`).
Run: `pytest tests/unit/bot/test_sanitise.py`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable
from urllib.parse import quote, urlsplit

from bot.effects import (
    ALLOWED_HOSTS,
    BREAK,
    COMMAND,
    FORGED,
    INVISIBLE,
    MATH,
    MENTION,
    REDIRECT,
    REFERENCE,
    RENDERED,
    TAGS,
    allowed,
    effects,
    fold,
    hidden,
)
from bot.gfm import Node, parse
from bot.prose import is_as, split, unlinked

ROUNDS = 4
"""Taking one effect away can show another; after so many rounds a text goes out as code."""

_GAP = "\u200b"
"""Stands for BREAK while a text is worked on; `_visible` takes away those that were there."""

_PREFIX = r"(?:[ \t>]|[-*+][ \t]|\d+[.)][ \t])*"
_HTML = re.compile(rf"<(?=[A-Za-z/!?])(?!/?(?:{TAGS})\s*/?>)", re.IGNORECASE)
_BLOCK = re.compile(rf"^({_PREFIX})<(?=/?(?:{TAGS})[ \t]*/?>[ \t]*$)", re.IGNORECASE | re.MULTILINE)
_ENTITY = re.compile(r"&#?\w+;")
_PLAIN = frozenset({"&amp;", "&lt;", "&gt;", "&quot;", "&nbsp;"})
_SIGN = re.compile(f"{MENTION.pattern}|{REFERENCE.pattern}", re.IGNORECASE)
_IMAGE = re.compile(r"!(?=\[)")
_DESTINATION = re.compile(
    r"""\]\((?P<url>https://[\w.:~/%#+-]+)(?:[ ]+"[^"\n]*"|[ ]+'[^'\n]*')?\)|\](?=\()"""
)
_DEFINITION = re.compile(r"\](?=:)")
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*:)(?=\\*/\\*/)(?P<rest>[^\s<>()\[\]`\"']*)")
_BARE_WWW = re.compile(r"(www)(?=\.)", re.IGNORECASE)
_FENCE = re.compile(r"^([^`~\n]*(?:`{3,}|~{3,}))[^\n]*")


def sanitise(text: str, allowed_hosts: Iterable[str] = ALLOWED_HOSTS) -> str:
    """`text` as Markdown that does nothing: see the module's list. Doing it twice changes nothing.

    No white space is left around it: judged with some, its first line could be code, and without it none.
    """
    hosts = frozenset(allowed_hosts)
    text = _closed(_visible(text).strip())
    for _ in range(ROUNDS):
        if not effects(text, hosts):
            return text
        text = _closed(_visible(_pass(text, hosts)).strip())
    return text if not effects(text, hosts) else fenced(text)


def code_span(text: str) -> str:
    """`text` on one line as a code span that it cannot close."""
    line = " ".join(FORGED.sub("<!- -", _visible(text)).split())
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def fenced(text: str) -> str:
    """`text` as a code block that it cannot close."""
    text = _in_code(_visible(text))
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}text\n{text}\n{ticks}"


def inert(text: str) -> str:
    """`text` on one line, for a label within a sentence of ours: no link, no mention, no markup."""
    return _defuse(re.sub(r"[^\w .,:/-]", "", _visible(text)), frozenset()).replace(_GAP, BREAK)


def safe_url(url: str) -> str:
    """`url` for a Markdown link, or "" when it is no http(s) address; github.com writes no backlink."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        return ""
    netloc = REDIRECT if parts.netloc == "github.com" else quote(parts.netloc, safe=":[]")
    path = quote(parts.path, safe="/%~._-")
    query = "?" + quote(parts.query, safe="=&%~._-") if parts.query else ""
    fragment = "#" + quote(parts.fragment, safe="%~._-") if parts.fragment else ""
    return f"{parts.scheme}://{netloc}{path}{query}{fragment}"


def _visible(text: str) -> str:
    """Line ends as `\\n`; nothing invisible, bidirectional or control; joiners and selectors where something
    is joined or selected."""
    text = INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    while idle := set(hidden(text)):
        text = "".join(sign for at, sign in enumerate(text) if at not in idle)
    return text


def _closed(text: str) -> str:
    """`text` with a fence that is still open at its end closed, so that it swallows nothing that follows."""
    if "```" not in text and "~~~" not in text:
        return text
    end = parse(f"{text}\n\n<!-- end -->").children[-1]
    if end.kind != "code_block":
        return text
    opened = re.match(r"[ ]{0,3}(`{3,}|~{3,})", text.split("\n")[end.first])
    return f"{text}\n{opened[1]}" if opened else text


def _pass(text: str, hosts: Collection[str]) -> str:
    lines = text.split("\n")
    kinds = _kinds(parse(text), len(lines))
    out: list[str] = []
    start = 0
    while start < len(lines):
        end = start + 1
        while end < len(lines) and kinds[end] == kinds[start]:
            end += 1
        block = "\n".join(lines[start:end])
        code, _, notes = kinds[start]
        out.append(_pass_code(block, notes) if code else _pass_prose(block, notes, hosts))
        start = end
    return "\n".join(out)


_Kind = tuple[bool, int, tuple[str, ...]]


def _kinds(root: Node, lines: int) -> list[_Kind]:
    """What each line belongs to: (is code, which block, its fence's info or the code spans in it)."""
    kinds: list[_Kind] = [(False, -1, ())] * lines
    for number, node in enumerate(root.walk()):
        here = slice(max(0, node.first), min(lines, node.last))
        size = len(kinds[here])
        if node.kind == "code_block":
            kinds[here] = [(True, number, (node.info,))] * size
        elif node.kind in ("paragraph", "heading", "table_cell"):
            spans = tuple(below.literal for below in node.walk() if below.kind == "code")
            before = next((kind[2] for kind in kinds[here] if not kind[0] and kind[1] >= 0), ())
            kinds[here] = [(False, number, before + spans)] * size
    return kinds


def _pass_code(block: str, info: tuple[str, ...]) -> str:
    if any(RENDERED.match(one.strip()) for one in info):
        block = _FENCE.sub(r"\1text", block)
    return _in_code(block)


def _in_code(text: str) -> str:
    return COMMAND.sub(lambda found: f"{found[0][:-1]}\\/", FORGED.sub("<!- -", text))


def _pass_prose(block: str, spans: tuple[str, ...], hosts: Collection[str]) -> str:
    """Prose made inert around its code spans; where our reading of them is not the tree's, all of it is."""
    pieces = split(block)
    if is_as(pieces, spans):
        pieces = split(unlinked(pieces, lambda url, within: _stays(url, within, hosts)))
    else:
        pieces = [(False, block)]
    pieces = _no_formulas(pieces)
    done = "".join(FORGED.sub("<!- -", piece) if code else _defuse(piece, hosts) for code, piece in pieces)
    done = COMMAND.sub(lambda found: f"{found[0][:-1]}\\/", _BLOCK.sub(r"\1&lt;", done))
    return done.replace(_GAP, BREAK)


def _no_formulas(pieces: list[tuple[bool, str]]) -> list[tuple[bool, str]]:
    """The pieces; code between two dollar signs that would be more than a formula is none any more."""
    found = list(pieces)
    for at in range(1, len(pieces) - 1):
        (_, before), (code, piece), (_, behind) = pieces[at - 1 : at + 2]
        if code and before.endswith("$") and behind.startswith("$") and MATH.search(piece):
            found[at - 1] = (False, before + _GAP)
    return found


def _stays(url: str, within: bool, hosts: Collection[str]) -> bool:
    """Whether an address is left as it is: it leads where it may, or has a sign to break."""
    return (allowed(url, hosts) and not within) or _SIGN.search(fold(url)) is not None


def _defuse(prose: str, hosts: Collection[str]) -> str:
    prose = _ENTITY.sub(_entity, prose.replace(BREAK, ""))
    prose = _HTML.sub("&lt;", prose)
    prose = _IMAGE.sub("", prose)
    prose = _DEFINITION.sub(f"]{_GAP}", prose)
    prose = _DESTINATION.sub(lambda found: _destination(found, hosts), prose)
    prose = _ADDRESS.sub(lambda found: _address(found, hosts), prose)
    prose = _BARE_WWW.sub(rf"\1{_GAP}", prose)
    prose = MATH.sub(lambda found: f"\\{found[1][0]}{_GAP}{found[1][1:]}", prose)
    gaps = [found.end() for found in _SIGN.finditer(fold(prose))]
    return _GAP.join(prose[a:b] for a, b in zip([0, *gaps], [*gaps, len(prose)], strict=True))


def _entity(found: re.Match[str]) -> str:
    """The entity itself where it is plain, its sign where that is visible and no ASCII, else its source."""
    sign = html.unescape(found[0])
    if found[0] in _PLAIN:
        return found[0]
    visible = len(sign) == 1 and sign.isprintable() and not INVISIBLE.match(sign)
    return sign if visible and not sign.isascii() else f"&amp;{found[0][1:]}"


def _destination(found: re.Match[str], hosts: Collection[str]) -> str:
    if found["url"] and allowed(found["url"], hosts):
        return found[0]
    return f"]{_GAP}" + found[0][1:]


def _address(found: re.Match[str], hosts: Collection[str]) -> str:
    if allowed(found[0].rstrip(".,:;!?*_~"), hosts):
        return found[0]
    return f"{found['scheme']}{_GAP}{found['rest']}"
