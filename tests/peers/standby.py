"""Two real PostgreSQL: a primary, and a standby that follows by streaming replication and takes over when told to."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from tests.peers.installed import PeerMissing
from tests.peers.postgresql import SETTINGS, SUPERUSER, PostgresServer, find_programs
from tests.peers.process import PeerProcess
from tests.support.ports import LOOPBACK, free_port

NAME = "standby"
"""What the standby calls itself to the primary."""
WITHIN = 60.0


class PostgresPair:
    """Made by ``start``; one database, ``leads``, whose commits are durable."""

    def __init__(self, primary: PostgresServer, standby: PeerProcess, folder: Path, port: int) -> None:
        self.primary = primary
        self._standby = standby
        self._folder = folder
        self._port = port
        self._database = ""

    @classmethod
    def start(cls, *, synchronous: bool) -> PostgresPair:
        """About 5 s. ``synchronous``: a commit returns when the standby has it too. Raises PeerMissing."""
        primary = PostgresServer.start()
        try:
            pair = cls._follow(primary)
        except BaseException:
            primary.stop()
            raise
        try:
            pair._prepare(synchronous)
        except BaseException:
            pair.stop()
            raise
        return pair

    @classmethod
    def _follow(cls, primary: PostgresServer) -> PostgresPair:
        programs, env = find_programs()
        folder = Path(tempfile.mkdtemp(prefix="leadgate-standby-"))
        user = "nobody" if os.geteuid() == 0 else None
        if user:
            shutil.chown(folder, user)
        source = f"host={LOOPBACK} port={primary.port} user={SUPERUSER} application_name={NAME}"
        done = subprocess.run(
            [str(programs / "pg_basebackup"), "-d", source, "-D", str(folder / "data"), "-R", "-X", "stream",
             "--checkpoint=fast", "--no-sync"],
            env=env, user=user, group="nogroup" if user else None, extra_groups=[] if user else None,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd="/",
        )  # fmt: skip
        if done.returncode:
            shutil.rmtree(folder)
            raise PeerMissing(f"pg_basebackup failed: {done.stderr.strip()}")
        port = free_port()
        options = [f"--{name}={value}" for name, value in {**SETTINGS, "port": str(port)}.items()]
        standby = PeerProcess(
            "postgresql standby",
            [str(programs / "postgres"), "-D", str(folder / "data"), *options],
            log=folder / "log", env=env, user=user, stop_signal=signal.SIGINT,
        )  # fmt: skip
        return cls(primary, standby, folder, port)

    def _prepare(self, synchronous: bool) -> None:
        self._standby.wait_until(self._standby_answers, seconds=WITHIN)
        self._database = self.primary.create_database()
        self.primary.make_durable(self._database)
        if synchronous:
            self._ask(self.primary.port, f"ALTER SYSTEM SET synchronous_standby_names = '{NAME}'")
            self._ask(self.primary.port, "SELECT pg_reload_conf()")
        wanted = "sync" if synchronous else "async"
        self._wait(self.primary.port, "SELECT sync_state FROM pg_stat_replication", wanted)
        self._wait(self._port, f"SELECT datname FROM pg_database WHERE datname = '{self._database}'", self._database)

    @property
    def url(self) -> str:
        """Of both: whoever takes writes is meant."""
        hosts = "&".join(f"host={LOOPBACK}:{port}" for port in (self.primary.port, self._port))
        return f"postgresql+psycopg://{SUPERUSER}@/{self._database}?{hosts}&target_session_attrs=read-write"

    def stop_following(self) -> None:
        """The standby falls behind, as over a slow line: its receiver stands still, until ``fail_over``."""
        self._receiver = int(str(self._ask(self._port, "SELECT pid FROM pg_stat_wal_receiver")))
        os.kill(self._receiver, signal.SIGSTOP)

    def fail_over(self) -> None:
        """The primary is killed, and the standby takes its place with what it has."""
        self.primary.crash()
        if (receiver := getattr(self, "_receiver", None)) is not None:
            os.kill(receiver, signal.SIGKILL)
            self._standby_settles()
        self._ask(self._port, "SELECT pg_promote()")

    def _standby_settles(self) -> None:
        """A receiver that is killed makes the whole standby start anew."""
        time.sleep(0.5)
        self._standby.wait_until(self._standby_answers, seconds=WITHIN)

    def stop(self) -> None:
        """Both, and their folders."""
        self._standby.stop()
        self.primary.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self, port: int, question: str, wanted: str) -> None:
        deadline = time.monotonic() + WITHIN
        while self._ask(port, question) != wanted:
            if time.monotonic() > deadline:
                raise PeerMissing(f"{question}: {self._ask(port, question)} is not {wanted}")
            time.sleep(0.1)

    def _standby_answers(self) -> bool:
        try:
            self._ask(self._port, "SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    @staticmethod
    def _ask(port: int, question: str) -> object:
        with psycopg.connect(
            host=LOOPBACK, port=port, user=SUPERUSER, dbname="postgres", autocommit=True, connect_timeout=5
        ) as connection:
            cursor = connection.execute(question.encode())
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None
