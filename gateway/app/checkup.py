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
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
from sqlalchemy import Connection

from crm_adapter.base import Checks, CrmError
from gateway.app.lastcalls import last_calls
from gateway.app.outgoing import SigningIn
from gateway.app.removal import recordings_left
from gateway.capture.cursors import StoredCursors
from gateway.capture.journal import stored_keys
from gateway.config.settings import Settings
from gateway.core.clock import Clock
from gateway.core.errors import LeadgateError
from gateway.core.findings import Finding, Level
from gateway.core.languages import FALLBACK
from gateway.core.sentences import NOTHING, Sentence, ended, joined, verbatim
from gateway.core.states import state_name
from gateway.core.systemerrors import system_words
from gateway.core.types import Json
from gateway.delivery.crmwords import crm_trouble, crm_words
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
"""A listener or database that does not answer in this time is away."""
CRM_SECONDS = 30.0
"""The same for a CRM."""
LITTLE_SPACE = 1 << 30
"""Bytes: below one GiB free it is time to look; a full disk stops the database and the spool at once."""
GREETING = "Leadgate"
"""What our own SMTP listener says after its name."""
DATA, DATABASE = "data_folder", "database"
"""Codes of findings."""


async def checkup(settings: Settings, clock: Clock, language: str = FALLBACK) -> AsyncIterator[Finding]:
    """All findings, as they are made. ``language``: in which a running gateway is asked how it is."""
    for finding in data_folder(settings.data):
        yield finding
    zone = settings.gateway.timezone
    groups: list[Callable[[], Awaitable[list[Finding]]]] = [
        partial(database, settings),
        partial(web_listeners, settings, language),
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
    subject = Sentence("data folder")
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"leadgate doctor")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        remedy = Sentence("chown -R leadgate %(folder)s, or another folder in [gateway] data.", {"folder": folder})
        said = Sentence("%(folder)s: %(words)s.", {"folder": place, "words": system_words(error)})
        return [Finding(code=DATA, level=Level.FAIL, subject=subject, said=said, remedy=remedy)]
    free = shutil.disk_usage(place).free
    room = {"folder": folder, "mebibytes": free >> 20, "gibibytes": free >> 30}
    if free < LITTLE_SPACE:
        said = Sentence("%(folder)s: only %(mebibytes)s MiB are free.", room)
        remedy = Sentence("make room, or move [gateway] data.")
        return [Finding(code=DATA, level=Level.WARN, subject=subject, said=said, remedy=remedy)]
    said = (
        Sentence("%(folder)s can be written to; %(gibibytes)s GiB are free.", room)
        if place == folder
        else Sentence("%(folder)s will be made at the first start; %(gibibytes)s GiB are free.", room)
    )
    return [Finding(code=DATA, level=Level.OK, subject=subject, said=said)]


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
        said = Sentence("%(file)s does not exist yet; 'leadgate run' makes it.", {"file": url.database})
        return [Finding(code=DATABASE, level=Level.NOTE, subject=Sentence("database"), said=said)]
    store = Store.open(settings.storage, settings.data)
    try:
        await store.start()
        async with asyncio.timeout(ANSWER_SECONDS):
            await store.check()
            schema = await store.read(_schema)
            left = await store.read(recordings_left) if schema[0].level is Level.OK else []
            return [*schema, *await _durability(store), *left]
    except TimeoutError:
        values = {"database": store.shown_url, "seconds": f"{ANSWER_SECONDS:.0f}"}
        said = Sentence("%(database)s did not answer within %(seconds)s s.", values)
    except LeadgateError as error:
        said = ended(error)
    finally:
        await store.stop()
    remedy = Sentence("look at [storage] url, and whether the database server runs and takes this user.")
    return [Finding(code=DATABASE, level=Level.FAIL, subject=Sentence("database"), said=said, remedy=remedy)]


def _schema(connection: Connection) -> list[Finding]:
    refuse_newer(connection)
    revision, newest = current(connection), head()
    if revision != newest:
        said = Sentence(
            "has schema %(schema)s; this version works with %(head)s and upgrades it at its next start.",
            {"schema": revision or "-", "head": newest},
        )
        return [Finding(code=DATABASE, level=Level.NOTE, subject=Sentence("database"), said=said)]
    said = Sentence("answers and takes writes; schema %(schema)s.", {"schema": revision})
    return [Finding(code=DATABASE, level=Level.OK, subject=Sentence("database"), said=said)]


async def _durability(store: Store) -> list[Finding]:
    subject, code = Sentence("database: durability"), "database.durability"
    warnings = await asyncio.to_thread(store.warnings)
    kept = await asyncio.to_thread(store.durability)
    if not warnings:
        survives = Sentence("what is acknowledged survives a power cut: %(level)s.", {"level": kept.level})
        standby = Sentence("Standby: %(standby)s.", {"standby": kept.standby}) if kept.standby else NOTHING
        said = joined([survives, standby], " ")
        return [Finding(code=code, level=Level.OK, subject=subject, said=said)]
    remedy = Sentence("as the sentence says; docs/configuration.md, [storage].")
    return [
        Finding(code=code, level=Level.WARN, subject=subject, said=sentence, remedy=remedy) for sentence in warnings
    ]


# -- the listeners ----------------------------------------------------------------------------------------------------


async def web_listeners(settings: Settings, language: str = FALLBACK) -> list[Finding]:
    """Each address of [web]: our gateway answers there, or it is free."""
    found = []
    for key in dict.fromkeys(("public", "private")):
        text = getattr(settings.web, key)
        if key == "private" and settings.web.one_listener:
            continue
        place = Place(f"web {key}", text, f"[web] {key}")
        found += await _web_listener(place, ListenAddress.parse(text), language)
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """An address that we listen on."""

    name: str
    """``web public``, ``smtp``: as its table and key are called."""
    address: str
    key: str
    """``[web] public``."""

    def finding(self, level: Level, said: Sentence, remedy: Sentence = NOTHING) -> Finding:
        """What was found there."""
        subject = verbatim(f"{self.name} {self.address}".rstrip())
        code = self.name.replace(" ", ".")
        return Finding(code=code, level=level, subject=subject, said=said, remedy=remedy)


async def _web_listener(place: Place, address: ListenAddress, language: str) -> list[Finding]:
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{address.for_browsers}/health", params={"language": language}) as answer,
        ):
            health = await answer.json()
            status, problems = str(health["status"]), [str(sentence) for sentence in health["problems"]]
    except aiohttp.ClientConnectorError:
        return [free_port(place, address.host, address.port)]
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
        return [_stranger(place)]
    if not problems:
        said = Sentence("our gateway answers: %(state)s.", {"state": state_name(status)})
        return [place.finding(Level.OK, said)]
    remedy = Sentence("as the sentence says.")
    return [place.finding(Level.WARN, verbatim(sentence), remedy) for sentence in problems]


async def smtp_listener(listen: str, name: str = "smtp") -> list[Finding]:
    """The address of [smtp] or [lmtp]: our listener greets there, or it is free."""
    if not listen:
        return [Place(name, "", "").finding(Level.OK, Sentence("no listener is configured."))]
    place, address = Place(name, listen, f"[{name}] listen"), ListenAddress.parse(listen)
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
        return [free_port(place, address.host, address.port)]
    except (OSError, TimeoutError):
        return [_stranger(place)]
    if greeting.startswith("220 ") and greeting.endswith(GREETING):
        return [place.finding(Level.OK, Sentence("our listener greets."))]
    return [_stranger(place)]


def free_port(place: Place, host: str, port: int) -> Finding:
    """Whether a port on which nobody answers could be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            return place.finding(Level.OK, Sentence("free; the gateway does not run there now."))
    except OSError as error:
        remedy = Sentence("another address in %(key)s.", {"key": place.key})
        if error.errno == errno.EACCES:
            remedy = Sentence(
                "a port above 1023 in %(key)s, or AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit.",
                {"key": place.key},
            )
        said = Sentence("can't be listened on: %(words)s.", {"words": system_words(error)})
        return place.finding(Level.FAIL, said, remedy)


def _stranger(place: Place) -> Finding:
    remedy = Sentence("stop it (ss -ltnp shows who it is), or another port in %(key)s.", {"key": place.key})
    return place.finding(Level.FAIL, Sentence("another program listens there."), remedy)


# -- the CRMs ---------------------------------------------------------------------------------------------------------


async def crm_findings(crm: CrmSettings, data: Path) -> list[Finding]:
    """What the adapter says of its own settings, where it can try them."""
    subject, code = Sentence("crm %(name)s", {"name": crm.name}), "crm"
    adapter = crm.build(crm.context(vault=vault_of(data, crm.name)))
    try:
        if not isinstance(adapter, Checks):
            said = Sentence(
                "the adapter %(adapter)s can't try its settings; the first delivery will show.",
                {"adapter": crm.adapter},
            )
            return [Finding(code=code, level=Level.NOTE, subject=subject, said=said)]
        async with asyncio.timeout(CRM_SECONDS):
            return [Finding(code=code, level=Level.OK, subject=subject, said=ended(crm_words(await adapter.check())))]
    except CrmError as error:
        remedy = Sentence("'leadgate crm check %(name)s' says more; what waits for it is not lost.", {"name": crm.name})
        said = ended(crm_trouble(error))
        return [Finding(code=code, level=Level.FAIL, subject=subject, said=said, remedy=remedy)]
    except TimeoutError:
        said = Sentence("did not answer within %(seconds)s s.", {"seconds": f"{CRM_SECONDS:.0f}"})
        remedy = Sentence("look whether the CRM is up.")
        return [Finding(code=code, level=Level.FAIL, subject=subject, said=said, remedy=remedy)]
    finally:
        await adapter.close()
