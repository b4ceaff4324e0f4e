"""What the database holds only sealed, and the key file beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import ConfigError
from gateway.core.keyfile import KEY_BYTES
from gateway.web.vault import KEY_FILE, Vault, is_sealed

VAULT = Vault(lambda: b"k" * KEY_BYTES)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=100), st.text(max_size=40))
def test_what_was_sealed_opens_with_the_same_key_and_purpose_only(plain: str, about: str) -> None:
    sealed = VAULT.seal(plain, about)
    assert is_sealed(sealed)
    assert VAULT.unseal(sealed, about) == plain
    assert VAULT.unseal(sealed, about + "x") is None
    assert Vault(lambda: b"x" * KEY_BYTES).unseal(sealed, about) is None
    assert VAULT.seal(plain, about) != sealed


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_was_changed_does_not_open(data: st.DataObject) -> None:
    sealed = VAULT.seal("JBSWY3DPEHPK3PXP", "x")
    at = data.draw(st.integers(len("s1."), len(sealed) - 1))
    sign = data.draw(st.sampled_from("AZaz09-_=+ é").filter(lambda one: one != sealed[at]))
    assert VAULT.unseal(sealed[:at] + sign + sealed[at + 1 :], "x") is None


@pytest.mark.parametrize("nonsense", ["", "s1.", "s1.AAAA", "JBSWY3DPEHPK3PXP", "s1.é"])
def test_nonsense_does_not_open(nonsense: str) -> None:
    assert VAULT.unseal(nonsense, "x") is None


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    sealed = Vault.of_folder(tmp_path).seal("secret", "x")
    assert Vault.of_folder(tmp_path).unseal(sealed, "x") == "secret"
    file = tmp_path / KEY_FILE
    assert len(file.read_bytes()) == KEY_BYTES
    assert file.stat().st_mode & 0o077 == 0


def test_a_file_that_is_no_key_is_told_and_never_written_over(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"short")
    with pytest.raises(ConfigError, match=r"accounts\.key is no key: it has 5 bytes"):
        Vault.of_folder(tmp_path).seal("secret", "x")
    assert (tmp_path / KEY_FILE).read_bytes() == b"short"


def test_a_key_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).mkdir()
    with pytest.raises(ConfigError, match="can't be read"):
        Vault.of_folder(tmp_path).seal("secret", "x")


def test_keys_for_different_purposes_differ() -> None:
    assert VAULT.key_for("a") != VAULT.key_for("b")
    assert VAULT.key_for("a") == VAULT.key_for("a")
    assert len(VAULT.key_for("a")) == KEY_BYTES
