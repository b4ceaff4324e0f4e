"""Looks at everything that the gateway stands on, without starting it: what ``leadgate doctor`` prints.

It may run beside a running gateway: it changes nothing, and knows its own listeners when it meets them.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
from sqlalchemy import Connection

from crm_adapter.base import Checks, CrmError
from gateway.app.lastcalls import last_calls
from gateway.app.outgoing import SigningIn
from gateway.capture.cursors import StoredCursors
from gateway.capture.journal import stored_keys
from gateway.config.settings import Settings
from gateway.core.clock import Clock
from gateway.core.errors import LeadgateError, SchemaTooNew
from gateway.core.findings import Finding, Level
from gateway.core.types import Json
from gateway.delivery.settings import CrmSettings
from gateway.delivery.surroundings import vault_of
from gateway.mail.imap.doctor import examine_mailbox
from gateway.mail.oauth.tokens import tokens_of
from gateway.mail.settings import MailboxSettings
from gateway.outgoing.doctor import examine_sender
from gateway.storage.migrations import current, head, refuse_newer
from gateway.storage.store import Store
from gateway.telephony.doctor import examine_pbx
from gateway.telephony.history.doctor import examine_logs
from gateway.web.settings import ListenAddress

ANSWER_SECONDS = 10.0
"""A listener, database or CRM that does not answer in this time is away."""
LITTLE_SPACE = 1 << 30
"""Bytes: below one GiB free it is time to look; a full disk stops the database and the spool at once."""
GREETING = "Leadgate"
"""What our own SMTP listener says after its name."""


async def checkup(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """All findings, as they are made."""
    for finding in data_folder(settings.data):
        yield finding
    zone = settings.gateway.timezone
    groups: list[Callable[[], Awaitable[list[Finding]]]] = [
        partial(database, settings),
        partial(web_listeners, settings),
        partial(smtp_listener, settings.smtp.listen),
        *([partial(smtp_listener, settings.lmtp.listen, "lmtp")] if settings.lmtp.enabled else []),
        *(partial(examine_pbx, pbx, clock=clock) for pbx in settings.pbx),
        *(partial(asyncio.to_thread, examine_logs, pbx, ZoneInfo(zone), clock) for pbx in settings.pbx),
        partial(last_calls, settings, clock),
        *(partial(mailbox, settings, box, clock) for box in settings.mailbox),
        *(partial(examine_sender, sender, SigningIn.of(settings, clock).credentials) for sender in settings.sender),
        *(partial(crm_findings, crm, settings.data) for crm in settings.crm),
    ]
    for group in groups:
        for finding in await group():
            yield finding


def data_folder(folder: Path) -> list[Finding]:
    """Whether the data folder, or the one that it will be made in, takes files, and has room."""
    subject = "data folder"
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"leadgate doctor")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        remedy = f"chown -R leadgate {folder}, or another folder in [gateway] data."
        return [Finding(level=Level.FAIL, subject=subject, said=f"{place}: {error.strerror}.", remedy=remedy)]
    free = shutil.disk_usage(place).free
    if free < LITTLE_SPACE:
        said = f"{folder}: only {free >> 20} MiB are free."
        return [Finding(level=Level.WARN, subject=subject, said=said, remedy="make room, or move [gateway] data.")]
    made = "can be written to" if place == folder else "will be made at the first start"
    return [Finding(level=Level.OK, subject=subject, said=f"{folder} {made}; {free >> 30} GiB are free.")]


# -- mailboxes --------------------------------------------------------------------------------------------------------


async def mailbox(settings: Settings, box: MailboxSettings, clock: Clock) -> list[Finding]:
    """Whether it lets us in, and whether all its letters are stored. Without a database there is nothing to compare."""
    tokens = tokens_of(box, settings.data, clock)
    url = settings.storage.resolved(str(settings.data / "leadgate.db"))
    if url.get_backend_name() == "sqlite" and not await asyncio.to_thread(Path(url.database or "").exists):
        return await examine_mailbox(box, NoCursors(), _nothing_known, clock=clock, tokens=tokens)
    store = Store.open(settings.storage, settings.data)

    async def known(keys: Sequence[str]) -> set[str]:
        return await store.read(lambda connection: stored_keys(connection, keys))

    try:
        await store.start()
        return await examine_mailbox(box, StoredCursors(store, clock), known, clock=clock, tokens=tokens)
    except LeadgateError:  # what is wrong with the database is said by its own findings
        return await examine_mailbox(box, NoCursors(), _nothing_known, clock=clock, tokens=tokens)
    finally:
        await store.stop()


class NoCursors:
    """Implements ``core.ports.Cursors`` where nothing was ever read."""

    async def get(self, _name: str) -> None:
        """No place."""

    async def put(self, _name: str, _value: Mapping[str, Json]) -> None:
        """Doctor moves nothing."""


async def _nothing_known(_keys: Sequence[str]) -> set[str]:
    return set()


# -- the database -----------------------------------------------------------------------------------------------------


async def database(settings: Settings) -> list[Finding]:
    """Reachable, of this version, durable."""
    url = settings.storage.resolved(str(settings.data / "leadgate.db"))
    if url.get_backend_name() == "sqlite" and not await asyncio.to_thread(Path(url.database or "").exists):
        said = f"{url.database} does not exist yet; 'leadgate run' makes it."
        return [Finding(level=Level.NOTE, subject="database", said=said)]
    store = Store.open(settings.storage, settings.data)
    try:
        await store.start()
        async with asyncio.timeout(ANSWER_SECONDS):
            await store.check()
            return [*await store.read(_schema), *await _durability(store)]
    except TimeoutError:
        said = f"{store.shown_url} did not answer within {ANSWER_SECONDS:.0f} s."
    except SchemaTooNew as error:
        said = str(error)
    except LeadgateError as error:
        said = f"{error}."
    finally:
        await store.stop()
    remedy = "look at [storage] url, and whether the database server runs and takes this user."
    return [Finding(level=Level.FAIL, subject="database", said=said, remedy=remedy)]


def _schema(connection: Connection) -> list[Finding]:
    refuse_newer(connection)
    revision, newest = current(connection), head()
    if revision != newest:
        said = f"has schema {revision or 'none'}; this version works with {newest} and upgrades it at its next start."
        return [Finding(level=Level.NOTE, subject="database", said=said)]
    return [Finding(level=Level.OK, subject="database", said=f"answers and takes writes; schema {revision}.")]


async def _durability(store: Store) -> list[Finding]:
    subject = "database: durability"
    warnings = await asyncio.to_thread(store.warnings)
    kept = await asyncio.to_thread(store.durability)
    standby = f" Standby: {kept.standby}." if kept.standby else ""
    if not warnings:
        said = f"what is acknowledged survives a power cut: {kept.level}.{standby}"
        return [Finding(level=Level.OK, subject=subject, said=said)]
    remedy = "as the sentence says; docs/configuration.md, [storage]."
    return [Finding(level=Level.WARN, subject=subject, said=sentence, remedy=remedy) for sentence in warnings]


# -- the listeners ----------------------------------------------------------------------------------------------------


async def web_listeners(settings: Settings) -> list[Finding]:
    """Each address of [web]: our gateway answers there, or it is free."""
    found = []
    for key in dict.fromkeys(("public", "private")):
        text = getattr(settings.web, key)
        if key == "private" and settings.web.one_listener:
            continue
        found += await _web_listener(f"web {key} {text}", ListenAddress.parse(text), f"[web] {key}")
    return found


async def _web_listener(subject: str, address: ListenAddress, key: str) -> list[Finding]:
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{address.for_browsers}/health") as answer,
        ):
            health = await answer.json()
            status, problems = str(health["status"]), [str(sentence) for sentence in health["problems"]]
    except aiohttp.ClientConnectorError:
        return [free_port(subject, address.host, address.port, key)]
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
        return [_stranger(subject, key)]
    if not problems:
        return [Finding(level=Level.OK, subject=subject, said=f"our gateway answers: {status}.")]
    remedy = "as the sentence says."
    return [Finding(level=Level.WARN, subject=subject, said=sentence, remedy=remedy) for sentence in problems]


async def smtp_listener(listen: str, name: str = "smtp") -> list[Finding]:
    """The address of [smtp] or [lmtp]: our listener greets there, or it is free."""
    if not listen:
        return [Finding(level=Level.OK, subject=name, said="no listener is configured.")]
    subject, address, key = f"{name} {listen}", ListenAddress.parse(listen), f"[{name}] listen"
    reachable = ListenAddress.parse(address.for_browsers)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(reachable.host, reachable.port)
            try:
                greeting = (await reader.readline()).decode("utf-8", "replace").strip()
                writer.write(b"QUIT\r\n")
                await writer.drain()
            finally:
                writer.close()
    except ConnectionRefusedError:
        return [free_port(subject, address.host, address.port, key)]
    except (OSError, TimeoutError):
        return [_stranger(subject, key)]
    if greeting.startswith("220 ") and greeting.endswith(GREETING):
        return [Finding(level=Level.OK, subject=subject, said="our listener greets.")]
    return [_stranger(subject, key)]


def free_port(subject: str, host: str, port: int, key: str) -> Finding:
    """Whether a port on which nobody answers could be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            return Finding(level=Level.OK, subject=subject, said="free; the gateway does not run there now.")
    except OSError as error:
        remedy = f"another address in {key}."
        if error.errno == errno.EACCES:
            remedy = f"a port above 1023 in {key}, or AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit."
        return Finding(
            level=Level.FAIL, subject=subject, said=f"can't be listened on: {error.strerror}.", remedy=remedy
        )


def _stranger(subject: str, key: str) -> Finding:
    remedy = f"stop it (ss -ltnp shows who it is), or another port in {key}."
    return Finding(level=Level.FAIL, subject=subject, said="another program listens there.", remedy=remedy)


# -- the CRMs ---------------------------------------------------------------------------------------------------------


async def crm_findings(crm: CrmSettings, data: Path) -> list[Finding]:
    """What the adapter says of its own settings, where it can try them."""
    subject = f"crm {crm.name}"
    adapter = crm.build(crm.context(vault=vault_of(data, crm.name)))
    try:
        if not isinstance(adapter, Checks):
            said = f"the adapter {crm.adapter} can't try its settings; the first delivery will show."
            return [Finding(level=Level.NOTE, subject=subject, said=said)]
        async with asyncio.timeout(3 * ANSWER_SECONDS):
            return [Finding(level=Level.OK, subject=subject, said=await adapter.check())]
    except CrmError as error:
        said, remedy = str(error), f"'leadgate crm check {crm.name}' says more; what waits for it is not lost."
        return [Finding(level=Level.FAIL, subject=subject, said=said, remedy=remedy)]
    except TimeoutError:
        said = f"did not answer within {3 * ANSWER_SECONDS:.0f} s."
        return [Finding(level=Level.FAIL, subject=subject, said=said, remedy="look whether the CRM is up.")]
    finally:
        await adapter.close()
