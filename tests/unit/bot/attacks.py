# ruff: noqa: E501
"""A policy that emits nothing but attacks: bodies of a seeded grammar, each effect in each nesting."""

from __future__ import annotations

import random
from collections.abc import Callable

KEYWORDS = ("close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved")
REFERENCES = ("#12", "evil/repo#12", "GH-12", "https://github.com/evil/repo/issues/12")
CLOSING = tuple(f"{word}{sign} {ref}" for word in KEYWORDS for sign in ("", ":") for ref in REFERENCES)
ATOMS = (
    *("@octocat", "@evil/team", "a@evil.example", "＠octocat", "﹫octocat", "@ⓞctocat", "\\@octocat"),
    *("&#64;octocat", "&commat;octocat", "&#x40;octocat", "&amp;#64;octocat", "@&#8203;@octocat"),
    *("@\u200boctocat", "@\u2060octocat", "@\u00adoctocat", "&#64octocat", "@&ZeroWidthSpace;octocat"),
    *("**@**octocat****", "__#__12____", "**fixes GH-**1****", "**evil/repo@**0123abc****", "**@**oct**ocat******"),
    *("#12", "＃12", "#１２", "\\#12", "&#35;12", "&num;12", "&#12 x", "GH-12", "gh-12", "ＧＨ-12", "𝐆𝐇-12"),
    *("evil/repo#12", "evil/repo@0123abc", "evil@0123456789abcdef0123456789abcdef01234567"),
    *("https://github.com/evil/repo/pull/3", "https://github.com/evil/repo/commit/0123abc"),
    *("https://evil.example/x", "http://evil.example", "www.evil.example", "ftp://evil.example/x"),
    *("HTTPS://EVIL.EXAMPLE", "//evil.example", "https:\\/\\/evil.example", "https&#58;//evil.example"),
    *("[a](https://evil.example)", "[a](<https://evil.example>)", "[a](//evil.example)", "[a](javascript:x)"),
    *("[a](/o/r/issues/1)", "[a](#12)", "[a]( https://evil.example 'b')", "<https://evil.example>"),
    *("<a@evil.example>", "mailto:a@evil.example", "xmpp:a@evil.example", "[a](https://github.com@evil.example)"),
    *("[a](https://github.com/login/oauth/authorize?client_id=1)", "[a](https://github.com\\@evil.example)"),
    *("[a](https://github.com.evil.example/o/r)", "[a](https://github.com/o/r/../../evil/repo/issues/1)"),
    *("![a](https://evil.example/p.png)", "![a][b]", "![a]", "!\\[a](b)", "[![a](b)](c)", "\\![a](b)"),
    *('[a](https://evil.example "b")', '[a](https://evil.example "`@octocat`")', "[a](https://evil.example\n'`')"),
    *("**https://evil.example**", "_https://evil.example_", '"https://evil.example"', "~~https://evil.example~~"),
    *('[![a](https://evil.example/p.png)](https://evil.example "b")', "[![@octocat](https://evil.example)](c)"),
    *("[a][b]", "[b]", "[b][]", "\n\n[b]: https://evil.example\n\n", "\n\n[b]: <https://evil.example> 'x'\n"),
    *("\n[b]:\nhttps://evil.example\n", "[^1]", "\n\n[^1]: @octocat ![a](b)\n\n", "[^1]: https://evil.example"),
    *("<b>", "<img src=https://evil.example/p>", "<IMG/SRC=x>", "<script>alert(1)</script>", "<a href='x'>"),
    *("<details open><summary>Why this answer</summary>", "</details>", "<kbd onclick=x>", "<sub\nid=x>"),
    *("<!-- hidden @octocat -->", "<!--", "-->", "<![CDATA[x]]>", "<?php x?>", "<!DOCTYPE x>", "<br>\n", "<br/x>"),
    *("<!-- thumbprint:v1 {\"answer\":\"a_9\"} -->", "<!--thumbprint:end-->", "<!-- /thumbprint:learned -->"),
    *("< !-- thumbprint:end -->", "<!--\nthumbprint:v1 {} -->", "<kbd>", "</kbd>", "<svg><a>", "<style>", "<pre>"),
    *("\u202e", "\u2066", "\ufeff", "\u200b", "\U000e0041", "\u3164", "&#x202e;", "&ZeroWidthSpace;", "&zwj;"),
    *("\u200d", "\u0000", "\x1b[31m", "&#8203;", "&#x200b;", "&shy;", "&rlm;", "\u2028", "\x0b", "\x85"),
    *("\n\u00a0/merge\n", "\n\u3000\u2003/close\n", "> \u202f/merge\n", "a\ufe0f\ufe0f", "\U0001d173", "\U0001bca0"),
    *("[a](https://github.com/o/r/blob/%2e%2e/issues/1)", "[a](<https://git\thub.com/o/r>)", "@\ufe0foctocat"),
    *("\n/merge\n", "\n/close please\n", "/lgtm", "\n  /approve\n", "\n> /merge\n", "\n- /merge\n", "\r/merge\r"),
    *("`", "``", "```", "~~~", "\n```suggestion\nx\n```\n", "\n~~~suggestion\nx\n~~~\n", "\n```Suggestion x\n"),
    *("\n```&#115;uggestion\nx\n```\n", "\n```\\suggestion\nx\n```\n", "\n````mermaid\nx\n````\n", "\n```math\nx"),
    *("\n``` suggestion\nx\n```", "\n```py\n<!-- thumbprint:end -->\n/merge\n```\n", "\n```\nopen\n", "\n    x\n"),
    *("|", "\n| a | b |\n|---|---|\n| @octocat | #1 |\n", "\n|a|\n|-|\n|`|`|\n", "\\", "*", "_", "~~", "---", "==="),
    *("$`\\href{https://evil.example}{x}`$", "$\\href{https://evil.example}{x}$", "$$\\url {x}$$", "`\\style{x}`$"),
    *("\r\n", "\r", "\n", "\n\n", "\t", "    ", " ", "ﬁxes #1", "fixes\u00a0#12", "fixes&nbsp;#12", "Use `x`."),
)  # fmt: skip


def attack(number: int, seed: int = 20261121) -> str:
    """The body with this number: one to seven atoms, each nested zero to three deep, joined or apart."""
    dice = random.Random(seed * 1_000_003 + number)
    pieces = [CLOSING[number % len(CLOSING)] if dice.random() < 0.15 else dice.choice(ATOMS)]
    pieces += [dice.choice(ATOMS) for _ in range(dice.randrange(7))]
    dice.shuffle(pieces)
    for _ in range(dice.randrange(4)):
        at = dice.randrange(len(pieces))
        pieces[at] = dice.choice(NESTINGS)(pieces[at])
    return dice.choice(("", " ", " ", "\n", "\n\n", "\r\n")).join(pieces)


def _lines(first: str, others: str) -> Callable[[str], str]:
    return lambda text: "\n" + first + text.replace("\n", f"\n{others}") + "\n"


def _around(before: str, after: str) -> Callable[[str], str]:
    return lambda text: before + text + after


NESTINGS = (
    *(_lines("> ", "> "), _lines("> ", ""), _lines("- ", "  "), _lines("1. ", "   "), _lines("- > ", "  > ")),
    *(_lines("    ", "    "), _lines("\t", "\t"), _lines("# ", ""), _lines("| a |\n|---|\n| ", ""), _lines("- [ ] ", "")),
    *(_around("`", "`"), _around("`` ` ", " ``"), _around("**", "**"), _around("*", "*"), _around("~~", "~~")),
    *(_around("[", "](x)"), _around("[", "]"), _around("(", ")"), _around("<", ">"), _around("\\", "")),
    *(_around("\n```\n", "\n```\n"), _around("\n```\n", "\n"), _around("\n~~~ py\n", "\n~~~\n"), _around("`", "")),
    *(_around("&lt;", "&gt;"), _around("<kbd>", "</kbd>"), _around("&#8203;", "&#8203;"), _around('"', '"')),
    *(_around("[^2]: ", "\n\n[^2]"), _around("\n<details>\n\n", "\n\n</details>\n"), _around("$", "$"), _around("a", "b")),
)  # fmt: skip
