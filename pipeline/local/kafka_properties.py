"""The configuration of the one-node broker: small, quick to start, nothing created by accident."""

from pathlib import Path


def server_properties(port: int, controller_port: int, data_dir: Path) -> str:
    """Return ``server.properties`` of a node that is broker and controller (KRaft)."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": _escaped(str(data_dir)),
        # topics come from the catalogue; a misspelt name must fail
        "auto.create.topics.enable": "false",
        **_ONE_NODE,
        **_PROMPT,
        **_SMALL,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _escaped(value: str) -> str:
    """Write a value as java.util.Properties reads it: ASCII, other UTF-16 units as escapes."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2))
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)


_ONE_NODE = {
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
}

_PROMPT = {
    # no waiting for further members of a group: they come one by one on a laptop
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    # after a kill the node waits for its own former session to expire (default 9 s) before it may
    # register again; shorter than this, a stalled machine would fence its only broker
    "broker.session.timeout.ms": 6000,
    "broker.heartbeat.interval.ms": 500,
    # a crashed producer's transaction blocks readers until this sweep finds it (default 10 s)
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
}

_SMALL = {
    # internal topics have 50 partitions by default: each costs files and start time
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.num.partitions": 1,
    # default 128 MiB would be a quarter of the heap
    "log.cleaner.dedupe.buffer.size": 32 * 1024 * 1024,
}
