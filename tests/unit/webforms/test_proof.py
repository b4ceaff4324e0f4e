"""Who sent it: each sender's signature over the raw body, and the shared secret of those that can't sign."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from gateway.webforms.body import read_body
from gateway.webforms.presets import PRESET_NAMES
from gateway.webforms.proof import MAX_AGE, PROOF_HEADERS, Proof, same
from gateway.webforms.settings import FormSettings
from gateway.webforms.understand import is_proven
from tests.unit.webforms.reading import JSON, URLENCODED

NOW = 1_763_802_000.0
SECRET = "s3cret"
RAW = b'{"form_response": {"token": "1"}, "name": "\xd0\x98"}'
URL = "https://leads.example.com/f/site"
STANDARD_SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()


def mac(*parts: bytes) -> bytes:
    return hmac.new(SECRET.encode(), b"".join(parts), hashlib.sha256).digest()


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def webflow(now: float = NOW) -> dict[str, str]:
    stamp = str(int(now * 1000))
    return {"x-webflow-timestamp": stamp, "x-webflow-signature": mac(stamp.encode(), b":", RAW).hex()}


def hubspot(now: float = NOW, url: str = URL) -> dict[str, str]:
    stamp = str(int(now * 1000))
    signature = b64(mac(b"POST", url.encode(), RAW, stamp.encode()))
    return {"x-hubspot-request-timestamp": stamp, "x-hubspot-signature-v3": signature}


def standard(now: float = NOW) -> dict[str, str]:
    """Signed by the reference implementation."""
    at = datetime.fromtimestamp(now, UTC)
    signature = Webhook(STANDARD_SECRET).sign("msg_1", at, RAW.decode())
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(now)), "webhook-signature": f"v1,other {signature}"}


SIGNED = {
    "typeform": {"typeform-signature": "sha256=" + b64(mac(RAW))},
    "tally": {"tally-signature": b64(mac(RAW))},
    "meta": {"x-hub-signature-256": "sha256=" + mac(RAW).hex()},
    "webflow": webflow(),
    "hubspot": hubspot(),
}


def proof(headers: dict[str, str], raw: bytes = RAW, content_type: str = JSON, **changed: object) -> Proof:
    body = read_body(raw, content_type)
    facts = {"raw": raw, "body": body, "headers": headers, "url": URL, "query": (), "now": NOW, **changed}
    return Proof(**facts)  # type: ignore[arg-type]


def proven(preset: str, given: Proof, secret: str = SECRET, previous: str = "") -> bool:
    return is_proven(FormSettings(key="site", preset=preset, secret=secret, previous_secret=previous), given)


@pytest.mark.parametrize("preset", SIGNED)
def test_a_signature_over_the_raw_body_is_taken(preset: str) -> None:
    assert proven(preset, proof(SIGNED[preset]))
    assert proven("", proof(SIGNED[preset])), "a form without a preset takes any sender's way"


@pytest.mark.parametrize("preset", SIGNED)
def test_another_body_secret_or_no_signature_is_refused(preset: str) -> None:
    assert not proven(preset, proof(SIGNED[preset], RAW + b" "))
    assert not proven(preset, proof(SIGNED[preset]), secret="other")
    assert not proven(preset, proof({}))
    assert not proven(preset, proof(dict.fromkeys(PROOF_HEADERS, "")))
    assert not proven(preset, proof(dict.fromkeys(PROOF_HEADERS, "� é")))


@pytest.mark.parametrize("preset", SIGNED)
def test_while_a_secret_is_being_changed_both_are_taken(preset: str) -> None:
    assert proven(preset, proof(SIGNED[preset]), secret="new", previous=SECRET)


@pytest.mark.parametrize("sign", [webflow, hubspot])
@pytest.mark.parametrize("off", [-MAX_AGE - 1, MAX_AGE + 1])
def test_an_old_recording_is_refused(sign: object, off: float) -> None:
    headers = sign(NOW + off)  # type: ignore[operator]
    assert not proven("", proof(headers))
    assert proven("", proof(sign(NOW + off / 2)))  # type: ignore[operator]


def test_hubspot_signs_the_address_that_it_called_also_behind_a_proxy_without_tls() -> None:
    assert proven("hubspot", proof(hubspot(), url=URL.replace("https", "http")))
    assert not proven("hubspot", proof(hubspot(url="https://other.example/f/site")))


def test_standard_webhooks_as_the_reference_implementation_signs() -> None:
    assert proven("standard_webhooks", proof(standard()), secret=STANDARD_SECRET)
    assert proven("", proof(standard()), secret=STANDARD_SECRET)
    assert not proven("", proof(standard(NOW - MAX_AGE - 5)), secret=STANDARD_SECRET)
    assert not proven("", proof(standard(), RAW + b" "), secret=STANDARD_SECRET)
    assert not proven("", proof(standard()), secret="not Base64!")


def test_google_and_bitrix24_carry_their_key_in_the_body() -> None:
    google = json.dumps({"lead_id": "1", "google_key": SECRET, "user_column_data": []}).encode()
    assert proven("google_ads", proof({}, google))
    assert not proven("google_ads", proof({}, google), secret="other")
    assert not proven("google_ads", proof({}, b'{"google_key": ["s3cret", "x"]}'))
    bitrix = b"event=ONCRMLEADADD&auth[application_token]=s3cret"
    assert proven("bitrix24", proof({}, bitrix, URLENCODED))
    assert not proven("bitrix24", proof({}, bitrix.replace(b"s3cret", b"wrong"), URLENCODED))


@pytest.mark.parametrize(
    "given",
    [
        proof({"authorization": f"Bearer {SECRET}"}),
        proof({"x-api-key": SECRET}),
        proof({"x-webhook-secret": SECRET}),
        proof({}, query=(("secret", SECRET),)),
        proof({}, b"phone=1&secret=s3cret", URLENCODED),
        proof({}, b'{"phone": 1, "secret": "s3cret"}', JSON),
    ],
)
def test_a_sender_that_can_not_sign_sends_the_secret_itself(given: Proof) -> None:
    assert proven("tilda", given)
    assert proven("", given)
    assert not proven("tilda", given, secret="other")
    assert not proven("tilda", given, secret=SECRET + "x")


def test_nothing_is_never_equal_to_nothing() -> None:
    assert not same("", "")
    assert same("a", "a")
    assert not same("é", "e")


def test_secrets_are_not_in_the_settings_repr() -> None:
    form = FormSettings(key="site", secret="hidden1", previous_secret="hidden2", graph_token="hidden3")
    assert "hidden" not in f"{form!r} {form}"


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_no_preset_opens_without_any_proof(preset: str) -> None:
    for raw, content_type in ((RAW, JSON), (b"a=1", URLENCODED), (b"", ""), (b"[[]]", JSON)):
        assert not proven(preset, proof({}, raw, content_type))
