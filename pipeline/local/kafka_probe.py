"""Asks a broker whether it serves clients, in two requests of the Kafka protocol by hand."""

import socket
import struct
from typing import Final

_API_VERSIONS: Final = (18, 0)
_METADATA: Final = (3, 1)
_CORRELATION: Final = 7
_NO_TOPICS: Final = struct.pack(">i", 0)


def broker_answers(host: str, port: int, within_s: float = 2.0) -> bool:
    """Tell whether the broker answers ApiVersions and knows itself as a member of the cluster.

    Request layouts: kafka.apache.org/protocol, ApiVersions v0 (key 18) and Metadata v1 (key 3).
    """
    try:
        with socket.create_connection((host, port), within_s) as connection:
            versions = _ask(connection, _API_VERSIONS, b"")
            metadata = _ask(connection, _METADATA, _NO_TOPICS)
    except (OSError, struct.error):
        return False
    error: int = struct.unpack_from(">h", versions)[0]
    brokers: int = struct.unpack_from(">i", metadata)[0]
    return error == 0 and brokers > 0


def _ask(connection: socket.socket, request: tuple[int, int], body: bytes) -> bytes:
    message = struct.pack(">hhih", *request, _CORRELATION, -1) + body
    connection.sendall(struct.pack(">i", len(message)) + message)
    (size,) = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
    return connection.recv(size, socket.MSG_WAITALL)[4:]
