"""What GitHub makes of a comment: cmark-gfm's HTML, read by html.parser, and GitHub's rules on its text.

Nothing of `bot/` is used here, so that a fault there is not a fault here: the sanitiser walks cmark-gfm's
tree, this reads what the binding renders. Rules: mentions, references and closing keywords as
https://docs.github.com/en/get-started/writing-on-github says, outside of code; look-alikes (NFKC) count.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html.parser import HTMLParser
from urllib.parse import urlsplit

import cmarkgfm
from cmarkgfm.cmark import Options

EXTENSIONS = ["table", "autolink", "strikethrough", "tasklist"]
OPTIONS = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_GITHUB_PRE_LANG
MADE_BY_MARKDOWN = {
    *("p", "em", "strong", "del", "a", "code", "pre", "blockquote", "ul", "ol", "li", "hr", "br", "input"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "section", "sup"),
}
SHORT_LIST = {"kbd", "sub", "sup", "br"}
OURS = {"details", "summary"}
BESIDE = {"align", "start", "lang", "checked", "disabled", "type", "href", "id", "class", "aria-label"}
NOTES = {"data-footnotes", "data-footnote-ref", "data-footnote-backref", "data-footnote-backref-idx"}
KEYWORD = r"(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)"
TARGET = (
    r"(?:(?:[\w.-]+/[\w.-]+)?#\d+|gh-\d+|https?://[^\s/]+/[\w.-]+/[\w.-]+/(?:issues|pull|discussions)/\d+)"
)
IN_TEXT = {
    "mention": re.compile(r"(?<![\w`])@[a-z0-9][a-z0-9-]*", re.IGNORECASE),
    "reference": re.compile(r"(?<!\w)(?:[\w.-]+/[\w.-]+|[\w-]+)?#\d+|\bgh-\d+", re.IGNORECASE),
    "commit": re.compile(r"[\w.-]+(?:/[\w.-]+)?@[0-9a-f]{7,40}\b", re.IGNORECASE),
    "keyword": re.compile(rf"\b{KEYWORD}:?\s+{TARGET}", re.IGNORECASE),
    "math": re.compile(r"\\(?:href|url|style)\s*\{"),
    "backlink": re.compile(r"https?://[^\s/]+/[\w.-]+/[\w.-]+/(?:issues|pull|discussions|commit)/\w+"),
}
BACKLINK = re.compile(r"^/[^/]+/[^/]+/(?:issues?|pulls?|discussions?|commits?|compare)(?:/|$)")
LIVE_FENCES = ("suggestion", "mermaid", "geojson", "topojson", "stl", "math")
FORMULA = re.compile(r"\$<code>(?=[^<]*\\(?:href|url|style)\s*\{)[^<]*</code>\$")
UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f\x00-\x08\x0b-\x1f\x7f]"
    "|(?<=[A-Za-z @])[\ufe00-\ufe0f]|[\ufe00-\ufe0f](?=[\ufe00-\ufe0f])"
)
BLANK = "[ \t\u00a0\u2000-\u200a\u202f\u205f\u3000]"
"""What a bot that trims a line takes away."""
COMMAND = re.compile(
    rf"^{BLANK}*(?:>{BLANK}*)*(?:[-*+]{BLANK}+|\d+[.)]{BLANK}+)?/[a-z][\w-]*(?:\s|$)", re.I | re.M
)
MARKER = re.compile(r"<!--\s*/?\s*thumbprint", re.IGNORECASE)
OUR_METADATA = re.compile(r"<!-- thumbprint:v1 \{[^<>]*\} -->")


class Page(HTMLParser):
    """A rendered comment: pieces of text outside code, links, images, tags that raw HTML made."""

    def __init__(self, hosts: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.hosts = hosts
        self.found: list[str] = []
        self.open: list[str] = []
        self.texts: list[str] = [""]
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag != "a":  # a keyword and the address behind it are one
            self.texts.append("")
        if tag == "img":
            self.found.append(f"image {given}")
        elif tag not in MADE_BY_MARKDOWN | SHORT_LIST:
            self.found.append(f"html <{tag}>")
        if set(given) - BESIDE - NOTES or (tag in SHORT_LIST - {"sup"} and given):
            self.found.append(f"attributes {given} on <{tag}>")
        if tag == "a":
            self.links.append(given.get("href") or "")
        if tag == "pre" and (given.get("lang") or "").strip().casefold().startswith(LIVE_FENCES):
            self.found.append(f"fence {given}")
        if tag not in ("br", "hr", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "a":
            self.texts.append("")
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not {"pre", "code"} & set(self.open):
            self.texts[-1] += data

    def handle_comment(self, data: str) -> None:
        self.found.append(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        self.found.append(f"declaration {decl}")

    def handle_pi(self, data: str) -> None:
        self.found.append(f"instruction {data}")

    def unknown_decl(self, data: str) -> None:
        self.found.append(f"declaration {data}")


@lru_cache(maxsize=8)
def effects(text: str, hosts: frozenset[str] = frozenset({"github.com", "docs.github.com"})) -> list[str]:
    """Everything that `text` would do on GitHub; empty for a text that does nothing."""
    found = [f"command {one!r}" for one in COMMAND.findall(text)]
    found += [f"marker {one!r}" for one in MARKER.findall(text)]
    found += [f"invisible {ord(one):x}" for one in UNSEEN.findall(text)]
    found += ["invisible 200b in the source"] * text.count("\u200b")
    for footnotes in (0, Options.CMARK_OPT_FOOTNOTES):
        rendered = cmarkgfm.cmark.markdown_to_html_with_extensions(text, OPTIONS | footnotes, EXTENSIONS)
        page = Page(hosts)
        found += [f"math {one}" for one in FORMULA.findall(rendered)]
        page.feed(rendered)
        page.close()
        found += page.found
        found += [f"link {one}" for one in page.links if not harmless(one, hosts)]
        for piece in page.texts:
            found += in_text(piece)
    return found


def in_text(piece: str) -> list[str]:
    """What GitHub's filters make of one text node."""
    seen = unicodedata.normalize("NFKC", piece)
    found = [f"{kind} {one!r}" for kind, rule in IN_TEXT.items() for one in rule.findall(seen)]
    return found + [f"invisible {ord(one):x}" for one in UNSEEN.findall(piece)]


def harmless(href: str, hosts: frozenset[str]) -> bool:
    """Whether a link stays on this GitHub and writes no backlink; footnotes link within the comment."""
    if re.fullmatch(r"#(fn|fnref)-[\w%-]+", href):
        return True
    parts = urlsplit(href)
    if parts.netloc == "redirect.github.com":
        return parts.netloc in hosts
    up = re.search(r"(?:\.|%2e){2}", parts.path, re.IGNORECASE)
    return parts.scheme == "https" and parts.netloc in hosts and not BACKLINK.match(parts.path) and not up


HERE = frozenset({"github.com"})


def own_effects(body: str, hosts: frozenset[str] = HERE, learned: bool = False) -> list[str]:
    """What a comment of ours does besides being ours: its fold, its markers and where its fold links to.

    Exactly one metadata comment may stand in it, at its end, and what was `learned` before the fold.
    """
    fold = body.index("<!-- thumbprint:end -->")
    text, own = body[:fold], body[fold:]
    found = [] if len(OUR_METADATA.findall(body)) == 1 and body.endswith(" -->") else ["metadata, not one"]
    if learned:
        text = re.sub("<!-- /?thumbprint:learned -->", "", text)
    bare = re.sub(r"<!-- thumbprint:(?:end|v1 \{[^<>]*\}) -->", "", own)
    bare = bare.replace("<details><summary>Why this answer</summary>\n", "").replace("</details>\n", "")
    return found + effects(bare, hosts | {"redirect.github.com"}) + effects(text, hosts)
