"""A real Tryton: a copy of the database that install.sh made, one company, two employees. Starts in two seconds."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.peers.installed import PeerMissing, root_of
from tests.peers.process import PeerProcess
from tests.support.ports import LOOPBACK, free_port

DATABASE, USER, PASSWORD = "crm", "admin", "admin-of-tryton"
SECONDS = 10.0


@dataclass(slots=True, kw_only=True)
class TrytonPeer:
    """A running server, and a client of its own that shares nothing with the adapter."""

    port: int
    folder: Path
    process: PeerProcess
    session: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    company: int = 0
    employees: Sequence[int] = ()
    """Anna, whose party has her mail, and Oleg, whose SIP address is 102."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    @classmethod
    def start(cls) -> TrytonPeer:
        """Copy, start, and make what an office has. Raises PeerMissing."""
        root = check_installed()
        folder, port = Path(tempfile.mkdtemp(prefix="leadgate-tryton-")), free_port()
        shutil.copytree(root / "database", folder / "database")
        (folder / "conf").write_text(
            f"[web]\nlisten = {LOOPBACK}:{port}\n[database]\nuri = sqlite://\npath = {folder}/database\n"
        )
        env = {"PATH": os.defpath, "PYTHONPATH": str(root / "site"), "LC_ALL": "C.UTF-8", "HOME": str(folder)}
        command = [sys.executable, str(root / "site/bin/trytond"), "-c", str(folder / "conf"), "-d", DATABASE]
        process = PeerProcess("tryton", command, log=folder / "log", env=env)
        peer = cls(port=port, folder=folder, process=process)
        try:
            process.wait_until(peer._answers, seconds=60)
            peer._furnish()
        except BaseException:
            peer.stop()
            raise
        return peer

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, method: str, *params: Any, path: str = f"{DATABASE}/rpc/", session: str | None = None) -> Any:
        """The result of one method. Raises RuntimeError with Tryton's words."""
        headers = {"Content-Type": "application/json"}
        if session or self.session:
            headers["Authorization"] = session or self.session
        body = json.dumps({"id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(f"{self.url}/{path}", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            found = json.load(answer)
        if found.get("error"):
            raise RuntimeError(f"{method}: {found['error']}")
        return found["result"]

    def read(self, model: str, domain: Sequence[Any], *fields: str) -> list[dict[str, Any]]:
        """Records, the oldest first."""
        found: list[dict[str, Any]] = self.call(
            f"model.{model}.search_read", domain, 0, None, [["id", "ASC"]], ["id", *fields], self.context
        )
        return found

    def create(self, model: str, values: Mapping[str, Any]) -> int:
        """A new record's id."""
        return int(self.call(f"model.{model}.create", [values], self.context)[0])

    def _answers(self) -> bool:
        try:
            self.call("common.server.version", path="rpc/")
        except (OSError, urllib.error.URLError):
            return False
        return True

    def _furnish(self) -> None:
        user, session, _ = self.call("common.db.login", USER, {"password": PASSWORD}, "en")
        self.session = f"Session {base64.b64encode(f'{USER}:{user}:{session}'.encode()).decode()}"
        rounding = {"__class__": "Decimal", "decimal": "0.01"}
        rouble = {"name": "Rouble", "code": "RUB", "symbol": "R", "rounding": rounding, "digits": 2}
        office = self.create("party.party", {"name": "The office"})
        currency = self.create("currency.currency", rouble)
        self.company = self.create("company.company", {"party": office, "currency": currency})
        mine = {"companies": [["add", [self.company]]], "company": self.company}
        self.call("model.res.user.write", [user], mine, self.context)
        self.context = self.call("model.res.user.get_preferences", True, {})
        self.employees = (self._employee("Anna", "email", "anna@example.com"), self._employee("Oleg", "sip", "102"))

    def _employee(self, name: str, kind: str, value: str) -> int:
        mechanisms = [["create", [{"type": kind, "value": value}]]]
        party = self.create("party.party", {"name": name, "contact_mechanisms": mechanisms})
        return self.create("company.employee", {"party": party, "company": self.company})


def check_installed() -> Path:
    """The folder of the packages and the empty database. Raises PeerMissing where it can't be started."""
    root = root_of("tryton")
    if f"python{sys.version_info[0]}.{sys.version_info[1]}" not in (root / ".complete").read_text():
        raise PeerMissing(f"{root} was made for another Python: run tests/peers/install.sh again")
    return root
