"""Files and spam with the real gateway: posted as a site would, fetched and brought back through the API."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import aiohttp

from tests.integration.webforms.test_replay import forms, post, settled
from tests.support.ports import LOOPBACK
from tests.support.process import Api, Installation

FORM = '[[form]]\nkey = "site"\nfile_types = ["pdf", "jpg", "exe"]\nmax_files = 2\nspam_words = ["клининг"]\n'
PDF = b"%PDF-1.7 the plan of the roof"


def multipart(*files: tuple[str, bytes]) -> aiohttp.FormData:
    body = aiohttp.FormData({"name": "Иван", "phone": "89261234567"}, quote_fields=False)  # as browsers do
    for name, content in files:
        body.add_field("files", content, filename=name, content_type="application/pdf")
    return body


class Program:
    """A program with a token."""

    def __init__(self, installation: Installation, token: str) -> None:
        self._base = f"http://{LOOPBACK}:{installation.private}"
        self._headers = {"Authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, *, known: bool = True) -> tuple[int, dict[str, str], bytes]:
        headers = self._headers if known else {}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self._base + path, headers=headers) as answer,
        ):
            return answer.status, dict(answer.headers), await answer.read()


async def test_a_file_is_handed_out_safely_and_taken_out_again_when_the_folder_is_lost(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path / "leadgate", more=FORM)
    program = Program(installation, token := installation.new_token())
    gateway = installation.start()
    try:
        await gateway.ready()
        sent = multipart(("план «крыши».pdf", PDF), ("photo.jpg", b"MZ\x90\x00"), ("extra.pdf", b"x"), ("a.zip", b"PK"))
        interaction = (await post(installation, data=sent))["id"]
        await settled(Api(installation, token))
        status, headers, content = await program.ask("GET", f"/api/v1/interactions/{interaction}/files/1")
        assert (status, content) == (200, PDF)
        assert headers["Content-Disposition"].startswith('attachment; filename="')
        assert "filename*=UTF-8''%D0%BF%D0%BB%D0%B0%D0%BD" in headers["Content-Disposition"]
        assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
        assert "sandbox" in headers["Content-Security-Policy"]
        status, headers, content = await program.ask("GET", f"/api/v1/interactions/{interaction}/files/2")
        assert (status, content, headers["Content-Type"]) == (200, b"MZ\x90\x00", "application/octet-stream")
        assert headers["X-Leadgate-Danger"] == "is a Windows program"
        for path, known, expected in (
            ("files/3", True, 404), ("files/0", True, 404), ("files/x", True, 404), ("files/1", False, 401),
        ):  # fmt: skip
            status, _, _ = await program.ask("GET", f"/api/v1/interactions/{interaction}/{path}", known=known)
            assert status == expected
        assert (await program.ask("GET", "/api/v1/interactions/nobody/files/1"))[0] == 404

        digest = hashlib.sha256(PDF).hexdigest()
        kept = installation.data / "files" / digest[:2] / digest[2:]
        assert kept.read_bytes() == PDF
        kept.unlink()
        assert (await program.ask("GET", f"/api/v1/interactions/{interaction}/files/1"))[2] == PDF
        assert kept.read_bytes() == PDF

        [item] = await Api(installation, token).everything("/api/v1/interactions")
        assert [file["name"] for file in item["attachments"]] == ["план «крыши».pdf", "photo.jpg"]
        assert any("a.zip" in problem for problem in item["problems"])
        assert any("3 files" in problem or "4 files" in problem for problem in item["problems"])
    finally:
        gateway.kill()


async def test_spam_is_seen_brought_back_by_the_api_and_written_down_and_the_log_has_every_outcome(
    tmp_path: Path,
) -> None:
    installation = Installation.make(tmp_path / "leadgate", more=FORM)
    program = Program(installation, token := installation.new_token())
    gateway = installation.start()
    try:
        await gateway.ready()
        fields = {"name": "Анна", "phone": "89161234567", "message": "Ищу КЛИНИНГ после ремонта"}
        told: dict[str, Any] = await post(installation, data=fields)
        await post(installation, data=fields)
        key = {"Idempotency-Key": "k-1"}
        await post(installation, data={"phone": "89031234567"}, headers=key)
        conflict = await post(installation, data={"phone": "89041234567"}, headers=key)
        assert conflict["status"] == "conflict"
        api = Api(installation, token)
        await settled(api)
        assert len(await api.everything("/api/v1/leads")) == 1, "the first of the key; spam and conflict open none"

        path = f"/api/v1/interactions/{told['id']}/not-spam"
        assert (await program.ask("POST", path, known=False))[0] in (401, 403)
        status, _, body = await program.ask("POST", path)
        assert (status, json.loads(body)["outcome"]) == (200, "changed")
        assert json.loads((await program.ask("POST", path))[2])["outcome"] == "unchanged"
        assert (await program.ask("POST", "/api/v1/interactions/nobody/not-spam"))[0] == 404
        await settled(api)
        names = {lead["contact"]["name"] for lead in await api.everything("/api/v1/leads")}
        assert names == {None, "Анна"}

        gateway.terminate()
        log = forms(installation, "log")
        assert sorted(one["outcome"] for one in log["others"]) == ["conflict", "duplicate"]
        assert [one["kind"] for one in log["deliveries"]] == ["spam", "message", "message"]
        assert "Idempotency-Key" in log["deliveries"][0]["problems"][0]
        table = installation.run("forms", "log").stdout
        assert ("duplicate" in table, "conflict" in table) == (True, True)
    finally:
        gateway.kill()
