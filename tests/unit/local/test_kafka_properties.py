from pathlib import Path

from pipeline.local.kafka_properties import server_properties


def settings(directory: str) -> dict[str, str]:
    lines = server_properties(9092, 9093, Path(directory)).splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_any_directory_name_is_written_as_java_reads_it() -> None:
    assert settings("/home/a b")["log.dirs"] == "/home/a b"
    assert settings("/home/jürgen")["log.dirs"] == r"/home/j\u00fcrgen"
    assert settings("/home/😀")["log.dirs"] == r"/home/\ud83d\ude00"
    assert settings("/home/a\\b")["log.dirs"] == r"/home/a\\b"


def test_one_node_keeps_every_internal_topic() -> None:
    replicas = {name: value for name, value in settings("/d").items() if "replication" in name}
    assert len(replicas) == 3
    assert set(replicas.values()) == {"1"}
    assert settings("/d")["auto.create.topics.enable"] == "false"
