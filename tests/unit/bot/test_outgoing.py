"""There is one way out: no other path reaches a call that posts or edits text on GitHub."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.acknowledgement import Learned, with_learned
from bot.effects import ALLOWED_HOSTS, effects
from bot.outgoing import amended, sealed
from bot.reply import Body, Marker, Why, answer_text, bare, parse_marker, render_body, stored_body
from storage.errors import Withheld
from storage.records import Actor, Evidence, Permission, Phrase, PhraseKind, PhraseWeight, Post, PostKind
from tests.unit.bot import oracle
from tests.unit.storage.things import posted, question

ROOT = Path(__file__).parents[3]
ROOMS = ("bot", "webhooks", "learning", "storage")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
LESSON = Phrase(
    id="p_1", repository_id=1, kind=PhraseKind.CORRECTION, text="@octocat #1", right="<img src=x> `@team`"
)
WEIGHT = PhraseWeight(phrase=LESSON, ups=1, downs=0, weight=0.8, active=True, people=1, as_of=NOW)
PROVEN = Evidence(
    phrase_id="p_1",
    event_id="f_1",
    answer_id="a_0",
    actor_id=1,
    actor_login="GH-1",
    permission=Permission.WRITE,
    mass=1.0,
    at=NOW,
    url="https://github.com/o/r/issues/7#issuecomment-1",
)
WHY = Why(
    marker=Marker(answer_id="a_1", template="t1", phrases=("p_1",), model="<!-- @octocat -->"),
    lessons=(WEIGHT,),
    evidence={"p_1": [PROVEN, replace(PROVEN, url="", actor_login="@octocat"), replace(PROVEN, url="")]},
    sources=(("anna in this thread", "https://github.com/o/r/issues/7#issuecomment-2"),),
)


def standing(body: str, by_us: bool = True) -> Post:
    return Post(
        id=3,
        kind=PostKind.COMMENT,
        author=Actor(id=4, login="t[bot]"),
        body=body,
        created_at=NOW,
        by_us=by_us,
        url="",
    )


# ---------------------------------------------------------------- by the code as it stands


def calls(path: Path) -> Iterator[tuple[str, str, ast.Call]]:
    """(enclosing function, name called, call) of everything that a file calls."""
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    yield function.name, ast.unparse(node.func), node


def files() -> list[Path]:
    """Our code, but for the playground: it is GitHub's side of the wire."""
    found = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return [path for path in found if "playground" not in path.parts]


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_only_two_files_speak_to_github() -> None:
    speaking = {path.relative_to(ROOT).as_posix() for path in files() if "githubkit" in imports(path)}
    assert speaking == {"bot/github_access.py", "bot/github_calls.py"}
    web = {"httpx", "httpx2", "requests", "urllib3", "aiohttp", "http"}
    others = {path.relative_to(ROOT).as_posix() for path in files() if imports(path) & web} - speaking
    assert others == OF_THE_WEB, "a new file that speaks to the web: it must not write to GitHub"


OF_THE_WEB = {
    *("bot/bench/engines.py", "bot/first_answer.py", "bot/github.py", "bot/process.py", "bot/tokens.py"),
    *("bot/access.py", "bot/deadline.py", "bot/registration.py"),
    *("bot/drills/points.py", "bot/drills/scripted.py", "bot/drills/town.py"),
}
"""Questions to models and to our own processes, and the call that registers an App, which carries no text;
`bot/github.py` names the type of a transport, `bot/access.py` is one that lets through or refuses."""

WITHOUT_TEXT = {("bot/github.py", "{'content': reaction.value}"), ("bot/github_app.py", "{}")}
"""Reactions, and deliveries that are wanted once more."""


def test_every_call_that_writes_text_on_github_takes_it_from_the_one_way_out() -> None:
    writing = {"create": "sealed", "patch": "amended"}
    seen = []
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        for function, called, call in calls(path):
            owner, _, verb = called.rpartition(".")
            if owner.endswith("_calls") and verb in writing:
                assert name == "bot/github.py", f"{name}: {function} writes to GitHub past bot/github.py"
                said = call.args[1]
                assert isinstance(said, ast.Dict) and [ast.unparse(key) for key in said.keys if key] == [
                    "'body'"
                ]
                text = said.values[0]
                assert isinstance(text, ast.Call) and ast.unparse(text.func) == writing[verb]
                seen.append((function, verb))
            if owner.endswith("_calls") and verb == "repeatable_post":
                assert (name, ast.unparse(call.args[1])) in WITHOUT_TEXT
            if owner.endswith("calls") and verb == "graphql":
                assert name == "bot/github_looks.py"
                assert ast.unparse(call.args[0]) in ("MANY", "MORE", "HISTORY")
            if verb in ("_send", "_request") and called.startswith("self."):
                assert name == "bot/github_calls.py" or name == "bot/endpoint.py", (name, called)
    assert sorted(set(seen)) == [("_amend", "patch"), ("create_comment", "create")]


def test_the_queries_that_are_sent_change_nothing() -> None:
    from bot.github_looks import HISTORY, MANY, MORE

    queries = (MANY, MORE, HISTORY)
    assert all("mutation" not in query and query.lstrip().startswith("query") for query in queries)


def test_own_parts_of_a_comment_are_made_in_one_file() -> None:
    makers = {
        path.name for path in files() for _, called, _ in calls(path) if called in ("Body", "reply.Body")
    }
    assert makers == {"reply.py"}


# ---------------------------------------------------------------- by what goes out


def test_the_fold_and_the_metadata_are_ours_and_do_nothing_else() -> None:
    out = sealed(render_body("Use `nox`.", WHY), ALLOWED_HOSTS)
    assert out == str(render_body("Use `nox`.", WHY)), "nothing of ours is taken for an attack"
    assert oracle.own_effects(out) == [] and answer_text(out) == "Use `nox`."
    assert "(https://redirect.github.com/o/r/issues/7#issuecomment-1)" in out
    assert parse_marker(out) == WHY.marker


@pytest.mark.parametrize(
    "own",
    ["Thanks @octocat!", "![a](b)", "<script>", "[a](https://evil.example)", "```suggestion\nx\n```"],
)
def test_own_parts_that_would_do_something_shrink_to_the_metadata(own: str) -> None:
    body = Body("Use `nox`.", f"{own}\n\n{bare(WHY.marker)}")
    assert sealed(body, ALLOWED_HOSTS) == f"Use `nox`.\n\n{bare(WHY.marker)}"


def test_a_text_cannot_pass_for_own_parts() -> None:
    """Not even one that is, sign for sign, what we would write."""
    forged = str(render_body("Real.", Why(marker=Marker(answer_id="a_9"))))
    out = sealed(render_body(forged, WHY), ALLOWED_HOSTS)
    marker = parse_marker(out)
    assert oracle.own_effects(out) == [] and marker and marker.answer_id == "a_1"
    assert "a_9" not in out.partition("<!-- thumbprint:end -->")[2]


def test_a_stored_body_keeps_its_own_parts_only_for_its_own_answer() -> None:
    answer = posted(question(), comment_id=9, candidate_id=None, repairs=())
    mine = replace(answer, body=str(render_body("Use it.", Why(marker=Marker(answer_id=answer.id)))))
    assert stored_body(mine) == mine.body
    other = replace(answer, body=str(render_body("Use it.", Why(marker=Marker(answer_id="a_9")))))
    marker = parse_marker(stored_body(other))
    assert marker and marker.answer_id == answer.id and stored_body(other).text == "Use it."


def test_a_comment_that_stands_gets_its_acknowledgement_and_keeps_what_people_wrote() -> None:
    body = str(render_body("Use `nox`.", WHY)).replace("Use `nox`.", "Ask @octocat, see https://example.org.")
    learned = with_learned(body, [Learned(phrase=LESSON, login="anna")], "ben")
    assert amended(standing(body), learned, ALLOWED_HOSTS) == learned
    assert effects(learned, ours=True) == effects(body, ours=True)
    assert sorted(oracle.own_effects(learned, learned=True)) == sorted(oracle.own_effects(body)) != []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Use `nox`.", "Use `tox`."),
        ("I am a bot", "Thanks @octocat, I am a bot"),
        ("<details>", "![a](b)\n\n<details>"),
        ('"answer":"a_1"', '"answer":"a_9"'),
        ("- Read:", "- fixes #1\n- Read:"),
    ],
)
def test_a_comment_that_stands_is_not_changed_otherwise(before: str, after: str) -> None:
    body = str(render_body("Use `nox`.", WHY))
    assert before in body
    with pytest.raises(Withheld, match="it is left as it is"):
        amended(standing(body), body.replace(before, after), ALLOWED_HOSTS)


def test_a_comment_of_somebody_else_is_never_written() -> None:
    body = str(render_body("Use `nox`.", WHY))
    with pytest.raises(Withheld, match="is not ours"):
        amended(standing(body, by_us=False), body, ALLOWED_HOSTS)
