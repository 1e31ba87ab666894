"""A trained adapter as a folder: PEFT's two files, a model card, and the manifest that is written last.

The folder appears whole or not at all, and is the same to the byte for the same weights and manifest: sorted
lists in PEFT's configuration, no machine's paths, no clock. `read` refuses what is not as it was written, and
what was trained on another base or under another template, as the server does
(`learning/models/adapters.py`). Left out: the card's words (`learning/training/card.py`).

    pytest tests/unit/learning/training/test_artefact.py
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from learning.models import adapters, store
from learning.models.adapters import MANIFEST, Manifest
from learning.models.tokenizer import Tokens
from learning.training.card import card
from storage.errors import ConfigurationError, ModelError, SetupError

CARD = "README.md"


def write(out: Path, model: Any, about: Manifest, *, extra: Mapping[str, str] | None = None) -> Manifest:
    """Write the LoRA adapter of a PEFT `model` into the new folder `out`; its manifest, with hashes.

    Rank and alpha among its options are the adapter's own: one that goes on from a parent has the parent's.
    `extra` are further files by name: their text must follow from the run alone.
    Raises ConfigurationError when `out` holds something else already, SetupError for a full disk: then
    nothing of it is left.
    """
    if not is_of(out, about.run):
        refuse_taken(out)
    size = sum(each.numel() * 4 for each in model.parameters() if each.requires_grad)
    with store.making(
        out.parent, out, 2 * size // store.MIB + 1, what="The folder", remedy="name another --out"
    ) as folder:
        own = _save(model, folder, about.base_name)
        about = replace(about, options={name: own.get(name, value) for name, value in about.options.items()})
        for name, text in (extra or {}).items():
            (folder / name).write_text(text, encoding="utf-8")
        files = {name: store.sha256_of(folder / name) for name in (*adapters.NEEDED, *(extra or {}))}
        about = replace(about, files=files)
        (folder / CARD).write_text(card(about), encoding="utf-8")
        about = replace(about, files={**files, CARD: store.sha256_of(folder / CARD)})
        (folder / MANIFEST).write_text(about.text(), encoding="utf-8")
    return about


def read(folder: Path) -> Manifest:
    """The manifest of an adapter of ours, each file compared. Raises ModelError: missing, damaged."""
    manifest = adapters.read(folder)
    if manifest is None:
        raise ModelError(f"{folder} holds no adapter of ours: it has no {MANIFEST}.")
    return manifest


def check(folder: Path, *, base: Path, tokens: Tokens) -> Manifest:
    """`read`, and refused where the base or the template is another one. Raises ModelError."""
    read(folder)
    manifest = adapters.check(folder, base=base, tokens=tokens)
    assert manifest is not None
    return manifest


def refuse_taken(out: Path) -> None:
    """Raise ConfigurationError where something lies already: nothing is ever overwritten."""
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise ConfigurationError(f"{out} exists already and is no adapter of this run: name another --out.")


def is_of(folder: Path, run: str) -> bool:
    """Whether `folder` holds a whole adapter of that run: then there is nothing left to do."""
    try:
        return read(folder).run == run
    except ModelError:
        return False


def run_id(stage: str, *given: object) -> str:
    """The name of a run, from all that its result depends on: `stage-` and 16 hex digits."""
    text = json.dumps([stage, *given], sort_keys=True, default=str)
    return f"{stage}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


@contextmanager
def full_disk_said(folder: Path) -> Iterator[None]:
    """Whatever libraries raise where the disk is full, as SetupError that says what to do."""
    try:
        yield
    except Exception as error:  # each writer has a class of its own for it
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if not full and not any(sign in str(error) for sign in ("No space left", "file write failed")):
            raise
        raise SetupError(
            f"The disk under {folder} is full: make room, and the same command goes on from its last "
            "checkpoint."
        ) from error


def _save(model: Any, folder: Path, base_name: str) -> dict[str, int]:
    """PEFT's own files, without what differs from process to process and from machine to machine; the
    LoRA's rank and alpha."""
    model.save_pretrained(
        str(folder), selected_adapters=["default"], safe_serialization=True, save_embedding_layers=False
    )
    file = folder / "adapter_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    for key, value in config.items():
        if isinstance(value, list):
            config[key] = sorted(value)
    config |= {"base_model_name_or_path": base_name, "inference_mode": True}
    file.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return {"rank": config["r"], "alpha": config["lora_alpha"]}
