"""Metadata are ours if this server signed them, or wrote them down before: forms alone say nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from bot.marker import Marker, parse_marker
from bot.reply import Why, answer_text, render_body
from bot.signing import Signer
from storage.errors import ConfigurationError
from tests.unit.storage.things import answer


def pem(key: rsa.RSAPrivateKey, form: PrivateFormat = PrivateFormat.TraditionalOpenSSL) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


KEY, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
SIGNER = Signer(pem(KEY))
MARKER = Marker(answer_id="a_1", template="t1", phrases=("p_1",), model="policy", tokens=12, seed=7)
BODY = render_body("Use `nox`.", Why(marker=MARKER))


def test_what_was_signed_is_known_through_a_comment_and_by_every_worker() -> None:
    found = parse_marker(SIGNER.sign(BODY))
    assert found is not None and replace(found, mac="") == MARKER
    assert Signer(pem(KEY, PrivateFormat.PKCS8)).known(found, None), "the same key in another form"
    assert answer_text(SIGNER.sign(BODY)) == "Use `nox`."


@pytest.mark.parametrize(
    "change",
    [{"answer_id": "a_2"}, {"seed": 8}, {"phrases": ()}, {"mac": ""}, {"mac": "\ud800"}, {"mac": "é" * 32}],
)
def test_nothing_in_it_can_be_changed_or_left_out(change: dict[str, object]) -> None:
    assert not SIGNER.known(replace(SIGNER.signed(MARKER), **change), None)  # type: ignore[arg-type]


def test_another_key_signs_otherwise_and_a_rotation_orphans_nothing_that_is_kept() -> None:
    signed = SIGNER.signed(MARKER)
    rotated = Signer(pem(OTHER))
    assert not rotated.known(signed, None)
    kept = answer(body=str(SIGNER.sign(BODY)))
    assert rotated.known(signed, kept), "it was written down before it was posted"
    assert not rotated.known(replace(signed, seed=8), kept)


def test_answers_from_before_there_were_signatures_are_ours_by_their_row_alone() -> None:
    old = answer(body=str(BODY))
    assert SIGNER.known(MARKER, old)
    assert not SIGNER.known(MARKER, None)
    assert not SIGNER.known(MARKER, answer(body=str(SIGNER.sign(BODY)))), "it is signed since"


@given(st.text(max_size=40), st.text(max_size=40), st.integers(-(2**63), 2**63))
def test_whatever_stands_in_it_is_signed_and_found_again(answer_id: str, model: str, seed: int) -> None:
    marker = Marker(answer_id=answer_id, model=model, seed=seed)
    found = parse_marker(SIGNER.sign(render_body("text", Why(marker=marker))))
    assert found is not None and SIGNER.known(found, None)


def test_a_key_that_cannot_be_read_says_so() -> None:
    with pytest.raises(ConfigurationError, match="THUMBPRINT_PRIVATE_KEY_FILE"):
        Signer("no key")
