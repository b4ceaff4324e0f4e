"""STARTTLS with a real certificate, made by openssl for the test."""

from __future__ import annotations

import asyncio
import shutil
import smtplib
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.integration.mail.smtp_client import LETTER, Client, eventually, listening
from tests.support.sink import RecordingSink

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate of these tests")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", str(key), "-out", str(cert), "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return {"tls_cert": str(cert), "tls_key": str(key)}


async def test_letter_over_starttls_is_stored_and_says_so(certificate: dict[str, str]) -> None:
    sink = RecordingSink()
    context = ssl.create_default_context(cafile=certificate["tls_cert"])

    def send(port: int) -> bool:
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            smtp._host = "localhost"  # type: ignore[attr-defined]
            smtp.starttls(context=context)
            smtp.ehlo()
            offered = smtp.has_extn("auth")
            smtp.sendmail("a@b.example", ["info@shop.example"], LETTER)
            return offered

    async with listening(sink, **certificate) as listener:
        assert await asyncio.to_thread(send, listener.port) is False
        await eventually(lambda: listener._door.connections_inside == 0)
    assert [item.raw for item in sink.items] == [LETTER]
    assert sink.items[0].meta["tls"] is True


async def test_without_a_certificate_starttls_is_not_offered() -> None:
    async with listening(RecordingSink()) as listener:
        client = await Client.greeted(listener)
        assert (await client.say("STARTTLS")).startswith("454")
        await client.leave()


async def test_commands_sent_before_the_handshake_are_forgotten(certificate: dict[str, str]) -> None:
    """CVE-2024-34083: text injected behind STARTTLS must not run inside the encrypted session."""
    sink = RecordingSink()
    context = ssl.create_default_context(cafile=certificate["tls_cert"])
    async with listening(sink, **certificate) as listener:
        client = await Client.greeted(listener)
        client.send(b"STARTTLS\r\nEHLO injected\r\nMAIL FROM:<evil@x.example>\r\n")
        assert (await client.answer()).startswith("220")
        await client.writer.start_tls(context, server_hostname="localhost")
        assert (await client.say("RCPT TO:<info@shop.example>")).startswith("503")
        assert (await client.say("EHLO honest")).startswith("250")
        await client.leave()
    assert sink.calls == 0


async def test_failed_handshake_ends_the_connection_and_is_counted_once(certificate: dict[str, str]) -> None:
    async with listening(RecordingSink(), **certificate) as listener:
        client, other = await Client.greeted(listener), await Client.greeted(listener)
        assert (await client.say("STARTTLS")).startswith("220")
        client.send(b"this is no TLS hello\r\n" * 10)
        assert await client.closed()
        await client.leave()
        await eventually(lambda: listener._door.connections_inside == 1)
        await other.leave()
        await eventually(lambda: listener._door.connections_inside == 0)
