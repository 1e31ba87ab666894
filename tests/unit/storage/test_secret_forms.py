"""What people write loses its secrets and nothing else, whatever it holds, and in no time."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reply import Marker, Why, answer_text, parse_marker, render_body
from storage import redaction
from storage.redaction import CUT, hide, redact_all_said, redact_said
from tests.beside import beside
from tests.unit.storage.test_redaction import HEX, PEM, PLANTED, bare, sign

LONGEST = 65_536


@pytest.mark.parametrize("kind", PLANTED)
def test_each_is_cut_out_of_a_question_a_traceback_and_a_block_of_code(kind: str) -> None:
    secret = PLANTED[kind]
    for text in (
        f"/ask why does this fail?\n\n```\n{secret}\n```\n",
        f'Traceback (most recent call last):\n  File "x.py", line 1, in go\n    go({secret!r})\nKeyError: 7',
        f"> {secret}\n\nI use `{secret}` here.",
    ):
        said = redact_said(text)
        assert CUT in said and not any(piece in said for piece in bare(secret)), said
        assert redact_said(said) == said


@pytest.mark.parametrize(
    "text",
    [
        "I've written a basic client/server interface, and a basic peer-to-peer chat: use token_urlsafe(64).",
        "tokenizer = T5Tokenizer.from_pretrained('t5-small')\ntoken_embeddings = model_output[0]",
        "password = sys.argv[3]; passwd=sout[1]; hashed_password = hashlib.sha512(password).hexdigest()",
        "password: ${DB_PASSWORD1}, token: ${{ secrets.PYPI_TOKEN2 }}, secret = settings.db1.password",
        "postgresql://user:password@localhost/db, http://username:passwd@10.0.0.1, mysql://%s:%s@h/x",
        "docker://python:3.11-slim-bookworm@sha256:" + "0f" * 32,
        "commit 0123456789abcdef0123456789abcdef01234567, blob sha256:" + "ab" * 32,
        "sha512-" + "Zm9vYmFy" * 10 + "==, data:image/png;base64," + "iVBORw0KGgo" * 20,
        "hf_hub_download, npm_config_registry, sk-toggleable__label-arrow, xapp-symbolic-icons, pypi-upload",
        "secretName: letsencrypt-prod-2, token_file: /run/secrets/token1, max_tokens=4096, api_key = None",
        "The file begins with -----BEGIN RSA PRIVATE KEY----- and\n\nthen? What does -----END mean?",
        "-----BEGIN PRIVATE KEY-----\n... (private key in base64 encoding) ...\n-----END PRIVATE KEY-----",
        "Authorization: Bearer YOUR_ACCESS_TOKEN, a bearer token of yours, token authentication/grants",
        "password:\n/thumbprint2 why is it refused?",
    ],
)
def test_what_only_speaks_of_secrets_stays(text: str) -> None:
    assert redact_said(text) == text


@pytest.mark.parametrize("name", ["gh_threads/python.jsonl.gz", "so_python/mini_300.jsonl.gz"])
def test_no_text_of_real_threads_is_changed(name: str) -> None:
    with gzip.open(beside(name), "rt", encoding="utf-8") as lines:
        said = [text for line in lines for text in _texts(json.loads(line))]
    assert len(said) > 2000
    assert [text for text in said if redact_said(text) != text] == []


def _texts(said: Any) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, list | dict):
        for one in said.values() if isinstance(said, dict) else said:
            yield from _texts(one)


_IDS = st.text("0123456789abcdef", min_size=16, max_size=16)


@given(
    text=st.sampled_from(
        ["Run it.", PEM.rpartition("\n")[0], "password:", "token: a1", "sig=", "x://a:b1c2d3e4"]
    ),
    answer=_IDS,
    phrases=st.lists(_IDS, max_size=3),
    mac=st.text("0123456789abcdef", min_size=32, max_size=32),
    numbers=st.integers(0, 2**31),
    model=st.sampled_from(["thumbprint/llama-1b-instruct", "meta-llama/Llama-3.2-1B", "policy"]),
)
def test_our_own_parts_of_a_comment_are_no_secret_and_no_open_key_swallows_them(
    text: str, answer: str, phrases: list[str], mac: str, numbers: int, model: str
) -> None:
    marker = Marker(
        answer_id=f"a_{answer}",
        template=f"t_{mac}",
        phrases=tuple(f"p_{one}" for one in phrases),
        model=model,
        tokens=numbers,
        seed=numbers,
        mac=mac,
    )
    body = render_body(text, Why(marker=marker, boxes=True))
    left = redact_said(body)
    assert left.endswith(body.own) and parse_marker(left) == marker
    assert answer_text(left) == redact_said(text)


PIECES = [
    *PLANTED.values(),
    PEM[:200],
    " ",
    "\n",
    "`",
    '"',
    "'",
    "\\",
    "=",
    ": ",
    "password",
    "token",
    "://a:",
    "@",
]


@given(
    st.lists(st.sampled_from([*PIECES, "1", "x", "-", "_", "eyJ", "<", "bearer "]), max_size=12).map("".join)
)
def test_cutting_twice_is_cutting_once(text: str) -> None:
    left = redact_said(text)
    assert redact_said(left) == left


@pytest.mark.parametrize(
    "filler",
    [
        *(
            "eyJ-",
            "sk-",
            "token-",
            "token=1a",
            "password=",
            "password='a1",
            "api_key_",
            "secret\\",
            "://a:",
            "://",
        ),
        *("bearer ", "authorization: ", "SG.", "-----", "PuTTY-User-Key-File-2 ", "A", "0f", "_", " ", '"'),
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----" + "A" * 40 + "\n",
        "PuTTY-User-Key-File-2 Private-Lines: 1 ",
        "password=aaaaaaaa1(",
    ],
)
def test_the_longest_comment_is_read_in_no_time_whatever_it_holds(filler: str) -> None:
    text = (filler * (LONGEST // len(filler) + 1))[:LONGEST]
    began = time.process_time()
    for one in (text, "-----BEGIN PRIVATE KEY-----" + "A" * 40 + text, "password" + text):
        redact_said(one)
    assert time.process_time() - began < 1.5


def test_a_live_value_that_is_a_word_is_cut_out_of_our_lines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_live", {})
    hide(["postgres", "hunter22", "correct-horse-battery"])
    assert redaction.redact("to postgres") == f"to {CUT}"
    assert redact_said("postgres hunter22 correct-horse-battery") == f"postgres {CUT} {CUT}"


def test_a_payload_without_a_secret_is_the_same_object_and_one_with_some_is_left_as_it_was() -> None:
    told = {"a": [{"body": "hi", "n": 1}, None, True], "sha": sign(40, HEX)}
    assert redact_all_said(told) is told
    secret = {"a": [{"body": f"my {PLANTED['github p']}", "n": 1}], "b": told}
    left = redact_all_said(secret)
    assert left == {"a": [{"body": f"my {CUT}", "n": 1}], "b": told} and left["b"] is told
    assert PLANTED["github p"] in secret["a"][0]["body"]
