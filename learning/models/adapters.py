"""What an adapter says of itself, and whether it may be served: files whole, same base, same template.

Beside PEFT's two files lies `thumbprint.json`: the SHA-256 of each file, of the base's tensors and of what
the prompt's template makes of fixed messages, and what the adapter was trained from. A folder without it is
another trainer's: it is served with a warning. The hashes show damage and mistakes, not forgery: whoever can
write the folder can write the manifest. Imports no torch. Left out: writing one
(`learning/training/artefact.py`).

    pytest tests/unit/learning/models/test_adapters.py
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from learning import prompt
from learning.models import store
from storage.errors import ModelError

MANIFEST = "thumbprint.json"
FORMAT = "thumbprint adapter 1"
NEEDED = ("adapter_config.json", "adapter_model.safetensors")
CHUNK = 8 * 1024 * 1024


class Tokens(Protocol):
    """What is asked of a model's tokenizer (`learning/models/tokenizer.py`)."""

    def chat(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """Token ids of a conversation, ready for the answer."""

    def answer(self, text: str) -> list[int]:
        """Token ids of an answer and its end."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an adapter was made of, and the hash of each of its files. Hashes are SHA-256 as hex."""

    stage: str
    """What made it: sft, ppo, dpo."""
    run: str
    """The run that made it."""
    base: str
    """`base_hash` of the model that it was trained on, the only one that it may be merged into."""
    base_name: str
    """That model's name, for people."""
    template: str
    """`template_hash` under which it was trained."""
    template_version: str
    """The `TEMPLATE` of `learning/prompt.py` at that time, for people."""
    snapshot: str
    """The snapshot's id."""
    parent: str = ""
    """The id of the adapter that training went on from; "" for the bare base."""
    seeds: tuple[int, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    """Every option of the stage."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    """Counts of rows by source, and the licences of the data."""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """SHA-256 over all of the above: the adapter's name that nothing else can have."""
        return hashlib.sha256(_canonical(asdict(self)).encode()).hexdigest()

    @property
    def private(self) -> int | None:
        """Rows of private repositories that it learned from, its parents' and its reward model's too; None
        where it is not said."""
        found = self.data.get("private")
        return found if isinstance(found, int) else None

    @property
    def reward_models(self) -> frozenset[str]:
        """Those behind it, its parents and their reward models: the SHA-256 of each one's manifest."""
        own = self.data.get("reward_model")
        return frozenset([*self.data.get("reward_models", ()), *([own] if own else [])])

    def text(self) -> str:
        """The file's text. Raises ValueError for a metric that is no finite number."""
        return json.dumps({"format": FORMAT, "id": self.id, **asdict(self)}, indent=1, allow_nan=False) + "\n"


def read(folder: Path) -> Manifest | None:
    """The manifest of an adapter, every file compared with it; None where there is none.

    Raises ModelError that names the first file which is not as it was written.
    """
    file = folder / MANIFEST
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        known, stated = found.pop("format"), found.pop("id")
        if known != FORMAT:
            raise ModelError(
                f"{file} has another format, {str(known)[:40]!r}, than {FORMAT!r}: train it again."
            )
        if set(found) != {each.name for each in fields(Manifest)}:
            raise ValueError("other fields")
        manifest = Manifest(**{**found, "seeds": tuple(found["seeds"])})
        whole = manifest.id == stated
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise _damaged(file)
    for name in sorted({*NEEDED, *manifest.files}):
        if not (folder / name).is_file() or store.sha256_of(folder / name) != manifest.files.get(name):
            raise _damaged(folder / name)
    return manifest


def check(folder: Path, *, base: Path, tokens: Tokens) -> Manifest | None:
    """Raise ModelError unless the adapter in `folder` may be merged into the model in `base`.

    Its files are whole, it was trained on this very base, and under the template that `learning/prompt.py`
    and `tokens` make now. One without a manifest is let through, with a warning in the log, and gives None.
    """
    manifest = read(folder)
    if manifest is None:
        logging.getLogger(__name__).warning(
            "The adapter in %s has no %s: nobody can say on which base and template it was trained.",
            folder,
            MANIFEST,
        )
        return None
    if manifest.base != base_hash(base):
        raise ModelError(
            f"The adapter in {folder} was trained on another base, {manifest.base_name} "
            f"({manifest.base[:12]}), than the model in {base} ({base_hash(base)[:12]}): serve that base, "
            "or train the adapter on this one."
        )
    now = template_hash(tokens)
    if manifest.template != now:
        raise ModelError(
            f"The adapter in {folder} was trained under another prompt template, {manifest.template_version} "
            f"({manifest.template[:12]}), than this version's {prompt.TEMPLATE} ({now[:12]}): train it again."
        )
    return manifest


def base_hash(folder: Path) -> str:
    """SHA-256 over a model's configuration and its tensors' names, types, shapes and bytes.

    Other ways to keep the same tensors (one file or several, other metadata) give the same hash. About a
    second for half a gigabyte; kept until a file changes. Raises ModelError for files that cannot be read.
    """
    weights = sorted(folder.glob("*.safetensors"))
    if not weights or not (folder / "config.json").is_file():
        raise ModelError(f"{folder} holds no model: it lacks config.json or a .safetensors file.")
    stats = ((file, file.stat()) for file in (folder / "config.json", *weights))
    return _base_hash(tuple((file, stat.st_mtime_ns, stat.st_size) for file, stat in stats))


def base_name(model: str | Path) -> str:
    """A model's name for people: of a folder the cache's, the hub's `owner/name`, or the folder's own; of
    another setting, such as `packaged`, the setting."""
    folder = Path(model)
    if isinstance(model, str) and not folder.exists():
        return model
    hub = next((one.name for one in folder.parents if one.name.startswith("models--")), "")
    said = str(store.manifest(folder).get("name", ""))
    return said or hub.removeprefix("models--").replace("--", "/", 1) or folder.name


@lru_cache(maxsize=8)
def _base_hash(files: tuple[tuple[Path, int, int], ...]) -> str:
    try:
        config = json.loads(files[0][0].read_text(encoding="utf-8"))
        for key in ("transformers_version", "_name_or_path", "dtype", "torch_dtype"):  # who saved it, and how
            config.pop(key, None)
        tensors: dict[str, str] = {}
        for file, _, _ in files[1:]:
            tensors |= _tensors(file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"The model in {files[0][0].parent} is damaged: fetch it again.") from error
    return hashlib.sha256(_canonical([config, tensors]).encode()).hexdigest()


def _tensors(file: Path) -> dict[str, str]:
    """The hash of each tensor of a safetensors file: 8 bytes of length, a JSON header, the bytes."""
    found = {}
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
        header.pop("__metadata__", None)
        for name, about in sorted(header.items(), key=lambda item: item[1]["data_offsets"][0]):
            begin, end = about["data_offsets"]
            digest = hashlib.sha256(_canonical([about["dtype"], about["shape"]]).encode())
            stream.seek(8 + length + begin)
            left = end - begin
            while left:
                chunk = stream.read(min(CHUNK, left))
                if not chunk:
                    raise ValueError(f"{file} ends within {name}")
                digest.update(chunk)
                left -= len(chunk)
            found[name] = digest.hexdigest()
    return found


def template_hash(tokens: Tokens) -> str:
    """SHA-256 over what `learning/prompt.py` and a tokenizer make of fixed questions, threads and answers."""
    digest = hashlib.sha256(prompt.TEMPLATE.encode())
    for messages in _probes():
        said = [{"role": each.role, "content": each.content} for each in messages]
        digest.update(_canonical([said, tokens.chat(said)]).encode())
    digest.update(_canonical(tokens.answer(ANSWER)).encode())
    return digest.hexdigest()


QUESTION = "  How do I read <|im_end|> a file?\nSee `open`.\n"
THREAD = "alice wrote:\n~~~~~~~~~ It fails [INST] on naïve 日本語 text.\t\n\nbob wrote:\n> use open()"
ANSWER = "Use `open(path, encoding='utf-8')`.\n\n- naïve 日本語 </s>"


def _probes() -> tuple[tuple[Any, ...], ...]:
    rules, again = ("Use `make check`.", "No more than\ntwo sentences."), ("Say `x`.",)
    example = prompt.Example(question=QUESTION, text=ANSWER)
    return (
        prompt.build(QUESTION, ""),
        prompt.build(QUESTION, THREAD),
        prompt.build(QUESTION, THREAD, rules, (example,)),
        prompt.build(QUESTION, "", rules, (example, example), again),
    )


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _damaged(file: Path) -> ModelError:
    return ModelError(
        f"{file} is damaged: it is not what was written there. Put the adapter's folder there anew, or train "
        "it again."
    )
