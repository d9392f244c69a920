"""Networks of client addresses."""

import ipaddress

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.aggregate.dimensions.parts import network_of, text
from tests.support.parts import said

ordinary = st.text("abcxyz0123456789.-_ü", max_size=40).filter(lambda text: text.count(".") != 3)


def networks(*texts: str) -> list[str | None]:
    return said(network_of(text("ip")), pl.DataFrame({"ip": pl.Series(texts, dtype=pl.String)}))


@given(st.lists(st.ip_addresses(), max_size=20))
def test_a_network_is_the_24_of_ipv4_and_the_48_of_ipv6(
    many: list[ipaddress.IPv4Address | ipaddress.IPv6Address],
) -> None:
    wanted = [
        str(ipaddress.ip_network((str(ip), 24 if ip.version == 4 else 48), strict=False))
        for ip in many
    ]
    assert networks(*map(str, many)) == wanted


@given(st.ip_addresses(v=6))
def test_every_way_to_write_an_ipv6_address_is_of_one_network(ip: ipaddress.IPv6Address) -> None:
    assert len(set(networks(ip.exploded, ip.compressed, ip.exploded.upper()))) == 1


@given(ordinary)
def test_what_is_no_address_stays_as_it_is(word: str) -> None:
    assert networks(word) == [word]


def test_an_address_of_ipv4_in_ipv6_and_one_of_too_many_parts() -> None:
    assert networks("::ffff:192.0.2.1", "1.2.3.4.5", "") == ["::/48", "1.2.3.4.5", ""]
