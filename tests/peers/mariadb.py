"""A real MariaDB, as FreePBX has one for its call records: a data folder of its own, one database a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymysql

from tests.peers.installed import PeerMissing, root_of
from tests.peers.process import PeerProcess
from tests.support.ports import LOOPBACK, free_port

USER = "reader"
PASSWORD = "s3cret"
_TABLES = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
_ACCOUNT = (
    f"FLUSH PRIVILEGES;\nCREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO '{USER}'@'%';\n"
)


class MariadbServer:
    """A running server."""

    def __init__(self, folder: Path, port: int, process: PeerProcess) -> None:
        self.port = port
        self._folder = folder
        self._process = process
        self._count = 0

    @classmethod
    def start(cls) -> MariadbServer:
        """Make its tables and wait until it takes connections (about 2 s). Raises PeerMissing."""
        folder = Path(tempfile.mkdtemp(prefix="leadgate-mariadb-"))
        (folder / "data").mkdir()
        port = free_port()
        env = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        try:
            command = _command(folder)
            _make_tables([*command, "--bootstrap", "--skip-log-bin"], env)
            listens = [f"--bind-address={LOOPBACK}", f"--port={port}", f"--socket={folder}/socket"]
            process = PeerProcess("mariadb", [*command, *listens], log=folder / "log", env=env)
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

    def create_database(self) -> str:
        """The SQLAlchemy URL of a new, empty database."""
        self._count += 1
        name = f"test_{self._count}"
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return f"mysql+pymysql://{USER}:{PASSWORD}@{LOOPBACK}:{self.port}/{name}"

    def _connect(self) -> Any:  # pymysql has no types
        return pymysql.connect(host=LOOPBACK, port=self.port, user=USER, password=PASSWORD, connect_timeout=5)

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except pymysql.err.OperationalError:
            return False
        return True


def check_installed() -> None:
    """Raises PeerMissing where it can't be started."""
    root_of("mariadb")


def _command(folder: Path) -> list[str]:
    """The server by the packages' own loader and libraries, whatever release the machine has."""
    root = root_of("mariadb")
    loaders = [*root.glob("lib/*-linux-gnu*/ld-*.so*"), *root.glob("usr/lib/*-linux-gnu*/ld-*.so*")]
    if not loaders:
        raise PeerMissing(f"{root} has no loader: remove it and run tests/peers/install.sh again")
    libraries = [*root.glob("lib/*-linux-gnu*"), *root.glob("usr/lib/*-linux-gnu*")]
    return [
        str(loaders[0]), "--library-path", ":".join(map(str, libraries)), str(root / "usr/sbin/mariadbd"),
        "--no-defaults", f"--datadir={folder}/data", f"--basedir={root}/usr", f"--tmpdir={folder}",
        f"--lc-messages-dir={root}/usr/share/mysql", f"--character-sets-dir={root}/usr/share/mysql/charsets",
        f"--plugin-dir={root}/usr/lib/mysql/plugin", "--innodb-flush-log-at-trx-commit=0",
        *(["--user=root"] if os.geteuid() == 0 else []),
    ]  # fmt: skip


def _make_tables(command: Sequence[str], env: dict[str, str]) -> None:
    scripts = [(root_of("mariadb") / "usr/share/mysql" / name).read_text(encoding="utf-8") for name in _TABLES]
    done = subprocess.run(
        command, env=env, input="\n".join(["CREATE DATABASE mysql;", "USE mysql;", *scripts, _ACCOUNT]),
        capture_output=True, text=True, check=False, timeout=60, cwd="/",
    )  # fmt: skip
    if done.returncode:
        raise PeerMissing(f"MariaDB could not make its tables: {done.stderr[-2000:]}")
