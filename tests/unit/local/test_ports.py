import socket

from pipeline.local.ports import LOOPBACK, PORTS, free_port, is_free, listener


def test_a_port_that_is_about_to_be_taken_is_not_free() -> None:
    left = {PORTS[7], PORTS[8]}
    assert all(free_port(set(PORTS) - left) in left for _ in range(20))


def test_a_free_port_can_be_taken_and_is_then_not_free() -> None:
    port = free_port()
    assert port in PORTS
    with socket.create_server((LOOPBACK, port)):
        assert not is_free(port)
        assert listener(port)
    assert is_free(port)
