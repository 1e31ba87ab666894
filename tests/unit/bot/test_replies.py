"""What a reply spells out, and what it does not."""

from __future__ import annotations

import json

import pytest

from bot.replies import Suggestion, corrected, counterpart, read_reply, suggested
from storage.records import Delivery, PostKind
from tests.clock import works_within
from tests.unit.storage.things import NOW

ANSWER = "Run `npm test` in the root folder, then `npm run lint`.\n\nThe server listens on port 8000."


@pytest.mark.parametrize(
    ("reply", "right", "wrong"),
    [
        ("no, use X", "X", ""),
        ("No, use `make check`.", "make check", ""),
        ("Nope. It's `8080`.", "8080", ""),
        ("@thumbprint no, use `make check`", "make check", ""),
        ("That's wrong: the flag is `--fast`", "--fast", ""),
        ('No. Use "make check" please', "make check", ""),
        ("> Run `npm test`\n\n`make check`", "make check", ""),
        ("Use `make check` instead.", "make check", ""),
        ("Use `make check` instead of `npm test`.", "make check", "npm test"),
        ("use make check, not npm test", "make check", "npm test"),
        ("Thanks!\r\nActually, it's port 8080, not 8000.", "port 8080", "8000"),
        ("It's not `npm test` but `make check`", "make check", "npm test"),
        ("`npm test` should be `make check`", "make check", "npm test"),
        ("Replace `npm test` with `make check`", "make check", "npm test"),
        ("`npm test` -> `make check`", "make check", "npm test"),
        ("`npm test` was replaced by `make check`.", "make check", "npm test"),
        ("use the staging server, not prod", "staging server", "prod"),
        (
            "```make check``` is right, as I said.\nUse `make check` instead of `npm test`.",
            "make check",
            "npm test",
        ),
    ],
)
def test_a_correction_in_a_reply_is_found(reply: str, right: str, wrong: str) -> None:
    assert suggested(reply) == Suggestion(right=right, wrong=wrong)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Thanks, works!",
        "No idea.",
        "No, I don't think so",
        "No, use it",
        "no, not really",
        "No, that is the wrong file",
        "Use `a`",
        "We should not use it.",
        "I use vim instead of emacs because I like it",
        "Does it use `a` instead of `b`?",
        "No, use `a`?",
        "Use `a` instead of `a`",
        "> No, use `make check`.\n\nI agree with Ada",
        "```\nno, use X\n```",
        f"No, use `{'x' * 101}`",
        "No, use `...`",
        "no, use `make check`\n" + "x" * 5000,
    ],
)
def test_what_is_no_correction_is_not_taken_for_one(reply: str) -> None:
    assert suggested(reply) is None


def test_where_only_the_right_wording_is_named_the_wrong_one_is_the_answers_most_like_it() -> None:
    assert counterpart("npm run test", "Run `npm test` and `make docs`.") == "npm test"
    assert counterpart("make check", "Run `npm test`.") == "npm test"
    assert counterpart("make check", "Run:\n\n```sh\nnpm test\n```\n") == "npm test"
    assert counterpart("make check", ANSWER) == "", "neither is like it"
    assert counterpart("npm test", ANSWER) == "npm run lint"
    assert counterpart("8080", "It listens on port 8000.") == ""


def test_the_correction_is_made_in_the_answers_own_text_where_it_stands_there() -> None:
    before, after = corrected(ANSWER, Suggestion(right="make check", wrong="npm test"))
    assert before == ANSWER and after == ANSWER.replace("npm test", "make check")
    assert corrected(ANSWER, Suggestion(right="port 8080", wrong="8000"))[1].endswith("on port 8080.")
    assert corrected(ANSWER, Suggestion(right=r"\1", wrong="npm test"))[1].startswith(r"Run `\1` in")
    before, after = corrected(ANSWER, Suggestion(right="uv", wrong="pip"))
    assert "pip" in before and "uv" in after and before.replace("pip", "uv") == after
    assert "make check" in corrected(ANSWER, Suggestion(right="make check"))[1]


@pytest.mark.parametrize(
    "text",
    ["`" * 5000, "`` ` " * 1000, "no " * 1600, "```\n~~~\n" * 600, "use a b c d e " * 350, '"x ' * 1600],
)
def test_no_reply_keeps_the_receiver_busy(text: str) -> None:
    with works_within(0.5):
        assert suggested(text) is None


def delivery(body: object, event: str = "issue_comment") -> Delivery:
    return Delivery(guid="g", event=event, action="created", body=json.dumps(body).encode(), received_at=NOW)


def test_a_delivery_is_read_field_by_field_and_an_odd_one_is_none() -> None:
    comment = {
        "id": 5,
        "body": "no, use X",
        "html_url": "https://github.com/o/r/issues/3#issuecomment-5",
        "created_at": "2026-11-21T12:00:00Z",
        "user": {"id": 7, "login": "anna", "type": "User"},
    }
    said = {"repository": {"id": 1, "full_name": "o/r"}, "issue": {"number": 3}, "comment": comment}
    reply = read_reply(delivery(said))
    assert reply is not None and (reply.number, reply.post_id, reply.root) == (3, 5, 0)
    inline = {**said, "pull_request": {"number": 4}, "comment": {**comment, "in_reply_to_id": 2}}
    reply = read_reply(delivery(inline, "pull_request_review_comment"))
    assert reply is not None and (reply.kind, reply.number, reply.root) == (PostKind.REVIEW_COMMENT, 4, 2)
    for odd in ({}, [], {**said, "issue": None}, {**said, "comment": {**comment, "created_at": "soon"}}):
        assert read_reply(delivery(odd)) is None
