"""What a thread command is, and what it says: parsing and words. Pure.

A question is a command only if all of it, on one line, is a command's exact form: its word alone, or, for
`why` and `forget`, its word and one thing of the kind that it takes. One word more, or a question mark, and
it is a question: "/ask show me how …", "/ask why does …" and "/ask forget about tests, how do I …" are.
Left out: carrying commands out (`bot/obey.py`). Run: `pytest tests/unit/bot/test_slash.py`.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from bot.quotas import Limits
from storage.rights import TABLE, May, What, Who, allowed_to


class Command(enum.Enum):
    """The commands by their words."""

    HELP = "help"
    SHOW = "show"
    WHY = "why"
    FORGET = "forget"
    FREEZE = "freeze"
    UNFREEZE = "unfreeze"
    ROLLBACK = "rollback"
    CONFIG = "config"


RIGHTS = {
    Command.HELP: What.ASK,
    Command.SHOW: What.ASK,
    Command.WHY: What.ASK,
    Command.FORGET: What.FORGET_OWN,
    Command.FREEZE: What.CURATE,
    Command.UNFREEZE: What.CURATE,
    Command.ROLLBACK: What.CURATE,
    Command.CONFIG: What.CONFIGURE,
}
"""The column of the table that decides about each. Forgetting what others taught is CURATE."""

MINE = "mine"

_BARE = re.compile(r"(help|show|why|freeze|unfreeze|rollback|config|forget)", re.IGNORECASE)
_WHY = re.compile(
    r"why\s+(?P<target>a_[0-9a-f]{16}|https?://\S+#(?:issuecomment-|discussion_r)\d+)", re.IGNORECASE
)
_FORGET = re.compile(r"forget\s+(?P<target>p_[0-9a-f]{16}|mine|(`+)(?P<words>[^`]+)\2)", re.IGNORECASE)
_COMMENT = re.compile(r"#(issuecomment-|discussion_r)(\d{1,18})$")

_SAYS = {
    "`/ask` *question*": (What.ASK, "answers it"),
    "`/ask show`": (What.ASK, "what I learned here"),
    "`/ask why` *nothing, or a link to an answer*": (
        What.ASK,
        "why the newest, or that, answer says what it says",
    ),
    "`/ask forget mine`": (What.FORGET_OWN, "all that you taught me here counts no more"),
    "`/ask forget` *lesson*": (What.FORGET_OWN, "what you taught of it counts no more"),
    "`/ask forget` *lesson of others*": (What.CURATE, "it counts no more"),
    "`/ask freeze`, `/ask unfreeze`": (What.CURATE, "I stop learning, or go on"),
    "`/ask rollback`": (What.CURATE, "the adapter before this repository's own one answers again"),
    "`/ask config`": (What.CONFIGURE, "the settings in force"),
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A command and what it is about: an answer's or phrase's id, a link, words, `mine`, or ""."""

    command: Command
    target: str = ""
    words: bool = False


def parse(question: str) -> Asked | None:
    """The command that a question is, or None for a question."""
    line = question.strip()
    if "\n" in line or len(line) > 500:
        return None
    if _BARE.fullmatch(line):
        return Asked(command=Command(line.lower()))
    if found := _WHY.fullmatch(line):
        return Asked(command=Command.WHY, target=found["target"])
    if found := _FORGET.fullmatch(line):
        if found["words"]:
            return Asked(command=Command.FORGET, target=found["words"].strip(), words=True)
        return Asked(command=Command.FORGET, target=found["target"].lower())
    return None


def comment_in(link: str) -> tuple[bool, int] | None:
    """Whether a link leads to a review comment, and the comment's id; None for another link."""
    found = _COMMENT.search(link)
    return None if found is None else (found[1] == "discussion_r", int(found[2]))


def people(what: What) -> str:
    """Those who may, in words: `people with the role maintain or admin`."""
    return "people with the role " + " or ".join(row.value for row in allowed_to(what))


def refused(command: Command) -> str:
    """The one sentence for somebody who may not."""
    acts = {
        Command.FORGET: "make me forget what others taught",
        Command.FREEZE: "freeze what I learn",
        Command.UNFREEZE: "let me learn again",
        Command.ROLLBACK: "take back what was promoted for this repository",
        Command.CONFIG: "see my settings",
    }
    what = What.CURATE if command is Command.FORGET else RIGHTS[command]
    return f"Only {people(what)} may {acts[command]} here."


def help_text(row: Who, limits: Limits, word: str = "/ask") -> str:
    """All commands, and what the asking person may do with each; `word` is the one that asks."""
    lines = ["| command | what it does | you may |", "| --- | --- | --- |"]
    for command, (what, does) in _SAYS.items():
        command = command.replace("/ask", word)
        lines.append(f"| {command} | {does} | {_access(row, what, limits)} |")
    thumb, edit = TABLE[row][What.THUMB], TABLE[row][What.EDIT]
    lines += [
        "",
        f"Your 👍 and 👎 on an answer count: {thumb.value}. Your edits of an answer teach: {edit.value}.",
    ]
    return "\n".join(lines)


def _access(row: Who, what: What, limits: Limits) -> str:
    cell = TABLE[row][what]
    if not cell.allowed:
        return f"no: {' or '.join(one.value for one in allowed_to(what))}"
    if what is not What.ASK or TABLE[row][What.CURATE].allowed:
        return "yes"
    if cell is May.QUOTA and not limits.open_to_strangers:
        return "no: people with access"
    return f"yes, {limits.of_person(row)} a day in all"
