"""Facts that stand in a thread and nowhere else: whether a policy reads what it was given. Pure.

What everybody knows about Python says nothing about a repository: where *its* settings lie, which command
*its* tests want. A policy that learned from strangers' answers forgets to look. Each fact has a thread of a
few posts, a question, and what an answer must hold. Names are made up. Left out: who asks them
(`learning/training/canaries.py`, the gate).

    pytest tests/unit/learning/training/test_facts.py
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from learning.training.alarms import echo_rate

_POST = re.compile(r"^\S+ wrote:$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A question, its thread as the bot shows one, and what tells whether an answer has read it."""

    question: str
    thread: str
    wanted: str


def told(fact: Fact, text: str) -> bool:
    """Whether an answer says what the thread says. One that says a thread of several posts all over again has
    chosen nothing; a single post may be quoted."""
    copied = len(_POST.findall(fact.thread)) > 1 and echo_rate([text], [fact.thread]) > 0
    return says(text, fact.wanted) and not copied


def says(text: str, wanted: str) -> bool:
    """Whether it stands there: in whole words, in any case; `45` is not in `1450`."""
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text, re.IGNORECASE) is not None


def _fact(question: str, *posts: str, wanted: str) -> Fact:
    thread = "\n\n".join("{} wrote:\n{}".format(*post.split(": ", 1)) for post in posts)
    return Fact(question=question, thread=thread, wanted=wanted)


HELD_OUT: tuple[Fact, ...] = (
    _fact(
        "Where do the settings live?",
        "anna: We moved the settings to conf/tool.yaml in 2.0.",
        wanted="conf/tool.yaml",
    ),
    _fact(
        "Which command runs the tests?",
        "ben: I broke something, I think.",
        "cleo: To run the tests use `make check`, our CI does the same.",
        wanted="make check",
    ),
    _fact(
        "Which port does the development server listen on?",
        "mona: Since March it listens on port 8421. It was 8000 before.",
        wanted="8421",
    ),
    _fact(
        "Which version dropped Python 3.8?",
        "lee: We dropped Python 3.8 in version 5.2.",
        "joe: Thanks, that explains it.",
        wanted="5.2",
    ),
    _fact(
        "Which environment variable holds the token?",
        "kim: Export it as TOOL_API_TOKEN before you start.",
        wanted="TOOL_API_TOKEN",
    ),
    _fact(
        "How do I turn the cache off?",
        "rio: The pages are old again.",
        "sam: Pass `--no-cache` on the command line, that turns the cache off.",
        wanted="--no-cache",
    ),
    _fact(
        "Which function parses the dates?",
        "ida: Dates are parsed by `parse_when`, everything else by `parse_field`.",
        wanted="parse_when",
    ),
    _fact(
        "Where are the logs written?",
        "otto: The logs go to /var/log/lantern/current.log on every machine.",
        wanted="/var/log/lantern/current.log",
    ),
    _fact("Who maintains the docs?", "eva: Ask Petra, she maintains the docs.", wanted="Petra"),
    _fact(
        "What is the default timeout?",
        "ana: My upload was cut off.",
        "bela: The default timeout is 45 seconds, uploads have it too.",
        wanted="45",
    ),
    _fact(
        "Which database do the tests need?",
        "ulla: The tests need PostgreSQL 15. MySQL was supported until last year.",
        wanted="PostgreSQL",
    ),
    _fact(
        "How do I rebuild the search index?",
        "jan: Search finds nothing that is new.",
        "ewa: Run `tool reindex --all` and wait a minute.",
        wanted="tool reindex --all",
    ),
    _fact(
        "Which branch should a pull request go to?",
        "rose: Please open pull requests against `staging`, we merge nothing else.",
        wanted="staging",
    ),
    _fact(
        "What does the error E1407 mean?",
        "finn: E1407 means that the lock file is out of date.",
        wanted="lock file",
    ),
    _fact(
        "Which class replaces OldClient?",
        "nina: OldClient is gone. Use AsyncSession, it has the same methods.",
        wanted="AsyncSession",
    ),
    _fact(
        "Where is an example of the configuration?",
        "paul: There is one in examples/minimal.toml.",
        "gwen: Found it.",
        wanted="examples/minimal.toml",
    ),
    _fact(
        "How many workers does it start?",
        "tina: It starts 6 workers, whatever the machine.",
        wanted="6",
    ),
    _fact("Which licence does this have?", "gus: All of it is under the MPL-2.0.", wanted="MPL-2.0"),
    _fact(
        "What do I need to build the wheels?",
        "hana: Install `maturin` first, it builds the wheels.",
        wanted="maturin",
    ),
    _fact(
        "Which header carries the signature?",
        "ole: We sign each request, the signature is in the X-Signed-By header.",
        wanted="X-Signed-By",
    ),
    _fact(
        "When is the next release?",
        "vera: We want the fix soon.",
        "tom: The next release is on 14 May, with the fix in it.",
        wanted="14 May",
    ),
    _fact(
        "How large may an attachment be?",
        "pia: Attachments may have 12 MB. Until 3.1 it was 5 MB.",
        wanted="12 MB",
    ),
    _fact(
        "Which fixture gives me a clean database?",
        "raj: Take the fixture `fresh_store`, it is made anew for each test.",
        wanted="fresh_store",
    ),
    _fact(
        "Why does the build fail on Windows?",
        "kurt: It builds everywhere but on Windows.",
        "lin: On Windows the path is too long: clone it into a short one such as C:\\src.",
        wanted="path is too long",
    ),
    _fact(
        "Which file do I edit to add a language?",
        "zoe: Languages are listed in locale/index.json, nothing else has to change.",
        wanted="locale/index.json",
    ),
    _fact(
        "What is the rate limit of the API?",
        "max: The API takes 90 requests a minute from everybody.",
        wanted="90",
    ),
    _fact(
        "Which hash do the manifests use?",
        "ines: Manifests use BLAKE2 now; SHA-1 is read no more.",
        wanted="BLAKE2",
    ),
    _fact(
        "How do I see the version of the schema?",
        "abel: Call `schema_version()` on the connection.",
        wanted="schema_version",
    ),
    _fact(
        "Where do I report a security problem?",
        "dora: Security problems go to the form at the end of SECURITY.md.",
        wanted="SECURITY.md",
    ),
    _fact(
        "Which exit code says that nothing changed?",
        "hugo: It ends with 3 where nothing changed, and with 0 where something did.",
        wanted="3",
    ),
    _fact(
        "What replaced the retry decorator?",
        "mia: We took the retry decorator out. The argument `attempts=` does it now.",
        wanted="attempts",
    ),
    _fact(
        "Which job publishes the package?",
        "nils: The job `ship-wheels` publishes, when a tag is pushed.",
        wanted="ship-wheels",
    ),
)
"""What no training asks: these are for judging."""
