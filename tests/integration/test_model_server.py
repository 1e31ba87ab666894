"""Our own model server as the bot meets it: a process on the packaged models."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from bot.models import Models
from bot.parts import parts_of
from bot.process import Process
from bot.settings import Settings
from learning.memory.choice import Bias
from storage.database import Database
from storage.errors import ModelRequestError
from storage.records import Message
from tests.integration.model_process import PLAIN, cache, client, free_port, ours, running, wait_ready

pytestmark = pytest.mark.slow
ASK = (
    Message(role="system", content="You answer questions about Python in one sentence."),
    Message(role="user", content="How do I read a JSON file?"),
)
SECRETS = (
    "THUMBPRINT_WEBHOOK_SECRET",
    "THUMBPRINT_WEBHOOK_SECRET_OLD",
    "THUMBPRINT_PRIVATE_KEY_FILE",
    "THUMBPRINT_MODEL_KEY",
    "THUMBPRINT_PAGES_TOKEN",
    "GITHUB_TOKEN",
    "HF_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
)
HOW = {"temperature": 0.6, "top_p": 0.9, "max_tokens": 40}


@dataclass
class Served:
    models: Models
    port: int
    child: subprocess.Popen[bytes]
    log: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    cache()
    port, log = free_port(), tmp_path_factory.mktemp("model") / "model.log"
    with running(ours(port=port), log) as child:
        models = client(port)
        wait_ready(models, child, log)
        yield Served(models, port, child, log)
        models.close()


def test_real_candidates_come_with_log_probabilities(served: Served) -> None:
    done = served.models.complete(ASK, n=4, seed=3, **HOW)
    assert len({each.text for each in done.candidates}) == 4
    assert all("JSON" in each.text or "json" in each.text for each in done.candidates)
    assert all(-3 < each.logprob < 0 and 5 < each.tokens <= 40 for each in done.candidates)
    assert done.candidates == served.models.complete(ASK, n=4, seed=3, **HOW).candidates
    assert done.prompt_tokens == served.models.count_prompt(ASK)


def test_a_phrase_to_prefer_comes_more_often_and_one_to_avoid_less(served: Served) -> None:
    def count(text: str, *biases: Bias) -> int:
        done = served.models.complete(ASK, n=16, seed=1, biases=biases, **HOW)
        return sum(text in each.text for each in done.candidates)

    assert count("json.load", Bias(text="json.load", value=4.0)) > count("json.load") + 2
    assert count("you can use", Bias(text="you can use", value=-4.0)) < count("you can use")


def test_similar_questions_are_near_each_other(served: Served) -> None:
    a, b, c = served.models.embed(["How do I read JSON?", "Reading a JSON file", "My cat sleeps on the sofa"])
    assert len(a) == 384
    assert sum(x * x for x in a) == pytest.approx(1.0, abs=1e-3)
    near, far = (sum(x * y for x, y in zip(a, other, strict=True)) for other in (b, c))
    assert near > 0.6 > 0.2 > far


def test_a_prompt_over_the_window_is_refused_in_one_sentence(served: Served) -> None:
    with pytest.raises(ModelRequestError, match="maximum context length is 8192 tokens, but the prompt has"):
        served.models.complete((Message(role="user", content="word " * 9000),), n=1, seed=1, **HOW)


def test_run_starts_it_nice_and_without_the_secrets_that_it_has_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "s3cret-of-the-parent")
    settings = Settings(_env_file=None, home=tmp_path, model_port=free_port())
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    playground = {"THUMBPRINT_WEBHOOK_SECRET": "s3cret-of-the-playground"}
    parts = {part.name: part for part in parts_of(settings, playground, database)}
    process = Process(parts["model"])
    process.start()
    try:
        until = time.monotonic() + 20
        while b"learning.models.server" not in Path(f"/proc/{process.pid}/cmdline").read_bytes():
            assert time.monotonic() < until, "it was never started"
            time.sleep(0.01)
        environ = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert os.getpriority(os.PRIO_PROCESS, process.pid or 0) == 19
    finally:
        process.kill()
        process.wait_stopped(10)
        database.dispose()
    assert b"PATH=" in environ
    assert b"s3cret" not in environ
    assert not [name for name in SECRETS if name.encode() + b"=" in environ]


def test_it_makes_itself_nice_whoever_starts_it(served: Served) -> None:
    assert os.getpriority(os.PRIO_PROCESS, served.child.pid) == 19
    assert b"ready after" in served.log.read_bytes()


def test_only_loopback_can_reach_it(served: Served) -> None:
    own = socket.gethostbyname(socket.gethostname())
    if own.startswith("127."):
        lines = Path("/proc/net/tcp").read_text().splitlines()
        bound = [line.split()[1] for line in lines if line.split()[1].endswith(f":{served.port:04X}")]
        assert bound
        assert all(each.startswith("0100007F") for each in bound if not each.startswith("00000000:0000"))
    else:
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://{own}:{served.port}/health", trust_env=False)


@pytest.mark.parametrize(
    ("more", "env", "says"),
    [
        (["--host", "0.0.0.0"], {}, "listens on loopback only"),
        ([], {"THUMBPRINT_WEBHOOK_SECRET": "x"}, "must not see THUMBPRINT_WEBHOOK_SECRET"),
        ([], {"THUMBPRINT_MODEL_KEY": "x"}, "must not see THUMBPRINT_MODEL_KEY"),
        (["--cache", "/nowhere"], {}, "run `thumbprint models pull`"),
        (["--policy", "no such thing"], {}, "is neither `packaged`"),
        (["--memory-gb", "0.5"], {}, "THUMBPRINT_MODEL_MEMORY_GB"),
    ],
)
def test_what_must_not_start_says_one_sentence(more: list[str], env: dict[str, str], says: str) -> None:
    done = subprocess.run(ours(*more, port=free_port()), env={**PLAIN, **env}, capture_output=True, text=True)
    assert done.returncode == 1
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_busy_port_says_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(ours(port=port), env=PLAIN, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr.splitlines()[-1]


def test_more_memory_than_the_cap_is_refused_and_the_server_goes_on(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "model.log"
    with running(ours("--encoder", "", "--memory-gb", "1.9", port=port), log) as child:
        models = client(port)
        wait_ready(models, child, log)
        body = {
            "model": "policy",
            "messages": [{"role": "user", "content": "word " * 6000}],
            "n": 16,
            "max_tokens": 2000,
            "seed": 1,
        }
        answer = httpx.post(
            f"http://127.0.0.1:{port}/v1/chat/completions", json=body, timeout=500, trust_env=False
        )
        assert answer.status_code == 503, answer.text[:300]
        assert "more memory than model_memory_gb" in answer.json()["error"]["message"]
        assert models.complete(ASK, n=2, seed=1, **HOW).candidates[0].text
        models.close()
