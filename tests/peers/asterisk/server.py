"""Starts the two Asterisks from the unpacked packages: no chroot, no mounts, no root.

The packages come from another Debian release than the machine's, so they bring their own C library: Asterisk is run by
that library's own loader (ld.so(8), ``--library-path``).
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.peers.installed import PeerMissing, root_of
from tests.peers.process import PeerProcess
from tests.support.ports import LOOPBACK, free_ports

CONF = Path(__file__).parent / "conf"
SHIPPED = Path(__file__).parents[3] / "deploy/asterisk"
"""The dialplan that customers get: tested as it is."""
AMI_USER = "gateway"
AMI_SECRET = "s3cret"

EXTENSIONS = range(200, 800)
"""The phones: three digits, of which the first two are the team, one team a scenario."""

START_SECONDS = 60
"""Generous: it takes 2 s on an idle machine, but CI machines are not idle."""

DEFAULTS = (
    "acl", "ccss", "cdr", "cel", "features", "indications", "musiconhold", "pjproject", "queues", "stasis", "udptl",
)  # fmt: skip
"""Configuration files that Asterisk wants to see; where we have none of our own, the package's examples do."""

FOLDERS = (
    "etc",
    "lib",
    "lib/agi-bin",
    "spool/voicemail",
    "spool/monitor",
    "run",
    "log/cdr-csv",
    "log/cel-custom",
    "share/sounds",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the pair listens on; all on the loopback."""

    pbx_ami: int
    world_ami: int
    pbx_sip: int
    world_sip: int

    @classmethod
    def free(cls) -> Ports:
        pbx_ami, world_ami = free_ports(2)
        pbx_sip, world_sip = free_ports(2, socket.SOCK_DGRAM)
        return cls(pbx_ami=pbx_ami, world_ami=world_ami, pbx_sip=pbx_sip, world_sip=world_sip)


class AsteriskPair:
    """A running PBX and the running world around it."""

    def __init__(self, folder: Path, ports: Ports, version: str) -> None:
        self.ports = ports
        self.version = version
        """Major version: ``16``."""
        self.folder = folder
        """Holds ``pbx/`` and ``world/``, each with ``log/full`` and ``spool/monitor``."""
        self._processes: list[PeerProcess] = []

    @classmethod
    def start(cls) -> AsteriskPair:
        """Start both and wait until they are fully booted. Raises PeerMissing."""
        version = wanted_version()
        root = root_of(f"asterisk{version}")
        folder = Path(tempfile.mkdtemp(prefix="leadgate-asterisk-"))
        pair = cls(folder, Ports.free(), version)
        try:
            pair._launch(root)
        except BaseException:
            pair.stop()
            raise
        return pair

    def _launch(self, root: Path) -> None:
        ports = self.ports
        for role, ami, sip, rtp in (
            ("pbx", ports.pbx_ami, ports.pbx_sip, 20_000),
            ("world", ports.world_ami, ports.world_sip, 24_000),
        ):
            tokens = {
                "AMI_PORT": ami,
                "SIP_PORT": sip,
                "RTP_FIRST": rtp,
                "RTP_LAST": rtp + 3_999,
                "PBX_SIP_PORT": ports.pbx_sip,
                "WORLD_SIP_PORT": ports.world_sip,
            }
            _configure(root, self.folder / role, role, tokens)
            self._processes.append(_spawn(root, self.folder / role, role))
        for process, port in zip(self._processes, (ports.pbx_ami, ports.world_ami), strict=True):
            process.wait_until(partial(is_booted, port), seconds=START_SECONDS)

    def kill_pbx(self) -> None:
        """As a power cut does it: its calls are gone, and nobody is told."""
        self._processes[0].kill()

    def start_pbx(self) -> None:
        """Start the killed PBX again, on the same ports and with the same logs."""
        self._processes[0] = _spawn(root_of(f"asterisk{self.version}"), self.folder / "pbx", "pbx")
        self._processes[0].wait_until(partial(is_booted, self.ports.pbx_ami), seconds=START_SECONDS)

    @property
    def cel(self) -> Path:
        """The PBX's channel event log (CSV)."""
        return self.folder / "pbx/log/cel-custom/Master.csv"

    @property
    def cdr(self) -> Path:
        """The PBX's call detail records (CSV)."""
        return self.folder / "pbx/log/cdr-csv/Master.csv"

    def stop(self) -> None:
        """Stop both and remove their folder."""
        for process in self._processes:
            process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def wanted_version() -> str:
    """``16``, or what LEADGATE_ASTERISK says; install.sh knows the same numbers."""
    return os.environ.get("LEADGATE_ASTERISK", "16")


def check_installed() -> None:
    """Raises PeerMissing where the pair can't be started."""
    root_of(f"asterisk{wanted_version()}")


def _configure(root: Path, run: Path, role: str, ports: Mapping[str, int]) -> None:
    """Write the configuration of one Asterisk into the new folder ``run``."""
    modules = _only(root, "usr/lib/asterisk/modules", "usr/lib/*/asterisk/modules")
    tokens = {**ports, "RUN": run, "ROOT": root, "MODULES": modules, "SECRET": AMI_SECRET}
    prepare(run, root, role, {token: str(value) for token, value in tokens.items()})


def _spawn(root: Path, run: Path, role: str) -> PeerProcess:
    """Start one Asterisk in its configured folder."""
    command = [*_loader(root), str(root / "usr/sbin/asterisk"), "-f", "-C", str(run / "etc/asterisk.conf")]
    env = {"PATH": os.defpath, "HOME": str(run), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    return PeerProcess(f"asterisk ({role})", command, log=run / "log/console", env=env)


def prepare(run: Path, root: Path, role: str, tokens: Mapping[str, str]) -> None:
    """Make the folders of one Asterisk and write its configuration, with ``@TOKEN@`` replaced."""
    for folder in FOLDERS:
        (run / folder).mkdir(parents=True)
    (run / "share/documentation").symlink_to(root / "usr/share/asterisk/documentation")
    # The language's folder is a link that the package makes when it is installed, and it was only unpacked.
    (run / "share/sounds/en").symlink_to(_only(root, "usr/share/asterisk/sounds/en_*"))
    for name in DEFAULTS:
        shutil.copy(root / f"etc/asterisk/{name}.conf", run / "etc")
    phones = "".join(_phone(extension) for extension in EXTENSIONS)
    for source in sorted([*(CONF / "both").glob("*.conf"), *(CONF / role).glob("*.conf")]):
        text = source.read_text(encoding="utf-8").replace("@PHONES@", phones)
        for token, value in tokens.items():
            text = text.replace(f"@{token}@", value)
        (run / "etc" / source.name).write_text(text, encoding="utf-8")
    if role == "pbx":
        for shipped in SHIPPED.glob("*.conf"):
            shutil.copy(shipped, run / "etc")


def _phone(extension: int) -> str:
    text = (CONF / "pbx/phone.inc").read_text(encoding="utf-8")
    return text.replace("@EXTENSION@", str(extension)).replace("@TEAM@", str(extension // 10))


def is_booted(port: int) -> bool:
    """True when the AMI answers a login and says that all modules are loaded (event FullyBooted)."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            connection.sendall(f"Action: Login\r\nUsername: {AMI_USER}\r\nSecret: {AMI_SECRET}\r\n\r\n".encode())
            heard = b""
            while b"Event: FullyBooted" not in heard:
                piece = connection.recv(4096)
                if not piece:
                    return False
                heard += piece
            return True
    except OSError:
        return False


def _loader(root: Path) -> list[str]:
    """The command that runs a program of ``root`` with the libraries of ``root``."""
    loader = _only(root, "lib/*-linux-gnu*/ld-*.so*", "usr/lib/*-linux-gnu*/ld-*.so*")
    folders = [*root.glob("lib/*-linux-gnu*"), *root.glob("usr/lib/*-linux-gnu*"), root / "usr/lib", root / "lib"]
    return [str(loader), "--library-path", ":".join(map(str, folders))]


def _only(root: Path, *patterns: str) -> Path:
    """The first match that is no link: an absolute link would leave ``root``."""
    for pattern in patterns:
        for match in sorted(root.glob(pattern)):
            if not match.is_symlink():
                return match
    raise PeerMissing(f"{root} has no {' or '.join(patterns)}: remove it and run tests/peers/install.sh again")
