"""Finds ports of the loopback address that stay free between a stop and the next start."""

import random
import socket
from collections.abc import Collection
from typing import Final

import psutil

LOOPBACK: Final = "127.0.0.1"
PORTS: Final = range(20_000, 32_000)
"""Below the ephemeral ranges of Linux (from 32768) and macOS (from 49152): no outgoing
connection takes a server's port while the server is down."""


def free_port(besides: Collection[int] = ()) -> int:
    """Return a port nobody listens on, none of ``besides``: those are about to be taken.

    Chosen at random, so two stacks starting rarely meet.
    """
    chance = random.SystemRandom()
    while (port := chance.choice(PORTS)) in besides or not is_free(port):
        pass
    return port


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def listener(port: int) -> str:
    """Name who listens on a port, as far as this user may know, for a message."""
    try:
        found = [
            one.pid
            for one in psutil.net_connections("tcp")
            if one.status == psutil.CONN_LISTEN
            and getattr(one.laddr, "port", None) == port
            and one.pid
        ]
        return f"{psutil.Process(found[0]).name()} (pid {found[0]})" if found else "another process"
    except psutil.Error:
        return "another process"
