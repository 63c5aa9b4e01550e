"""Who gets in, and what is never shown: on real servers and processes."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import bson
import pytest
from runs import run

import minion as library
from minion import mongodb
from minion.errors import SettingsError, StoreError, StoreRefused, StoreUnavailable
from minion.refusals import COLLECTOR
from minion.roles import create_roles
from minion.views import make_views

pytestmark = pytest.mark.system

MINION = [sys.executable, "-m", "minion"]


# ---------------------------------------------------------------- TLS


@pytest.fixture
def quick(monkeypatch):
    """Nobody waits long for a server that does not want to."""
    monkeypatch.setattr(mongodb, "ANSWER_WITHIN_MS", 700)


@pytest.fixture
def tls(mongod_with_tls):
    return mongod_with_tls


@pytest.mark.usefixtures("quick")
def test_what_does_not_fit_is_said_in_one_line(tls):
    trusted = tls.trusted
    untrusted = r"an authority that this machine does not trust; .* tlsCAFile=FILE"
    cases = [
        ({}, StoreUnavailable, "closes the connection; .* add tls=true"),
        ({"tls": "true"}, StoreUnavailable, untrusted),
        ({**trusted, "tlsCAFile": tls.other_authority}, StoreUnavailable, untrusted),
        ({"tlsCAFile": tls.authority}, StoreError, "tlsCertificateKeyFile=FILE"),
        (
            {**trusted, "tlsCertificateKeyFile": tls.stranger},
            StoreError,
            "trust this client's certificate|refuses this client's certificate",
        ),
        ({**trusted, "host": "127.0.0.1"}, StoreUnavailable, "certificate for another host name"),
    ]
    for options, kind, said in cases:
        with pytest.raises(kind, match=said) as error:
            library.connect(tls.uri(**options))
        assert len(str(error.value).splitlines()) == 1, options


@pytest.mark.usefixtures("quick")
def test_tls_where_the_server_has_none(mongodb_uri):
    with pytest.raises(StoreUnavailable, match=r"speaks no TLS|closes the connection"):
        library.connect(
            f"{mongodb_uri}{'&' if '?' in mongodb_uri else '/?'}tls=true&tlsInsecure=true"
        )


@pytest.mark.usefixtures("quick")
def test_the_pass_phrase_of_a_key(tls):
    locked = {**tls.trusted, "tlsCertificateKeyFile": tls.locked_client}
    for more in ({}, {"tlsCertificateKeyFilePassword": "wr0ng"}):
        with pytest.raises(SettingsError, match="is tlsCertificateKeyFilePassword right") as error:
            library.connect(tls.uri(**locked, **more))
        assert "wr0ng" not in str(error.value)
    phrase = {"tlsCertificateKeyFilePassword": quote(tls.pass_phrase, safe="")}
    # Let in by TLS, but not logged in.
    with pytest.raises(StoreRefused, match="whoever has not logged in") as error:
        library.connect(tls.uri(**locked, **phrase))
    said = str(error.value)
    assert tls.pass_phrase not in said
    assert phrase["tlsCertificateKeyFilePassword"] not in said
    assert "tlsCertificateKeyFilePassword=***" in said


def test_a_certificate_is_a_login(tls):
    root = tls.uri(**tls.trusted).replace("mongodb://", "mongodb://root:pa55@")
    certified = tls.uri(**tls.trusted, authMechanism="MONGODB-X509")
    with pytest.raises(StoreRefused, match="refuses the subject of this client's certificate"):
        library.connect(certified)
    with library.connect(root, database="experiments") as store:
        create_roles(store)
        grant = [{"role": COLLECTOR, "db": "experiments"}]
        store.client["$external"].command("createUser", tls.subject, roles=grant)
    with library.connect(certified, database="experiments") as store:
        simulation, series = run("1")
        assert store.put(simulation, series).samples > 0
        with pytest.raises(StoreRefused, match="administrator"):
            create_roles(store)
    with pytest.raises(StoreRefused):
        library.connect(certified, database="other")


# ---------------------------------------------------------------- secrets

PASSWORD = "p@ss:w/rd%?#&S3CR3T"

FORMS = (PASSWORD, quote(PASSWORD, safe=""), "S3CR3T")


@pytest.fixture
def secret(mongodb_with_password, tmp_path):
    """(environment with a URI file, database, an administrator's store) of a server with login."""
    socket, user, password = mongodb_with_password
    address = socket.removeprefix("mongodb://")
    database = f"test_{uuid4().hex}"
    with library.connect(f"mongodb://{user}:{password}@{address}", database=database) as admin:
        create_roles(admin)
        admin.database.command("createUser", "worker", pwd=PASSWORD, roles=[COLLECTOR])
        file = tmp_path / "uri"
        file.touch(mode=0o600)
        login = f"worker:{quote(PASSWORD, safe='')}"
        file.write_text(f"mongodb://{login}@{address}/?authSource={database}\n")
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MINION_")}
        named = {"MINION_MONGODB_URI_FILE": str(file), "MINION_DATABASE": database}
        yield {**kept, **named}, database, admin
        admin.database.command("dropAllUsersFromDatabase")
        admin.database.command("dropAllRolesFromDatabase")
        admin.client.drop_database(database)


def test_a_secret_stays_in_its_file(secret, tmp_path):
    environment, database, admin = secret
    said = []

    def told(*words, status=0):
        found = subprocess.run(
            [*MINION, *words], env=environment, capture_output=True, timeout=60, check=False
        )
        assert found.returncode == status, found.stderr
        said.append(found.stdout + found.stderr)
        return found

    told("sim", "start", "1", "--platform=p", "--hosts=a=master@127.0.0.1:1")
    told("event", "1", "START_SIMULATION")
    with watched(environment, "serve", "--port=0") as (pid, line):
        said.append(line.encode())
        assert "worker:***@" in line
        look_for_secret_in_processes(pid)
    look_for_secret_in_processes()
    told("event", "1", "STOP_SIMULATION")
    for command in ("show 1", "db status", "db uri"):
        told(*command.split())
    told("db", "init", "--roles", status=1)
    told("exclude", "2", "--reason=x", status=1)
    told("export", "kns", str(tmp_path / "flat"))
    told("runs", "--db=mongodb://worker:S3CR3T@127.0.0.1:1/?serverSelectionTimeoutMS=1", status=1)
    for form in FORMS:
        assert not [text for text in said if form.encode() in text]
    files = [path.read_bytes() for path in (tmp_path / "flat").iterdir()]
    documents = [
        document.raw
        for name in admin.database.list_collection_names(filter={"type": "collection"})
        for document in admin.client.get_database(
            database, bson.CodecOptions(bson.raw_bson.RawBSONDocument)
        )[name].find()
    ]
    assert documents
    for form in FORMS:
        assert not [text for text in (*documents, *files) if form.encode() in text]


def test_the_server_that_was_imported_from_is_kept_without_its_password(
    secret, mongodb_with_password, store
):
    _, database, admin = secret
    socket, user, password = mongodb_with_password
    admin.put(*run("1"))
    make_views(admin)
    admin.database.command("grantRolesToUser", "worker", roles=["read"])
    login = f"worker:{quote(PASSWORD, safe='')}"
    source = f"mongodb://{login}@{socket.removeprefix('mongodb://')}/?authSource={database}"
    environment = {**os.environ, "MINION_MONGODB_URI": store_uri(store)}
    environment["MINION_DATABASE"] = store.database.name
    databases = [f"--minion-db={database}", f"--netdata-db={database}"]
    found = subprocess.run(
        [*MINION, "ingest", "kns", source, *databases],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    told = store.simulation("1").provenance.details["from"]
    assert told.startswith("mongodb://worker:***@")
    for form in (*FORMS, password):
        assert form not in found.stdout + found.stderr + str(store.database.minions.find_one())
    assert user


def test_the_password_of_an_option_is_told_to_be_in_the_process_list(mongodb_with_password):
    socket, user, password = mongodb_with_password
    uri = f"mongodb://{user}:{password}@{socket.removeprefix('mongodb://')}"
    for words in (["runs", "--db", uri], ["db", "status", f"--db={uri}"]):
        found = subprocess.run(
            [*MINION, *words], capture_output=True, text=True, timeout=60, check=False
        )
        assert found.returncode == 0, found.stderr
        notes = [line for line in found.stderr.splitlines() if "list of processes" in line]
        assert len(notes) == 1, found.stderr
        assert "MINION_MONGODB_URI_FILE" in notes[0]
        assert password not in found.stderr + found.stdout
    quiet = subprocess.run(
        [*MINION, "runs"],
        env={**os.environ, "MINION_MONGODB_URI": uri},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "list of processes" not in quiet.stderr


@contextmanager
def watched(environment, *words):
    """(process id, first line) of a program that goes on until it is told to stop."""
    process = subprocess.Popen(
        [*MINION, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield process.pid, line
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    for form in FORMS:
        assert form not in out + err


def look_for_secret_in_processes(*wanted):
    seen = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:  # it ended
            continue
        seen.add(int(folder.name))
        for form in FORMS:
            assert form.encode() not in line
    assert seen >= set(wanted)


def store_uri(store):
    (address,) = store.client.nodes or [store.client.address]
    return "mongodb://" + quote(address[0], safe="")
