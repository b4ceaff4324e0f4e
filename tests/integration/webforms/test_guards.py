"""Signatures, guards, former keys, pages and the captcha over real sockets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.core.errors import ConfigError
from gateway.core.types import Kind
from gateway.webforms.settings import CaptchaSettings, FormSettings
from tests.support.forms import Elsewhere, FormHouse
from tests.support.sink import RecordingSink
from tests.unit.webforms import senders

HOOK = {"Content-Type": "application/json"}
NAVIGATION = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Origin": "https://shop.example"}


def signed(raw: bytes, secret: str = "s3cret") -> dict[str, str]:
    mac = hmac.new(secret.encode(), raw, hashlib.sha256).digest()
    return {**HOOK, "Typeform-Signature": "sha256=" + base64.b64encode(mac).decode()}


async def test_a_wrong_signature_is_403_stored_nowhere_and_said_in_the_health() -> None:
    house = FormHouse(FormSettings(key="site", preset="typeform", secret="s3cret"))
    raw = json.dumps(senders.TYPEFORM).encode()
    async with house.client() as client:
        for headers in (HOOK, signed(raw, "other"), signed(raw + b" ")):
            async with client.post("/f/site", data=raw, headers=headers) as response:
                assert response.status == 403
        assert house.sink.calls == 0
        [health] = house.intake.health()
        assert (health.ok, health.state) == (False, "unproven")
        async with client.post("/f/site", data=raw, headers=signed(raw)) as response:
            assert response.status == 200
        assert house.intake.health()[0].ok
    assert [draft.name for draft in house.drafts] == ["Иван Петров"]


async def test_trap_15_a_wrong_key_costs_the_real_sender_nothing() -> None:
    house = FormHouse(FormSettings(key="site", per_minute=3, secret="s3cret"))
    async with house.client() as client:
        for number in range(40):
            path = "/f/sitE" if number % 2 else "/f/site?secret=wrong"
            async with client.post(path, data={"phone": "1"}) as response:
                assert response.status == 403
        async with client.post("/f/site?secret=s3cret", data={"phone": "1"}) as response:
            assert response.status == 200


async def test_a_secret_in_the_address_or_the_body_is_not_kept_with_the_answers() -> None:
    house = FormHouse(FormSettings(key="site", secret="s3cret"))
    async with house.client() as client:
        for path, data in (
            ("/f/site?secret=s3cret&utm_source=vk", {"name": "Ivan"}),
            ("/f/site", {"secret": "s3cret"}),
        ):
            async with client.post(path, data={**data, "phone": "89261234567"}) as response:
                assert response.status == 200
    assert "s3cret" not in repr([(item.draft, item.meta) for item in house.sink.items])
    assert house.drafts[0].source.utm == {"source": "vk"}


async def test_standard_webhooks_id_makes_a_retry_the_same() -> None:
    from standardwebhooks import Webhook

    secret = "whsec_" + base64.b64encode(b"k" * 24).decode()
    house = FormHouse(FormSettings(key="site", secret=secret))
    statuses = []
    async with house.client() as client:
        for number in (1, 2):
            at = house.clock.now()
            raw = json.dumps({**senders.STANDARD, "attempt": number})
            headers = {**HOOK, "webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp()))}
            headers["webhook-signature"] = Webhook(secret).sign("msg_1", at, raw)
            async with client.post("/f/site", data=raw, headers=headers) as response:
                statuses.append((await response.json())["status"])
            house.clock.advance(3_600)
    assert statuses == ["stored", "duplicate"]


async def test_a_former_key_goes_on_working_and_gives_the_same_submission() -> None:
    house = FormHouse(FormSettings(key="new", previous_keys=("old", "older")))
    async with house.client() as client:
        for key, expected in (("old", "stored"), ("new", "duplicate"), ("older", "duplicate")):
            async with client.post(f"/f/{key}", data={"phone": "1"}) as response:
                assert (await response.json())["status"] == expected
    assert [item.source for item in house.sink.items] == ["new"]


def test_a_former_key_may_not_be_another_forms() -> None:
    with pytest.raises(ConfigError, match='key = "a"'):
        FormHouse(FormSettings(key="a"), FormSettings(key="b", previous_keys=("a",)))


async def test_meta_asks_whether_the_hook_is_ours_and_a_batch_is_taken_apart() -> None:
    house = FormHouse(FormSettings(key="site", preset="meta"))
    question = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "site"}
    async with house.client() as client:
        async with client.get("/f/site", params=question) as response:
            assert (response.status, await response.text()) == (200, "1158201444")
        async with client.get("/f/site", params={**question, "hub.verify_token": "wrong"}) as response:
            assert response.status == 403
        for _ in range(2):
            async with client.post("/f/site", json=senders.meta_thin("1", "2", "3")) as response:
                assert response.status == 200
    assert [draft.details["sender_id"] for draft in house.drafts] == ["1", "2", "3"]


async def test_spam_is_stored_and_answered_like_anything_else() -> None:
    house = FormHouse(FormSettings(key="site"))
    async with house.client() as client, client.post("/f/site", data={"phone": "1", "_gotcha": "x"}) as response:
        assert (response.status, (await response.json())["status"]) == (200, "stored")
    assert [draft.kind for draft in house.drafts] == [Kind.SPAM]


async def test_a_token_counts_after_a_restart_too(tmp_path: Path) -> None:
    form = FormSettings(key="site", min_seconds=2)
    first = FormHouse(form, key_file=tmp_path / "forms.key")
    async with (
        first.client() as client,
        client.get("/f/site/challenge", headers={"Origin": "https://a.example"}) as told,
    ):
        asked = await told.json()
        assert told.headers["Access-Control-Allow-Origin"] == "*"
    assert (asked["wait"], "challenge" in asked) == (2, False)
    second = FormHouse(form, key_file=tmp_path / "forms.key")
    second.clock.advance(60)
    async with second.client() as client:
        for fields in ({"phone": "1"}, {"phone": "2", "_lg_token": asked["token"]}):
            async with client.post("/f/site", data=fields) as response:
                assert response.status == 200
    assert [draft.kind for draft in second.drafts] == [Kind.SPAM, Kind.MESSAGE]


async def test_a_plain_post_is_answered_with_a_page_in_the_visitors_language() -> None:
    house = FormHouse(FormSettings(key="site", max_size=500, origins=("https://shop.example",)))
    async with house.client() as client:
        for accepted, title in (("ru-RU,ru;q=0.9", "Спасибо!"), ("en-GB", "Thank you!"), ("de", "Спасибо!")):
            headers = {**NAVIGATION, "Accept-Language": accepted}
            async with client.post("/f/site", data={"phone": "1"}, headers=headers) as response:
                text = await response.text()
                assert (response.status, f'<h1 role="status">{title}</h1>' in text) == (200, True)
                assert "frame-ancestors https://shop.example" in response.headers["Content-Security-Policy"]
        async with client.post("/f/site", data=b"x" * 501, headers=NAVIGATION) as response:
            assert (response.status, "<html" in await response.text()) == (413, True)
        house.sink.refuse()
        async with client.post("/f/site", data={"phone": "2"}, headers=NAVIGATION) as response:
            assert (response.status, "Retry-After" in response.headers) == (503, True)


async def test_a_form_may_send_its_visitor_back_to_its_own_site_only() -> None:
    house = FormHouse(FormSettings(key="site"))
    async with house.client() as client:
        for wish, status in (("/thanks", 303), ("https://evil.example/", 200)):
            fields = {"phone": "1", "_next": wish}
            async with client.post("/f/site", data=fields, headers=NAVIGATION, allow_redirects=False) as response:
                assert response.status == status
                assert response.headers.get("Location") == ("https://shop.example/thanks" if status == 303 else None)


async def test_the_hosted_page_and_the_files_of_the_snippet() -> None:
    form = FormSettings(
        key="site", name="<Заявка>", origins=("https://shop.example",), redirect="https://shop.example/ok"
    )
    house = FormHouse(form, FormSettings(key="guarded", captcha=CaptchaSettings(provider="hcaptcha", secret="x")))
    async with house.client() as client:
        async with client.get("/f/site?lang=en") as response:
            text, policy = await response.text(), response.headers["Content-Security-Policy"]
            assert "&lt;Заявка&gt;" in text
            assert ("Your name" in text, "frame-ancestors 'none'" in policy) == (True, True)
            assert "form-action 'self' https://shop.example" in policy
        async with client.get("/f/site?embed=1") as response:
            assert "frame-ancestors https://shop.example" in response.headers["Content-Security-Policy"]
        async with client.get("/f/guarded") as response:
            assert response.status == 403
        for path, kind in (
            ("/f/site.js", "text/javascript"),
            ("/f/work.js", "text/javascript"),
            ("/f/page.css", "text/css"),
        ):
            async with client.get(path) as response:
                body = await response.read()
                assert (response.content_type, response.headers["Access-Control-Allow-Origin"]) == (kind, "*")
                assert len(body) < 6_000
            async with client.get(path, headers={"If-None-Match": response.headers["ETag"]}) as response:
                assert (response.status, await response.read()) == (304, b"")


@pytest.mark.parametrize(("language", "thanks"), [("ru", "Спасибо!"), ("en", "Thank you!")])
async def test_the_answer_to_the_hosted_page_is_in_its_language(language: str, thanks: str) -> None:
    house = FormHouse(FormSettings(key="site"))
    other = {"Accept-Language": "en" if language == "ru" else "ru"}
    async with house.client() as client:
        async with client.get(f"/f/site?lang={language}", headers=other) as response:
            found = re.search(r'action="([^"]+)"', await response.text())
        assert found is not None
        async with client.post(found[1], data={"phone": "89261234567"}, headers={**NAVIGATION, **other}) as response:
            assert thanks in await response.text()
    assert house.drafts[0].fields == {"phone": "89261234567"}, "the language is nobody's answer"


WIDGETS = {
    "turnstile": ("https://challenges.cloudflare.com/turnstile/v0/api.js", "cf-turnstile"),
    "hcaptcha": ("https://js.hcaptcha.com/1/api.js", "h-captcha"),
    "smartcaptcha": ("https://smartcaptcha.yandexcloud.net/captcha.js", "smart-captcha"),
}


@pytest.mark.parametrize("provider", WIDGETS)
async def test_the_hosted_page_shows_the_captcha_and_is_open_to_its_provider_only(provider: str) -> None:
    settings = CaptchaSettings(provider=provider, secret="server-key", site_key="site-key-1")
    house = FormHouse(FormSettings(key="site", captcha=settings), FormSettings(key="plain"))
    script, name = WIDGETS[provider]
    async with house.client() as client:
        async with client.get("/f/site") as response:
            text, policy = await response.text(), response.headers["Content-Security-Policy"]
        async with client.get("/f/plain") as response:
            plain, closed = await response.text(), response.headers["Content-Security-Policy"]
        async with client.post("/f/site", data={"phone": "1"}, headers=NAVIGATION) as response:
            assert (response.status, "https://" in response.headers["Content-Security-Policy"]) == (200, False)
    assert f'<script src="{script}" async defer></script>' in text
    assert f'class="{name} captcha" data-sitekey="site-key-1"' in text
    assert "server-key" not in text
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split("; ")}
    for directive in ("script-src", "frame-src", "connect-src"):
        others = [source for source in rules[directive] if source != "'self'"]
        assert others == list(settings.sites)
    assert ("https://" in closed, "frame-src" in closed, "data-sitekey" in plain) == (False, False, False)
    assert "'unsafe" not in policy


async def test_a_missing_token_is_an_outage_only_while_the_provider_is_away() -> None:
    async with Elsewhere(answers={"/verify": {"success": False}}).serving() as elsewhere:
        house = FormHouse(captcha(elsewhere, "turnstile"))
        async with house.client() as client:
            for number in range(3):
                await (await client.post("/f/site", data={"phone": str(number)})).release()
        assert len(elsewhere.asked) == 1, "one question for half a minute"
        away = FormHouse(captcha(elsewhere, "turnstile"))
        elsewhere.answers["/verify"] = 503
        async with away.client() as client:
            await (await client.post("/f/site", data={"phone": "9"})).release()
    assert [draft.kind for draft in house.drafts] == [Kind.SPAM] * 3
    [draft] = away.drafts
    assert (draft.kind, "could not be asked" in draft.problems[0]) == (Kind.MESSAGE, True)


@pytest.mark.parametrize("key", ['"><script>', "a b", "x" * 201])
def test_a_site_key_that_could_break_the_page_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="site_key"):
        CaptchaSettings(provider="hcaptcha", secret="x", site_key=key)


def captcha(elsewhere: Elsewhere, provider: str, **changed: Any) -> FormSettings:
    settings = CaptchaSettings(provider=provider, secret="server-key", url=f"{elsewhere.url}/verify", **changed)
    return FormSettings(key="site", captcha=settings)


FIELDS = {"turnstile": "cf-turnstile-response", "hcaptcha": "h-captcha-response", "smartcaptcha": "smart-token"}


@pytest.mark.parametrize("provider", FIELDS)
async def test_a_captchas_token_is_asked_about_once_and_decides(provider: str) -> None:
    good: dict[str, Any] = {"status": "ok", "host": "shop"} if provider == "smartcaptcha" else {"success": True}
    bad = {"status": "failed"} if provider == "smartcaptcha" else {"success": False, "error-codes": ["invalid"]}
    async with Elsewhere(answers={"/verify": good}).serving() as elsewhere:
        house = FormHouse(captcha(elsewhere, provider))
        async with house.client() as client:
            fields = {"phone": "89261234567", FIELDS[provider]: "token-1", "_lg_id": "0123456789abcdef"}
            for _ in range(2):
                async with client.post("/f/site", data=fields) as response:
                    assert response.status == 200
            elsewhere.answers["/verify"] = bad
            async with client.post("/f/site", data={"phone": "2", FIELDS[provider]: "token-2"}) as response:
                assert (await response.json())["status"] == "stored"
            async with client.post("/f/site", data={"phone": "3"}) as response:
                assert response.status == 200
    assert [draft.kind for draft in house.drafts] == [Kind.MESSAGE, Kind.SPAM, Kind.SPAM]
    assert [asked[1]["secret"] for asked in elsewhere.asked] == ["server-key"] * 3, "the last: is the provider there"
    assert "token-1" not in repr(house.drafts[0])


@pytest.mark.parametrize(
    "trouble", [500, 302, {"success": False, "error-codes": ["invalid-input-secret"]}, "no server"]
)
@pytest.mark.parametrize(("policy", "kind"), [("accept", Kind.MESSAGE), ("spam", Kind.SPAM)])
async def test_while_the_captcha_is_away_the_policy_of_the_form_decides(trouble: Any, policy: str, kind: Kind) -> None:
    async with Elsewhere(answers={"/verify": trouble}).serving() as elsewhere:
        form = captcha(elsewhere, "turnstile", on_outage=policy)
        house = FormHouse(form)
        if trouble == "no server":
            form = FormSettings(
                key="site",
                captcha=CaptchaSettings(provider="turnstile", secret="x", url="http://127.0.0.1:1/", on_outage=policy),  # type: ignore[arg-type]
            )
            house = FormHouse(form)
        async with house.client() as client:
            fields = {"phone": "89261234567", "cf-turnstile-response": "t"}
            async with client.post("/f/site", data=fields) as response:
                assert response.status == 200
    [draft] = house.drafts
    assert draft.kind is kind
    told = draft.details.get("spam") or draft.problems[0]
    assert "could not be asked" in told


STALE: dict[str, dict[str, Any]] = {
    "turnstile": {"success": False, "error-codes": ["timeout-or-duplicate"]},
    "hcaptcha": {"success": False, "error-codes": ["expired-input-response"]},
    "smartcaptcha": {"status": "failed", "message": "Invalid or expired Token."},
}
"""What each provider says of a token that is older than five minutes."""
LATE_ID = {"_lg_id": "0123456789abcdef"}


@pytest.mark.parametrize("provider", STALE)
@pytest.mark.parametrize(("policy", "kind"), [("accept", Kind.MESSAGE), ("spam", Kind.SPAM)])
async def test_a_submission_that_waited_in_the_browser_follows_the_policy_of_an_outage(
    provider: str, policy: str, kind: Kind
) -> None:
    async with Elsewhere(answers={"/verify": STALE[provider]}).serving() as elsewhere:
        house = FormHouse(captcha(elsewhere, provider, on_outage=policy))
        async with house.client() as client:
            async with client.get("/f/site/challenge") as response:
                token = (await response.json())["token"]
            house.clock.advance(3 * 3_600)  # the customer was offline
            fields = {"phone": "89261234567", FIELDS[provider]: "token-1", "_lg_token": token, **LATE_ID}
            for _ in range(2):
                async with client.post("/f/site", data=fields) as response:
                    assert response.status == 200
    [draft] = house.drafts
    assert draft.kind is kind
    assert "sent again later" in (draft.details.get("spam") or draft.problems[0])
    assert len(elsewhere.asked) == 1


@pytest.mark.parametrize(
    ("provider", "fields"),
    [
        ("turnstile", {}),  # no id: nothing says that it waited anywhere
        ("hcaptcha", {}),
        ("smartcaptcha", LATE_ID),  # no token of ours: the captcha's may be invented
        ("smartcaptcha", {**LATE_ID, "_lg_token": "1.x.forged"}),
    ],
)
async def test_an_old_captcha_alone_shows_nothing(provider: str, fields: dict[str, str]) -> None:
    async with Elsewhere(answers={"/verify": STALE[provider]}).serving() as elsewhere:
        house = FormHouse(captcha(elsewhere, provider))
        told = {"phone": "8", FIELDS[provider]: "t", **fields}
        async with house.client() as client, client.post("/f/site", data=told) as response:
            assert response.status == 200
    assert [draft.kind for draft in house.drafts] == [Kind.SPAM]


async def test_one_old_captcha_brings_in_one_submission_only() -> None:
    async with Elsewhere(answers={"/verify": STALE["turnstile"]}).serving() as elsewhere:
        house = FormHouse(captcha(elsewhere, "turnstile"))
        async with house.client() as client:
            for number in range(3):
                fields = {"phone": "89261234567", FIELDS["turnstile"]: "t", "_lg_id": f"0123456789abcde{number}"}
                async with client.post("/f/site", data=fields) as response:
                    assert response.status == 200
    assert [draft.kind for draft in house.drafts] == [Kind.MESSAGE, Kind.SPAM, Kind.SPAM]


async def test_silence_is_known_after_a_restart() -> None:
    form = FormSettings(key="site", silent_days=3)
    first = FormHouse(form)
    async with first.client() as client:
        first.clock.advance(7_200)
        async with client.post("/f/site", data={"phone": "1"}) as response:
            assert response.status == 200
    [item] = first.sink.items
    assert item.cursor is not None
    first.cursors.values[item.cursor.name] = item.cursor.value
    second = FormHouse(form, cursors=first.cursors, sink=RecordingSink())
    async with second.client():
        second.clock.advance(3 * 86_400 + 7_199)
        assert second.intake.health()[0].ok
        second.clock.advance(2)
        assert second.intake.health()[0].state == "silent"
