"""Who is calling: the App by its JWT, or an installation by its token; as strictly as GitHub.

Sources: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
Tokens carry their own claims, signed, so they outlive a restart. Left out: personal and OAuth tokens.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization

from webhooks.playground import shapes
from webhooks.playground.refusals import Refused, forbidden
from webhooks.playground.state import State
from webhooks.playground.things import Installation, Repository

TOKEN_LIFE_S = 3600
JWT_LIFE_S = 600
LEVELS = ("none", "read", "write")


@dataclass(frozen=True, kw_only=True)
class Token:
    """An installation token's claims. `repository_ids` None: all of the installation's repositories."""

    installation_id: int
    repository_ids: tuple[int, ...] | None
    permissions: dict[str, str]
    expires_at: datetime
    generation: int

    def may(self, permission: str, level: str) -> bool:
        """Whether the token holds the permission at that level or above."""
        held = self.permissions.get(permission, "none")
        return LEVELS.index(held) >= LEVELS.index(level)

    def reaches(self, repository: Repository) -> bool:
        """Whether the repository is the installation's, and within what the token was narrowed to."""
        if repository.installation_id != self.installation_id:
            return False
        return self.repository_ids is None or repository.id in self.repository_ids


class Guard:
    """Verifies callers and makes tokens."""

    def __init__(self, state: State, token_life_s: float = TOKEN_LIFE_S) -> None:
        self._state, self.token_life_s = state, token_life_s
        self.clock = state.clock  # a test that turns the state's leaves the callers' time alone
        self._generation = 0
        self._keys: dict[Path, Any] = {}

    @property
    def _public_key(self) -> Any:
        file = self._state.credentials.private_key_file
        if file not in self._keys:
            private = serialization.load_pem_private_key(file.read_bytes(), password=None)
            self._keys[file] = private.public_key()
        return self._keys[file]

    @property
    def _token_key(self) -> bytes:
        return hashlib.sha256(b"token:" + self._state.credentials.webhook_secret.encode()).digest()

    def revoke_all(self) -> None:
        """Every token made until now is bad from now on."""
        self._generation += 1

    def app(self, authorization: str) -> None:
        """The caller is the App: an RS256 JWT of at most 10 minutes. Raises Refused 401."""
        token = _bearer(authorization)
        now = self.clock().timestamp()
        try:
            claims = jwt.decode(
                token,
                self._public_key,
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_iat": False, "require": ["iat", "exp", "iss"]},
            )
            issued, expires = float(claims["iat"]), float(claims["exp"])
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise Refused(401, "A JSON web token could not be decoded") from error
        if issued > now + 1:
            raise Refused(
                401,
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion "
                "was issued",
            )
        if expires <= now:
            raise Refused(
                401,
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at "
                "which the assertion expires",
            )
        if expires > now + JWT_LIFE_S:
            raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
        if str(claims["iss"]) not in (self._state.credentials.app_id, shapes.app(self._state)["client_id"]):
            raise Refused(404, "Integration not found")

    def issue_token(self, installation_id: int, wanted: dict[str, Any]) -> dict[str, Any]:
        """Answer to `POST /app/installations/{id}/access_tokens`; `wanted` may narrow it. Raises 404, 422."""
        state = self._state
        self._usable(state.installation(installation_id))
        permissions = _narrow_permissions(wanted.get("permissions"))
        repositories = self._narrow_repositories(installation_id, wanted)
        expires = self.clock() + timedelta(seconds=self.token_life_s)
        claims = {
            "installation": installation_id,
            "repositories": None if repositories is None else [repo.id for repo in repositories],
            "permissions": permissions,
            "expires": int(expires.timestamp()),
            "generation": self._generation,
        }
        answer: dict[str, Any] = {
            "token": self._sign(claims),
            "expires_at": shapes.when(expires),
            "permissions": permissions,
            "repository_selection": "all" if repositories is None else "selected",
        }
        if repositories is not None:
            answer["repositories"] = [shapes.repository(state, repo) for repo in repositories]
        return answer

    def installation(self, authorization: str) -> Token:
        """The caller is an installation: `token ghs_…` or `Bearer ghs_…`. Raises Refused 401."""
        text = _bearer(authorization)
        if not text.startswith("ghs_"):
            if text.count(".") == 2:
                self.app(authorization)
                raise forbidden("This endpoint needs an installation token, not a JSON web token")
            raise Refused(401, "Bad credentials")
        payload, _, signature = text.removeprefix("ghs_").partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(payload).encode()):
            raise Refused(401, "Bad credentials")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        expires = datetime.fromtimestamp(claims["expires"], tz=self.clock().tzinfo)
        if expires <= self.clock() or claims["generation"] != self._generation:
            raise Refused(401, "Bad credentials")
        found = self._state.installations.get(claims["installation"])
        if found is None or found.removed:
            raise Refused(401, "Bad credentials")
        self._usable(found)
        ids = claims["repositories"]
        return Token(
            installation_id=claims["installation"],
            repository_ids=None if ids is None else tuple(ids),
            permissions=claims["permissions"],
            expires_at=expires,
            generation=claims["generation"],
        )

    def _usable(self, installation: Installation) -> None:
        if installation.suspended_at is not None:
            raise forbidden("This installation has been suspended")

    def _narrow_repositories(self, installation_id: int, wanted: dict[str, Any]) -> list[Repository] | None:
        names, ids = wanted.get("repositories"), wanted.get("repository_ids")
        if not names and not ids:
            return None
        installed = self._state.reached(installation_id)
        chosen = [r for r in installed if r.name in (names or []) or r.id in (ids or [])]
        if len(chosen) != len(set(names or [])) + len(set(ids or [])):
            raise Refused(
                422,
                "There is at least one repository that does not exist or is not accessible "
                "to the parent installation.",
            )
        return chosen

    def _sign(self, claims: dict[str, Any]) -> str:
        payload = (
            base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode().rstrip("=")
        )
        return f"ghs_{payload}.{self._signature(payload)}"

    def _signature(self, payload: str) -> str:
        return hmac.new(self._token_key, payload.encode(), hashlib.sha256).hexdigest()[:36]


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if not authorization:
        raise Refused(401, "Requires authentication")
    if scheme.lower() not in ("bearer", "token") or not token:
        raise Refused(401, "Bad credentials")
    return token.strip()


def _narrow_permissions(wanted: dict[str, str] | None) -> dict[str, str]:
    granted = shapes.PERMISSIONS
    if not wanted:
        return dict(granted)
    for name, level in wanted.items():
        if level not in LEVELS or LEVELS.index(level) > LEVELS.index(granted.get(name, "none")):
            raise Refused(422, "The permissions requested are not granted to this installation.")
    return {"metadata": "read"} | wanted
