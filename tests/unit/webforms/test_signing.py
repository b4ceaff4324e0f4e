"""Tokens and proofs of work: ours, of this form, in time, once."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.types import Json
from gateway.webforms import signing
from gateway.webforms.screening import Screening
from gateway.webforms.settings import CaptchaSettings, FormSettings
from gateway.webforms.signing import LIFETIME, Signer, Used, challenge_of, stored_key
from tests.unit.webforms.reading import submission, urlencoded

NOW = 1_763_802_000.0
SIGNER = Signer(b"k" * 32)


def solve(asked: dict[str, Json], **changed: Any) -> str:
    """What ALTCHA's widget sends (version 1)."""
    for number in range(asked["maxnumber"] + 1):
        if hashlib.sha256(f"{asked['salt']}{number}".encode()).hexdigest() == asked["challenge"]:
            break
    payload = {key: asked[key] for key in ("algorithm", "challenge", "salt", "signature")}
    return base64.b64encode(json.dumps({**payload, "number": number, **changed}).encode()).decode()


def test_a_tokens_age_is_told_for_its_own_form_only() -> None:
    token = SIGNER.token("site", NOW)
    assert SIGNER.age("site", token, NOW + 2.5) == pytest.approx(2.5)
    assert SIGNER.age("other", token, NOW) is None
    assert Signer(b"x" * 32).age("site", token, NOW) is None
    assert SIGNER.age("site", "1" + token, NOW) is None


@given(st.text(max_size=40))
def test_no_other_text_is_a_token_or_a_proof(text: str) -> None:
    assert SIGNER.age("site", text, NOW) is None
    assert SIGNER.wrong_work("site", text, NOW) is not None
    payload = base64.b64encode(text.encode("utf-8", "replace")).decode()
    assert SIGNER.wrong_work("site", payload, NOW) is not None


def test_a_proof_of_work_is_checked() -> None:
    asked = SIGNER.challenge("site", 50, NOW)
    assert SIGNER.wrong_work("site", solve(asked), NOW + 60) is None
    assert SIGNER.wrong_work("other", solve(asked), NOW) == "was not asked for by this form"
    assert SIGNER.wrong_work("site", solve(asked, number=51), NOW) == "is wrong"
    assert SIGNER.wrong_work("site", solve(asked, number=None), NOW) == "is wrong"
    assert SIGNER.wrong_work("site", solve(asked), NOW + LIFETIME + 1) == "is too old"
    longer = asked["salt"].replace("expires=", "expires=9")
    assert asked["salt"].endswith("&")
    assert SIGNER.wrong_work("site", solve(asked, salt=longer), NOW) == "is wrong"
    assert challenge_of(solve(asked)) == challenge_of(" " + solve(asked)) or challenge_of(" " + solve(asked)) == ""


def test_digits_of_the_number_can_not_be_moved_into_the_time_of_expiry() -> None:
    asked = SIGNER.challenge("site", 5_000, NOW)
    number = str(json.loads(base64.b64decode(solve(asked)))["number"])
    spliced = solve(asked, salt=asked["salt"] + number[:1], number=number[1:])
    assert SIGNER.wrong_work("site", spliced, NOW + LIFETIME + 1) in ("is too old", "is wrong")


def test_a_token_counts_for_one_submission_however_often_that_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    used = Used()
    assert [used.by_another("t", name) for name in (b"a", b"a", b"b", b"a")] == [False, False, True, False]
    monkeypatch.setattr(signing, "REMEMBERED", 2)
    for token in "uvwxyz":
        used.by_another(token, b"a")
    assert len(used._by) <= 3


def test_the_key_outlives_a_restart_and_only_we_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "forms.key"
    key = stored_key(file)
    assert stored_key(file) == key
    assert len(key) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_bytes(b"short")
    assert len(stored_key(file)) == 32


def guarded(**fields: str) -> Any:
    return submission(urlencoded(("phone", "1"), *fields.items()))


QUICK = FormSettings(key="site", min_seconds=2)
WORK = FormSettings(key="site", proof_of_work=20)
NEVER_ASKED = FormSettings(key="site", captcha=CaptchaSettings(provider="turnstile", secret="x"))


async def screened(form: FormSettings, *submissions: Any, at: float = NOW) -> list[str | None]:
    screening = Screening(SIGNER)
    return [(await screening.screen(form, one, at)).spam for one in submissions]


async def test_the_guard_of_time() -> None:
    old, fresh = SIGNER.token("site", NOW - 60), SIGNER.token("site", NOW - 1)
    assert await screened(QUICK, guarded(_lg_token=old)) == [None]
    [quick] = await screened(QUICK, guarded(_lg_token=fresh))
    assert quick == "It was filled in within 1.0 seconds."
    assert "without the token" in str((await screened(QUICK, guarded()))[0])
    assert "not made for" in str((await screened(QUICK, guarded(_lg_token="nonsense")))[0])
    assert "too old" in str((await screened(QUICK, guarded(_lg_token=SIGNER.token("site", NOW - LIFETIME - 9))))[0])
    first, again, other = await screened(
        QUICK,
        guarded(_lg_token=old),
        guarded(_lg_token=old),
        submission(urlencoded(("phone", "2"), ("_lg_token", old))),
    )
    assert (first, again, other) == (None, None, "Its token was used before.")


async def test_the_guard_of_work() -> None:
    asked = SIGNER.challenge("site", 20, NOW)
    other = submission(urlencoded(("phone", "2"), ("altcha", solve(asked, extra="another spelling"))))
    assert await screened(WORK, guarded(altcha=solve(asked)), other) == [None, "Its proof of work was used before."]
    assert await screened(WORK, guarded()) == ["It came without the proof of work."]
    assert await screened(WORK, guarded(altcha="e30=")) == ["Its proof of work can't be read."]


async def test_a_captcha_that_nobody_can_ask_is_an_outage() -> None:
    told = await Screening(SIGNER).screen(NEVER_ASKED, guarded(), NOW)
    assert (told.spam, "could not be asked" in str(told.remark)) == (None, True)
    strict = FormSettings(key="site", captcha=CaptchaSettings(provider="hcaptcha", secret="x", on_outage="spam"))
    assert "could not be asked" in str((await screened(strict, guarded()))[0])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"provider": "recaptcha"}, "there are turnstile"),
        ({"secret": ""}, "secret is empty"),
        ({"url": "ftp://x"}, "whole address"),
    ],
)
def test_wrong_captcha_settings_are_named(changed: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CaptchaSettings(**{"provider": "turnstile", "secret": "hidden", **changed})  # type: ignore[arg-type]
    assert "hidden" not in repr(CaptchaSettings(provider="turnstile", secret="hidden"))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"min_seconds": -1}, "min_seconds = -1"),
        ({"proof_of_work": 10**9}, "too long"),
        ({"previous_keys": ("a/b",)}, "previous_keys"),
        ({"preset": "tilda", "mapping": {"phone": "a"}}, "keep one of the two"),
        ({"mapping": {"phone": "a..b"}}, "must be a path"),
        ({"graph_url": "graph"}, "whole address"),
    ],
)
def test_wrong_guards_are_named(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FormSettings(key="site", **changed)
