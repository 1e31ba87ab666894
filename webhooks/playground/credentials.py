"""The App's identity on the playground: made once in `home`, shared with the bot, readable by the owner only.

The ids are random so that two playgrounds in one process never share a cached token.
Left out: rotation; delete the folder for a new identity.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from storage.errors import SetupError

SLUG = "thumbprint"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What bot and playground share. `private_key_file` is PEM, mode 0600; the bot gets these by settings."""

    app_id: str
    private_key_file: Path
    webhook_secret: str = field(repr=False)
    installation_id: int
    slug: str = SLUG


def ensure(home: Path) -> Credentials:
    """Read the credentials in `home`, or make them: RSA key, secret, ids. Safe from two processes.

    Raises SetupError when `home` cannot be written or holds something else.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        key_file, identity_file = home / "app.pem", home / "app.json"
        if not key_file.exists():
            _write_once(key_file, new_key())
        if not identity_file.exists():
            _write_once(identity_file, json.dumps(_new_identity(), indent=1).encode())
        identity = json.loads(identity_file.read_text())
        return Credentials(
            app_id=str(identity["app_id"]),
            private_key_file=key_file.absolute(),
            webhook_secret=str(identity["webhook_secret"]),
            installation_id=int(identity["installation_id"]),
            slug=str(identity["slug"]),
        )
    except (OSError, ValueError, KeyError) as error:
        raise SetupError(
            f"The playground's credentials in {home} cannot be read or made ({error}): "
            "delete that folder and start again."
        ) from error


def new_key() -> bytes:
    """An RSA key as GitHub hands it out: PEM, PKCS 1."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _new_identity() -> dict[str, object]:
    return {
        "app_id": 100_000 + secrets.randbelow(900_000),
        "installation_id": 10_000_000 + secrets.randbelow(90_000_000),
        "webhook_secret": secrets.token_hex(24),
        "slug": SLUG,
    }


def _write_once(path: Path, data: bytes) -> None:
    """Write whole or not at all; whoever comes second keeps what the first one wrote."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(temporary)
    finally:
        temporary.unlink()
