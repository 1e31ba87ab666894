"""Signatures of the metadata in our comments: this server wrote them, not somebody who copied the form.

The key is derived from the App's private key, which every worker has and nobody else (HKDF-SHA256,
RFC 5869): workers on several machines agree, and nothing new has to be kept secret. It need not outlive a
rotation of that key: what is kept with an answer before it is posted counts as signed, whatever the key is
by now (`known`), and so does what was composed before there were signatures.
Run: `pytest tests/unit/bot/test_signing.py`.
"""

from __future__ import annotations

import hmac
from dataclasses import replace

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from bot.marker import Marker, parse_marker, said_of
from bot.reply import Body, stored_body, with_marker
from storage.errors import ConfigurationError
from storage.records import Answer

_PURPOSE = b"thumbprint: metadata of a comment, v1"
_BYTES = 16


class Signer:
    """Signs metadata, and tells what was signed with the same key. `pem` is the App's private key."""

    def __init__(self, pem: str) -> None:
        try:
            key = load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(
                "The GitHub App's private key cannot be used: check THUMBPRINT_PRIVATE_KEY_FILE."
            ) from error
        plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self._key = HKDF(hashes.SHA256(), length=32, salt=None, info=_PURPOSE).derive(plain)

    def signed(self, marker: Marker) -> Marker:
        """The marker with its signature: 32 hex digits of HMAC-SHA256 over all that it says."""
        mac = hmac.digest(self._key, said_of(marker).encode(), "sha256")[:_BYTES].hex()
        return replace(marker, mac=mac)

    def known(self, marker: Marker, answer: Answer | None) -> bool:
        """Whether a marker is ours: signed with this key, or the very one that is kept with its answer."""
        said = marker.mac.encode("utf-8", "surrogatepass")
        if hmac.compare_digest(self.signed(marker).mac.encode(), said):
            return True
        return answer is not None and marker == parse_marker(answer.body)

    def sign(self, body: Body) -> Body:
        """A body with its metadata signed."""
        marker = parse_marker(body.own)
        return body if marker is None else with_marker(body, self.signed(marker))

    def sign_answer(self, answer: Answer) -> Answer:
        """An answer whose body is signed: so it is kept before it is posted."""
        return replace(answer, body=str(self.sign(stored_body(answer)))) if answer.body else answer
