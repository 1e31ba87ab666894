"""The one way out: what a comment says on GitHub passes here, whoever wrote it and whatever made it. Pure.

`bot/github.py` gives GitHub no text that is not from here. A new comment is a `Body`: its text is made inert
here, whatever was done to it before, and its own parts were made by `bot/reply.py` from quoted pieces and are
judged too. A comment that stands may get other parts of ours, and nothing else in it may change: what people
wrote there is theirs, live already, and stays byte for byte. Left out: when to post (`bot/posting.py`).
Run: `pytest tests/unit/bot/test_outgoing.py`.
"""

from __future__ import annotations

from collections.abc import Collection

from bot.effects import effects
from bot.reply import LONGEST, Body, Marker, answer_text, bare, parse_marker
from bot.sanitise import fenced, sanitise
from bot.shorten import shorten
from storage.errors import Withheld
from storage.records import Post

_SHARES = (1.0, 0.9, 0.5)
"""Of the room for a text that is too long: cutting it may need signs to keep it inert."""


def sealed(body: Body, hosts: Collection[str]) -> str:
    """The text of a new comment: at most `LONGEST` characters, and nothing in it has an effect.

    Own parts that would have one go out as bare metadata, by which the comment is found again.
    """
    own = body.own
    if effects(own, hosts, ours=True):
        own = bare(parse_marker(own) or Marker(answer_id=""))
    room = LONGEST - len(own) - 2
    for share in _SHARES:
        cut = sanitise(shorten(body.text, int(room * share)), hosts)
        if len(cut) <= room:
            return f"{cut}\n\n{own}"
    return f"{fenced('…')}\n\n{own}"


def amended(standing: Post, body: str, hosts: Collection[str]) -> str:
    """The new text of a comment of ours that stands: what people may edit and the metadata are as they were.

    Raises Withheld when they are not, when the comment is not ours, and when our parts would do something.
    """
    if not standing.by_us:
        raise Withheld(f"the comment {standing.id} is not ours: it is left as it is")
    if answer_text(standing.body) != answer_text(body) or parse_marker(standing.body) != parse_marker(body):
        raise Withheld(
            f"the comment {standing.id} would not keep its text or its metadata: it is left as it is"
        )
    more = effects(body, hosts, ours=True) - effects(standing.body, hosts, ours=True)
    if more:
        kinds = ", ".join(sorted({one.partition(":")[0] for one in more}))
        raise Withheld(f"the comment {standing.id} would get an effect ({kinds}): it is left as it is")
    return body
