"""The collector's configuration, from a file and from the environment."""

import re
from pathlib import Path

import pytest

from ingest.agents.access import ANONYMOUS, Access
from ingest.collecting import configuration_keys
from ingest.collecting.configuration import Configuration, Retention, read_configuration
from minion import settings
from minion.errors import SettingsError
from minion.model import Host, Role

SECRET = "hunter2-s3cr3t"
WHOLE = """
interval = "90s"
parallel = 8
patience = "3h"
charts = ["system.cpu", " cgroup_*.cpu"]
pull = "direct"
listen = "127.0.0.1:8766"
correct_clocks = true
experiment = "k8s"
log = "json"

[retention]
older_than = "90d"
experiments = ["k8s", "k3s"]

[agents]
token_file = "agent-token"
timeout = 10

[hosts.c0]
role = "controller"

[hosts.worker1]
url = "http://10.0.0.5"
role = "worker"
charts = ["system.ram"]
user = "ada"
password_env = "WORKER1_PASSWORD"

[hosts."worker2.example"]
url = "https://worker2.example:443/"
role = "worker"
proxy_env = "WORKER2_PROXY"
timeout = "1m"
"""


@pytest.fixture
def config(tmp_path):
    """Writes a configuration, and gives its path."""

    def write(text):
        path = tmp_path / "minion.toml"
        path.write_text(text)
        return path

    return write


def refusal(path=None, environment=None):
    """The one line in which a configuration is refused."""
    with pytest.raises(SettingsError) as caught:
        read_configuration(path, environment or {})
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message
    assert caught.value.__cause__ is None
    return message


def test_nothing_said():
    configuration = read_configuration(None, {})
    assert configuration == Configuration()
    assert configuration.access_of("http://10.0.0.5:19999") == ANONYMOUS
    assert configuration.charts_of("anybody") == ()
    assert configuration.listen_address == ("127.0.0.1", 8766)
    assert read_configuration(None, {"MINION_INTERVAL": "", "MINION_CONFIG": ""}) == Configuration()


def test_everything_said(config, tmp_path):
    (tmp_path / "agent-token").write_text(f"{SECRET}\n")
    environment = {
        "WORKER1_PASSWORD": f"{SECRET} 1",
        "WORKER2_PROXY": f"http://u:{SECRET}@10.0.0.1:3128",
    }
    configuration = read_configuration(config(WHOLE), environment)
    assert configuration.interval == 90
    assert configuration.parallel == 8
    assert configuration.patience == 3 * 3600
    assert configuration.charts == ("system.cpu", "cgroup_*.cpu")
    assert (configuration.pull, configuration.log) == ("direct", "json")
    assert configuration.listen_address == ("127.0.0.1", 8766)
    assert configuration.correct_clocks
    assert configuration.experiment == "k8s"
    assert configuration.retention == Retention(
        older_than_s=90 * 86_400, experiments=("k8s", "k3s")
    )
    assert configuration.hosts == (
        Host(hostname="c0", role=Role.CONTROLLER),
        Host(hostname="worker1", role=Role.WORKER, url="http://10.0.0.5:19999"),
        Host(hostname="worker2.example", role=Role.WORKER, url="https://worker2.example:443"),
    )
    assert configuration.access == Access(token=SECRET, timeout_s=10)
    assert configuration.access_of("http://10.0.0.5:19999/") == Access(
        user="ada", password=f"{SECRET} 1", timeout_s=10
    )
    assert configuration.access_of("https://worker2.example:443") == Access(
        token=SECRET, proxy=environment["WORKER2_PROXY"], timeout_s=60
    )
    assert configuration.access_of("http://elsewhere") == configuration.access
    assert configuration.access_of("no address [") == configuration.access
    assert configuration.charts_of("worker1") == ("system.ram",)
    assert configuration.charts_of("c0") == configuration.charts
    assert SECRET not in repr(configuration)
    assert "***" in repr(configuration)


def test_the_environment_wins(config, tmp_path):
    (tmp_path / "agent-token").write_text("of-the-file")
    environment = {
        "MINION_CONFIG": str(config(WHOLE)),
        "MINION_INTERVAL": "15",
        "MINION_PARALLEL": "4",
        "MINION_PATIENCE": "90",
        "MINION_CHARTS": "system.io, disk.util",
        "MINION_PULL": "auto",
        "MINION_LISTEN": "[::1]:0",
        "MINION_CORRECT_CLOCKS": "no",
        "MINION_RETENTION": "12h",
        "MINION_LOG": "text",
        "MINION_HOSTS": "m=master@10.0.0.9,worker1=worker@10.0.0.6:1",
        "MINION_AGENT_USER": "bob",
        "MINION_AGENT_PASSWORD": SECRET,
        "MINION_AGENT_PROXY": "http://10.0.0.2:3128",
        "MINION_AGENT_TIMEOUT": "5",
        "WORKER1_PASSWORD": "one",
        "WORKER2_PROXY": "http://10.0.0.1:3128",
        "MINION_SIM": "1000",
    }
    configuration = read_configuration(None, environment)
    assert configuration == Configuration(
        interval=15,
        parallel=4,
        patience=90,
        charts=("system.io", "disk.util"),
        pull="auto",
        listen="[::1]:0",
        correct_clocks=False,
        experiment="k8s",
        log="text",
        retention=Retention(older_than_s=43_200, experiments=("k8s", "k3s")),
        hosts=(
            Host(hostname="m", role=Role.MASTER, url="http://10.0.0.9:19999"),
            Host(hostname="worker1", role=Role.WORKER, url="http://10.0.0.6:1"),
        ),
        access=Access(user="bob", password=SECRET, proxy="http://10.0.0.2:3128", timeout_s=5),
        accesses={
            "http://10.0.0.6:1": Access(
                user="ada", password="one", proxy="http://10.0.0.2:3128", timeout_s=5
            )
        },
        host_charts={"worker1": ("system.ram",)},
    )
    assert configuration.listen_address == ("::1", 0)


def test_a_token_takes_the_place_of_a_password(config):
    """And a host's password that of a token; an empty text takes away what [agents] says."""
    path = config(
        '[agents]\ntoken_env="T"\nproxy="http://p:1"\n'
        '[hosts.a]\nrole="worker"\nurl="a"\nuser="ada"\n'
        '[hosts.b]\nrole="worker"\nurl="b"\ntoken_env="B"\nproxy=""\n'
        '[hosts.c]\nrole="worker"\nurl="c"\ntoken_env=""\n'
    )
    configuration = read_configuration(path, {"T": "t", "B": "b"})
    proxy = "http://p:1"
    assert configuration.access_of("a") == Access(user="ada", proxy=proxy)
    assert configuration.access_of("b") == Access(token="b")
    assert configuration.access_of("c") == Access(proxy=proxy)
    over = read_configuration(path, {"T": "t", "B": "b", "MINION_AGENT_USER": "eve"})
    assert over.access == Access(user="eve", proxy=proxy)
    assert over.access_of("b") == Access(token="b")


def test_secrets_in_files_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("password").write_text(f" {SECRET} \n")
    environment = {"MINION_AGENT_USER": "ada", "MINION_AGENT_PASSWORD_FILE": "password"}
    assert read_configuration(None, environment).access == Access(user="ada", password=SECRET)
    token = {"MINION_AGENT_TOKEN_FILE": str(tmp_path / "password")}
    assert read_configuration(None, token).access == Access(token=SECRET)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("intervall = 60", r"minion\.toml: unknown key 'intervall'; did you mean interval\?"),
        ("colour = 1", "unknown key 'colour'; there are: interval, parallel, .* hosts$"),
        ("interval = 0", "interval is 0; allowed: a number of seconds above 0, or .* 90d"),
        ("interval = nan", "interval is nan; allowed"),
        ("interval = inf", "interval is inf; allowed: .* at most 1d"),
        ('patience = "366d"', "patience is '366d'; allowed: .* at most 365d"),
        ("[agents]\ntimeout = 1e300", "timeout is 1e\\+300; allowed: .* at most 1h"),
        ('trusted = ["10.0.0.0/99"]', "trusted is a list; allowed: .* 10.0.0.0/99 is none"),
        ('trusted = ["a", "10.0.0.256"]', "trusted is a list; .* 10.0.0.256 is none"),
        ('trusted = ["http://a"]', "trusted is a list; .* http://a is none"),
        pytest.param(f"a = {'[' * 100_000}", "its tables or lists nest too deep", id="nested"),
        ('listen = ":8766"', "listen is ':8766'; allowed: HOST:PORT"),
        ("interval = true", "interval is true; allowed"),
        ('interval = "soon"', "interval is 'soon'; allowed"),
        ("interval = 2026-01-01", "interval is a date or time; allowed"),
        ("parallel = 0", "parallel is 0; allowed: a whole number from 1"),
        ("parallel = 1.5", "parallel is 1.5; allowed"),
        ("parallel = 2.0", "parallel is 2.0; allowed: a whole number"),
        pytest.param(f"parallel = 0x{'f' * 5000}", "parallel is a huge number; all", id="huge"),
        ("parallel = true", "parallel is true; allowed"),
        ('charts = "system.cpu"', "charts is 'system.cpu'; allowed: a list of texts"),
        ('charts = ["a,b"]', "charts is a list; allowed"),
        ('charts = [""]', "charts is a list; allowed"),
        ('pull = "pandas"', "pull is 'pandas'; allowed: one of: auto, netdata-pandas, direct"),
        ("pull = []", "pull is a list; allowed"),
        ('listen = "8766"', "listen is '8766'; allowed: HOST:PORT"),
        ('listen = "h:70000"', "listen is 'h:70000'; allowed: HOST:PORT"),
        ("listen = 8766", "listen is 8766; allowed"),
        ('correct_clocks = "yes"', "correct_clocks is 'yes'; allowed: true or false"),
        ('experiment = ""', "experiment is ''; allowed: a text"),
        ('log = "xml"', "log is 'xml'; allowed: one of: text, json"),
        ("retention = 90", r"minion\.toml \[retention\] is no table"),
        ("[retention]\nolder_than = 90", r"\[retention\] older_than is 90; allowed: .* 90d"),
        ('[retention]\nolder_than = "0d"', "older_than is '0d'; allowed"),
        ('[retention]\nolder = "1d"', "unknown key 'older'; did you mean older_than"),
        ("[agents]\nca_file = 1", r"\[agents\] ca_file is 1; allowed: a text"),
        ('[agents]\nurl = "h"', r"\[agents\]: unknown key 'url'; "),
        ('[agents]\nca_file = "none.pem"', r"/none\.pem cannot be read: No such file"),
        ('[agents]\nca_file = "minion.toml"', "ca_file .* holds no certificate in PEM form"),
        (
            '[agents]\nca_file = "~nobody-here/x"',
            r"minion\.toml \[agents\] ca_file ~nobody-here/x: there is no such user",
        ),
        ('[retention]\nexperiments = ["a"]', r"\[retention\] .* deletes nothing; add older_than"),
        ('[agents]\npassword_file = "none"', "password_file .*/none cannot be read: No such file"),
        ('[agents]\ntoken_env = "T"', r"\[agents\] token_env names a variable that is not set"),
        ('[agents]\nuser = "u"\npassword_env = "E"', "password_env names a variable that is not"),
        ('[agents]\nkey_file = "k"', "key_file needs the certificate"),
        ('[agents]\nproxy = "socks5://h"', "the proxy is not of the form"),
        ('[agents]\nproxy = "http://a"\nproxy_env = "P"', "proxy_env: proxy stands there already"),
        ("hosts = []", r"\[hosts\] is no table"),
        ('hosts = {a = "x"}', r"\[hosts\.a\] is no table"),
        ('[hosts.a]\nurl = "h"', r"\[hosts\.a\] has no role; allowed: controller, master, worker"),
        ('[hosts.a]\nrole = "boss"', "role is 'boss'; allowed: one of: controller"),
        ('[hosts.a]\nrole = "worker"', r'is a worker and has no url = "http://HOST:19999"'),
        ('[hosts.a]\nrole = "worker"\nurl = "ftp://h"', r"\[hosts\.a\] url: .* is no address like"),
        ("[hosts.a.example]\nrole = 'worker'", r'dots needs quotes: \[hosts\."a\.b"\]'),
        ("[hosts.'a,b']\nrole = 'worker'", "'a,b' is no name of a host"),
        ('[hosts.a]\nrole="worker"\nurl="h"\ntime=1', r"\[hosts\.a\]: unknown key 'time'; did you"),
        (
            '[hosts.a]\nrole="worker"\nurl="h"\nuser="u"\n[hosts.b]\nrole="worker"\nurl="h"',
            r"\[hosts\.b\]: another host has the address http://h:19999, too",
        ),
        ("interval = ,", r"minion\.toml is not TOML: .*line 1"),
        ("a = 1\na = 2", r"minion\.toml is not TOML"),
    ],
)
def test_what_cannot_be_is_named(config, text, words):
    assert re.search(words, refusal(config(text)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'[agents]\npassword = "{SECRET}"', "password: a secret does not belong .*password_file"),
        (f'[agents]\ntoken = "{SECRET}"', "token: a secret does not belong .* token_env"),
        (f'[agents]\nproxy = "http://u:{SECRET}@h:1"', "proxy: a secret does not.* proxy_file"),
        (f'[agents]\npasswort = "{SECRET}"', "unknown key 'passwort'; did you mean password_"),
        (f'[agents]\npassword_env = "{SECRET}"', "password_env is not that; allowed: the name"),
        (f'[hosts.a]\ntoken = "{SECRET}"', r"\[hosts\.a\] token: a secret does not belong"),
        (f'[hosts]\npassword = "{SECRET}"', r"\[hosts\.password\] is no table"),
        (f'[hosts.a]\nrole="worker"\nurl="http://u:{SECRET}@h"', "a password in an address"),
        (f'[hosts.a]\nrole="worker"\nurl="ftp://u:{SECRET}@h"', "a password in an address"),
        (f'[hosts.a]\nrole="worker"\nurl="http://u:{SECRET}@h:99999"', "no port that could be"),
        (f'[agents]\nuser = "u"\npassword_file = "p"\ntoken_env = "{SECRET[:7]}"', "token_env"),
    ],
)
def test_a_secret_is_refused_and_not_repeated(config, tmp_path, text, words):
    (tmp_path / "p").write_text(SECRET)
    assert re.search(words, refusal(config(text)))


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"MINION_INTERVAL": "soon"}, "MINION_INTERVAL is 'soon'; allowed: a number of seconds"),
        ({"MINION_PARALLEL": "many"}, "MINION_PARALLEL is 'many'; allowed: a whole number"),
        ({"MINION_CORRECT_CLOCKS": "maybe"}, "MINION_CORRECT_CLOCKS is 'maybe'; allowed"),
        ({"MINION_RETENTION": "90"}, "MINION_RETENTION is '90'; allowed: .* 90d"),
        ({"MINION_LOG": "xml"}, "MINION_LOG is 'xml'; allowed: one of: text, json"),
        ({"MINION_HOSTS": "m=boss@h"}, "MINION_HOSTS: unknown role 'boss'"),
        ({"MINION_AGENT_PASWORD": SECRET}, "unknown variable MINION_AGENT_PASWORD; did you mean M"),
        ({"MINION_AGENT_PASSWORD": SECRET}, "MINION_AGENT_.: a password needs its user"),
        ({"MINION_AGENT_TOKEN": f"{SECRET} b"}, "the token is one word"),
        ({"MINION_AGENT_TOKEN": f"{SECRET}\n"}, "MINION_AGENT_TOKEN is not that"),
        ({"MINION_AGENT_PROXY": f"ftp://u:{SECRET}@h"}, "the proxy is not of the form"),
        ({"MINION_AGENT_TOKEN_FILE": "/none"}, "MINION_AGENT_TOKEN_FILE /none cannot be read: No"),
        (
            {"MINION_AGENT_TOKEN_FILE": "/dev/null"},
            "MINION_AGENT_TOKEN_FILE /dev/null is empty",
        ),
        (
            {"MINION_AGENT_TOKEN": SECRET, "MINION_AGENT_TOKEN_FILE": "/none"},
            "MINION_AGENT_TOKEN.*: token stands there already",
        ),
        (
            {"MINION_AGENT_TOKEN": SECRET, "MINION_AGENT_USER": "u"},
            "asked with a token, or with a user",
        ),
        ({"MINION_CONFIG": "/none.toml"}, "/none.toml cannot be read: No such file"),
        ({"MINION_CONFIG": "~nobody-here/x"}, "^MINION_CONFIG ~nobody-here/x: there is no such"),
        ({"MINION_INTERVALL": "3"}, "unknown variable MINION_INTERVALL; did you mean MINION_INT"),
        ({"MINION_AGENTS_TOKEN": SECRET}, "MINION_AGENTS_TOKEN; did you mean MINION_AGENT_TOKEN"),
    ],
)
def test_what_the_environment_cannot_say(environment, words):
    assert re.search(words, refusal(None, environment))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00"])
def test_a_file_that_is_no_text(tmp_path, content):
    (tmp_path / "binary").write_bytes(content)
    assert re.search("cannot be read: it is no UTF-8 text|not TOML", refusal(tmp_path / "binary"))
    assert "cannot be read: Is a directory" in refusal(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "marked").write_bytes(b"\xef\xbb\xbfinterval = 5\n")
    assert read_configuration(tmp_path / "marked", {}).interval == 5


def test_variables_of_others_are_no_mistakes():
    others = ("MINION_SIM", "MINION_SERVICE_HOST", "MINION_PORT_8766_TCP", "MINION_MONGO_PORT")
    assert read_configuration(None, dict.fromkeys(others, "x")) == Configuration()


def test_retention_whose_age_the_environment_says(config):
    path = config('[retention]\nexperiments = ["k8s"]')
    found = read_configuration(path, {"MINION_RETENTION": "1d"}).retention
    assert found == Retention(older_than_s=86_400, experiments=("k8s",))


def test_all_variables_stand_in_the_settings():
    names = [*configuration_keys.VARIABLES, "MINION_HOSTS", "MINION_CONFIG"]
    keys = [key for key in configuration_keys.AGENT if not key.endswith("_env")]
    names += [f"MINION_AGENT_{key.upper()}" for key in (*keys, "password", "token")]
    assert settings.__doc__
    for name in names:
        assert re.search(rf"\b{name}\b", settings.__doc__), name


def test_the_secrets_of_all_go_only_to_those_that_are_trusted(config):
    path = config(
        """
        trusted = ["10.0.0.0/24", "worker?", "*.lab", "::1"]
        [agents]
        token_env = "TOKEN"
        timeout = 7
        """
    )
    configuration = read_configuration(path, {"TOKEN": SECRET})
    for url in ("http://10.0.0.5:19999", "https://worker1:1", "http://a.lab", "http://[::1]:19999"):
        assert configuration.access_of(url).token == SECRET, url
    others = ("10.0.1.5", "elsewhere", "10.0.0.5.evil.example", "10.0.0.evil", "a.b.lab", "lab")
    for host in others:
        access = configuration.access_of(f"http://{host}:19999")
        assert (access.token, access.timeout_s) == (None, 7), host


@pytest.mark.parametrize("said", ["trusted = []", None])
def test_a_list_of_nobody_trusts_nobody(config, said):
    """It is not the same as no list."""
    environment = {"MINION_AGENT_TOKEN": SECRET} | ({} if said else {"MINION_TRUSTED": ","})
    configuration = read_configuration(config(said or ""), environment)
    assert configuration.trusted == ()
    assert configuration.access_of("http://10.0.0.5:19999").token is None
