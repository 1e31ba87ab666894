"""What was trained is uploaded whole with its card, or refused in one sentence."""

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import huggingface_hub
import pytest
from huggingface_hub import constants

import learning
from learning.models import store
from learning.models.adapters import MANIFEST, NEEDED, Manifest
from learning.models.store import sha256_of
from learning.training.publish import push
from learning.training.reward_folder import CARD, FIGURES, FORMAT
from storage.errors import ConfigurationError, ModelError, SetupError

ABOUT = Manifest(
    stage="sft",
    run="sft-1",
    base="b" * 64,
    base_name="tiny",
    template="c" * 64,
    template_version="t1",
    snapshot="d" * 64,
    data={"private": 0},
)


def write(folder: Path, about: Manifest = ABOUT) -> Path:
    folder.mkdir()
    names = (*NEEDED, "README.md")
    for name in names:
        (folder / name).write_text(f"the bytes of {name}")
    about = replace(about, files={name: sha256_of(folder / name) for name in names})
    (folder / MANIFEST).write_text(about.text())
    return folder


def write_reward(folder: Path, **about: Any) -> Path:
    """A reward model with an encoder of its own, its card and its figures; of public questions alone."""
    (folder / "encoder").mkdir(parents=True)
    for name in ("head.safetensors", "seen.txt", "encoder/model.safetensors"):
        (folder / name).write_text(f"the bytes of {name}")
    store.seal(folder, **{"format": FORMAT, "private": 0, **about})
    for name in (CARD, FIGURES):
        (folder / name).write_text(f"the bytes of {name}")
    return folder


class Hub(BaseHTTPRequestHandler):
    """As much of a hub's API as an upload uses."""

    public: ClassVar[bool] = False
    refuse: ClassVar[int] = 0
    created: ClassVar[list[Any]] = []
    files: ClassVar[dict[str, bytes]] = {}
    said: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Authorization"] == "Bearer hf_test"
        if self.refuse:
            return self.answer({"error": "no"}, self.refuse)
        if self.path == "/api/repos/create":
            self.created.append(json.loads(body))
            return self.answer({"url": f"{constants.ENDPOINT}/me/night"})
        if self.path == "/api/validate-yaml":
            return self.answer({"errors": [], "warnings": []})
        if "/preupload/" in self.path:
            names = [each["path"] for each in json.loads(body)["files"]]
            modes = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]
            return self.answer({"files": modes})
        assert "/commit/" in self.path
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            if line["key"] == "header":
                self.said.append(line["value"]["summary"])
        return self.answer(
            {"commitOid": "e" * 40, "commitUrl": f"{constants.ENDPOINT}/me/night/commit/{'e' * 40}"}
        )

    def do_GET(self) -> None:
        self.answer(
            {"id": "me/night", "private": not self.public, "sha": "e" * 40, "siblings": [], "tags": []}
        )

    def answer(self, body: Any, status: int = 200) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    Hub.public, Hub.refuse, Hub.created, Hub.files, Hub.said = False, 0, [], {}, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "hf_test")
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield Hub
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_file_of_the_manifest_goes_up_and_nothing_else(hub: type[Hub], tmp_path: Path) -> None:
    folder = write(tmp_path / "night")
    (folder / "notes.txt").write_text("mine")
    assert push(folder, "me/night") == f"{constants.ENDPOINT}/me/night"
    assert hub.files == {name: (folder / name).read_bytes() for name in (*NEEDED, "README.md", MANIFEST)}
    assert hub.created[0]["visibility"] == "private"
    assert hub.said[0].startswith("Thumbprint adapter ")


def test_a_reward_model_goes_up_with_its_card_and_its_figures_and_nothing_else(
    hub: type[Hub], tmp_path: Path
) -> None:
    folder = write_reward(tmp_path / "reward")
    wanted = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    (folder / "notes.txt").write_text("mine")
    (folder / "encoder" / CARD).write_text("mine")
    assert push(folder, "me/night") == f"{constants.ENDPOINT}/me/night"
    assert hub.files == {name: (folder / name).read_bytes() for name in wanted} and len(wanted) == 6
    assert hub.created[0]["visibility"] == "private"
    digest = sha256_of(folder / store.MANIFEST)
    assert hub.said == [f"Thumbprint reward model {digest[:12]}"]


def test_a_reward_model_that_was_not_judged_yet_goes_up_without_a_card(
    hub: type[Hub], tmp_path: Path
) -> None:
    folder = write_reward(tmp_path / "reward")
    (folder / CARD).unlink()
    (folder / FIGURES).unlink()
    push(folder, "me/night", public=True)
    assert set(hub.files) == {"head.safetensors", "seen.txt", "encoder/model.safetensors", store.MANIFEST}


@pytest.mark.parametrize(
    ("private", "says"),
    [(3, "reward model learned from 3 answers in private"), (None, "does not say"), ("0", "does not say")],
)
def test_a_reward_model_that_learned_from_private_repositories_or_does_not_say_is_never_public(
    private: Any, says: str, hub: type[Hub], tmp_path: Path
) -> None:
    folder = write_reward(tmp_path / "reward", private=private)
    with pytest.raises(ConfigurationError, match=says):
        push(folder, "me/night", public=True)
    assert hub.created == [] and hub.files == {}
    push(folder, "me/night")
    assert "head.safetensors" in hub.files


def test_a_reward_model_from_before_private_rows_were_counted_is_never_public(tmp_path: Path) -> None:
    folder = write_reward(tmp_path / "reward")
    about = store.manifest(folder)
    del about["private"]
    (folder / store.MANIFEST).write_text(json.dumps(about))
    with pytest.raises(ConfigurationError, match="reward model does not say whether"):
        push(folder, "me/night", public=True)


def test_a_damaged_reward_model_and_another_model_of_the_cache_are_not_uploaded(
    hub: type[Hub], tmp_path: Path
) -> None:
    folder = write_reward(tmp_path / "reward")
    (folder / "seen.txt").write_text("the bytes of seen.tx!")
    with pytest.raises(ModelError, match=r"seen\.txt is damaged .its hash has changed"):
        push(folder, "me/night")
    (folder / "seen.txt").unlink()
    with pytest.raises(ModelError, match=r"seen\.txt is damaged"):
        push(folder, "me/night")
    with pytest.raises(ModelError, match="no adapter and no reward model of ours"):
        push(write_reward(tmp_path / "policy", format="another"), "me/night")
    assert hub.created == [] and hub.files == {}


def test_what_ships_may_be_pushed_for_everybody_without_torch(hub: type[Hub]) -> None:
    """The model as it lies in the repository; torch would cost an upload seconds."""
    push(Path(learning.__file__).parent / "shipped" / "reward", "me/night", public=True)
    assert set(hub.files) == {"head.safetensors", "seen.txt", store.MANIFEST, CARD, FIGURES}
    code = "import sys; from learning.training import publish; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_is_what_is_said_to_be(hub: type[Hub], tmp_path: Path) -> None:
    hub.public = True
    folder = write(tmp_path / "night")
    with pytest.raises(ConfigurationError, match="me/night is public"):
        push(folder, "me/night")
    assert hub.files == {}
    push(folder, "me/night", public=True)
    assert set(hub.files) == {*NEEDED, "README.md", MANIFEST}


def test_what_does_not_say_whether_it_learned_from_private_repositories_never_becomes_public(
    tmp_path: Path,
) -> None:
    folder = write(tmp_path / "a", replace(ABOUT, data={"prompts": 12}))
    with pytest.raises(ConfigurationError, match="does not say whether"):
        push(folder, "me/night", public=True)


def test_what_learned_from_private_repositories_never_becomes_public(tmp_path: Path) -> None:
    folder = write(tmp_path / "night", replace(ABOUT, data={"private": 3}))
    with pytest.raises(ConfigurationError, match="3 answers in private repositories"):
        push(folder, "me/night", public=True)


@pytest.mark.parametrize(("status", "says"), [(401, "does not know the token"), (403, "may not write there")])
def test_a_hub_that_refuses_is_one_sentence(status: int, says: str, hub: type[Hub], tmp_path: Path) -> None:
    hub.refuse = status
    with pytest.raises(SetupError, match=says):
        push(write(tmp_path / "night"), "me/night")


def test_without_a_token_nothing_is_asked_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(ConfigurationError, match="set HF_TOKEN"):
        push(write(tmp_path / "night"), "me/night")


@pytest.mark.parametrize("name", ["night", "me/", "/night", "me/night/two", "../x/y", "https://hub/me/night"])
def test_a_name_that_is_no_repository_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="give --to OWNER/NAME"):
        push(write(tmp_path / "night"), name)


def test_a_damaged_adapter_and_a_strangers_folder_are_not_uploaded(tmp_path: Path) -> None:
    folder = write(tmp_path / "night")
    (folder / NEEDED[1]).write_text("other bytes")
    with pytest.raises(ModelError, match="damaged"):
        push(folder, "me/night")
    (folder / MANIFEST).unlink()
    with pytest.raises(ModelError, match="no adapter and no reward model of ours"):
        push(folder, "me/night")
