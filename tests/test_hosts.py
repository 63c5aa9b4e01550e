"""Hosts as a user writes them."""

import pytest

from ingest.hosts import parse_address, parse_hosts
from minion.errors import InvalidData


def test_the_forms_a_host_may_have():
    text = "c0=controller, m=master@http://10.0.0.1:19999,w1=worker@w1.example,w2=WORKER@https://[::1]:5/host/w2/"
    hosts = parse_hosts(text)
    assert [(h.hostname, h.role.value, h.url) for h in hosts] == [
        ("c0", "controller", None),
        ("m", "master", "http://10.0.0.1:19999"),
        ("w1", "worker", "http://w1.example:19999"),
        ("w2", "worker", "https://[::1]:5/host/w2"),
    ]


def test_an_address_in_full_stays_as_it_is():
    for text in ("http://10.0.0.1:19999", "https://[::1]:5/host/w2"):
        assert parse_address("m", text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no hosts"),
        ("c=controller", "no host has a netdata agent"),
        ("m", "'m' is not of the form NAME=ROLE@URL"),
        ("=master@h", "not of the form"),
        ("m=boss@h", "unknown role 'boss'; a host is one of: controller, master, worker"),
        ("m=master", "is a master and has no address; write m=master@URL"),
        ("m=master@", "no address like"),
        ("m=master@ftp://h", "no address like"),
        ("m=master@http://[", "no address like"),
        ("m=master@h:99999", "'h:99999' has no port that could be one"),
        ("m=master@http://ada:secret@h", "a password in an address would be stored"),
        ("m=master@ftp://ada:secret@h", "a password in an address would be stored"),
        ("m=master@http://ada:secret@h:99999", "no port that could be one"),
        ("m=master@http://ada:secret@[", "no address like"),
        ("m=ada:secret@h", "m=ROLE@URL"),
        ("ada:secret@h", "not of the form NAME=ROLE@URL"),
        ("=master@ada:secret@h", "not of the form NAME=ROLE@URL"),
        ("m=master@h,m=worker@g", "host m stands twice"),
        ("m=master@http://h?x=1", "no address like"),
        ("m=master@http://a b:1", "'http://a b:1' is no address like"),
        ("m=master@http://a;b", "no address like"),
    ],
)
def test_what_cannot_be_read_is_named(text, message):
    with pytest.raises(InvalidData, match=message) as error:
        parse_hosts(text)
    assert "secret" not in str(error.value)
