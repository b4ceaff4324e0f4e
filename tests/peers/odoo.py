"""A real Odoo 19 with the app CRM, in the chroot that odoo.sh makes, on the tests' PostgreSQL. For `make test-odoo`
only: its database takes half a minute to make."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.peers.installed import PeerMissing, root_of
from tests.peers.postgresql import SUPERUSER, PostgresServer
from tests.peers.process import PeerProcess
from tests.support.ports import LOOPBACK, free_port

DATABASE, LOGIN, PASSWORD = "crm19", "leadgate", "password-of-odoo"
HANGS_SECONDS = 1800.0
"""It takes a minute, and ten on a machine that is busy: only one that hangs takes longer."""
SECONDS = 300.0
"""For one answer; the first one makes Odoo read all of its modules."""
ENTER = 'mount -t proc proc "$0/proc"; exec chroot --userspec=odoo "$0" "$@"'
"""Run by a shell with mounts of its own, so that nothing of the machine changes."""
FURNISH = f"""
from datetime import datetime, timedelta
groups = [env.ref(name).id for name in (
    "base.group_user", "base.group_partner_manager", "sales_team.group_sale_salesman_all_leads")]
def person(name, login, email, **more):
    return env["res.users"].with_context(no_reset_password=True).create(
        {{"name": name, "login": login, "email": email, "group_ids": [(6, 0, groups)], **more}})
user = person("Leadgate", "{LOGIN}", "gate@example.com", password="{PASSWORD}")
anna = person("Anna", "anna", "anna@example.com")
oleg = person("Oleg", "oleg", "oleg@x.example", phone="102")
def key_of(whose):
    return env["res.users.apikeys"].with_user(whose)._generate("rpc", "key", datetime.now() + timedelta(days=1))
keys = key_of(user), key_of(env.ref("base.user_admin"))
env.cr.commit()
print("MADE", *keys, anna.id, oleg.id)
"""
"""What an office has; the first key is of a user with no more rights than docs/crm/odoo.md asks for, the second of the
administrator, who alone may delete leads."""


@dataclass(slots=True, kw_only=True)
class OdooPeer:
    """A running server, and a client of its own that shares nothing with the adapter."""

    port: int
    folder: Path
    database: PostgresServer
    process: PeerProcess | None = None
    key: str = field(default="", repr=False)
    admin_key: str = field(default="", repr=False)
    users: Sequence[int] = ()
    """Anna and Oleg."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    @classmethod
    def start(cls) -> OdooPeer:
        """Make the database and wait until Odoo answers. Raises PeerMissing."""
        root = root_of("odoo19")
        database = PostgresServer.start()
        folder = Path(f"/tmp/leadgate-odoo-{os.getpid()}")
        peer = cls(port=free_port(), folder=root / folder.relative_to("/"), database=database)
        try:
            peer._make(root, folder)
            peer.process = peer._serve(root, folder)
            peer.process.wait_until(peer._answers, seconds=HANGS_SECONDS)
        except BaseException:
            peer.stop()
            raise
        return peer

    def stop(self) -> None:
        """Stop both servers and remove the files."""
        if self.process is not None:
            self.process.stop()
        self.database.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def read(self, model: str, domain: Sequence[Any], *fields: str) -> list[dict[str, Any]]:
        """Records, the oldest first."""
        found: list[dict[str, Any]] = self.call(
            model, "search_read", {"domain": domain, "fields": fields, "order": "id"}
        )
        return found

    def call(self, model: str, method: str, named: Mapping[str, Any]) -> Any:
        """The result of one method, called by the administrator."""
        headers = {"Content-Type": "application/json", "Authorization": f"bearer {self.admin_key}"}
        body = json.dumps(named).encode()
        request = urllib.request.Request(f"{self.url}/json/2/{model}/{method}", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)

    def _make(self, root: Path, folder: Path) -> None:
        where = {"host": LOOPBACK, "port": self.database.port, "user": SUPERUSER, "dbname": "postgres"}
        with psycopg.connect(**where, autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute("CREATE ROLE odoo LOGIN CREATEDB")
        options = [*self._options(folder), "--no-http", "--log-level=error"]
        _run(_enter(root, "odoo", *options, "-i", "crm", "--without-demo=True", "--stop-after-init"), None)
        said = _run(_enter(root, "odoo", "shell", *options), FURNISH)
        made = [line for line in said.splitlines() if line.startswith("MADE ")]
        if not made:
            raise PeerMissing(f"Odoo could not be furnished: {said[-1000:]}")
        _, self.key, self.admin_key, *users = made[0].split()
        self.users = tuple(int(one) for one in users)

    def _options(self, folder: Path) -> list[str]:
        return ["-d", DATABASE, f"--db_host={LOOPBACK}", f"--db_port={self.database.port}", "--db_user=odoo",
                f"--data-dir={folder}"]  # fmt: skip

    def _serve(self, root: Path, folder: Path) -> PeerProcess:
        listens = [f"--http-interface={LOOPBACK}", f"--http-port={self.port}", f"--db-filter=^{DATABASE}$"]
        command = _enter(root, "odoo", *self._options(folder), *listens, "--log-level=warn", "--max-cron-threads=0")
        return PeerProcess("odoo", command, log=root / "tmp/leadgate-odoo.log", env={"PATH": os.environ["PATH"]})

    def _answers(self) -> bool:
        try:
            self.read("res.users", [], "login")
        except (OSError, urllib.error.URLError):
            return False
        return True


def _enter(root: Path, *command: str) -> list[str]:
    inside = ["env", "HOME=/tmp", "LC_ALL=C.UTF-8", *command]
    return ["unshare", "--mount", "sh", "-ec", ENTER, str(root), *inside]


def _run(command: Sequence[str], given: str | None) -> str:
    """Until Odoo has ended, which on a busy machine takes many minutes. The bound is for one that hangs."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=HANGS_SECONDS)
    except subprocess.TimeoutExpired as late:
        said = (late.stderr or b"").decode("utf-8", "replace")  # bytes, whatever was asked for
        raise PeerMissing(f"odoo did not end within {HANGS_SECONDS:.0f} s: {said[-1000:]}") from None
    if done.returncode:
        raise PeerMissing(f"odoo ended with {done.returncode}: {done.stderr[-1000:]}")
    return done.stdout
