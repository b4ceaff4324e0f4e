"""What the database holds only sealed: AES-256-GCM (NIST SP 800-38D) with a key that is not in the database.

The key is a file of the data folder, made at the first start. It belongs to a backup as the database does: without it
nothing that was sealed can be read again.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.core.errors import ConfigError
from gateway.core.keyfile import KEY_BYTES, key_in

KEY_FILE = "accounts.key"
NONCE_BYTES = 12
"""Random ones: a key may seal 2**32 times (SP 800-38D section 8.3), and ours seals once for each second factor."""
MARK = "s1."
"""Before everything sealed. No base32 has a full stop, so what is stored in clear can be told from it."""


class Vault:
    """Seals and opens short secrets, and gives keys for other purposes. It never shows its own."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._read_key = key

    @classmethod
    def of_memory(cls) -> Vault:
        """With a key that ends with the process: for what is not kept either."""
        key = secrets.token_bytes(KEY_BYTES)
        return cls(lambda: key)

    @classmethod
    def of_folder(cls, data: Path) -> Vault:
        """With the key of a data folder, which is read or made at the first use."""
        return cls(lambda: _key_of(data / KEY_FILE))

    @cached_property
    def _key(self) -> bytes:
        return self._read_key()

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self.key_for("seal"))

    def key_for(self, purpose: str) -> bytes:
        """A key of 256 bits for one ``purpose`` (HKDF, RFC 5869): none tells anything of another.

        Raises ConfigError where the key can't be read.
        """
        derive = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"leadgate {purpose}".encode()).derive
        return derive(self._key)

    def seal(self, plain: str, about: str) -> str:
        """``plain`` sealed. It opens only with the same ``about``, so no row can be put in the place of another."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, plain.encode(), about.encode())
        return MARK + base64.urlsafe_b64encode(sealed).decode()

    def unseal(self, sealed: str, about: str) -> str | None:
        """What was sealed; None where the key is another, or it was changed."""
        try:
            raw = base64.b64decode(sealed.removeprefix(MARK), altchars=b"-_", validate=True)
            if MARK + base64.urlsafe_b64encode(raw).decode() != sealed:  # base64 has several spellings, ours is one
                return None
            return self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], about.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):
            return None


def is_sealed(stored: str) -> bool:
    """Whether ``stored`` came from ``Vault.seal``."""
    return stored.startswith(MARK)


def _key_of(file: Path) -> bytes:
    """The key, made where there is none. Raises ConfigError for a file that is no key."""
    try:
        key = key_in(file)
    except OSError as error:
        detail = f"The key {file} can't be read: {error.strerror}. It belongs to the account that the gateway runs as."
        raise ConfigError(detail) from None
    if len(key) != KEY_BYTES:
        detail = f"{file} is no key: it has {len(key)} bytes instead of {KEY_BYTES}. Put it back from a backup."
        raise ConfigError(detail)
    return key
