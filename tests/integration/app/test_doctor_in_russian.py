"""Doctor over everything that can be wrong at once, in Russian: no sentence of ours is left in English."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gateway.__main__ import main
from tests.support.ports import LOOPBACK, free_ports

CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
CODE = re.compile(r"'[^']*'|\[+[\w.]+\]+[^;:]*|\b[\w.]+ = [^;]*|CREATE INDEX[^;.]*|chown [^;,]*|ss -ltnp")
"""Commands and lines of configurations, which are the same in any language."""
ENGLISH = re.compile(r"(?:\b[a-z]{2,}\b[ ,]+){3,}[a-z]{2,}\b")
"""Four words in a row."""

CONFIG = """
[gateway]
data = "{folder}/data"
[web]
public = "{here}:{web}"
private = "{here}:{web}"
[smtp]
listen = "{here}:{smtp}"
[[pbx]]
name = "office"
host = "{here}"
port = {nobody}
username = "leadgate"
secret = "s3cret"
cdr = "{folder}/Master.csv"
[[mailbox]]
name = "sales"
host = "{here}"
port = {nobody}
username = "sales@example.com"
password = "s3cret"
[[sender]]
name = "main"
host = "{here}"
port = {nobody}
address = "sales@example.com"
[[crm]]
name = "hooks"
adapter = "webhook"
url = "http://{here}:{nobody}/hook"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
allow_private = ["{here}"]
"""


def english_in(line: str) -> str | None:
    """The words of a sentence that nobody translated."""
    found = ENGLISH.search(CODE.sub("", line))
    return found[0] if found else None


def test_everything_that_is_wrong_is_said_in_russian(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody, web, smtp = free_ports(3)
    file = tmp_path / "leadgate.toml"
    monkeypatch.setenv("LC_ALL", "ru_RU.UTF-8")
    ports = {"nobody": nobody, "web": web, "smtp": smtp}
    file.write_text(CONFIG.format(folder=tmp_path, here=LOOPBACK, **ports), encoding="utf-8")
    assert main(["doctor", "--config", str(file)]) == 1
    lines = capsys.readouterr().out.splitlines()
    failed = [line for line in lines if line.startswith("FAIL")]
    assert {"АТС", "ящик", "отправитель", "CRM-система"} <= {line.split()[1] for line in failed}
    assert [line for line in lines if not CYRILLIC.search(line)] == []
    assert [(english_in(line), line) for line in lines if english_in(line)] == []


def test_programs_get_english_whatever_the_console_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LC_ALL", "ru_RU.UTF-8")
    monkeypatch.chdir(tmp_path)
    web, smtp = free_ports(2)
    monkeypatch.setenv("LEADGATE_WEB__PUBLIC", f"{LOOPBACK}:{web}")
    monkeypatch.setenv("LEADGATE_WEB__PRIVATE", f"{LOOPBACK}:{web}")
    monkeypatch.setenv("LEADGATE_SMTP__LISTEN", f"{LOOPBACK}:{smtp}")
    assert main(["doctor", "--json"]) == 0
    told = capsys.readouterr().out
    assert not CYRILLIC.search(told)
    assert [finding["code"] for finding in json.loads(told)["findings"]] == [
        "data_folder",
        "database",
        "web.public",
        "smtp",
    ]


def test_the_looker_sees_english() -> None:
    assert english_in("FAIL  АТС office: nothing listens on that port") is not None
    assert english_in("OK    АТС office: всё работает; 'leadgate doctor' ждёт, in manager.conf") is None
