"""``[web.oidc]``: what can't be meant is refused with a sentence, and the secret is never shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.config import Settings
from gateway.core.errors import ConfigError
from gateway.web.oidc.settings import OidcSettings, is_safe_address

GOOD: dict[str, Any] = {"issuer": "https://id.example.com/realms/office", "client_id": "leadgate"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"issuer": "http://id.example.com"}, "issuer is not https"),
        ({"issuer": "id.example.com"}, "issuer is not https"),
        ({"issuer": ""}, "issuer is not https"),
        ({"issuer": "https://user:word@id.example.com"}, "issuer is not https"),
        ({"issuer": "https://[::1"}, "issuer is not https"),
        ({"redirect_uri": "http://leads.example.com/login/oidc/callback"}, "redirect_uri is not https"),
        ({"redirect_uri": "https://leads.example.com/"}, "does not end with /login/oidc/callback"),
        ({"client_id": ""}, "client_id is empty"),
        ({"scopes": ("email",)}, 'scopes needs "openid"'),
        ({"claim": ""}, "claim and roles_claim"),
    ],
)
def test_what_can_not_be_meant_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        OidcSettings(**{**GOOD, **changes})


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://id.example.com", True),
        ("https://id.example.com:8443/a?b=c", True),
        ("http://127.0.0.1:9000", True),
        ("http://[::1]:9000", True),
        ("http://localhost/x", True),
        ("http://localhost.example.com/x", False),
        ("http://10.0.0.1/", False),
        ("https://id.example.com/#x", False),
        ("https://id.example.com/\n", False),
        ("ftp://id.example.com", False),
    ],
)
def test_https_or_this_machine_itself(url: str, safe: bool) -> None:
    assert is_safe_address(url) is safe


def test_the_button_names_the_host_where_no_name_is_given() -> None:
    assert OidcSettings(**GOOD).label == "id.example.com"
    assert OidcSettings(**GOOD, name="Office ID").label == "Office ID"


def test_the_secret_comes_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret-of-the-client\n")
    file = tmp_path / "leadgate.toml"
    file.write_text(
        '[web.oidc]\nissuer = "https://id.example.com"\nclient_id = "leadgate"\n'
        f'client_secret_file = "{tmp_path}/secret"\n[web.oidc.roles]\nsales = "manager"\n'
    )
    read = Settings.load(file, {})
    assert read.web.oidc is not None
    assert read.web.oidc.client_secret == "s3cret-of-the-client"
    assert read.web.oidc.roles == {"sales": "manager"}
    assert "s3cret" not in repr(read.web) + str(read.web.oidc)
    assert "s3cret-of-the-client" in read.secrets()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('issuer = "https://id.example.com"', "client_id"),
        ('issuer = "http://id.example.com"\nclient_id = "x"', "use https"),
        ('issuer = "https://id.example.com"\nclient_id = "x"\nroles = { sales = "god" }', "roles"),
        ('issuer = "https://id.example.com"\nclientid = "x"', "Did you mean client_id"),
    ],
)
def test_a_slip_in_the_file_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "leadgate.toml"
    file.write_text(f"[web.oidc]\n{text}\n")
    with pytest.raises(ConfigError, match=r"web\.oidc") as refused:
        Settings.load(file, {})
    assert said in str(refused.value)


def test_the_documentation_explains_every_key_with_its_default() -> None:
    text = (Path(__file__).parents[4] / "docs/configuration.md").read_text(encoding="utf-8")
    section = text.partition("\n## Signing in through a provider\n")[2].partition("\n## ")[0]
    told = dict(re.findall(r"(?m)^\| `(\w+)` \| (\S+) \| .{10,} \|$", section))
    expected = {
        field.encode_name: "required"
        if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
        else f"`{msgspec.json.encode(getattr(OidcSettings(**GOOD), field.name)).decode()}`"
        for field in msgspec.structs.fields(OidcSettings)
    }
    assert told == expected
