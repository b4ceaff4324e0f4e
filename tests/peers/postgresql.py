"""A real PostgreSQL: a cluster of its own in a temporary folder, one database a test."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from tests.peers.installed import PeerMissing, cache, root_of
from tests.peers.process import PeerProcess
from tests.support.ports import LOOPBACK, free_port

SUPERUSER = "leadgate"

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "32MB",
    # The tests judge what the gateway does with PostgreSQL, not PostgreSQL's disk: a test's database is thrown away.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "timezone": "UTC",
}


class PostgresServer:
    """A running cluster."""

    def __init__(self, folder: Path, port: int, process: PeerProcess) -> None:
        self.port = port
        self._folder = folder
        self._process = process
        self._templates: set[str] = set()
        self._count = 0

    @classmethod
    def start(cls) -> PostgresServer:
        """Make a new cluster and wait until it takes connections (about 2 s). Raises PeerMissing."""
        programs, env = find_programs()
        # Not pytest's own temporary folder: it is root's alone, and PostgreSQL refuses to run as root.
        folder = Path(tempfile.mkdtemp(prefix="leadgate-postgresql-"))
        user = "nobody" if os.geteuid() == 0 else None
        if user:
            shutil.chown(folder, user)
        try:
            _init_cluster(programs, folder / "data", env, user)
            port = free_port()
            options = [f"--{name}={value}" for name, value in {**SETTINGS, "port": str(port)}.items()]
            process = PeerProcess(
                "postgresql",
                [str(programs / "postgres"), "-D", str(folder / "data"), *options],
                log=folder / "log",
                env=env,
                user=user,
                stop_signal=signal.SIGINT,  # "fast shutdown": does not wait for clients
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        server = cls(folder, port, process)
        try:
            process.wait_until(server._answers, seconds=30)
        except BaseException:
            server.stop()
            raise
        return server

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def make_durable(self, database: str) -> None:
        """A commit of this database survives the crash of its server (SETTINGS are for speed)."""
        self._execute("ALTER DATABASE {} SET synchronous_commit = on", database)

    def crash(self) -> None:
        """SIGKILL to the server: as its machine's power cut, but for the page cache."""
        self._process.kill()

    def start_again(self) -> None:
        """After ``crash``: recover, and wait until it takes connections."""
        self._process = self._process.again()
        self._process.wait_until(self._answers, seconds=60)

    def create_database(self, template: str = "template0") -> str:
        """A new database, a copy of ``template``; returns its name."""
        self._count += 1
        name = f"test_{self._count}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def drop_database(self, name: str) -> None:
        """Drop it, whoever is still connected."""
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def template(self, name: str, prepare: Callable[[str], None]) -> str:
        """A database that ``prepare(url)`` fills once a session (the migrations); tests get copies, which are quick."""
        if name not in self._templates:
            self._execute("CREATE DATABASE {} TEMPLATE template0", name)
            prepare(self.url(name))
            self._templates.add(name)
        return name

    def url(self, database: str) -> str:
        """The SQLAlchemy URL, as it stands in ``[storage] url``."""
        return f"postgresql+psycopg://{SUPERUSER}@{LOOPBACK}:{self.port}/{database}"

    def _execute(self, statement: str, *names: str) -> None:
        with self._connect() as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=LOOPBACK, port=self.port, user=SUPERUSER, dbname="postgres", autocommit=True, connect_timeout=5
        )

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True


def find_programs() -> tuple[Path, dict[str, str]]:
    """The folder of PostgreSQL's programs and the environment they need: the machine's own, or ours. PeerMissing."""
    own = _newest(Path("/usr/lib/postgresql"))
    if own:
        return own, {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    root = root_of("postgresql")
    unpacked = _newest(root / "usr/lib/postgresql")
    if unpacked is None:
        raise PeerMissing(f"no PostgreSQL programs in {root}: remove {cache()} and run tests/peers/install.sh again")
    libraries = [str(folder) for folder in (*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*"))]
    return unpacked, {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "LD_LIBRARY_PATH": ":".join(libraries)}


def _newest(versions: Path) -> Path | None:
    """``/usr/lib/postgresql/15/bin``: Debian keeps a folder a major version."""
    found = [folder / "bin" for folder in versions.glob("[0-9]*") if (folder / "bin/initdb").exists()]
    return max(found, key=lambda programs: int(programs.parent.name), default=None)


def _init_cluster(programs: Path, data: Path, env: dict[str, str], user: str | None) -> None:
    done = subprocess.run(
        [str(programs / "initdb"), "--pgdata", str(data), "--username", SUPERUSER, "--auth", "trust",
         "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"],
        env=env, user=user, group="nogroup" if user else None, extra_groups=[] if user else None,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    if done.returncode:
        raise PeerMissing(f"initdb failed: {done.stderr.strip()}")
