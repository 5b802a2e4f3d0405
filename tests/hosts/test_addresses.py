"""Where webhooks may go: out on the internet, and nowhere near our own network."""

import pytest

from worker.decisions import addresses


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"])
def test_public_addresses(address):
    assert addresses.is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::",
        "64:ff9b::a00:1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
def test_private_addresses_in_every_disguise(address):
    assert not addresses.is_public(address)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://app.example.com/xero_webhook.php?x=1", None),
        ("https://93.184.216.34:8443/", None),
        ("http://app.example.com/", "must begin with https://"),
        ("https://127.0.0.1/", "127.0.0.1 is a private address"),
        ("https://[::1]/", "::1 is a private address"),
        ("https://user@app.example.com/", "must not hold a user"),
        ("ftp://app.example.com/", "must be an address like"),
        ("https:///xero_webhook.php", "must be an address like"),
        ("https://app.example.com:99999/", "must be an address like"),
        ("https://[bad/", "must be an address like"),
        ("https://bücher.example/", "plain ASCII"),
        ("https://app.example.com/\r\nX: 1", "plain ASCII"),
        ("https://app.example.com/" + "x" * 1000, "at most 1,000"),
    ],
)
def test_addresses_of_endpoints(url, problem):
    said = addresses.objection(url, private=False)
    assert (said is None) if problem is None else (problem in said)


def test_within_an_own_network_both_are_allowed_by_a_setting():
    assert addresses.objection("http://10.0.0.1/xero_webhook.php", private=True) is None
