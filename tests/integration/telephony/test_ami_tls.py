"""The AMI client over TLS: whom it trusts, and what it says about those it does not."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.core.clock import SystemClock
from gateway.demo.pbx import PbxServer
from gateway.telephony.ami.client import AmiAddress, tls_context
from tests.integration.telephony.ami_user import Make, connected, failed


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    both = folder / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=pbx", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", both],
        check=True, capture_output=True,
    )  # fmt: skip
    both.write_bytes(both.read_bytes() + (folder / "key.pem").read_bytes())
    return both


@pytest.fixture
async def tls_pbx(certificate: Path) -> AsyncIterator[PbxServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = PbxServer(username="leadgate", secret="hunter2", clock=SystemClock(), tls=context)
    await server.start()
    yield server
    await server.stop()


async def test_tls_with_the_pbxs_own_authority_works(make_client: Make, tls_pbx: PbxServer, certificate: Path) -> None:
    await connected(make_client(port=tls_pbx.port, tls=tls_context(str(certificate))))


async def test_a_certificate_that_is_not_trusted_is_refused(make_client: Make, tls_pbx: PbxServer) -> None:
    client = make_client(port=tls_pbx.port, tls=tls_context(None))
    assert "is not trusted" in await failed(client)
    assert client.state.state == "refused"
    assert not tls_pbx.actions


async def test_a_certificate_for_another_name_is_refused(
    make_client: Make, tls_pbx: PbxServer, certificate: Path
) -> None:
    client = make_client(host="localhost", port=tls_pbx.port, tls=tls_context(str(certificate)))
    assert "is not trusted" in await failed(client)


async def test_tls_to_a_plain_port_is_said(make_client: Make, certificate: Path) -> None:
    assert "does not speak TLS" in await failed(make_client(tls=tls_context(str(certificate))))


def test_an_authority_file_that_can_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense")
    for name in ("missing.pem", "ca.pem"):
        with pytest.raises(ValueError, match=name):
            tls_context(str(tmp_path / name))


def test_the_address_does_not_show_its_secret() -> None:
    address = AmiAddress(host="::1", port=5038, username="leadgate", secret="hunter2")
    assert "hunter2" not in repr(address)
    assert address.peer == "[::1]:5038"
