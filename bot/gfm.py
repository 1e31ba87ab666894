"""GitHub's own reading of Markdown: the tree that cmark-gfm makes of a text. Pure, but for the C library.

The binding renders HTML only and never frees its tree. The library inside it exports all of cmark-gfm, so the
tree is walked and freed through that: https://github.com/github/cmark-gfm/blob/master/src/cmark-gfm.h.
A strong text right in a strong one is part of that, as in its HTML: `**@**name****` is a mention.
Extensions as on GitHub: tables, autolinks, strikethrough, task lists, footnotes. Left out: GitHub's filters
behind it, which make mentions and references out of text (`bot/effects.py`).
Run: `pytest tests/unit/bot/test_effects.py`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cmarkgfm import _cmark

_FOOTNOTES, _UNSAFE = 1 << 13, 1 << 17
"""CMARK_OPT_FOOTNOTES, and CMARK_OPT_UNSAFE: raw HTML is part of the tree, to be judged."""

_EXTENSIONS = (b"table", b"autolink", b"strikethrough", b"tasklist")
_DONE, _EXIT = 1, 3
_LITERAL = frozenset({"text", "code", "code_block", "html_block", "html_inline"})
_INLINE = frozenset(
    {"text", "code", "html_inline", "softbreak", "linebreak", "emph", "strong", "link", "image"}
)
_LEAVES = _LITERAL | {"softbreak", "linebreak", "thematic_break"}


@dataclass(eq=False)
class Node:
    """One node. Lines count from 0, `last` is the one behind it; inline nodes have none.

    `literal`: the words of text, code and HTML, escapes and entities resolved; `url`: where a link or image
    leads; `info`: what follows the opening of a fence.
    """

    kind: str
    first: int = 0
    last: int = 0
    literal: str = ""
    url: str = ""
    info: str = ""
    children: list[Node] = field(default_factory=list)

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in the order of the text."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


def _function(name: str, result: object, *arguments: object) -> Callable[..., Any]:
    function: Any = getattr(_LIBRARY, name)
    function.restype, function.argtypes = result, arguments
    called: Callable[..., Any] = function
    return called


_LIBRARY = ctypes.CDLL(_cmark.__file__)
_P, _S, _I = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_register = _function("cmark_gfm_core_extensions_ensure_registered", None)
_find = _function("cmark_find_syntax_extension", _P, _S)
_parser_new = _function("cmark_parser_new", _P, _I)
_attach = _function("cmark_parser_attach_syntax_extension", _I, _P, _P)
_feed = _function("cmark_parser_feed", None, _P, _S, ctypes.c_size_t)
_finish = _function("cmark_parser_finish", _P, _P)
_parser_free = _function("cmark_parser_free", None, _P)
_node_free = _function("cmark_node_free", None, _P)
_iter_new = _function("cmark_iter_new", _P, _P)
_iter_next = _function("cmark_iter_next", _I, _P)
_iter_node = _function("cmark_iter_get_node", _P, _P)
_iter_free = _function("cmark_iter_free", None, _P)
_kind = _function("cmark_node_get_type_string", _S, _P)
_literal = _function("cmark_node_get_literal", _S, _P)
_url = _function("cmark_node_get_url", _S, _P)
_info = _function("cmark_node_get_fence_info", _S, _P)
_first = _function("cmark_node_get_start_line", _I, _P)
_last = _function("cmark_node_get_end_line", _I, _P)

_register()
_ATTACHED = tuple(_find(name) for name in _EXTENSIONS)


def parse(text: str, footnotes: bool = True) -> Node:
    """The document that GitHub makes of `text`; older GHES hosts know no footnotes.

    With them, notes that nothing refers to are not part of it.
    """
    raw = text.encode("utf-8", "replace")
    parser = _parser_new(_UNSAFE | (_FOOTNOTES if footnotes else 0))
    try:
        for extension in _ATTACHED:
            _attach(parser, extension)
        _feed(parser, raw, len(raw))
        root = _finish(parser)
    finally:
        _parser_free(parser)
    try:
        return _tree(root)
    finally:
        _node_free(root)


def _tree(root: int) -> Node:
    open_nodes: list[Node] = []
    events = _iter_new(root)
    try:
        while (event := _iter_next(events)) != _DONE:
            if event == _EXIT:
                done = open_nodes.pop()
                if not open_nodes:
                    return done
                continue
            pointer = _iter_node(events)
            node = _node(pointer)
            within = open_nodes[-1] if open_nodes else None
            if within and node.kind == within.kind == "strong":
                open_nodes.append(within)
                continue
            if within:
                within.children.append(node)
            if node.kind not in _LEAVES:
                open_nodes.append(node)
    finally:
        _iter_free(events)
    raise AssertionError("cmark-gfm left the document open")


def _node(pointer: int) -> Node:
    kind = _text(_kind(pointer))
    inline = kind in _INLINE
    return Node(
        kind=kind,
        first=0 if inline else _first(pointer) - 1,
        last=0 if inline else _last(pointer),
        literal=_text(_literal(pointer)) if kind in _LITERAL else "",
        url=_text(_url(pointer)) if kind in ("link", "image") else "",
        info=_text(_info(pointer)) if kind == "code_block" else "",
    )


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace")
