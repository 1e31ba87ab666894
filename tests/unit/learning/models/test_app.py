"""The model server's calls: OpenAI's shapes, vLLM's shapes, and what is refused how."""

import base64
import shutil
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from learning.models import protocol, weights
from learning.models.adapters import NEEDED
from learning.models.app import create_app
from learning.models.engine import QUEUE, Engine
from storage.errors import ModelError
from tests.unit.learning.models.test_adapters import seal
from tests.unit.learning.models.tiny import write_adapter

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(scope="module")
def engine(base: Path) -> Engine:
    return Engine(name="policy", folder=base, adapter=None, encoder=None, timeout_s=30, threads=1)


@pytest.fixture
def http(engine: Engine, tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(engine, tmp_path), raise_server_exceptions=False) as client:
        yield client


def chat(**more: Any) -> dict[str, Any]:
    said = [{"role": "user", "content": "What is this?"}]
    return {"model": "policy", "messages": said, "max_tokens": 8, "seed": 1, **more}


def test_a_completion_has_openais_shape(http: TestClient) -> None:
    answer = http.post("/v1/chat/completions", json=chat(n=3, logprobs=True, user="ignored")).json()
    assert answer["object"] == "chat.completion"
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    for choice in answer["choices"]:
        assert choice["message"]["role"] == "assistant"
        assert choice["finish_reason"] in ("stop", "length")
        assert all(each["logprob"] <= 0 for each in choice["logprobs"]["content"])
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] == sum(len(c["logprobs"]["content"]) for c in answer["choices"])


def test_the_same_seed_gives_the_same_texts(http: TestClient) -> None:
    first, second = (http.post("/v1/chat/completions", json=chat(n=2)).json()["choices"] for _ in range(2))
    assert first == second


def test_models_are_listed_while_adapters_are_loaded_and_let_go(
    http: TestClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "adapters", {"one": Path("/one"), "two": Path("/two")})
    entry = protocol.model_entry

    def meanwhile(name: str, **more: Any) -> Any:
        engine.adapters[f"{name}-later"] = Path("/later")
        return entry(name, **more)

    monkeypatch.setattr(protocol, "model_entry", meanwhile)
    listed = [each["id"] for each in http.get("/v1/models").json()["data"]]
    assert listed[:3] == ["policy", "one", "two"]


def test_text_parts_are_one_text(http: TestClient) -> None:
    parts = [
        {"role": "user", "content": [{"type": "text", "text": "What is "}, {"type": "text", "text": "this?"}]}
    ]
    whole = http.post("/v1/chat/completions", json=chat()).json()["choices"]
    assert http.post("/v1/chat/completions", json=chat(messages=parts)).json()["choices"] == whole


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"n": 17}, "n:"),
        ({"temperature": 9}, "temperature:"),
        ({"messages": []}, "messages:"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages"),
        ({"logit_bias": {"99999": 1}}, "vocabulary"),
        ({"stream": True}, "stream"),
        ({"messages": [{"role": "user", "content": "x" * 400}]}, "maximum context length is 256"),
    ],
)
def test_a_bad_request_is_400_and_says_why(more: dict[str, Any], says: str, http: TestClient) -> None:
    answer = http.post("/v1/chat/completions", json=chat(**more))
    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"]
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_an_unknown_model_is_404(http: TestClient) -> None:
    answer = http.post("/v1/chat/completions", json=chat(model="gpt"))
    assert answer.status_code == 404
    assert "`gpt` does not exist" in answer.json()["error"]["message"]


def test_a_server_without_encoder_says_so_as_404(http: TestClient) -> None:
    assert http.post("/v1/embeddings", json={"model": "encoder", "input": "x"}).status_code == 404


def test_embeddings_come_as_floats_or_base64(
    http: TestClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Short:
        longest = 4

        def embed(self, texts: list[str]) -> list[list[float]]:
            return [[1.0, 0.0] for _ in texts]

        def tokens(self, texts: list[str]) -> int:
            return len(texts)

    monkeypatch.setattr(engine, "encoder", Short())
    answer = http.post("/v1/embeddings", json={"model": "encoder", "input": ["a", "b"]}).json()
    assert [each["embedding"] for each in answer["data"]] == [[1.0, 0.0]] * 2
    packed = http.post(
        "/v1/embeddings", json={"model": "encoder", "input": "a", "encoding_format": "base64"}
    ).json()
    assert struct.unpack("<2f", base64.b64decode(packed["data"][0]["embedding"])) == (1.0, 0.0)
    assert http.post("/v1/embeddings", json={"model": "encoder", "input": []}).status_code == 400


def test_models_say_what_the_server_can_do(http: TestClient) -> None:
    entry = http.get("/v1/models").json()["data"][0]
    assert (entry["id"], entry["max_model_len"]) == ("policy", 256)
    assert entry["thumbprint"]["phrase_bias"] is True


def test_tokenize_counts_texts_and_conversations_as_vllm_does(http: TestClient) -> None:
    text = http.post("/tokenize", json={"model": "policy", "prompt": "abc"}).json()
    assert (text["count"], text["max_model_len"], len(text["tokens"])) == (3, 256, 3)
    said = http.post("/tokenize", json={"messages": chat()["messages"]}).json()["count"]
    assert said == http.post("/v1/chat/completions", json=chat()).json()["usage"]["prompt_tokens"]
    assert http.post("/tokenize", json={}).status_code == 400


def test_an_adapter_is_loaded_selected_by_name_and_unloaded(
    http: TestClient, base: Path, tmp_path: Path
) -> None:
    folder = write_adapter(tmp_path / "adapter", base)
    load = {"lora_name": "run-1", "lora_path": str(folder)}
    loaded = http.post("/v1/load_lora_adapter", json=load)
    assert (loaded.status_code, loaded.text) == (200, "Success: LoRA adapter 'run-1' added successfully.")
    assert [each["id"] for each in http.get("/v1/models").json()["data"]] == ["policy", "run-1"]
    plain, adapted = (
        http.post("/v1/chat/completions", json=chat(model=name, temperature=0)).json()["choices"][0][
            "message"
        ]
        for name in ("policy", "run-1")
    )
    assert plain != adapted
    assert http.post("/v1/load_lora_adapter", json=load).status_code == 400
    assert http.post("/v1/unload_lora_adapter", json={"lora_name": "run-1"}).status_code == 200
    assert http.post("/v1/unload_lora_adapter", json={"lora_name": "run-1"}).status_code == 404
    assert http.post("/v1/chat/completions", json=chat(model="run-1")).status_code == 404


def test_an_adapter_that_is_a_pickle_is_refused_and_the_server_goes_on(
    http: TestClient, tmp_path: Path
) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.bin").write_bytes(b"")
    load = {"lora_name": "x", "lora_path": str(tmp_path)}
    answer = http.post("/v1/load_lora_adapter", json=load)
    assert answer.status_code == 400
    assert "pickle" in answer.json()["error"]["message"]
    assert http.post("/v1/chat/completions", json=chat()).status_code == 200


def test_a_damaged_adapter_is_refused_in_one_sentence_and_the_server_goes_on(
    http: TestClient, base: Path, tmp_path: Path
) -> None:
    folder = write_adapter(tmp_path / "adapter", base)
    whole = (folder / "adapter_model.safetensors").read_bytes()
    (folder / "adapter_model.safetensors").write_bytes(whole[: len(whole) // 2])
    load = {"lora_name": "x", "lora_path": str(folder)}
    answer = http.post("/v1/load_lora_adapter", json=load)
    assert answer.status_code == 400
    assert "damaged or of another kind" in answer.json()["error"]["message"]
    assert [each["id"] for each in http.get("/v1/models").json()["data"]] == ["policy"]


def test_an_adapter_with_one_byte_flipped_is_refused_and_the_former_serves_on(
    http: TestClient, base: Path, tmp_path: Path
) -> None:
    folder = write_adapter(tmp_path / "night-1", base)
    seal(folder, base)
    assert http.post(
        "/v1/load_lora_adapter", json={"lora_name": "night-1", "lora_path": str(folder)}
    ).is_success
    try:
        former = http.post("/v1/chat/completions", json=chat(model="night-1")).json()["choices"]
        later = Path(shutil.copytree(folder, tmp_path / "night-2"))
        for name in NEEDED:
            whole = (later / name).read_bytes()
            (later / name).write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
            answer = http.post(
                "/v1/load_lora_adapter", json={"lora_name": "night-2", "lora_path": str(later)}
            )
            assert answer.status_code == 400
            assert f"{name} is damaged" in answer.json()["error"]["message"]
            (later / name).write_bytes(whole)
            assert http.post("/v1/chat/completions", json=chat(model="night-2")).status_code == 404
        assert http.post("/v1/chat/completions", json=chat(model="night-1")).json()["choices"] == former
    finally:
        http.post("/v1/unload_lora_adapter", json={"lora_name": "night-1"})


@pytest.mark.parametrize(
    ("field", "says"), [("base", "another base"), ("template", "another prompt template")]
)
def test_an_adapter_of_another_base_or_template_is_refused(
    field: str, says: str, http: TestClient, base: Path, tmp_path: Path
) -> None:
    folder = write_adapter(tmp_path / "adapter", base)
    seal(folder, base, **{field: "0" * 64})
    answer = http.post("/v1/load_lora_adapter", json={"lora_name": "x", "lora_path": str(folder)})
    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("model.safetensors", b"half", "damaged or of another kind"),
        ("config.json", b"{", "damaged or of another kind"),
        ("config.json", b'{"model_type": "llama"}', "num_attention_heads"),
        ("tokenizer.json", b"{", "damaged or of another kind"),
    ],
)
def test_a_model_whose_files_are_damaged_is_one_sentence_that_names_it(
    name: str, content: bytes, says: str, base: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(base, tmp_path / "model"))
    (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=says) as raised:
        Engine(name="policy", folder=folder, adapter=None, encoder=None, timeout_s=30, threads=1)
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_model_that_does_not_fit_into_the_memory_cap_names_the_setting(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("unable to mmap 538090408 bytes: Cannot allocate memory (12)")

    monkeypatch.setattr(weights, "safe_open", full)
    with pytest.raises(ModelError, match="THUMBPRINT_MODEL_MEMORY_GB"):
        Engine(name="policy", folder=base, adapter=None, encoder=None, timeout_s=30, threads=1)


@pytest.mark.parametrize(("typical_s", "waiting"), [(0.01, QUEUE), (11.0, 3)])
def test_a_full_queue_or_too_long_a_wait_is_503_with_retry_after(
    typical_s: float, waiting: int, http: TestClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_typical_s", typical_s)
    gate = threading.Event()
    engine._generating.submit(gate.wait, 20)
    futures = []
    try:
        for _ in range(waiting):
            futures.append(engine.generate("policy", [5, 6], chat_options(), threading.Event()))
        answer = http.post("/v1/chat/completions", json=chat())
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
    finally:
        gate.set()
        assert all(future.result(20) for future in futures)
    assert http.post("/v1/chat/completions", json=chat()).status_code == 200


def test_time_that_is_up_cuts_the_text(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "timeout_s", 0.05)
    written = engine.generate("policy", [5, 6], chat_options(max_tokens=250), threading.Event()).result(20)
    assert 0 < len(written[0].ids) < 250
    assert written[0].finish_reason == "length"


def test_a_prompt_or_texts_that_take_longer_than_the_time_cap_are_503(
    http: TestClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow:
        def embed(self, texts: list[str]) -> list[list[float]]:
            time.sleep(0.02)
            return [[1.0] for _ in texts]

    monkeypatch.setattr(engine, "encoder", Slow())
    monkeypatch.setattr(engine, "timeout_s", 0.05)
    many = http.post("/v1/embeddings", json={"model": "encoder", "input": ["a"] * 2000})
    read = engine.policy("policy").network.read

    def slowly(*asked: Any) -> Any:
        time.sleep(0.06)
        return read(*asked)

    monkeypatch.setattr(engine.policy("policy").network, "read", slowly)
    said = [{"role": "user", "content": "y" * 150}]
    long = http.post("/v1/chat/completions", json=chat(messages=said))
    for answer in (many, long):
        assert answer.status_code == 503
        assert "model_timeout_s" in answer.json()["error"]["message"]


def test_a_client_that_left_stops_its_generation(engine: Engine) -> None:
    gone = threading.Event()
    future = engine.generate("policy", [5, 6], chat_options(max_tokens=250), gone)
    gone.set()
    try:
        assert len(future.result(20)[0].ids) < 250
    except Exception as error:
        assert "waited longer" in str(error)


def test_memory_that_runs_out_is_503_and_the_server_goes_on(
    http: TestClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr(engine.policy("policy"), "write", fail)
        answer = http.post("/v1/chat/completions", json=chat())
    assert answer.status_code == 503
    assert "model_memory_gb" in answer.json()["error"]["message"]
    assert http.post("/v1/chat/completions", json=chat()).status_code == 200


def chat_options(max_tokens: int = 2) -> Any:
    from learning.models.policy import Options

    return Options(n=1, seed=1, temperature=1.0, max_tokens=max_tokens, logit_bias={0: -100.0, 2: -100.0})
