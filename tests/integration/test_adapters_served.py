"""The real model server, on a tiny model: an adapter that does not hold never takes another's place."""

import shutil
from pathlib import Path

import httpx
import pytest

from tests.integration.model_process import client, free_port, ours, running, wait_ready
from tests.unit.learning.models.test_adapters import seal
from tests.unit.learning.models.tiny import write_adapter, write_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
]


def test_loaded_served_and_still_served_after_a_damaged_one_was_refused(tmp_path: Path) -> None:
    base = write_model(tmp_path / "base")
    good, foreign = write_adapter(tmp_path / "good", base), write_adapter(tmp_path / "foreign", base, seed=2)
    seal(good, base)
    bad = Path(shutil.copytree(good, tmp_path / "bad"))
    weights = bytearray((bad / "adapter_model.safetensors").read_bytes())
    weights[-5] ^= 16
    (bad / "adapter_model.safetensors").write_bytes(weights)
    port, log = free_port(), tmp_path / "model.log"
    with (
        running(ours("--policy", str(base), "--encoder", "", port=port), log) as child,
        httpx.Client(base_url=f"http://127.0.0.1:{port}/v1", trust_env=False, timeout=60) as http,
    ):
        models = client(port)
        wait_ready(models, child, log)
        models.close()

        def load(name: str, folder: Path) -> httpx.Response:
            return http.post("/load_lora_adapter", json={"lora_name": name, "lora_path": str(folder)})

        def ask() -> httpx.Response:
            said = [{"role": "user", "content": "Why?"}]
            body = {"model": "night-1", "messages": said, "seed": 1, "max_tokens": 8}
            return http.post("/chat/completions", json=body)

        assert load("night-1", good).is_success
        former = ask().json()["choices"]
        refused = load("night-2", bad)
        assert refused.status_code == 400
        assert "is damaged" in refused.json()["error"]["message"]
        assert load("foreign", foreign).is_success
        assert [each["id"] for each in http.get("/models").json()["data"]] == ["policy", "night-1", "foreign"]
        assert ask().json()["choices"] == former
    assert f"The adapter in {foreign} has no thumbprint.json" in log.read_text()


def test_a_server_does_not_start_with_a_damaged_adapter_and_names_the_file(tmp_path: Path) -> None:
    base = write_model(tmp_path / "base")
    bad = write_adapter(tmp_path / "bad", base)
    seal(bad, base, template="0" * 64)
    log = tmp_path / "model.log"
    command = ours("--policy", str(base), "--adapter", str(bad), "--encoder", "", port=free_port())
    with running(command, log) as child:
        assert child.wait(120) == 1
    assert "was trained under another prompt template" in log.read_text()
    assert "Traceback" not in log.read_text()
