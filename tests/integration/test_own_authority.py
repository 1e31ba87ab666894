"""A GitHub Enterprise Server whose certificate an authority of the company's own signed, as most are."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.environment import environment
from bot.github_access import Pool
from bot.hosts import host_of
from bot.registration import exchange
from bot.settings import Settings
from storage.errors import GitHubRefused, GitHubUnavailable

pytestmark = pytest.mark.slow


class Nothing(BaseHTTPRequestHandler):
    """Has nothing for anybody."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Its address, and the certificate by which it is known."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "git.acme.test")]),
    )
    now, here = datetime.now(UTC), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([here]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    known, secret = tmp_path / "authority.pem", tmp_path / "key.pem"
    known.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    served = ThreadingHTTPServer(("127.0.0.1", 0), Nothing)
    served.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(known, secret)
    served.socket = context.wrap_socket(served.socket, server_side=True)
    thread = threading.Thread(target=served.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{served.server_address[1]}", known
    served.shutdown()
    served.server_close()
    thread.join(5)


def test_its_certificate_is_believed_by_ssl_cert_file_and_not_without(
    server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the worker's calls and by the registration; nothing is sent to whom nobody vouches for."""
    url, known = server
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with httpx.Client(transport=Pool()) as client, pytest.raises(httpx.ConnectError, match="CERTIFICATE"):
        client.get(url)
    with pytest.raises(GitHubUnavailable):
        exchange(host_of(url), "code")
    monkeypatch.setenv("SSL_CERT_FILE", str(known))
    with httpx.Client(transport=Pool()) as client:
        assert client.get(url).status_code == 404
    with pytest.raises(GitHubRefused):
        exchange(host_of(url), "code")


def test_a_worker_of_thumbprint_run_is_told_of_it() -> None:
    told = {"SSL_CERT_FILE": "/etc/acme.pem", "HTTPS_PROXY": "http://proxy:3128"}
    given = environment("work", Settings(_env_file=None), {"PATH": "/bin", **told})
    assert told.items() <= given.items()
