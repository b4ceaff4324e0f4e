"""Single customers, for faults where each step counts; many at once are in tests/acceptance/load.py."""

from __future__ import annotations

import asyncio
import smtplib

import aiohttp

from tests.acceptance.load import FORM_KEY, FORM_LABEL, letter, phone_of
from tests.support.ports import LOOPBACK
from tests.support.process import Installation

PATIENCE = 30.0


async def send_form(installation: Installation, name: str) -> int:
    """Send the form called ``name`` (``form-17``) once; the HTTP status, 0 where there was no answer."""
    number = int(name.rpartition("-")[2])
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        try:
            async with session.post(
                f"http://{LOOPBACK}:{installation.public}/f/{FORM_KEY}",
                data={"name": f"Customer {number}", "phone": phone_of(number), FORM_LABEL: name},
                headers={"Idempotency-Key": name},
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0


async def send_letter(installation: Installation, name: str) -> int:
    """Send the letter called ``name`` (``mail-17``) once; the SMTP code, 0 where there was no answer."""
    return await asyncio.to_thread(_send_letter, installation.smtp, name)


def _send_letter(port: int, name: str) -> int:
    try:
        with smtplib.SMTP(LOOPBACK, port, timeout=PATIENCE) as session:
            session.send_message(letter(int(name.rpartition("-")[2]), name))
    except smtplib.SMTPResponseException as refused:
        return refused.smtp_code
    except (smtplib.SMTPException, OSError):
        return 0
    return 250


async def vanish_after_the_dot(installation: Installation, name: str) -> None:
    """Send a whole letter, and be gone before the answer (RFC 5321 section 4.5.3.2.6: then it is sent again)."""
    reader, writer = await asyncio.open_connection(LOOPBACK, installation.smtp)
    await _talk_until_data(reader, writer)
    writer.write(_wire(name) + b"\r\n.\r\n")
    await writer.drain()
    writer.transport.abort()


async def vanish_in_the_letter(installation: Installation, name: str) -> None:
    """Send half a letter, and be gone: nobody may believe that it arrived."""
    reader, writer = await asyncio.open_connection(LOOPBACK, installation.smtp)
    await _talk_until_data(reader, writer)
    content = _wire(name)
    writer.write(content[: len(content) // 2])
    await writer.drain()
    writer.transport.abort()


def _wire(name: str) -> bytes:
    return letter(int(name.rpartition("-")[2]), name).as_bytes().replace(b"\n", b"\r\n")


async def _talk_until_data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for line in ("EHLO x", "MAIL FROM:<a@customers.example>", "RCPT TO:<sales@example.com>", "DATA"):
        await _answered(reader)
        writer.write(f"{line}\r\n".encode())
    await _answered(reader)


async def _answered(reader: asyncio.StreamReader) -> None:
    while (line := await reader.readline())[3:4] == b"-":
        pass
    assert line[:1] in (b"2", b"3"), line


async def send_raw(installation: Installation, content: bytes) -> None:
    """Send a letter made by hand; it may be refused."""
    await asyncio.to_thread(_send_raw, installation.smtp, content)


def _send_raw(port: int, content: bytes) -> None:
    try:
        with smtplib.SMTP(LOOPBACK, port, timeout=PATIENCE) as session:
            session.sendmail("a@customers.example", ["sales@example.com"], content)
    except smtplib.SMTPException:
        return
