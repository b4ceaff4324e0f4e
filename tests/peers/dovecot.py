"""A real IMAP server: Dovecot on a free port of the loopback, with a Maildir for each user name that logs in.

Like Asterisk it comes from another Debian release, so that it and each of its helper programs is run by that release's
own loader (ld.so(8), ``--library-path``). The folder of its modules is compiled into its library: there a copy of the
library gets another path, of a link in the server's own folder.
"""

from __future__ import annotations

import contextlib
import grp
import imaplib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.peers.installed import PeerMissing, root_of
from tests.peers.process import PeerProcess
from tests.support.ports import LOOPBACK, free_ports

PASSWORD = "s3cret"
"""Of every user; any user name exists."""

MODULES = b"/usr/lib/dovecot/modules\0"
"""As it stands in the library."""

CONFIGURATION = """\
base_dir = {run}/base
state_dir = {run}/state
log_path = {run}/log
libexec_dir = {run}/libexec
login_plugin_dir = {root}/usr/lib/dovecot/modules/login
mail_plugin_dir = {root}/usr/lib/dovecot/modules
import_environment = TZ
protocols = imap
listen = {host}
ssl = yes
ssl_cert = <{run}/cert.pem
ssl_key = <{run}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
auth_verbose = yes
mail_location = maildir:{run}/mail/%u
mail_fsync = never
first_valid_uid = 1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
default_vsz_limit = 1 G
mail_max_userip_connections = 100
imap_idle_notify_interval = 2 mins
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    special_use = \\Sent
  }}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=any {run}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={run}/mail/%u allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
  # without it wrong passwords are answered later and later
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


class DovecotServer:
    """A running Dovecot. Each test uses a user name of its own: ``new_user()``."""

    def __init__(self, folder: Path, ports: tuple[int, int], root: Path) -> None:
        self.port, self.tls_port = ports
        """Plain with STARTTLS, and TLS from the first byte. The name in the certificate is ``localhost``."""
        self.folder = folder
        self._root = root
        self._process: PeerProcess | None = None
        self._users = itertools.count(1)
        self._letters = itertools.count(1)

    @classmethod
    def start(cls) -> DovecotServer:
        """Start it and wait until it answers, about half a second. Raises PeerMissing."""
        check_installed()
        first, second = free_ports(2)
        folder = Path(tempfile.mkdtemp(prefix="dv", dir="/tmp"))  # short: see MODULES
        server = cls(folder, (first, second), root_of("dovecot"))
        try:
            server._prepare()
            server.launch()
        except BaseException:
            server.stop()
            raise
        return server

    def launch(self) -> None:
        """Start the server on its port, again after ``halt``. Raises PeerMissing."""
        doveconf = [*self._loader(), str(self._root / "usr/bin/doveconf")]
        settings = str(self.folder / "dovecot.conf")
        dovecot = [*self._loader(), str(self._root / "usr/sbin/dovecot"), "-F", "-c", settings]
        self._process = PeerProcess(
            "dovecot",
            # what the server does at its start by the path of an installed doveconf: read the settings, then be run
            [*doveconf, "-f", "service=master", "-c", settings, "-m", "master", "-e", *dovecot],
            log=self.folder / "console",
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            user="nobody" if os.geteuid() == 0 else None,
        )
        self._process.wait_until(self._answers, seconds=20)

    def halt(self, *, kill: bool = False) -> None:
        """Stop the server, or kill it with all its processes; mail stays."""
        if self._process is None:
            return
        if kill:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.stop()
        self._process = None

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_user(self) -> str:
        """A user name that nobody used; its password is PASSWORD."""
        return f"user{next(self._users)}"

    def deliver(self, user: str, raw: bytes, folder: str = "INBOX") -> Path:
        """Put a letter into a folder as a mail server does: written beside and renamed; returns its file."""
        maildir = self.maildir(user, folder)
        name = f"{time.time():.6f}.{next(self._letters)}.test"
        written, final = maildir / "tmp" / name, maildir / "new" / name
        written.write_bytes(raw)
        self._own(written)
        return written.rename(final)

    def maildir(self, user: str, folder: str = "INBOX") -> Path:
        """The Maildir of a folder, made where it is missing."""
        path = self.folder / "mail" / user / ("" if folder == "INBOX" else f".{folder}")
        for part in ("tmp", "new", "cur"):
            (path / part).mkdir(parents=True, exist_ok=True)
        for made in (path.parent, path, *(path / part for part in ("tmp", "new", "cur"))):
            self._own(made)
        return path

    def forget_numbers(self, user: str) -> None:
        """Remove Dovecot's own files: the next one to open the mailbox finds a new UIDVALIDITY. Nobody may be in it."""
        for file in self.maildir(user).glob("dovecot*"):
            file.unlink()

    @contextlib.contextmanager
    def colleague(self, user: str) -> Iterator[imaplib.IMAP4]:
        """Somebody else in the same mailbox, who reads and moves."""
        with imaplib.IMAP4(LOOPBACK, self.port, timeout=10) as connection:
            connection.login(user, PASSWORD)
            yield connection

    @property
    def certificate(self) -> Path:
        """Of the server and, as it is self-signed, of its authority."""
        return self.folder / "cert.pem"

    def _prepare(self) -> None:
        for name in ("base", "state", "mail", "libexec", "lib"):
            (self.folder / name).mkdir()
        self._move_modules()
        for program in (self._root / "usr/lib/dovecot").iterdir():
            if program.is_file() and os.access(program, os.X_OK) and ".so" not in program.name:
                wrapper = self.folder / "libexec" / program.name
                wrapper.write_text(f'#!/bin/sh\nexec {" ".join(self._loader())} {program} "$@"\n', encoding="ascii")
                wrapper.chmod(0o755)
        make_certificate(self.certificate, self.folder / "key.pem")
        (self.folder / "users").write_text(f"any:{{PLAIN}}{PASSWORD}\n", encoding="ascii")
        owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.getuid())
        text = CONFIGURATION.format(
            run=self.folder,
            root=self._root,
            host=LOOPBACK,
            port=self.port,
            tls_port=self.tls_port,
            uid=owner.pw_uid,
            gid=owner.pw_gid,
            user=owner.pw_name,
            group=grp.getgrgid(owner.pw_gid).gr_name,
        )
        (self.folder / "dovecot.conf").write_text(text, encoding="ascii")
        for path in (self.folder, *self.folder.iterdir()):
            self._own(path)

    def _move_modules(self) -> None:
        link = self.folder / "modules"
        link.symlink_to(self._root / "usr/lib/dovecot/modules")
        library = (self._root / "usr/lib/dovecot/libdovecot.so.0").read_bytes()
        path = os.fsencode(link).ljust(len(MODULES), b"\0")
        if len(path) > len(MODULES) or MODULES not in library:
            raise PeerMissing(f"the library in {self._root} is not the one that this file knows")
        (self.folder / "lib/libdovecot.so.0").write_bytes(library.replace(MODULES, path))

    def _loader(self) -> list[str]:
        """The command that runs a program of the packages with their own libraries."""
        root = self._root
        loaders = [*root.glob("lib/*-linux-gnu*/ld-*.so*"), *root.glob("usr/lib/*-linux-gnu*/ld-*.so*")]
        if not loaders:
            raise PeerMissing(f"{root} has no loader: remove it and run tests/peers/install.sh again")
        folders = [self.folder / "lib", *root.glob("lib/*-linux-gnu*"), *root.glob("usr/lib/*-linux-gnu*")]
        folders += [root / "usr/lib/dovecot", root / "usr/lib/dovecot/modules/old-stats"]
        return [str(loaders[0]), "--library-path", ":".join(map(str, folders))]

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(path, "nobody", pwd.getpwnam("nobody").pw_gid)

    def _answers(self) -> bool:
        try:
            connection = imaplib.IMAP4(LOOPBACK, self.port, timeout=5)
        except (OSError, imaplib.IMAP4.error):
            return False
        try:
            connection.login("nobody", PASSWORD)
        except (OSError, imaplib.IMAP4.error):
            return False
        finally:
            connection.shutdown()
        return True


def check_installed() -> None:
    """Raises PeerMissing where Dovecot can't be started."""
    root_of("dovecot")
    if shutil.which("openssl") is None:
        raise PeerMissing("dovecot needs openssl, which makes its certificate")


def make_certificate(certificate: Path, key: Path) -> None:
    """A self-signed one for ``localhost``."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
