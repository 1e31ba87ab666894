"""Made-up facts to learn reading from: as many as wanted, each in a thread of its own. Pure.

    facts = made_up(1500, seed=0)

A project, a thing of it and a value are drawn; somebody asks, somebody says it, others talk of something
else, at times of a fact of another kind. No thread says what one of those that judge wants
(`learning/training/facts.py`). The same seed makes the same facts. Left out: who answers them, and which
answers are learned from.

    pytest tests/unit/learning/training/test_facts.py
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass

from learning.prompt import TEMPLATE, build
from learning.training.facts import HELD_OUT, Fact, says
from learning.training.rows import Origin, Source, Split
from storage.records import Message

Draw = Callable[[random.Random], str]

PEOPLE = (
    "aino", "bo", "carla", "dmitri", "elif", "farid", "greta", "hiro", "ilse", "jorge", "katya", "luca",
    "marta", "noor", "olga", "pedro", "quinn", "ruth", "sven", "tara", "umar", "vito", "wanda", "yuki",
    "zeno",
)  # fmt: skip
PROJECTS = (
    "quill", "marrow", "osprey", "tarn", "basalt", "cinder", "dapple", "ember", "fathom", "gantry", "harrow",
    "ingot", "juniper", "kestrel", "larch", "mortar", "nettle", "oriel", "pylon", "quarry", "rivet", "sorrel",
    "thicket", "umber", "vellum", "willow", "yarrow", "zephyr",
)  # fmt: skip
PARTS = (
    "importer", "scheduler", "parser", "gateway", "exporter", "watcher", "renderer", "mailer", "crawler",
    "linter", "sandbox", "dashboard", "installer", "profiler", "notifier", "resolver", "archiver", "billing",
    "search", "login", "upload", "backup", "preview", "audit",
)  # fmt: skip
NOUNS = (
    "queue", "cache", "session", "report", "bundle", "schema", "snapshot", "ledger", "token", "worker",
    "batch", "index", "layout", "palette", "ticket", "digest", "vault", "shard", "probe", "cursor",
    "replica", "banner",
)  # fmt: skip
VERBS = (
    "rebuild", "verify", "warm", "rotate", "prune", "compact", "seed", "replay", "freeze", "unpack", "merge",
    "sync", "drain", "audit", "stage", "mirror",
)  # fmt: skip
OPENINGS = (
    "I could not find this in the README.",
    "New here, sorry if somebody asked before.",
    "It was in the wiki once, and the wiki is gone.",
    "I went through the source and gave up.",
    "We talked about it in the call and nobody wrote it down.",
    "My colleague told me, and I forgot.",
)
CHATTER = (
    "Thanks!",
    "Same here on Debian.",
    "I will try that tomorrow.",
    "Could somebody put that into the docs?",
    "I remember it like that, too.",
    "It works for me now.",
    "Closing this on Friday if nobody objects.",
    "I hit that last week.",
)


def _joined(*parts: tuple[str, ...], by: str = "", end: tuple[str, ...] = ("",)) -> Draw:
    return lambda rng: by.join(rng.choice(part) for part in parts) + rng.choice(end)


def _number(low: int, high: int, unit: str = "") -> Draw:
    return lambda rng: f"{rng.randrange(low, high)}{unit}"


def _version(rng: random.Random) -> str:
    return f"{rng.randrange(1, 9)}.{rng.randrange(1, 30)}.{rng.randrange(0, 9)}"


def _variable(rng: random.Random) -> str:
    return "_".join(rng.choice(part).upper() for part in (PROJECTS, NOUNS, ("path", "mode", "limit", "key")))


def _class(rng: random.Random) -> str:
    return "".join(
        rng.choice(part).capitalize() for part in (VERBS, NOUNS, ("reader", "store", "plan", "pool"))
    )


def _day(rng: random.Random) -> str:
    months = ("January", "February", "March", "April", "June", "July", "August", "September", "October")
    return f"{rng.randrange(1, 29)} {rng.choice(months)}"


@dataclass(frozen=True)
class Topic:
    """Ways to ask and ways to say: `{p}` is the project, `{a}` its part, `{n}` a noun, `{v}` the value."""

    asks: tuple[str, ...]
    says: tuple[str, ...]
    value: Draw


TOPICS = (
    Topic(
        (
            "Where does the {a} of {p} keep its {n}?",
            "In which file is the {n} of the {a}?",
            "Which file do I have to look at for the {a}'s {n}?",
        ),
        ("The {n} of the {a} is in `{v}`.", "Look into {v}, the {a} keeps its {n} there.", "It is {v} now."),
        _joined(
            ("etc", "src", "share", "data", "ops"), PARTS, NOUNS, by="/", end=(".yml", ".ini", ".cfg", ".db")
        ),
    ),
    Topic(
        (
            "How do I {d} the {n} of the {a}?",
            "Which command will {d} the {n}s in {p}?",
            "What do I run to {d} the {a}'s {n}?",
        ),
        ("`{v}` does it.", "Run {v} in the root of the repository.", "You want `{v}`, nothing else."),
        _joined(
            ("just", "nox -s", "npm run", "tox -e", "./dev", "invoke", "task"),
            VERBS,
            by=" ",
            end=("-all", "-now", ""),
        ),
    ),
    Topic(
        (
            "Is there an option for the {a} to skip the {n}?",
            "Which flag makes the {a} of {p} leave the {n} alone?",
            "How do I keep the {a} away from the {n}?",
        ),
        ("Yes, `{v}`.", "Give it {v}.", "Start it with `{v}`, it is in the help, too."),
        lambda rng: (
            f"--{rng.choice(('keep', 'skip', 'without', 'plain'))}-{rng.choice(NOUNS)}-{rng.choice(NOUNS)}"
        ),
    ),
    Topic(
        (
            "How many {n}s does the {a} take at once?",
            "What is the most {n}s that {p}'s {a} allows?",
            "What is the limit on {n}s in the {a}?",
        ),
        ("It takes {v}, not more.", "The limit is {v}.", "{v} {n}s, then the {a} says no."),
        _number(11, 999),
    ),
    Topic(
        (
            "Since which version does the {a} have a {n}?",
            "Which release of {p} brought the {n} to the {a}?",
            "When did the {a} get its {n}?",
        ),
        ("That came with {v}.", "The {n} is there since {v}.", "You need {v} or newer for it."),
        _version,
    ),
    Topic(
        (
            "Which environment variable sets the {n} of the {a}?",
            "How do I tell {p}'s {a} another {n} without a file?",
            "What do I export for the {a}'s {n}?",
        ),
        ("Set {v}.", "`{v}` is read at the start.", "Export `{v}` before you start the {a}."),
        _variable,
    ),
    Topic(
        (
            "Which function of {p} will {d} a {n}?",
            "What do I call to {d} the {n} in the {a}?",
            "Is there a helper in the {a} to {d} a {n}?",
        ),
        ("Call `{v}`.", "`{v}` in the {a}'s module does that.", "There is {v}, use that one."),
        lambda rng: (
            f"{rng.choice(VERBS)}_{rng.choice(NOUNS)}_{rng.choice(('once', 'safely', 'by_key', 'lazily'))}"
        ),
    ),
    Topic(
        (
            "Which class holds the {n} of the {a}?",
            "What do I subclass for a {n} of my own in {p}?",
            "Which type does the {a} hand me for a {n}?",
        ),
        ("It is `{v}`.", "Subclass {v}.", "`{v}`, since the rewrite of the {a}."),
        _class,
    ),
    Topic(
        (
            "Who reviews changes to the {a} of {p}?",
            "Whom do I ask about the {a}'s {n}?",
            "Who knows the {n} code in the {a}?",
        ),
        ("{v} does.", "Ask {v}, nobody else touches the {a}.", "That is {v}'s."),
        lambda rng: (
            rng.choice(PEOPLE).capitalize()
            + " "
            + rng.choice(("Aalto", "Brandt", "Costa", "Dahl", "Egger", "Falk"))
        ),
    ),
    Topic(
        (
            "On which port does the {a} of {p} answer?",
            "Which port do I open for the {n} {a}?",
            "What port is the {a}'s {n} on?",
        ),
        ("On {v}.", "It is port {v}.", "Open {v}, the {a} listens there."),
        _number(3000, 9990),
    ),
    Topic(
        (
            "From which branch is the {a} of {p} released?",
            "Which branch has the {n} fix for the {a}?",
            "Where do I base my change to the {a}'s {n}?",
        ),
        ("`{v}`.", "It is on {v}.", "Take `{v}`, the others are frozen."),
        lambda rng: f"{rng.choice(('rel', 'line', 'work'))}/{rng.choice(NOUNS)}-{rng.randrange(2, 60)}",
    ),
    Topic(
        (
            "Which package does the {a} need for the {n}?",
            "What must be installed before {p}'s {a} builds the {n}?",
            "The {a} says that something for the {n} is missing. What?",
        ),
        ("Install `{v}`.", "It needs {v}.", "That is `{v}`, it is not pulled in by itself."),
        lambda rng: f"{rng.choice(('lib', 'py', 'go-', 'node-'))}{rng.choice(PROJECTS)}{rng.randrange(2, 9)}",
    ),
    Topic(
        (
            "When does the {a} of {p} go away?",
            "By when do I have to move the {n} off the {a}?",
            "Until when is the {a}'s {n} kept?",
        ),
        ("On {v}.", "Until {v}, then it is gone.", "We said {v}."),
        _day,
    ),
    Topic(
        (
            "What does error {c} of the {a} mean?",
            "The {a} of {p} ends with {c}. Why?",
            "What is wrong when I see {c}?",
        ),
        ("{c} means that {v}.", "That is {c}: {v}.", "You see {c} where {v}."),
        _joined(("the ",), NOUNS, (" is ",), ("stale", "locked", "too old", "empty", "not signed")),
    ),
)
"""What is asked: fourteen kinds of things that a thread knows."""


MOST = 10_000
"""So many are made at most: beyond it kinds of questions run out."""
LICENCE = "Apache-2.0"
"""They are a part of Thumbprint."""


def made_up(count: int, seed: int | str) -> list[Fact]:
    """`count` different facts, of which no two ask the same. Raises ValueError for more than `MOST`."""
    if count > MOST:
        raise ValueError(f"{count} facts are more than the {MOST} that can be made up")
    rng = random.Random(seed)  # noqa: S311 - a draw, no secret
    asked = set[str]()
    found: list[Fact] = []
    while len(found) < count:
        one = _drawn(rng)
        if one.question in asked or any(says(one.thread, judge.wanted) for judge in HELD_OUT):
            continue
        asked.add(one.question)
        found.append(one)
    return found


def prompted(fact: Fact) -> tuple[tuple[Message, ...], Origin]:
    """The prompt of a fact that was made up, and where it is from: from nobody."""
    messages = build(fact.question, fact.thread)
    group = hashlib.sha256(messages[-1].content.encode()).hexdigest()[:16]
    return messages, Origin(
        source=Source.AI,
        group=f"fact/{group}",
        split=Split.TRAIN,
        template=TEMPLATE,
        licence=LICENCE,
    )


def _drawn(rng: random.Random) -> Fact:
    topic, other = rng.sample(TOPICS, 2)
    question, said, value = _of(topic, rng)
    people = rng.sample(PEOPLE, 4)
    posts = [said]
    if rng.random() < 0.4:
        posts.append(f"By the way: {_of(other, rng)[1]}")
    posts += rng.sample(CHATTER, rng.randrange(0, 2))
    rng.shuffle(posts)
    if rng.random() < 0.6:
        posts.insert(0, rng.choice(OPENINGS))
    thread = "\n\n".join(f"{person} wrote:\n{post}" for person, post in zip(people, posts, strict=False))
    return Fact(question=question, thread=thread, wanted=value)


def _of(topic: Topic, rng: random.Random) -> tuple[str, str, str]:
    """A question, what somebody says to it, and the value in that."""
    slots = {
        "p": rng.choice(PROJECTS),
        "a": rng.choice(PARTS),
        "n": rng.choice(NOUNS),
        "d": rng.choice(VERBS),
        "c": f"{rng.choice('ABFKQ')}{rng.randrange(100, 999)}",
        "v": topic.value(rng),
    }
    question, said = (rng.choice(forms).format(**slots) for forms in (topic.asks, topic.says))
    return question, said[0].upper() + said[1:], slots["v"]
