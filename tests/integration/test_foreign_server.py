"""The same client against servers that others wrote, as processes of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.models import Models
from learning.memory.choice import Bias
from learning.models.packages import POLICY, SOURCE_GGUF, home_of
from storage.records import Message
from tests.integration.model_process import PLAIN, cache, client, free_port, running, wait_ready

pytestmark = pytest.mark.slow
ASK = (Message(role="user", content="What is pip, the Python tool?"),)
BIASES = (Bias(text="uv", value=2.0),)
LLAMA_PYTHONS = [sys.executable, *os.environ.get("LLAMA_PYTHON", "").split()]


def asked(models: Models) -> list[str]:
    """Two candidates with biases; the features that were missing, each said once."""
    with capture_logs() as logs:
        for _ in range(2):
            done = models.complete(ASK, n=2, seed=1, temperature=0.7, top_p=0.9, max_tokens=24, biases=BIASES)
            assert len(done.candidates) == 2
            assert all(len(each.text.split()) > 5 and each.logprob <= 0 for each in done.candidates)
        assert len(models.embed(["a", "b"])) == 2
        assert models.count_prompt(ASK) >= 10
    return [each["feature"] for each in logs if each["event"] == "model_feature_missing"]


def test_transformers_own_server_is_the_same_code_path(tmp_path: Path) -> None:
    home = str(home_of(POLICY, cache()))
    port, log = free_port(), tmp_path / "serve.log"
    (tmp_path / "hub").mkdir()
    program = Path(sys.executable).with_name("transformers")
    command = [str(program), "serve", home, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with running(command, log, {**PLAIN, "HF_HOME": str(tmp_path), "HOME": str(tmp_path)}) as child:
        models = client(port, home, foreign=True)
        wait_ready(models, child, log)
        missing = asked(models)
        models.close()
        assert sorted(missing) == ["embeddings", "logprobs", "n", "phrase_bias", "tokenize"]


def test_llama_cpps_server_is_the_same_code_path(tmp_path: Path) -> None:
    python = next((each for each in LLAMA_PYTHONS if shutil.which(each) and _has_llama(each)), None)
    if python is None:
        pytest.skip("llama-cpp-python[server] is not installed; LLAMA_PYTHON may name a Python that has it")
    gguf = home_of(POLICY, cache()) / SOURCE_GGUF
    port, log = free_port(), tmp_path / "llama.log"
    command = [
        python,
        "-m",
        "llama_cpp.server",
        "--model",
        str(gguf),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with running([*command, "--n_ctx", "2048", "--n_threads", "1"], log) as child:
        models = client(port, "policy", foreign=True)
        wait_ready(models, child, log)
        missing = asked(models)
        models.close()
        assert set(missing) >= {"n", "phrase_bias"}


def _has_llama(python: str) -> bool:
    code = "import llama_cpp.server.app"
    return subprocess.run([python, "-c", code], capture_output=True).returncode == 0
