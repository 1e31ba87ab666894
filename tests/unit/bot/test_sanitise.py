"""Whatever a model or a stranger wrote does nothing once it is posted."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.effects import BREAK
from bot.sanitise import code_span, fenced, safe_url, sanitise

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
WORDS = r"""
    @user #12 fixes GH-3 o/r#4 o/r@a1b2c3d https://evil.example/x http://x.y www.evil.example ![a](b)
    [a](https://e.x) [a][b] [b]: <https://e.x> <b> <!-- --> <details> </details> <script> <img/src=x> &#64;
    &commat; &lt; ` `` ``` ```suggestion ~~~ ~~~suggestion > - 1. | --- \ * _ /merge //x ( ) [ ] ! a <kbd>
    https://github.com/o/r/issues/1 https://github.com/o/r/blob/main/x.py thumbprint:v1
    **https://e.x** _https://e.x_ [![a](https://e.x)](https://e.x) "t") <https://e.x> (https://e.x
    <!--thumbprint:end--> ```mermaid mailto:a@b.c &#x23;12 :// \` \@ \#
"""
SPACES = ("\n", "\n\n", "    ", " ", "\t", "\u202e", "\u200b", "\ufeff", "\r\n", "\n    @user\n")
PIECES = st.sampled_from([*WORDS.split(), *SPACES])
TEXTS = st.lists(PIECES, max_size=25).map("".join) | st.lists(PIECES, max_size=15).map(" ".join)


def spoken(text):
    """(text tokens, all tokens) as GitHub's parser would see them, outside code."""
    tokens = [
        t
        for block in PARSER.parse(text)
        for t in ([block] if block.type != "inline" else block.children or [])
    ]
    return [t.content for t in tokens if t.type == "text"], tokens


@settings(max_examples=600)
@given(TEXTS)
@example("a ` @u `` b `c@d`")
@example("| a ` | ` @user |\n|---|---|\n| x | y |")
@example("- ```suggestion\n  x")
@example("> ```\n@user")
@example("```&#115;uggestion\nx")
@example("```\\suggestion\nx")
@example('<a href="`">`@user`</a>')
@example("[a]:\nhttps://evil.example '`'\n`@user`")
@example("\\@https://github.com/o/r/blob/main/x.py")
@example("[b]:(https://e.x")
@example("> [b\\]]:\n> (https://e.x\n> and more")
def test_nothing_dangerous_is_left(text):
    clean = sanitise(text)
    texts, tokens = spoken(clean)
    joined = "\n".join(texts)
    assert not re.search(r"@[A-Za-z0-9]", joined)
    assert not re.search(r"#\d", joined)
    assert not re.search(r"\bgh-\d", joined, re.IGNORECASE)
    assert not any(t.type in ("image", "html_block") for t in tokens)
    for t in tokens:
        if t.type == "html_inline":
            assert re.fullmatch(r"</?(kbd|sub|sup|br)\s*/?>", t.content, re.IGNORECASE)
        if t.type == "link_open":
            assert str(t.attrs["href"]).startswith("https://github.com/o/r/blob/"), t.attrs
        if t.type == "fence":
            assert not re.match(r"\s*(suggestion|mermaid)\b", t.info)
    for address in re.findall(r"(?<!:)(?:https?|ftp)://\S*|www\.\S*", joined):
        assert address.startswith("https://github.com/o/r/blob/"), address
    assert not re.search(r"<!--\s*/?thumbprint", clean)
    assert not re.search(r"[\u200b\u202e\ufeff\r]", clean)


@settings(max_examples=300)
@given(TEXTS)
def test_twice_is_once(text):
    clean = sanitise(text)
    assert sanitise(clean) == clean


@given(TEXTS)
def test_without_the_white_space_around_it_it_does_as_little(text):
    """Whoever keeps it strips it."""
    clean = sanitise(text)
    assert clean == clean.strip()
    assert sanitise("\ufeff\n\t@team\n now") == f"@{BREAK}team\n now"


@given(TEXTS)
def test_no_fence_is_left_open(text):
    after = sanitise(text) + "\n\n<!-- end -->"
    assert PARSER.parse(after)[-1].type == "html_block"


@pytest.mark.parametrize(
    "text",
    [
        'Use `a.get()`.\n\n```py\n@wraps\ndef f(x: list[int]) -> None:  #1\n    print("<b>")\n```\n\nDone.',
        "~~~\nhttps://evil.example @user\n~~~",
        "1. One\n2. Two `x@y`",
        "Code:\n\n    indented @code",
        "Größe, 中文, हिन्दी, 👩‍👩‍👧, a * b, 5 < 6 & 7 > 6, C# and `#12`.",
        "Look at https://github.com/o/r/blob/main/x.py or [the docs](https://docs.github.com/en/rest).",
        'Look at [the docs](https://docs.github.com/en/rest "REST") and **https://github.com/o/r/wiki**.',
        "Press <kbd>Ctrl</kbd>.",
        "A table:\n\n| a | b |\n|---|---|\n| `x` | 1 |",
        "",
    ],
)
def test_a_clean_answer_stays_byte_for_byte(text):
    assert sanitise(text) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("thanks @user", f"thanks @{BREAK}user"),
        ("fixes #12", f"fixes #{BREAK}12"),
        ("closes o/r#12 and GH-7", f"closes o/r#{BREAK}12 and GH-{BREAK}7"),
        ("![pixel](https://evil.example/x.png)", "pixel (`https://evil.example/x.png`)"),
        (
            "Use [`f()`](https://a.example/f?x=1) or [g](http://b.example).",
            "Use `f()` (`https://a.example/f?x=1`) or g (`http://b.example`).",
        ),
        ("[https://a.example/x](https://a.example/x)", "`https://a.example/x`"),
        ("See https://a.example/x.", "See `https://a.example/x`."),
        ("Yes (https://a.example/x).", "Yes (`https://a.example/x`)."),
        ("[`d.copy()`](https://a.example#d.copy())", "`d.copy()` (`https://a.example#d.copy()`)"),
        ("[~~~](https://a.example)\n\nmore", f"[~~~]{BREAK}(https:{BREAK}//a.example)\n\nmore"),
        (
            "`[a](https://a.example)` [a](https://a.example)",
            "`[a](https://a.example)` a (`https://a.example`)",
        ),
        ("a ` [b](https://a.example)", f"a ` [b]{BREAK}(https:{BREAK}//a.example)"),
        ("[b](https://a.example/@user)", f"[b]{BREAK}(https:{BREAK}//a.example/@{BREAK}user)"),
        ("\\[b](https://a.example)", f"\\[b]{BREAK}(https:{BREAK}//a.example)"),
        ('Use [a](https://a.example/x "what it is").', "Use a (`https://a.example/x`)."),
        ("[a](https://a.example/x\n'its title') b", "a (`https://a.example/x`) b"),
        ("**[a](<https://a.example/x> (title))**", "**a (`https://a.example/x`)**"),
        ("[**a**](https://a.example/x)", "**a** (`https://a.example/x`)"),
        (
            '[a](https://github.com/o/r "its title") @user',
            f'[a](https://github.com/o/r "its title") @{BREAK}user',
        ),
        (
            '[a](https://a.example "`code`") b',
            f'[a]{BREAK}(https:{BREAK}//a.example "`code`") b',
        ),
        (
            "[![build](https://a.example/b.svg)](https://b.example/r)",
            "build (`https://a.example/b.svg`) (`https://b.example/r`)",
        ),
        (
            '[![build](https://a.example/b.svg "t") 3.1](https://github.com/o/r "t")',
            '[build (`https://a.example/b.svg`) 3.1](https://github.com/o/r "t")',
        ),
        (
            "[![build](https://github.com/o/r/raw/main/b.svg)](https://github.com/o/r)",
            "[build (`https://github.com/o/r/raw/main/b.svg`)](https://github.com/o/r)",
        ),
        (
            "[![](https://a.example/b.svg)](https://b.example)",
            "`https://a.example/b.svg` (`https://b.example`)",
        ),
        ("**https://a.example/x**", "**`https://a.example/x`**"),
        ("See _https://a.example/x_.", "See _`https://a.example/x`_."),
        (
            "~~https://a.example/x~~ *http://b.example*, c",
            "~~`https://a.example/x`~~ *`http://b.example`*, c",
        ),
        ('"https://a.example/x"', '"`https://a.example/x`"'),
        ("**See https://a.example/x!**", "**See `https://a.example/x`!**"),
        ("See <https://a.example/x>.", "See `https://a.example/x`."),
        ("\\<https://a.example/x>", f"\\&lt;https:{BREAK}//a.example/x>"),
        ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
        ("```suggestion\nx = 1\n```", "```text\nx = 1\n```"),
        ("/merge", "\\/merge"),
        ("```\nno end", "```\nno end\n```"),
        ("see https://github.com/o/r/issues/5", "see `https://github.com/o/r/issues/5`"),
        ("a\u202eb\u200bc", "abc"),
        ("<!-- thumbprint:v1 {} -->", "&lt;!-- thumbprint:v1 {} -->"),
        ("$`\\href{https://evil.example}{x}`$", "$&#8203;`\\href{https://evil.example}{x}`$"),
        ("$\\style{color:white}{x}$", "$\\s&#8203;tyle{color:white}{x}$"),
        ("$`x^2`$ and `\\href{a}`, @octocat", "$`x^2`$ and `\\href{a}`, @&#8203;octocat"),
    ],
)
def test_each_effect_is_taken_away_in_the_smallest_way(text, clean):
    assert sanitise(text) == clean


def test_a_forged_marker_in_code_is_broken():
    assert "<!-- thumbprint" not in sanitise("```\n<!-- thumbprint:end -->\n```")


@given(st.text(max_size=60))
def test_a_code_span_is_one_and_holds_its_text(text):
    inline = PARSER.parseInline(f"a {code_span(text)} b")[0].children
    codes = [t.content for t in inline if t.type == "code_inline"]
    assert len(codes) == 1 and not any("\n" in code for code in codes)


@given(TEXTS)
def test_a_fenced_text_is_one_block(text):
    assert [t.type for t in PARSER.parse(fenced(text))] == ["fence"]


def test_links_of_ours_write_no_backlink_and_cannot_break_out():
    assert safe_url("https://github.com/o/r/issues/1#issuecomment-2") == (
        "https://redirect.github.com/o/r/issues/1#issuecomment-2"
    )
    assert safe_url("javascript:alert(1)") == "" and safe_url("https://a@evil.example/") == ""
    assert ")" not in safe_url("https://ghe.example/a)b(c d?e=)")
