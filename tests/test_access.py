"""How an agent is reached: passwords, tokens, certificates, proxies."""

import logging
import os
import re
import shutil
import socket
import ssl
from pathlib import Path
from types import SimpleNamespace

import pytest
from fronts import ForwardingProxy, Front
from mongod_with_tls import authority, openssl, signed
from waiting import wait_for

from ingest.agents.access import Access, basic
from ingest.agents.agent import Agent
from minion.errors import AgentError, InvalidData, SettingsError

PASSWORD, TOKEN, PROXY_PASSWORD = "pa55-hunter2", "t0k3n-hunter2", "pr0xy-hunter2"
SECRETS = ("hunter2", basic("ada", PASSWORD)[6:], basic("pat", PROXY_PASSWORD)[6:])


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Files made by openssl: an authority, and certificates, each with its key in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificates")
    alone = (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=node -keyout node.key -out node.crt"
    )
    openssl(folder, *alone.split(), "-addext", "subjectAltName=IP:127.0.0.1")
    node = folder / "node.both"
    node.write_text((folder / "node.key").read_text() + (folder / "node.crt").read_text())
    ca = authority(folder, "ca")
    made = SimpleNamespace(
        ca=ca,
        node=node,
        server=signed(folder, "ca", "server", "/CN=server", "IP:127.0.0.1"),
        elsewhere=signed(folder, "ca", "elsewhere", "/CN=elsewhere", "IP:127.0.0.9"),
        client=signed(folder, "ca", "client", "/CN=minion"),
        client_crt=folder / "client.crt",
        client_key=folder / "client.key",
        locked_key=folder / "locked.key",
    )
    locking = "ec -in client.key -aes256 -passout pass:hunter2 -out locked.key"
    openssl(folder, *locking.split())
    return made


def of_a_server(certificates, name="server", *, wants_client=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(getattr(certificates, name))
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates.ca)
        # Since TLS 1.3 a client learns of its refusal only later, or never.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def failure(agent):
    """The one line that an agent's failure is told in; it holds no secret."""
    with pytest.raises(AgentError) as caught:
        agent.info()
    message = str(caught.value)
    assert "\n" not in message
    assert agent.url in message
    assert caught.value.__cause__ is None
    assert not any(secret in message for secret in SECRETS)
    return message


# ---------------------------------------------------------------- who asks


def test_a_password():
    with Front(wants=basic("ada", PASSWORD)) as front:
        assert Agent(front.url, access=Access(user="ada", password=PASSWORD)).info()
        message = failure(Agent(front.url))
        assert re.search(
            r"HTTP 401 .*user and password_file, or token_file, in \[agents\]", message
        )
        message = failure(Agent(front.url, access=Access(user="ada", password="wrong-hunter2")))
        assert re.search("does not accept the user and the password; .* password_env", message)


def test_a_token():
    with Front(wants=f"Bearer {TOKEN}") as front:
        agent = Agent(front.url, access=Access(token=TOKEN))
        assert agent.info()
        assert agent.credentials is None
        message = failure(Agent(front.url, access=Access(token="wrong-hunter2")))
        assert re.search("does not accept the token; check token_file or token_env", message)


def test_a_password_in_an_address_comes_first():
    with Front(wants=basic("ada", "in: address")) as front:
        url = front.url.replace("//", "//ada:in%3A%20address@")
        assert Agent(url, access=Access(token=TOKEN)).info()
        assert Agent(url, access=Access(user="eve", password=PASSWORD)).info()


def test_a_login_in_netrc_is_the_last_resort(tmp_path, monkeypatch):
    file = tmp_path / "netrc"
    file.write_text(f"machine 127.0.0.1 login ada password {PASSWORD}\n")
    monkeypatch.setenv("NETRC", str(file))
    with Front() as front:
        for access in (Access(), Access(user="eve"), Access(token=TOKEN)):
            Agent(front.url, access=access).info()
        sent = [headers.get("Authorization") for _, headers in front.requests]
    assert sent == [basic("ada", PASSWORD), basic("eve", ""), f"Bearer {TOKEN}"]
    assert Agent("http://other.example").credentials is None


def test_a_broken_netrc_is_told_where_it_matters(tmp_path, monkeypatch):
    file = tmp_path / "netrc"
    file.write_text(f"machine 127.0.0.1\nlogin ada passwort {PASSWORD}\n")
    monkeypatch.setenv("NETRC", str(file))
    with Front() as front:
        assert Agent(front.url).info()
    with Front(wants="x") as front:
        assert f"({file}, line 2, is not of netrc's form)" in failure(Agent(front.url))
        file.write_bytes(b"\xff\xfe")
        assert f"({file} cannot be read)" in failure(Agent(front.url))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"user": "ada", "token": TOKEN}, "with a token, or with a user"),
        ({"password": PASSWORD}, "a password needs its user"),
        ({"user": "a:da"}, "has no colon"),
        ({"user": "a\nda"}, "no character that cannot be printed"),
        ({"user": "ada", "password": f"{PASSWORD}\r\nX: y"}, "cannot be printed"),
        ({"token": f"{TOKEN} x"}, "one word of ASCII"),
        ({"token": f"{TOKEN}\r\nX: y"}, "one word of ASCII"),
        ({"token": f"{TOKEN}é"}, "one word of ASCII"),
        ({"token": ""}, "one word of ASCII"),
        ({"key_file": Path("k")}, "certificate_file"),
        ({"timeout_s": 0}, "seconds above 0"),
        ({"timeout_s": float("nan")}, "seconds above 0"),
        ({"timeout_s": 1e300}, "at most 3600"),
        ({"proxy": f"https://u:{PASSWORD}@h"}, "the proxy is not of the form"),
        ({"proxy": f"http://u:{PASSWORD}@h:99999"}, "the proxy is not of the form"),
        ({"proxy": f"http://u:{PASSWORD}@h/path"}, "the proxy is not of the form"),
        ({"proxy": "h:3128"}, "the proxy is not of the form"),
    ],
)
def test_an_access_that_is_none(said, words):
    with pytest.raises(InvalidData, match=words) as caught:
        Access(**said)
    assert "hunter2" not in str(caught.value)


def test_no_text_of_an_access_or_an_agent_shows_a_secret(caplog):
    caplog.set_level(logging.DEBUG)
    proxy = f"http://pat:{PROXY_PASSWORD}@127.0.0.1:1"
    whole = Access(user="ada", password=PASSWORD, proxy=proxy, ca_file=Path("ca.pem"))
    assert repr(whole) == (
        "Access(user=***, password=***, ca_file='ca.pem', proxy='http://127.0.0.1:1',"
        " timeout_s='60.0')"
    )
    told = []
    for access in (whole, Access(token=TOKEN, proxy=proxy)):
        told += [f"{access}", f"{access!r}", f"{access.proxy_server}"]
        agent = Agent(f"http://ada:{PASSWORD}@127.0.0.1:1", access=access)
        told += [repr(agent), agent.url, failure(agent), failure(Agent(agent.url, access=access))]
    told += [record.getMessage() for record in caplog.records]
    assert not any(secret in text for secret in SECRETS for text in told)


# ---------------------------------------------------------------- TLS


def test_an_authority_of_our_own(certificates, monkeypatch):
    with Front(tls=of_a_server(certificates)) as front:
        assert Agent(front.url, access=Access(ca_file=certificates.ca)).info()
        message = failure(Agent(front.url))
        assert re.search(
            r"no trusted TLS connection: its certificate is not trusted \(.*\); name .* ca_file",
            message,
        )
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
        assert Agent(front.url).info()


def test_a_certificate_for_another_address(certificates):
    with Front(tls=of_a_server(certificates, "elsewhere")) as front:
        message = failure(Agent(front.url, access=Access(ca_file=certificates.ca)))
        assert "certificate is not valid for '127.0.0.1'" in message


def test_a_certificate_of_our_own(certificates):
    with Front(tls=of_a_server(certificates, wants_client=True)) as front:
        trusted = {"ca_file": certificates.ca}
        both = Access(**trusted, certificate_file=certificates.client)
        apart = Access(
            **trusted, certificate_file=certificates.client_crt, key_file=certificates.client_key
        )
        for access in (both, apart):
            assert Agent(front.url, access=access).info()
        message = failure(Agent(front.url, access=Access(**trusted)))
        assert "certificate_file" in message


def test_files_of_certificates_that_are_none(certificates):
    ca = certificates.ca
    for said, words in (
        ({"ca_file": certificates.client_key}, "holds no certificate in PEM form"),
        ({"ca_file": Path("/none.pem")}, "/none.pem cannot be read: No such file"),
        ({"certificate_file": ca}, "are no certificate and its key"),
        ({"certificate_file": ca, "key_file": certificates.client_key}, "are no certificate"),
        (
            {"certificate_file": certificates.client_crt, "key_file": certificates.locked_key},
            "the key without a passphrase",
        ),
    ):
        with pytest.raises(SettingsError, match=words):
            Access(**said).tls()
        assert re.search(words, failure(Agent("https://127.0.0.1:1", access=Access(**said))))


def test_a_renewed_certificate_is_read(certificates, tmp_path):
    trusted = tmp_path / "ca.pem"
    shutil.copy(certificates.client, trusted)
    access = Access(ca_file=trusted)
    assert access.tls() is access.tls()
    with Front(tls=of_a_server(certificates)) as front:
        agent = Agent(front.url, access=access)
        assert "not trusted" in failure(agent)
        shutil.copy(certificates.ca, trusted)
        os.utime(trusted, ns=(1, 1))
        assert agent.info()


def test_a_real_agent_over_tls(agents, certificates):
    node = agents.start("node-tls", certificate=certificates.node)
    access = Access(ca_file=certificates.node)
    with Agent(node.url, access=access, keep_alive=True) as agent:
        chart = wait_for(lambda: agent.chart("system.cpu"), 20, "system.cpu over TLS")
        assert chart.step == 1
        assert abs(agent.clock.skew[0]) <= agent.clock.skew[1]
    node.stop()


def test_a_real_agent_behind_a_password_and_tls(agents, certificates):
    node = agents.start("node-behind")
    wants = basic("ada", PASSWORD)
    with Front(upstream=node.url, wants=wants, tls=of_a_server(certificates)) as front:
        access = Access(user="ada", password=PASSWORD, ca_file=certificates.ca)
        with Agent(front.url, access=access, keep_alive=True) as agent:
            assert agent.chart("system.cpu") is not None
            assert agent.chart("no.such") is None
            assert agent.chart("system.cpu") is not None
        assert front.connections == 1
    node.stop()


# ---------------------------------------------------------------- proxies


def test_a_proxy_forwards():
    with Front() as front, ForwardingProxy() as proxy:
        assert Agent(front.url, access=Access(token=TOKEN, proxy=proxy.url())).info()
        ((method, target, headers),) = proxy.requests
        assert (method, target) == ("GET", f"{front.url}/api/v1/info")
        assert headers["Authorization"] == f"Bearer {TOKEN}"
        assert front.requests[0][0] == "/api/v1/info"


def test_a_proxy_tunnels(certificates):
    """It sees where the connection goes, and nothing of what is said."""
    access = {"ca_file": certificates.ca, "token": TOKEN}
    with Front(tls=of_a_server(certificates)) as front, ForwardingProxy() as proxy:
        with Agent(front.url, access=Access(proxy=proxy.url(), **access), keep_alive=True) as agent:
            assert agent.info()
            assert agent.info()
        ((method, target, headers),) = proxy.requests
        assert (method, target) == ("CONNECT", front.url.removeprefix("https://"))
        assert "Authorization" not in headers
        assert front.requests[0][1]["Authorization"] == f"Bearer {TOKEN}"
        assert "not trusted" in failure(Agent(front.url, access=Access(proxy=proxy.url())))


@pytest.mark.parametrize("tls", [False, True])
def test_a_proxy_that_wants_a_password(certificates, tls):
    context = of_a_server(certificates) if tls else None
    wants = basic("pat", PROXY_PASSWORD)
    with Front(tls=context) as front, ForwardingProxy(wants=wants) as proxy:
        given = proxy.url(f"pat:{PROXY_PASSWORD}@")
        assert Agent(front.url, access=Access(proxy=given, ca_file=certificates.ca)).info()
        assert "Proxy-Authorization" not in front.requests[0][1]
        message = failure(Agent(front.url, access=Access(proxy=proxy.url())))
        assert f"the proxy {proxy.url()} wants a user and a password; put its" in message
        wrong = proxy.url("pat:wrong-hunter2@")
        assert proxy.url() in failure(Agent(front.url, access=Access(proxy=wrong)))


def test_a_proxy_that_does_not_do_it(certificates):
    with Front(tls=of_a_server(certificates)) as front:
        with ForwardingProxy(allows=False) as proxy:
            gone = proxy.url()
            message = failure(Agent(front.url, access=Access(proxy=gone)))
            assert f"the proxy {gone} makes no connection to it: HTTP 403" in message
        access = Access(proxy=gone)
        assert f"the proxy {gone} cannot be used" in failure(Agent(front.url, access=access))
        access = Access(proxy="http://no-such-host.invalid:3128")
        assert "no such host as the proxy" in failure(Agent(front.url, access=access))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        access = Access(proxy=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.3)
        message = failure(Agent("https://127.0.0.1:1", access=access))
        assert re.search("the proxy .* does not answer in time", message)


def test_the_proxy_of_the_environment_is_not_for_agents(monkeypatch):
    for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Front() as front:
        assert Agent(front.url).info()
