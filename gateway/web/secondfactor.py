"""The second factor of accounts in the database: set up, asked for, lost. Functions of a Connection.

The secrets are sealed with the vault's key: whoever reads the database, or a copy of it alone, can make no codes.
"""

from __future__ import annotations

import base64
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from gateway.storage.tables import RecoveryCode, SignInStep, Totp
from gateway.web.accounts import ManagerInfo, fingerprint, list_managers
from gateway.web.totp import new_totp_secret, step_of_code
from gateway.web.vault import Vault, is_sealed

log = logging.getLogger(__name__)

RECOVERY_CODES = 10
RECOVERY_BYTES = 10
"""80 bits each: nobody finds one by guessing, so their hashes need no slow function."""
STEP_LIFETIME = timedelta(minutes=10)
"""Between the password and the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """How the second factor of a manager stands."""

    confirmed_at: datetime | None
    """None: being set up, and not asked for yet."""
    codes_left: int


def factor_of(connection: Connection, manager_id: str) -> Factor | None:
    """None where there is none."""
    found = connection.execute(select(Totp.confirmed_at).where(Totp.manager_id == manager_id)).one_or_none()
    if found is None:
        return None
    left = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.manager_id == manager_id)
    return Factor(confirmed_at=found.confirmed_at, codes_left=connection.execute(left).scalar_one())


def with_factor(connection: Connection) -> frozenset[str]:
    """The ids of all who are asked for a code."""
    return frozenset(connection.execute(select(Totp.manager_id).where(Totp.confirmed_at.is_not(None))).scalars())


def is_asked(connection: Connection, manager_id: str) -> bool:
    """Whether the password alone does not let this manager in."""
    query = select(Totp.manager_id).where(Totp.manager_id == manager_id, Totp.confirmed_at.is_not(None))
    return connection.execute(query).first() is not None


def seal_all(connection: Connection, vault: Vault) -> int:
    """Seal the secrets that an older Leadgate stored in clear; how many there were."""
    rows = connection.execute(select(Totp.manager_id, Totp.secret)).all()
    clear = [row for row in rows if not is_sealed(row.secret)]
    for row in clear:
        sealed = vault.seal(row.secret, _about(row.manager_id))
        connection.execute(update(Totp).where(Totp.manager_id == row.manager_id).values(secret=sealed))
    return len(clear)


def begin(connection: Connection, manager_id: str, vault: Vault, *, now: datetime) -> str:
    """A new secret, to be shown until a code of it was typed. One that counts already stays: ValueError then."""
    if is_asked(connection, manager_id):
        raise ValueError("there is a second factor already: it is switched off first")
    connection.execute(delete(Totp).where(Totp.manager_id == manager_id))
    secret = new_totp_secret()
    sealed = vault.seal(secret, _about(manager_id))
    connection.execute(insert(Totp), {"manager_id": manager_id, "secret": sealed, "created_at": now})
    return secret


def pending_secret(connection: Connection, manager_id: str, vault: Vault) -> str | None:
    """The secret that is being set up; None once it counts: from then on it is never shown."""
    query = select(Totp.secret).where(Totp.manager_id == manager_id, Totp.confirmed_at.is_(None))
    stored = connection.execute(query).scalar_one_or_none()
    return _opened(vault, stored, manager_id) if stored is not None else None


def confirm(connection: Connection, manager_id: str, code: str, vault: Vault, *, now: datetime) -> list[str] | None:
    """The first code: from now on one is asked for. The recovery codes, to be shown once; None for a wrong code."""
    secret = pending_secret(connection, manager_id, vault)
    step = step_of_code(secret, code, now, after=None) if secret is not None else None
    if step is None:
        return None
    connection.execute(update(Totp).where(Totp.manager_id == manager_id).values(confirmed_at=now, last_step=step))
    return new_codes(connection, manager_id, now=now)


def new_codes(connection: Connection, manager_id: str, *, now: datetime) -> list[str]:
    """Recovery codes in place of those before, to be shown once."""
    connection.execute(delete(RecoveryCode).where(RecoveryCode.manager_id == manager_id))
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    rows = [{"code_hash": fingerprint(_bare(code)), "manager_id": manager_id, "created_at": now} for code in codes]
    connection.execute(insert(RecoveryCode), rows)
    return codes


def take(connection: Connection, manager_id: str, typed: str, vault: Vault, *, now: datetime) -> str | None:
    """Use up what was typed: ``code`` of the app, ``recovery`` code, or None where it is neither."""
    row = connection.execute(
        select(Totp.secret, Totp.last_step).where(Totp.manager_id == manager_id, Totp.confirmed_at.is_not(None))
    ).one_or_none()
    if row is None:
        return None
    secret = _opened(vault, row.secret, manager_id)
    step = step_of_code(secret, typed, now, after=row.last_step) if secret is not None else None
    if step is not None:
        connection.execute(update(Totp).where(Totp.manager_id == manager_id).values(last_step=step))
        return "code"
    used = delete(RecoveryCode).where(
        RecoveryCode.manager_id == manager_id, RecoveryCode.code_hash == fingerprint(_bare(typed))
    )
    return "recovery" if connection.execute(used).rowcount else None


def switch_off(connection: Connection, manager_id: str) -> bool:
    """The password alone is enough again; False where it was."""
    connection.execute(delete(RecoveryCode).where(RecoveryCode.manager_id == manager_id))
    connection.execute(delete(SignInStep).where(SignInStep.manager_id == manager_id))
    return connection.execute(delete(Totp).where(Totp.manager_id == manager_id)).rowcount > 0


def open_step(connection: Connection, manager_id: str, *, secret: str, target: str, now: datetime) -> None:
    """The password was right: remember it for the browser with this ``secret``, for ten minutes."""
    connection.execute(delete(SignInStep).where(SignInStep.expires_at <= now))
    row = {"token_hash": fingerprint(secret), "manager_id": manager_id, "target": target}
    connection.execute(insert(SignInStep), {**row, "expires_at": now + STEP_LIFETIME})


def step_owner(connection: Connection, secret: str, *, now: datetime) -> tuple[ManagerInfo, str] | None:
    """Whose password was right, and where they wanted to go; None where that is over or the account is disabled."""
    row = connection.execute(
        select(SignInStep.manager_id, SignInStep.target).where(
            SignInStep.token_hash == fingerprint(secret), SignInStep.expires_at > now
        )
    ).one_or_none()
    if row is None:
        return None
    owner = next((one for one in list_managers(connection) if one.id == row.manager_id), None)
    return (owner, row.target) if owner is not None and owner.disabled_at is None else None


def close_step(connection: Connection, secret: str) -> None:
    """It was used."""
    connection.execute(delete(SignInStep).where(SignInStep.token_hash == fingerprint(secret)))


def _about(manager_id: str) -> str:
    return f"totp of {manager_id}"


def _opened(vault: Vault, stored: str, manager_id: str) -> str | None:
    """The secret; None where the key is not the one that sealed it: recovery codes still let in then."""
    if not is_sealed(stored):
        return stored  # of an older Leadgate on the same database; sealed at the next start of this one
    secret = vault.unseal(stored, _about(manager_id))
    if secret is None:
        log.error(
            "The key of second factors (accounts.key) is not the one that they were sealed with: put it back from a "
            "backup; 'leadgate user no-factor LOGIN' switches a factor off",
            extra={"action": "factor_not_opened", "manager_id": manager_id},
        )
    return secret


def _new_code() -> str:
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _bare(typed: str) -> str:
    """As it is hashed: people type spaces, hyphens and capitals."""
    return "".join(sign for sign in typed.lower() if sign.isalnum())[:100]
