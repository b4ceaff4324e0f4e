"""Free ports of the loopback, for servers that tests start."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of the loopback that nobody had a moment ago."""
    return free_ports(1, kind)[0]


def free_ports(count: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[int]:
    """``count`` different free ports: all are held until the last one is found, so that none is given twice."""
    held: list[socket.socket] = []
    try:
        for _ in range(count):
            holder = socket.socket(socket.AF_INET, kind)
            held.append(holder)
            holder.bind((LOOPBACK, 0))
        return [holder.getsockname()[1] for holder in held]
    finally:
        for holder in held:
            holder.close()
