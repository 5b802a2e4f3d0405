"""No webhook goes into a network of ours: every range that is not out on the internet, in every disguise, however
a name comes to lead there."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hosts import callback
from worker.decisions import addresses
from worker.delivery.webhook_post import Poster, PostTarget

# By hand, from IANA's registries of special-purpose addresses and the clouds' documents.
INSIDE = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "168.63.129.16/32",
    "100.100.100.200/32",
    "192.0.0.192/32",
    "169.254.169.254/32",
    "169.254.170.2/32",
    "::/128",
    "::1/128",
    "::/96",
    "::ffff:0:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:2::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fd00:ec2::254/128",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]
OUTSIDE = [
    "8.8.8.8",
    "93.184.216.34",
    "1.1.1.1",
    "2606:2800:220:1:248:1893:25c8:1946",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
]


def inside(network):
    net = ipaddress.ip_network(network)
    return st.integers(0, net.num_addresses - 1).map(lambda step: str(net[step]))


@given(st.sampled_from(INSIDE).flatmap(inside))
def test_no_address_of_any_special_range_is_public(address):
    assert not addresses.is_public(address)
    assert addresses.objection(f"https://{bracketed(address)}/", private=False)


def bracketed(address):
    return f"[{address}]" if ":" in address else address


@pytest.mark.parametrize("network", INSIDE)
def test_both_ends_of_each_range_are_inside(network):
    net = ipaddress.ip_network(network)
    assert not addresses.is_public(str(net[0]))
    assert not addresses.is_public(str(net[-1]))


def wrapped(four):
    number = int(ipaddress.IPv4Address(four))
    return [
        str(ipaddress.IPv6Address(number | prefix))
        for prefix in (0, 0xFFFF << 32, 0xFFFF << 48, 0x64FF9B << 96, (0x64FF9B << 96) | (1 << 80))
    ] + [
        str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1)),
        str(ipaddress.IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF))),
    ]


@given(st.sampled_from([one for one in INSIDE if "." in one]).flatmap(inside))
def test_wrapping_hides_no_address(four):
    assert not [one for one in wrapped(four) if addresses.is_public(one)]


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_out_on_the_internet_stays_reachable(address):
    assert addresses.is_public(address)


CREDENTIALS = ["169.254.169.254", "192.0.0.192", "168.63.129.16", "100.100.100.200", "fd00:ec2::254", "169.254.170.2"]


@pytest.mark.parametrize("address", CREDENTIALS)
def test_where_clouds_keep_credentials_nothing_goes_whatever_is_set(address):
    assert addresses.objection(f"http://{bracketed(address)}/", private=True)
    for disguise in wrapped(address) if "." in address else ():
        assert addresses.is_metadata(disguise), disguise


def post(url, *, private=False):
    return Poster(private=private, seconds=5).post(PostTarget("d", url, None, (callback.SECRET,)), "e", "{}")


def resolving(monkeypatch, *answers):
    """The resolver gives one answer after the other, as one that an attacker keeps does."""
    left = list(answers)

    def getaddrinfo(_host, port, *_, **__):
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, 1, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    "answer",
    [
        ["10.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["64:ff9b:1::7f00:1"],
        ["fec0::1"],
        ["::ffff:169.254.169.254"],
        ["fe80::1%1"],
    ],
)
def test_a_name_is_judged_by_every_address_it_leads_to(monkeypatch, answer):
    resolving(monkeypatch, answer)
    assert post("https://app.example.com/").trouble.startswith("leads to the private address ")


def test_a_name_that_changes_between_look_up_and_connection_wins_nothing(monkeypatch):
    """The address that was judged is the one that is called; nobody asks again."""
    called = []
    monkeypatch.setattr(
        "httpcore.SyncBackend.connect_tcp",
        lambda _self, host, *_, **__: called.append(host) or (_ for _ in ()).throw(ConnectionError),
    )
    resolving(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    post("https://app.example.com/")
    assert called == ["93.184.216.34"]


@pytest.mark.parametrize(
    "name", ["https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://localhost/"]
)
def test_other_spellings_of_this_machine_lead_nowhere(name):
    missed = post(name)
    assert missed.trouble.startswith(("leads to the private address ", "cannot be reached"))


@pytest.mark.parametrize("address", CREDENTIALS[:4])
def test_credentials_are_out_of_reach_in_an_own_network_too(monkeypatch, address):
    resolving(monkeypatch, [address])
    missed = post("http://metadata.example/", private=True)
    assert missed.trouble.endswith("nothing allows it")
