"""One letter over a real socket: what every answer of a submission server means."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.outgoing.settings import SenderSettings
from gateway.outgoing.submission import (
    Credentials,
    Later,
    Lost,
    Refused,
    SenderAtFault,
    Submission,
    Taken,
    Unreachable,
)
from tests.support.certificates import Certificate, make_certificate
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.submission import SubmissionServer

LETTER = b"From: a@shop.example\r\nSubject: dots\r\n\r\n.one\r\n..two\r\n.\r\nend"
TO = ["ivan@example.com"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def sender(port: int, **changed: Any) -> SenderSettings:
    facts: dict[str, Any] = {"name": "s", "host": "localhost", "address": "a@shop.example", "tls": "none", "port": port}
    return SenderSettings(**(facts | changed))


async def send(port: int, to: list[str] = TO, credentials: Credentials | None = None, **changed: Any) -> Taken:
    submission = Submission(sender(port, **changed), credentials)
    return await asyncio.to_thread(submission.send, "a@shop.example", to, LETTER)


async def test_a_letter_arrives_with_its_dots_as_they_were(server: SubmissionServer) -> None:
    taken = await send(server.port)
    assert "queued as 1" in taken.said
    (letter,) = server.arrived
    assert letter.raw == LETTER + b"\r\n"
    assert (letter.mail_from, letter.rcpt_to) == ("a@shop.example", ("ivan@example.com",))


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ("450 4.2.1 greylisted, come again", Later, "ivan@example.com"),
        ("550 5.1.1 no such user", Refused, "no such user"),
        ("551 not here", Refused, "none of the recipients"),
    ],
)
async def test_what_is_said_of_the_recipient_counts(
    server: SubmissionServer, answer: str, error: type[Exception], words: str
) -> None:
    server.rcpt.append(answer)
    with pytest.raises(error, match=words):
        await send(server.port)
    assert server.arrived == []


@pytest.mark.parametrize(
    ("answer", "error"), [("451 4.3.0 full", Later), ("554 5.7.1 looks like spam", Refused), ("cut", Lost)]
)
async def test_what_is_said_of_the_letter_counts(server: SubmissionServer, answer: str, error: type[Exception]) -> None:
    server.data.append(answer)
    with pytest.raises(error) as caught:
        await send(server.port)
    assert type(caught.value) is error


async def test_one_temporary_no_puts_the_whole_letter_off_so_that_nobody_gets_it_twice(
    server: SubmissionServer,
) -> None:
    server.rcpt.extend(["250 OK", "451 later"])
    with pytest.raises(Later):
        await send(server.port, ["a@example.com", "b@example.com"])
    assert server.arrived == []


async def test_recipients_that_are_refused_for_good_do_not_keep_the_letter_from_the_others(
    server: SubmissionServer,
) -> None:
    server.rcpt.extend(["550 no such user", "250 OK"])
    taken = await send(server.port, ["a@example.com", "b@example.com"])
    assert server.arrived[0].rcpt_to == ("b@example.com",)
    assert taken.refused == ("a@example.com: 550 no such user",)


async def test_nobody_listens() -> None:
    with pytest.raises(Unreachable, match="refused"):
        await send(free_port())


@pytest.mark.parametrize(
    ("greeting", "error"), [("554 5.7.1 you are blocked", SenderAtFault), ("421 too busy", Later), ("hello", Later)]
)
async def test_a_server_that_does_not_let_us_in(greeting: str, error: type[Exception]) -> None:
    server = await SubmissionServer(greeting=greeting).start()
    with pytest.raises(error):
        await send(server.port)
    await server.stop()


async def test_signing_in_with_a_password() -> None:
    server = await SubmissionServer(username="anna").start()
    await send(server.port, credentials=Credentials(username="anna", password="secret"))
    assert server.sign_ins == 1
    with pytest.raises(SenderAtFault, match="sign-in of anna") as caught:
        await send(server.port, credentials=Credentials(username="anna", password="wrong-password"))
    assert "wrong-password" not in str(caught.value)
    await server.stop()


async def test_signing_in_with_a_token() -> None:
    server = await SubmissionServer(username="anna", token="ya29.token").start()
    await send(server.port, credentials=Credentials(username="anna", token="ya29.token"))
    assert len(server.arrived) == 1
    with pytest.raises(SenderAtFault) as caught:
        await send(server.port, credentials=Credentials(username="anna", token="ya29.old"))
    assert "ya29" not in str(caught.value)
    await server.stop()


def test_credentials_never_show_their_secret() -> None:
    assert "hunter2" not in repr(Credentials(username="anna", password="hunter2", token="hunter2"))


@pytest.mark.parametrize(("tls", "implicit"), [("starttls", False), ("implicit", True)])
async def test_letters_go_over_tls_with_a_verified_certificate(
    certificate: Certificate, tls: str, implicit: bool
) -> None:
    server = await SubmissionServer(tls=certificate.server_context(), implicit=implicit).start()
    await send(server.port, tls=tls, ca_file=certificate.cert)
    assert len(server.arrived) == 1
    with pytest.raises(SenderAtFault, match="certificate that can't be trusted"):
        await send(server.port, tls=tls)
    with pytest.raises(SenderAtFault, match="certificate that can't be trusted"):
        await send(server.port, tls=tls, ca_file=certificate.cert, host="127.0.0.1")
    assert len(server.arrived) == 1
    await server.stop()


async def test_a_server_without_starttls_gets_neither_password_nor_letter(server: SubmissionServer) -> None:
    with pytest.raises(SenderAtFault, match="no STARTTLS"):
        await send(server.port, tls="starttls", credentials=Credentials(username="anna", password="secret"))
    assert (server.sign_ins, server.arrived) == (0, [])


async def test_a_ca_file_that_is_not_there_is_named(server: SubmissionServer, tmp_path: Path) -> None:
    with pytest.raises(SenderAtFault, match=r"nowhere\.pem"):
        await send(server.port, tls="starttls", ca_file=str(tmp_path / "nowhere.pem"))


async def test_a_silent_server_is_left_by_abort(server: SubmissionServer) -> None:
    server.data.append("hang")
    submission = Submission(sender(server.port), None)
    sending = asyncio.create_task(asyncio.to_thread(submission.send, "a@shop.example", TO, LETTER))
    while not server.arrived:
        await asyncio.sleep(0.01)
    submission.abort()
    with pytest.raises(Lost):
        await asyncio.wait_for(sending, PATIENCE)
